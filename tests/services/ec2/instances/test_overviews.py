"""Template data of instances, topology, images of instances, scores; fleets of reserved capacity; paid hosts."""

from __future__ import annotations


def test_an_instance_becomes_a_template_that_launches_one_like_it(ec2, run, described):
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]}]
    one = run(TagSpecifications=tags, InstanceType="t3.small", DisableApiStop=True)
    data = ec2.get_launch_template_data(InstanceId=one["InstanceId"])["LaunchTemplateData"]
    assert (data["InstanceType"], data["DisableApiStop"]) == ("t3.small", True)
    ec2.create_launch_template(LaunchTemplateName="like", LaunchTemplateData=data)
    other = run(LaunchTemplate={"LaunchTemplateName": "like"})
    same = ("InstanceType", "ImageId", "SubnetId", "MetadataOptions", "CpuOptions")
    assert {name: other[name] for name in same} == {name: one[name] for name in same}
    assert {"Key": "Name", "Value": "web"} in other["Tags"]


def test_a_cluster_is_below_one_node_of_the_network(ec2, run, clock):
    ec2.create_placement_group(GroupName="c", Strategy="cluster")
    run(2, InstanceType="c5n.18xlarge", Placement={"GroupName": "c"})
    run(InstanceType="t3.micro")
    clock.advance(3)
    found = ec2.describe_instance_topology()["Instances"]
    assert len(found) == 2 and found[0]["NetworkNodes"] == found[1]["NetworkNodes"]
    assert len(found[0]["NetworkNodes"]) == 3 and found[0]["GroupName"] == "c"


def test_instances_tell_of_their_images(ec2, run, ami):
    one = run()
    filters = [{"Name": "owner-alias", "Values": ["amazon"]}]
    [found] = ec2.describe_instance_image_metadata(Filters=filters)["InstanceImageMetadata"]
    assert found["InstanceId"] == one["InstanceId"] and found["ImageMetadata"]["ImageId"] == ami


def test_scores_are_higher_for_more_types(ec2):
    def score(*names):
        return ec2.get_spot_placement_scores(InstanceTypes=[*names], TargetCapacity=10)["SpotPlacementScores"][0][
            "Score"
        ]

    assert 1 <= score("m5.large") < score("m5.large", "m5a.large", "m6i.large") <= 10


def test_a_fleet_of_capacity_holds_enough_of_what_is_preferred(ec2, clock, refused):
    specifications = [
        {"InstanceType": "m5.large", "InstancePlatform": "Linux/UNIX", "Weight": 2.0, "Priority": 1},
        {"InstanceType": "c5.large", "InstancePlatform": "Linux/UNIX", "Weight": 1.0, "Priority": 0},
    ]
    specifications = [one | {"AvailabilityZone": "us-east-1a"} for one in specifications]
    made = ec2.create_capacity_reservation_fleet(InstanceTypeSpecifications=specifications, TotalTargetCapacity=4)
    which = made["CapacityReservationFleetId"]
    [room] = made["FleetCapacityReservations"]
    assert (room["InstanceType"], room["TotalInstanceCount"], made["State"]) == ("c5.large", 4, "active")
    ec2.modify_capacity_reservation_fleet(CapacityReservationFleetId=which, TotalTargetCapacity=2)
    [fleet] = ec2.describe_capacity_reservation_fleets(CapacityReservationFleetIds=[which])["CapacityReservationFleets"]
    assert fleet["TotalFulfilledCapacity"] == 2
    [done] = ec2.cancel_capacity_reservation_fleets(CapacityReservationFleetIds=[which])["SuccessfulFleetCancellations"]
    assert done["CurrentFleetState"] == "cancelled"
    held = ec2.describe_capacity_reservations(CapacityReservationIds=[room["CapacityReservationId"]])
    assert held["CapacityReservations"][0]["State"] == "cancelled"
    with refused("InvalidCapacityReservationFleetId.NotFound"):
        ec2.describe_capacity_reservation_fleets(CapacityReservationFleetIds=["crf-0123456789abcdef0"])


def test_hosts_are_paid_for_a_year(ec2, refused):
    [host] = ec2.allocate_hosts(InstanceFamily="m5", AvailabilityZone="us-east-1a", Quantity=1)["HostIds"]
    filters = [{"Name": "instance-family", "Values": ["m5"]}, {"Name": "payment-option", "Values": ["AllUpfront"]}]
    offers = ec2.describe_host_reservation_offerings(Filter=filters)["OfferingSet"]
    assert len(offers) == 2 and all(float(one["UpfrontPrice"]) > 0 for one in offers)
    asked = {"HostIdSet": [host], "OfferingId": offers[0]["OfferingId"]}
    preview = ec2.get_host_reservation_purchase_preview(**asked)
    assert preview["TotalUpfrontPrice"] == offers[0]["UpfrontPrice"]
    [bought] = ec2.purchase_host_reservation(**asked)["Purchase"]
    [found] = ec2.describe_host_reservations()["HostReservationSet"]
    assert found["HostReservationId"] == bought["HostReservationId"] and found["State"] == "active"
    with refused("InvalidParameterValue"):
        ec2.purchase_host_reservation(**asked)
