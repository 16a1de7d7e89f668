"""What the tests of instances share."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def ami(aws):
    """The latest Amazon Linux, as its public parameter names it."""
    filters = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "name", "Values": ["al2023-ami-2*"]}]
    return aws.client("ec2").describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]


@pytest.fixture
def run(ec2, ami, clock):
    """Launch instances; the first of them, or all. Machines boot when the clock is moved."""

    def launch(count=1, **wanted):
        asked = {"ImageId": ami, "InstanceType": "t3.micro", "MinCount": count, "MaxCount": count} | wanted
        if "LaunchTemplate" in wanted:
            asked = {name: value for name, value in asked.items() if name in {*wanted, "MinCount", "MaxCount"}}
        launched = ec2.run_instances(**asked)["Instances"]
        return launched[0] if count == 1 else launched

    return launch


@pytest.fixture
def described(ec2):
    def describe(instance):
        instance_id = instance if isinstance(instance, str) else instance["InstanceId"]
        return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    return describe


@pytest.fixture
def zones(ec2):
    return [zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]]
