"""What a cloud has in the kernel is its own, and goes with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pileus.engines.network import Networks, claims

from .conftest import Lab
from .test_routers import ONE, TWO, plan

HOLDER = """
import sys, time
from pathlib import Path
from tests.engines.network.conftest import Lab
from tests.engines.network.test_routers import ONE, TWO, plan
lab = Lab(Path(sys.argv[1]))
lab.apply(plan(ONE, TWO))
print(lab.public(0), flush=True)
time.sleep(60)
"""


def left(folder: Path) -> list[str]:
    """What there is in the kernel that bears the folder's token."""
    ours = claims.token(folder)
    told = [["ip", "netns"], ["ip", "-brief", "link"], ["ip", "route"], ["nft", "list", "ruleset"]]
    lines = [line for words in told for line in subprocess.check_output(words, text=True).splitlines()]
    mounts = Path("/proc/self/mounts").read_text().splitlines()
    return [line for line in (*lines, *mounts) if ours in line]


def test_nothing_stays_behind(lab: Lab, tmp_path: Path) -> None:
    lab.apply(plan(ONE, TWO))
    assert left(tmp_path)
    lab.run(lab.networks.close())
    assert left(tmp_path) == []


def test_a_killed_cloud_is_swept_by_the_next_one(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    """By one of the same folder, and by any other."""
    folder = tmp_path_factory.mktemp("killed")
    public = killed(folder)
    assert left(folder)
    again = Lab(folder)
    assert again.public(0) == public, "its addresses are the same"
    again.apply(plan(ONE, TWO))
    assert again.connects("one", "two", "10.0.0.6")
    again.close()
    killed(folder)
    lab.apply(plan(ONE))
    assert left(folder) == []


def killed(folder: Path) -> str:
    """A cloud with that folder, killed when it had networks."""
    root = Path(__file__).parents[3]
    path = os.pathsep.join((str(root), str(root / "src")))
    words = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}) as process:
        assert process.stdout
        told = process.stdout.readline().strip()
        process.send_signal(signal.SIGKILL)
    return told


def test_clouds_on_one_machine_have_addresses_of_their_own(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = Lab(tmp_path_factory.mktemp("other"))
    try:
        lab.apply(plan(ONE))
        other.apply(plan(ONE))
        shares = [one.networks.public for one in (lab, other)]
        assert not shares[0].overlaps(shares[1])
        with lab.listening("internet") as server, server.dup():
            assert not other.reaches("internet", lab.public(1))
    finally:
        other.close()


def test_a_folder_has_one_cloud(lab: Lab, tmp_path: Path) -> None:
    lab.apply(plan(ONE))
    other = Lab(tmp_path)
    with pytest.raises(claims.Taken):
        other.run(other.networks.settled())
    other.close()
    assert lab.run(lab.networks.names())["one"] in os.listdir("/run/netns")


def test_who_may_not_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    from pileus.engines.network import survey

    survey.unable.cache_clear()
    monkeypatch.setenv("PILEUS_NETWORK", "none")
    assert "PILEUS_NETWORK" in Networks.available()
    survey.unable.cache_clear()
