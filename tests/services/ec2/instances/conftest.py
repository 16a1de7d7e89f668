"""What the tests of instances share."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture(autouse=True)
def ended(ec2):
    """Nothing of a test goes on behind it: the clock of the cloud is turned by the next one too."""
    yield
    fleets = [fleet["FleetId"] for fleet in ec2.describe_fleets()["Fleets"]]
    if fleets:
        ec2.delete_fleets(FleetIds=fleets, TerminateInstances=True)
    requests = ec2.describe_spot_fleet_requests()["SpotFleetRequestConfigs"]
    if ids := [request["SpotFleetRequestId"] for request in requests]:
        ec2.cancel_spot_fleet_requests(SpotFleetRequestIds=ids, TerminateInstances=True)
    requests = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    if ids := [request["SpotInstanceRequestId"] for request in requests]:
        ec2.cancel_spot_instance_requests(SpotInstanceRequestIds=ids)
    alive = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    for reservation in ec2.describe_instances(Filters=alive)["Reservations"]:
        for one in reservation["Instances"]:
            ec2.modify_instance_attribute(InstanceId=one["InstanceId"], DisableApiTermination={"Value": False})
            ec2.terminate_instances(InstanceIds=[one["InstanceId"]])


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
