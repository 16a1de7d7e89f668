"""Roots of machines that run: encrypted ones keep what they change on encrypted disks, and so do their images."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from pileus.engines.disks.blocks import written
from pileus.engines.machine.survey import unable

SECRET = "a secret that only the root has"

pytestmark = pytest.mark.skipif(bool(unable()), reason=f"there can be no machines here: {unable()}")


def eventually(what, seconds=30.0):
    """Wait for real machines, which take real time."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it never came"
        time.sleep(0.1)


@pytest.fixture
def launch(ec2):
    """Launch an instance that says something at its first boot, and wait until it has."""
    launched = []

    def launch(says, **members):
        filters = [{"Name": "name", "Values": ["al2023-ami-2023*x86_64"]}]
        image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
        asked = {"ImageId": image, "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        one = ec2.run_instances(**asked | members)["Instances"][0]["InstanceId"]
        launched.append(one)
        eventually(lambda: says in ec2.get_console_output(InstanceId=one, Latest=True).get("Output", ""))
        return one

    yield launch
    ec2.terminate_instances(InstanceIds=launched)
    eventually(lambda: not (set(launched) & running(ec2)))


def holds(path):
    """Whether a sparse file has the secret."""
    with path.open("rb") as file:
        return any(SECRET.encode() in data for _, data in written(file.fileno()))


def running(ec2):
    found = ec2.describe_instances()["Reservations"]
    return {one["InstanceId"] for each in found for one in each["Instances"] if one["State"]["Name"] != "terminated"}


def test_an_encrypted_root_is_ciphertext_and_an_image_of_it_has_what_was_changed(cloud, ec2, launch):
    ec2.enable_ebs_encryption_by_default()
    script = f"#!/bin/sh\necho '{SECRET}' | tee /root/file | wc -c\nrm /usr/bin/yes\nsync\necho first is ready\n"
    one = launch("first is ready", UserData=script)
    image = ec2.create_image(InstanceId=one, Name="golden", NoReboot=True)["ImageId"]
    eventually(lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
    kept = [path for path in Path(cloud.server.cloud.folder, "disks").rglob("*") if path.is_file()]
    assert kept and not any(holds(path) for path in kept)
    machine = Path(cloud.server.cloud.folder, "machines", one)
    told = subprocess.run(["grep", "-rl", "--exclude=console", SECRET, str(machine)], capture_output=True, text=True)
    assert told.stdout == ""
    script = f"#!/bin/sh\n[ ! -e /usr/bin/yes ] && grep -q '{SECRET}' /root/file && echo second has it\n"
    launch("second has it", ImageId=image, UserData=script)
