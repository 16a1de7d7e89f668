"""OpenSSH's own client logs in to machines."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.machine import File, Machines, Plan
from pileus.engines.machine.survey import SERVER

from .conftest import Scenario

Among = Callable[[Scenario], Any]
pytestmark = pytest.mark.skipif(
    not (os.path.exists(SERVER) and shutil.which("ssh") and shutil.which("ip")), reason="no OpenSSH or iproute2"
)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "mine", "-f", str(path)], check=True)
    return path


async def ssh(network: str, key: Path, user: str, *command: str) -> tuple[int, str]:
    options = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "LogLevel=ERROR"]
    words = [word for option in options for word in ("-o", option)]
    program = [
        "ip",
        "netns",
        "exec",
        network,
        "ssh",
        "-F",
        "none",
        *words,
        "-i",
        str(key),
        f"{user}@127.0.0.1",
        *command,
    ]
    process = await asyncio.create_subprocess_exec(
        *program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


def test_the_owner_of_a_key_pair_logs_in_and_nobody_else(among: Among, network: str, key: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(other)], check=True)

    async def scenario(machines: Machines) -> None:
        keys = [key.with_suffix(".pub").read_text()]
        environment = {"AWS_ENDPOINT_URL": "http://cloud"}
        machine = await machines.start(
            Plan(name="m", network=f"/run/netns/{network}", keys=keys, environment=environment)
        )
        assert await ssh(network, key, "ec2-user", "id -un; echo $AWS_ENDPOINT_URL; exit 5") == (
            5,
            "ec2-user\nhttp://cloud\n",
        )
        assert (await ssh(network, other, "ec2-user", "true"))[0] == 255
        allowed = str(await machine.run("cat", "/root/.ssh/authorized_keys"))
        assert 'echo \'Please login as the user "ec2-user"' in allowed.replace("\\", "")

    among(scenario)


def test_a_program_may_know_further_keys(among: Among, network: str, key: Path) -> None:
    async def scenario(machines: Machines) -> None:
        public = key.with_suffix(".pub").read_text().strip()
        files = [File("/usr/lib/keys", f"#!/bin/sh\n[ $1 = ec2-user ] && echo '{public}'\n", 0o755)]
        machine = await machines.start(
            Plan(name="m", network=f"/run/netns/{network}", files=files, key_command="/usr/lib/keys")
        )
        assert (await ssh(network, key, "ec2-user", "hostname")) == (0, "localhost\n")
        await machine.run("rm", "/usr/lib/keys")
        assert (await ssh(network, key, "ec2-user", "hostname"))[0] == 255

    among(scenario)
