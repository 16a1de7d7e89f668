"""Placement groups: instances close together, or kept apart.

A cluster is in one zone; a spread group has at most seven running instances in each zone, on racks of their own; a
partition group has at most seven partitions in each zone (EC2 User Guide, "Placement groups"). Left out: groups of
precision time, and the host level of spreading, which is for Outposts alone.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, invalid
from pileus.services.ec2.kinds import all_named, kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

MOST_PARTITIONS = 7
MOST_SPREAD = 7
MOST = 500


@kind(
    "placement-group",
    "pg",
    missing=("InvalidPlacementGroupId.NotFound", "The placement group ID '{}' does not exist"),
    malformed="InvalidPlacementGroupId.Malformed",
    member="GroupId",
)
class PlacementGroup(
    Record,
    arn="placement-group/{group_name}",
    cfn="AWS::EC2::PlacementGroup",
    indexes={"by_name": ("group_name",)},
):
    """A group and its strategy."""

    group_id: str
    group_name: str
    strategy: str
    partitions: int = 0
    spread_level: str = ""
    parent: str = ""
    tags: dict[str, str] = {}


class GroupPlace(Record, key=("group_id", "instance_id")):
    """An instance that has its place in a group; one that is stopped keeps its partition."""

    group_id: str
    instance_id: str
    zone: str
    partition: int = 0
    running: bool = True


FILTERS = Filters(
    {
        "group-name": "GroupName",
        "group-arn": "GroupArn",
        "spread-level": "SpreadLevel",
        "state": "State",
        "strategy": "Strategy",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)


def placement_group(call: Call, name: str = "", group_id: str = "") -> PlacementGroup:
    """The group of a name or an id; raises what EC2 says of one that is not there."""
    if group_id:
        return named(call, PlacementGroup, group_id)
    if found := PlacementGroup.first(call, name, index="by_name"):
        return found
    raise Fault("InvalidPlacementGroup.Unknown", f"The Placement Group '{name}' is unknown.")


@ec2.operation
def create_placement_group(
    call: Call,
    group_name: str = "",
    strategy: str = "cluster",
    partition_count: int = 0,
    spread_level: str = "",
    parent_group_id: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a group."""
    if not group_name:
        raise Fault("MissingParameter", "The request must contain the parameter GroupName")
    if len(group_name) > 255 or not group_name.isascii():
        raise bad_value("GroupName", group_name)
    tags = specified(tag_specifications, "placement-group")
    if PlacementGroup.first(call, group_name, index="by_name"):
        raise Fault("InvalidPlacementGroup.Duplicate", f"The Placement Group '{group_name}' already exists.")
    _check(strategy, partition_count, spread_level, parent_group_id)
    if parent_group_id:
        placement_group(call, group_id=parent_group_id)
    group = PlacementGroup(
        new_id(PlacementGroup),
        group_name,
        strategy,
        (partition_count or 2) if strategy == "partition" else 0,
        (spread_level or "rack") if strategy == "spread" else "",
        parent_group_id,
        tags,
    ).put(call)
    return {"PlacementGroup": shown(call, group)}


def _check(strategy: str, partitions: int, spread_level: str, parent: str) -> None:
    if partitions and strategy != "partition":
        raise combination("The parameter PartitionCount may only be used with the partition strategy.")
    if not 0 <= partitions <= MOST_PARTITIONS:
        raise bad_value("PartitionCount", partitions, f"It must be between 1 and {MOST_PARTITIONS}.")
    if spread_level and strategy != "spread":
        raise combination("The parameter SpreadLevel may only be used with the spread strategy.")
    if spread_level == "host":
        raise invalid("The spread level 'host' can only be used with Outposts.")
    if parent and strategy != "cluster":
        raise combination("The parameter ParentGroupId may only be used with the cluster strategy.")


@ec2.operation
def describe_placement_groups(
    call: Call,
    group_names: list[str] = [],
    group_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
) -> Members:
    """Groups: all, or those of these names or ids."""
    test = FILTERS.test(filters)
    if group_names or group_ids:
        groups = [placement_group(call, name) for name in dict.fromkeys(group_names)]
        groups += all_named(call, PlacementGroup, group_ids)
    else:
        groups = [*PlacementGroup.scan(call, index="by_name")]
    return {"PlacementGroups": [seen for group in groups if test(seen := shown(call, group))]}


@ec2.operation
def delete_placement_group(call: Call, group_name: str) -> None:
    """Remove a group that has no instances, by its name, its id or its ARN."""
    what = group_name.rpartition("placement-group/")[2]
    if what.startswith("pg-"):
        group = placement_group(call, group_id=what)
    else:
        group = placement_group(call, what)
    if GroupPlace.first(call, group.group_id):
        text = f"The Placement Group '{group.group_name}' is in use and may not be deleted."
        raise Fault("InvalidPlacementGroup.InUse", text)
    group.delete(call)


def shown(call: Call, group: PlacementGroup) -> Members:
    view: Members = {
        "GroupId": group.group_id,
        "GroupName": group.group_name,
        "GroupArn": group.arn(call),
        "State": "available",
        "Strategy": group.strategy,
        "Tags": shown_tags(group.tags),
    }
    if group.partitions:
        view["PartitionCount"] = group.partitions
    if group.spread_level:
        view["SpreadLevel"] = group.spread_level
    if group.parent:
        view["ParentGroupId"] = group.parent
    return view


# What launches and life ask


def place(call: Call, group: PlacementGroup, instance_id: str, zone: str, partition: int = 0) -> int:
    """Give an instance its place, and tell its partition; InsufficientInstanceCapacity where the rules leave none."""
    others = [one for one in GroupPlace.scan(call, group.group_id) if one.instance_id != instance_id]
    if group.strategy == "cluster" and any(one.zone != zone for one in others):
        text = f"The placement group '{group.group_name}' is in the Availability Zone {others[0].zone}."
        raise Fault("InvalidPlacementGroup.ZoneMismatch", f"{text} Launch the instance there.")
    if group.strategy == "spread" and sum(one.running for one in others if one.zone == zone) >= MOST_SPREAD:
        raise no_capacity(zone, f" in placement group '{group.group_name}'")
    if group.strategy == "partition":
        partition = partition or _emptiest(group, [one for one in others if one.zone == zone])
        if partition > group.partitions:
            raise bad_value("PartitionNumber", partition, f"The group has {group.partitions} partitions.")
    elif partition:
        raise combination("The parameter PartitionNumber may only be used with the partition strategy.")
    GroupPlace(group.group_id, instance_id, zone, partition).put(call)
    return partition


def _emptiest(group: PlacementGroup, others: list[GroupPlace]) -> int:
    counts = Counter(one.partition for one in others)
    return min(range(1, group.partitions + 1), key=lambda number: (counts[number], number))


def left(call: Call, group_id: str, instance_id: str, *, for_good: bool) -> None:
    """An instance of a group has stopped, or is terminated."""
    if placed := GroupPlace.get(call, group_id, instance_id):
        if for_good:
            placed.delete(call)
        else:
            placed.running = False
            placed.put(call)


def no_capacity(zone: str, where: str = "") -> Fault:
    text = (
        f"There is not enough capacity to fulfill your request{where} in the Availability Zone you requested ({zone})."
        " Our system will be working on provisioning additional capacity."
    )
    return Fault("InsufficientInstanceCapacity", text, status=500)
