"""Networks come back when the cloud does, and go when it goes."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

import pileus
from pileus.engines.network import Networks, claims
from tests.engines.network.test_claims import left

from .conftest import Vpc, Wire

KILLED = """
import os, sys
from pathlib import Path
import pileus
from tests.services.ec2.wire.conftest import Vpc, Wire

with pileus.cloud(data=Path(sys.argv[1]), machines="none", sockets=True) as cloud:
    home = Vpc(cloud.account("111122223333").client("ec2"), "10.0.0.0/16")
    one, two = (home.instance(home.subnet(number), f"10.0.{number}.5") for number in (0, 1))
    assert Wire(cloud).soon(one, two, "10.0.1.5")
    print(one, two, flush=True)
    os.kill(os.getpid(), 9)
"""

pytestmark = pytest.mark.skipif(bool(Networks.available()), reason=f"no networks: {Networks.available()}")


def test_a_cloud_that_was_killed_has_its_networks_again_and_leaves_nothing(tmp_path):
    root = Path(__file__).parents[4]
    path = os.pathsep.join((str(root), str(root / "src")))
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, timeout=60)
    one, two = done.stdout.split()
    assert left(tmp_path), "it was killed"
    with pileus.cloud(data=tmp_path, machines="none", sockets=True) as cloud:
        wire = Wire(cloud)
        assert wire.soon(one, two, "10.0.1.5")
    assert left(tmp_path) == []
    assert not (claims.FOLDER / claims.token(tmp_path)).exists()


def test_an_account_that_is_reset_loses_its_networks_and_others_keep_theirs(tmp_path):
    with pileus.cloud(data=tmp_path, machines="none", sockets=True) as cloud:
        wire, made = Wire(cloud), {}
        for account in ("111111111111", "222222222222"):
            home = Vpc(cloud.account(account).client("ec2"), "10.0.0.0/16")
            subnet = home.subnet(0)
            made[account] = home.id, home.instance(subnet, "10.0.0.5"), home.instance(subnet, "10.0.0.6")
            assert wire.soon(*made[account][1:], "10.0.0.6")
        with wire.listening(made["222222222222"][2], 7) as server, wire.socket(made["222222222222"][1]) as client:
            client.connect(("10.0.0.6", 7))
            url = f"{cloud.endpoint}/_pileus/reset?account=111111111111"
            urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()
            assert wire.until(lambda: not {*made["111111111111"]} & {*wire.names()})
            client.send(b"still there")
            peer, _ = server.accept()
            peer.settimeout(1)
            assert peer.recv(20) == b"still there"
            peer.close()
        assert {*made["222222222222"]} <= {*wire.names()}
    assert left(tmp_path) == []
