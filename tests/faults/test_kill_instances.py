"""kill -9 while instances run: their machines end with the cloud, run after its next start, and go when it stops."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from pileus.engines.machine.survey import unable
from pileus.engines.network.claims import token

from .process import Process

pytestmark = pytest.mark.skipif(unable() != "", reason=f"no machines: {unable()}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "data")
    yield process
    process.kill()


def until(true: Callable[[], Any], seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def inits(folder: Path) -> list[str]:
    """The launchers of a data folder, and the inits that they have made."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().decode(errors="replace")
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            launcher = Path("/proc", parent, "cmdline").read_bytes().decode(errors="replace")
        except (OSError, IndexError):
            continue
        if str(folder) in command + launcher and "maker.py" in command + launcher:
            found.append(process.name)
    return found


def left(folder: Path) -> list[str]:
    """What there is of a data folder's machines and networks in the kernel."""
    spaces = [space.name for space in Path("/run/netns").glob(f"pileus-{token(folder)}-*")]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(folder) in line]
    return spaces + mounts + inits(folder)


def test_instances_run_again_after_a_kill_and_nothing_of_them_is_left_after_a_stop(server: Process) -> None:
    def client() -> Any:
        keys = {"aws_access_key_id": "111122223333", "aws_secret_access_key": "test"}
        return boto3.client("ec2", endpoint_url=server.endpoint, region_name="us-east-1", **keys)

    ec2 = client()
    filters = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "name", "Values": ["al2023-ami-2*"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
    script = "#!/bin/sh\necho kept > /root/kept\n"
    asked = {"ImageId": image, "InstanceType": "m5.large", "HibernationOptions": {"Configured": True}}
    launched = ec2.run_instances(**asked, MinCount=2, MaxCount=2, UserData=script)
    ids = [one["InstanceId"] for one in launched["Instances"]]

    def boots(instance: str) -> int:
        output = str(client().get_console_output(InstanceId=instance).get("Output", ""))
        return output.count("finished at")

    def states() -> set[str]:
        found = client().describe_instances(InstanceIds=ids)["Reservations"]
        return {one["State"]["Name"] for reservation in found for one in reservation["Instances"]}

    until(lambda: all(boots(one) == 1 for one in ids) and states() == {"running"})
    ec2.stop_instances(InstanceIds=ids[1:], Hibernate=True)  # so that its machine is there, and does nothing
    until(lambda: states() == {"running", "stopped"})
    server.kill()
    until(lambda: not inits(server.folder))
    server.start()
    until(lambda: boots(ids[0]) == 2)
    assert boots(ids[1]) == 1
    assert states() == {"running", "stopped"}
    client().start_instances(InstanceIds=ids[1:])
    until(lambda: boots(ids[1]) == 2)  # its memory ended with the cloud
    server.stop()
    until(lambda: not left(server.folder))
