"""A snapshot of the whole cloud has its disks and what machines have changed; a reset leaves no files of them."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import pileus
from pileus.engines.machine import Machines
from pileus.engines.machine.survey import unable

pytestmark = pytest.mark.skipif(bool(unable()), reason=f"there can be no machines here: {unable()}")

SCRIPT = (
    "#!/bin/sh\necho first > /root/note\nmkfs.ext4 -q /dev/xvdf; mount /dev/xvdf /mnt; echo disk > /mnt/note; sync\n"
)


@pytest.mark.timeout(120)
def test_disks_and_roots_come_back_with_a_snapshot_and_go_with_a_reset():
    with pileus.cloud(sockets=True) as cloud:
        aws = cloud.account()
        ec2 = aws.client("ec2")

        def post(path):
            url = urlsplit(cloud.endpoint)
            connection = http.client.HTTPConnection("127.0.0.1", url.port)
            connection.request("POST", path)
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()

        def said(text, count=1):
            deadline = time.monotonic() + 30
            while ec2.get_console_output(InstanceId=one).get("Output", "").count(text) < count:
                assert time.monotonic() < deadline, ec2.get_console_output(InstanceId=one)
                time.sleep(0.05)

        def run(script):
            machine = cloud.server.cloud.engine(Machines).running[one]
            return str(cloud.run(machine.run("sh", "-c", script)))

        filters = [{"Name": "name", "Values": ["al2023-ami-2023*x86_64"]}]
        image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
        device = {"DeviceName": "/dev/xvdf", "Ebs": {"VolumeSize": 1}}
        one = ec2.run_instances(
            ImageId=image,
            InstanceType="t3.micro",
            MinCount=1,
            MaxCount=1,
            UserData=SCRIPT,
            BlockDeviceMappings=[device],
        )["Instances"][0]["InstanceId"]
        said("finished at")
        post("/_pileus/snapshots/whole")
        run("echo second > /root/note; echo other > /mnt/note; sync")
        post("/_pileus/snapshots/whole/load")
        said("finished at", 2)
        seen = run("cat /root/note; mount /dev/xvdf /mnt; cat /mnt/note")
        assert seen.split() == ["first", "disk"]
        folder = Path(cloud.server.folder)
        assert [*folder.glob("disks/disks/*")] and [*folder.glob("machines/i-*")]
        post("/_pileus/reset")
        assert [*folder.glob("disks/*/*"), *folder.glob("machines/i-*"), *folder.glob("machines/images/*")] == []
        loops = Path("/sys/block").glob("loop*/loop/backing_file")
        assert not [found for found in loops if str(folder) in found.read_text()]
        assert ec2.describe_instances()["Reservations"] == []
