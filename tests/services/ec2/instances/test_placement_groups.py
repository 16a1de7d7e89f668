"""Placement groups; what they mean for launches is tested with those."""

from __future__ import annotations


def test_groups_have_their_strategies_and_are_found_by_name_and_id(ec2, refused):
    cluster = ec2.create_placement_group(GroupName="c", Strategy="cluster")["PlacementGroup"]
    parts = ec2.create_placement_group(GroupName="p", Strategy="partition", PartitionCount=7)["PlacementGroup"]
    spread = ec2.create_placement_group(GroupName="s", Strategy="spread")["PlacementGroup"]
    assert cluster["State"] == "available" and cluster["GroupArn"].endswith(":placement-group/c")
    assert parts["PartitionCount"] == 7 and spread["SpreadLevel"] == "rack"
    found = ec2.describe_placement_groups(GroupIds=[parts["GroupId"]])["PlacementGroups"]
    assert [group["GroupName"] for group in found] == ["p"]
    found = ec2.describe_placement_groups(Filters=[{"Name": "strategy", "Values": ["spread"]}])["PlacementGroups"]
    assert [group["GroupName"] for group in found] == ["s"]
    with refused("InvalidPlacementGroup.Duplicate"):
        ec2.create_placement_group(GroupName="c", Strategy="spread")
    with refused("InvalidParameterValue"):
        ec2.create_placement_group(GroupName="x", Strategy="partition", PartitionCount=8)
    ec2.delete_placement_group(GroupName="c")
    with refused("InvalidPlacementGroup.Unknown", "The Placement Group 'c' is unknown."):
        ec2.describe_placement_groups(GroupNames=["c"])
