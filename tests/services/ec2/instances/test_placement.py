"""Where instances may be: placement groups, dedicated hosts, reserved capacity."""

from __future__ import annotations

import pytest


@pytest.fixture
def subnets(ec2):
    """A default subnet of each of two zones."""
    found = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    return [one["SubnetId"] for one in sorted(found, key=lambda one: one["AvailabilityZone"])[:2]]


def test_a_cluster_is_in_one_zone_and_of_types_that_can(ec2, run, subnets, refused):
    ec2.create_placement_group(GroupName="c", Strategy="cluster")
    place = {"Placement": {"GroupName": "c"}, "InstanceType": "c5.large"}
    run(SubnetId=subnets[0], **place)
    with refused("InvalidPlacementGroup.ZoneMismatch"):
        run(SubnetId=subnets[1], **place)
    with refused("InvalidParameterCombination"):
        run(SubnetId=subnets[0], Placement={"GroupName": "c"})  # of a burstable type
    with refused("InvalidPlacementGroup.InUse"):
        ec2.delete_placement_group(GroupName="c")


def test_seven_running_instances_of_a_spread_group_are_in_a_zone(ec2, run, subnets, clock, refused):
    ec2.create_placement_group(GroupName="s", Strategy="spread")
    place = {"Placement": {"GroupName": "s"}}
    launched = run(7, SubnetId=subnets[0], **place)
    with refused("InsufficientInstanceCapacity"):
        run(SubnetId=subnets[0], **place)
    assert len(run(3, MinCount=1, SubnetId=subnets[1], **place)) == 3
    fewer = ec2.run_instances(
        ImageId=launched[0]["ImageId"], InstanceType="t3.micro", MinCount=1, MaxCount=9, SubnetId=subnets[1], **place
    )
    assert len(fewer["Instances"]) == 4  # as many as there is room for
    gone = launched[0]["InstanceId"]
    ec2.terminate_instances(InstanceIds=[gone])
    clock.advance(3)
    run(SubnetId=subnets[0], **place)


def test_partitions_are_filled_evenly_or_as_asked(ec2, run, subnets, refused):
    ec2.create_placement_group(GroupName="p", Strategy="partition", PartitionCount=3)
    place = {"SubnetId": subnets[0]}
    launched = run(6, Placement={"GroupName": "p"}, **place)
    assert sorted(one["Placement"]["PartitionNumber"] for one in launched) == [1, 1, 2, 2, 3, 3]
    one = run(Placement={"GroupName": "p", "PartitionNumber": 2}, **place)
    assert one["Placement"]["PartitionNumber"] == 2
    with refused("InvalidParameterValue"):
        run(Placement={"GroupName": "p", "PartitionNumber": 4}, **place)
    filters = [{"Name": "placement-partition-number", "Values": ["2"]}]
    found = ec2.describe_instances(Filters=filters)["Reservations"]
    assert sum(len(reservation["Instances"]) for reservation in found) == 3


def test_a_host_has_room_for_its_family_and_is_released_empty(ec2, run, described, clock, refused):
    [host] = ec2.allocate_hosts(InstanceFamily="m5", AvailabilityZone="us-east-1a", Quantity=1)["HostIds"]
    [shown] = ec2.describe_hosts(HostIds=[host])["Hosts"]
    assert (shown["HostProperties"]["TotalVCpus"], shown["HostProperties"]["Cores"]) == (96, 48)
    assert shown["AvailableCapacity"]["AvailableVCpus"] == 96
    zone = {"AvailabilityZone": "us-east-1a", "Tenancy": "host"}
    one = run(InstanceType="m5.12xlarge", Placement=zone | {"HostId": host})
    assert one["Placement"]["HostId"] == host and one["Placement"]["Affinity"] == "host"
    auto = run(InstanceType="m5.12xlarge", Placement=zone)
    assert auto["Placement"]["HostId"] == host
    with refused("InsufficientCapacityOnHost"):
        run(InstanceType="m5.large", Placement=zone)
    with refused("UnsupportedHostConfiguration"):
        run(InstanceType="c5.large", Placement=zone | {"HostId": host})
    with refused("InvalidParameterCombination", "Placement groups"):
        ec2.create_placement_group(GroupName="g", Strategy="spread")
        run(InstanceType="m5.large", Placement=zone | {"GroupName": "g"})
    answer = ec2.release_hosts(HostIds=[host])
    assert answer["Unsuccessful"][0]["Error"]["Code"] == "Client.InvalidHost.Occupied"
    ec2.terminate_instances(InstanceIds=[one["InstanceId"], auto["InstanceId"]])
    clock.advance(5)
    assert ec2.release_hosts(HostIds=[host])["Successful"] == [host]
    assert ec2.describe_hosts(HostIds=[host])["Hosts"][0]["State"] == "released"
    with refused("InvalidHostID.NotFound"):
        ec2.describe_hosts(HostIds=["h-0123456789abcdef0"])


def test_reserved_capacity_is_used_by_what_fits_and_given_back(ec2, run, described, clock, refused):
    asked = {"InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}
    made = ec2.create_capacity_reservation(**asked, InstanceCount=2)["CapacityReservation"]
    which = {"CapacityReservationId": made["CapacityReservationId"]}
    assert made["State"] == "active" and made["AvailableInstanceCount"] == 2
    place = {"AvailabilityZone": "us-east-1a"}
    one = run(Placement=place)
    assert one["CapacityReservationId"] == made["CapacityReservationId"]
    none = {"CapacityReservationSpecification": {"CapacityReservationPreference": "none"}}
    assert "CapacityReservationId" not in run(Placement=place, **none)
    targeted = {"CapacityReservationSpecification": {"CapacityReservationTarget": which}}
    run(Placement=place, **targeted)
    with refused("ReservationCapacityExceeded"):
        run(Placement=place, **targeted)
    usage = ec2.get_capacity_reservation_usage(**which)
    assert (usage["AvailableInstanceCount"], usage["InstanceUsages"][0]["UsedInstanceCount"]) == (0, 2)
    with refused("InvalidParameterValue"):
        ec2.modify_capacity_reservation(**which, InstanceCount=1)
    ec2.modify_capacity_reservation(**which, InstanceCount=3)
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    assert ec2.get_capacity_reservation_usage(**which)["AvailableInstanceCount"] == 2
    split = ec2.create_capacity_reservation_by_splitting(
        SourceCapacityReservationId=made["CapacityReservationId"], InstanceCount=1
    )
    assert split["SourceCapacityReservation"]["TotalInstanceCount"] == 2
    ec2.cancel_capacity_reservation(**which)
    [found] = ec2.describe_capacity_reservations(CapacityReservationIds=[made["CapacityReservationId"]])[
        "CapacityReservations"
    ]
    assert found["State"] == "cancelled"


def test_a_reservation_ends_at_its_time(ec2, clock):
    asked = {"InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}
    made = ec2.create_capacity_reservation(**asked, InstanceCount=1, EndDateType="limited", EndDate=clock.now() + 3600)[
        "CapacityReservation"
    ]
    clock.advance(3700)
    ids = [made["CapacityReservationId"]]
    assert (
        ec2.describe_capacity_reservations(CapacityReservationIds=ids)["CapacityReservations"][0]["State"] == "expired"
    )


def test_hosts_and_capacity_can_be_shared_with_other_accounts(aws, ec2, ami, cloud, clock, refused):
    other = cloud.account()
    theirs = other.client("ec2")
    [host] = theirs.allocate_hosts(InstanceFamily="m5", AvailabilityZone="us-east-1a", Quantity=1)["HostIds"]
    asked = {"InstanceType": "t3.micro", "InstancePlatform": "Linux/UNIX", "AvailabilityZone": "us-east-1a"}
    room = theirs.create_capacity_reservation(**asked, InstanceCount=1)["CapacityReservation"]
    launch = {"ImageId": ami, "MinCount": 1, "MaxCount": 1}
    place = {"Tenancy": "host", "HostId": host, "AvailabilityZone": "us-east-1a"}
    with refused("InvalidHostID.NotFound"):
        ec2.run_instances(**launch, InstanceType="m5.large", Placement=place)
    arns = [f"arn:aws:ec2:us-east-1:{other.id}:dedicated-host/{host}", room["CapacityReservationArn"]]
    ram = other.client("ram")
    ram.create_resource_share(name="s", resourceArns=arns, principals=[aws.id], allowExternalPrincipals=True)
    [invitation] = aws.client("ram").get_resource_share_invitations()["resourceShareInvitations"]
    aws.client("ram").accept_resource_share_invitation(
        resourceShareInvitationArn=invitation["resourceShareInvitationArn"]
    )
    clock.advance(5)
    one = ec2.run_instances(**launch, InstanceType="m5.large", Placement=place)["Instances"][0]
    [shown] = theirs.describe_hosts(HostIds=[host])["Hosts"]
    assert shown["Instances"] == [{"InstanceId": one["InstanceId"], "InstanceType": "m5.large", "OwnerId": aws.id}]
    target = {"CapacityReservationTarget": {"CapacityReservationId": room["CapacityReservationId"]}}
    ec2.run_instances(
        **launch,
        InstanceType="t3.micro",
        Placement={"AvailabilityZone": "us-east-1a"},
        CapacityReservationSpecification=target,
    )
    usage = theirs.get_capacity_reservation_usage(CapacityReservationId=room["CapacityReservationId"])
    assert usage["InstanceUsages"] == [{"AccountId": aws.id, "UsedInstanceCount": 1}]
    clock.advance(3)
    ec2.terminate_instances(InstanceIds=[one["InstanceId"]])
    clock.advance(5)
    assert theirs.describe_hosts(HostIds=[host])["Hosts"][0]["Instances"] == []
