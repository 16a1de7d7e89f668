"""What the notes say of EBS, tried as somebody does from a terminal: into the AWS CLI, and within instances."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import pileus
from pileus.engines.disks import unable as without_disks
from pileus.engines.machine import survey

from .shell import Shell

NO = survey.unable() or without_disks()
pytestmark = pytest.mark.skipif(bool(NO), reason=f"no machines with disks: {NO}")

AMI = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
WAIT = "#!/bin/sh\nuntil [ -b /dev/sdf ]; do sleep 0.1; done\nmkdir /data\n"
WRITES = f"""{WAIT}mkfs.ext4 -q /dev/sdf && mount /dev/sdf /data && echo kept > /data/file && sync && echo it is written
until [ $(blockdev --getsize64 /dev/sdf) = {2 << 30} ]; do sleep 0.1; done
echo it has grown
"""
READS = f"{WAIT}mount /dev/sdf /data && echo the file is $(cat /data/file)\n"


@pytest.fixture
def shell(cloud: pileus.LocalCloud) -> Shell:
    return Shell(cloud, cloud.account().environment())


def until(found: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def launched(shell: Shell, zone: str, user_data: str) -> str:
    options = ["--user-data", user_data, "--placement", f"AvailabilityZone={zone}"]
    told = shell(f"ec2 run-instances --image-id {AMI} --instance-type t3.micro", *options)
    instance = str(told["Instances"][0]["InstanceId"])
    shell.wait("instance_running", InstanceIds=[instance])
    return instance


def attached(shell: Shell, volume: str, instance: str, says: str) -> None:
    """Attach a volume to an instance, which then says something."""
    shell.wait("volume_available", VolumeIds=[volume])
    shell(f"ec2 attach-volume --volume-id {volume} --instance-id {instance} --device /dev/sdf")
    until(lambda: says in said(shell, instance))


def said(shell: Shell, instance: str) -> str:
    return str(shell.client("ec2").get_console_output(InstanceId=instance, Latest=True).get("Output", ""))


def test_a_snapshot_becomes_a_volume_in_another_zone_and_what_is_encrypted_stays_so(shell: Shell) -> None:
    volume = shell("ec2 create-volume --size 1 --encrypted --availability-zone us-east-1a")["VolumeId"]
    writer = launched(shell, "us-east-1a", WRITES)
    attached(shell, volume, writer, "it is written")
    shell(f"ec2 modify-volume --volume-id {volume} --size 2")  # while it is used: no downtime
    until(lambda: "it has grown" in said(shell, writer))
    snapshot = shell(f"ec2 create-snapshot --volume-id {volume}")["SnapshotId"]
    shell.wait("snapshot_completed", SnapshotIds=[snapshot])
    other = shell(f"ec2 create-volume --snapshot-id {snapshot} --availability-zone us-east-1b")
    assert (other["Encrypted"], other["Size"]) == (True, 2)
    reader = launched(shell, "us-east-1b", READS)
    attached(shell, other["VolumeId"], reader, "the file is kept")
    shell(f"ec2 terminate-instances --instance-ids {writer} {reader}")


def test_what_was_not_encrypted_is_not_in_what_is_made_of_it(shell: Shell) -> None:
    volume = shell("ec2 create-volume --size 1 --availability-zone us-east-1a")["VolumeId"]
    shell.wait("volume_available", VolumeIds=[volume])
    snapshot = shell(f"ec2 create-snapshot --volume-id {volume}")["SnapshotId"]
    shell.wait("snapshot_completed", SnapshotIds=[snapshot])
    other = shell(f"ec2 create-volume --snapshot-id {snapshot} --availability-zone us-east-1a")
    assert other["Encrypted"] is False
