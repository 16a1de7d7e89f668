"""What the tests of volumes, snapshots and images share."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def volume(ec2, clock):
    """Make a volume, and let it become available."""

    def make(**members):
        made = ec2.create_volume(**{"AvailabilityZone": "us-east-1a", "Size": 8} | members)["VolumeId"]
        clock.advance(5)
        return made

    return make


@pytest.fixture
def instance(ec2, clock):
    """Launch an instance, and let it run until the test is over."""
    launched = []

    def launch(**members):
        image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "name", "Values": ["al2023-ami-2023*x86_64"]}])
        asked = {"ImageId": image["Images"][0]["ImageId"], "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
        asked["Placement"] = {"AvailabilityZone": "us-east-1a"}
        made = ec2.run_instances(**asked | members)["Instances"][0]["InstanceId"]
        launched.append(made)
        clock.advance(10)
        return made

    yield launch
    if launched:
        ec2.terminate_instances(InstanceIds=launched)
        clock.advance(10)
