"""kill -9 in the midst of writing disks: what was acknowledged is there, and no device is left behind."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from pileus.engines.disks.blocks import written
from pileus.engines.machine.survey import unable

from .process import Process

BLOCK = 512 * 1024
SECRET = "a secret that is written nowhere"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def client(server: Process, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def eventually(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """What is true at last; real machines take real time."""
    until = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < until, "it never came"
        time.sleep(0.1)
    return found


def test_blocks_that_were_acknowledged_are_in_the_snapshot(server: Process) -> None:
    ebs = client(server, "ebs")
    snapshot = ebs.start_snapshot(VolumeSize=1)["SnapshotId"]
    written: dict[int, bytes] = {}

    def write() -> None:
        for number in range(2048):
            data = os.urandom(BLOCK)
            checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
            asked = {"SnapshotId": snapshot, "BlockIndex": number, "DataLength": BLOCK, "ChecksumAlgorithm": "SHA256"}
            try:
                ebs.put_snapshot_block(BlockData=data, Checksum=checksum, **asked)
            except Exception:
                return
            written[number] = data

    writer = threading.Thread(target=write)
    writer.start()
    eventually(lambda: len(written) > 20)
    server.kill()
    writer.join()
    server.start()
    ebs, ec2 = client(server, "ebs"), client(server, "ec2")
    ebs.complete_snapshot(SnapshotId=snapshot, ChangedBlocksCount=0)
    eventually(lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed")
    listed = ebs.list_snapshot_blocks(SnapshotId=snapshot)["Blocks"]
    found = {one["BlockIndex"]: one for one in listed}
    assert written.keys() <= found.keys() and len(found) <= len(written) + 1
    for number, data in written.items():
        assert ebs.get_snapshot_block(SnapshotId=snapshot, **found[number])["BlockData"].read() == data


def holds(path: Path) -> bool:
    """Whether a sparse file has the secret."""
    with path.open("rb") as file:
        return any(SECRET.encode() in data for _, data in written(file.fileno()))


def devices(folder: Path) -> str:
    listed = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if str(folder.parent.name) in line)


USER_DATA = f"""#!/bin/sh
for second in $(seq 100); do [ -b /dev/sdf ] && break; sleep 0.1; done
mkdir -p /data
mount /dev/sdf /data 2>/dev/null || {{ mkfs.ext4 -q /dev/sdf && mount /dev/sdf /data; }}
echo '{SECRET}' > /data/file && sync && echo disk is $(cat /data/file)
"""


@pytest.mark.skipif(bool(unable()), reason=f"there can be no machines here: {unable()}")
def test_a_machines_encrypted_disk_outlives_the_cloud_and_leaves_nothing_behind(server: Process) -> None:
    ec2 = client(server, "ec2")
    image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023*x86_64"]}])
    disk = {"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1, "Encrypted": True, "DeleteOnTermination": False}}
    asked = {"ImageId": image["Images"][0]["ImageId"], "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    one = ec2.run_instances(**asked, UserData=USER_DATA, BlockDeviceMappings=[disk])["Instances"][0]["InstanceId"]

    def said() -> bool:
        console = client(server, "ec2").get_console_output(InstanceId=one, Latest=True).get("Output", "")
        return f"disk is {SECRET}" in console

    eventually(said)
    assert devices(server.folder)
    files = [path for path in (server.folder / "disks").rglob("*") if path.is_file()]
    assert files and not any(holds(path) for path in files)
    server.kill()
    eventually(lambda: not devices(server.folder))
    assert str(server.folder) not in Path("/proc/mounts").read_text()
    server.start()
    eventually(lambda: devices(server.folder))
    ec2 = client(server, "ec2")
    ec2.terminate_instances(InstanceIds=[one])
    eventually(lambda: not devices(server.folder))
    (volume,) = eventually(
        lambda: ec2.describe_volumes(Filters=[{"Name": "status", "Values": ["available"]}])["Volumes"]
    )
    asked["UserData"] = USER_DATA.replace("echo '", ": '").replace("> /data/file", "")
    asked["Placement"] = {"AvailabilityZone": volume["AvailabilityZone"]}  # type: ignore[assignment]
    one = ec2.run_instances(**asked)["Instances"][0]["InstanceId"]
    eventually(
        lambda: ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]["State"]["Code"] == 16
    )
    ec2.attach_volume(VolumeId=volume["VolumeId"], InstanceId=one, Device="/dev/sdf")
    eventually(said)
    server.stop()
    assert devices(server.folder) == ""
