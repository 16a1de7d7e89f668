"""The use of reserved room: what launches claim of it and give back, what is moved from one reservation to another."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Unfinished
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination, invalid
from pileus.services.ec2.kinds import all_named, named
from pileus.services.ec2.tags import specified
from pileus.services.ec2.tokens import made_before, remember

from . import sharing
from .capacity import (
    ACTIVE,
    ASSESSING,
    BLOCK,
    CANCELLED,
    LINUX,
    SCHEDULED,
    CapacityReservation,
    Claim,
    active,
    end,
    reserve,
    shown,
)
from .describing_types import efa
from .instances import Instance, alive, stopped
from .overviews import nodes
from .types import table

SAME = ("instance_type", "platform", "availability_zone", "tenancy", "placement_group", "ends")
"""In what reservations must agree between which capacity is moved."""
INTERRUPTIBLE = "interruptible-capacity-reservation"
POOL = "AWS::EC2::CapacityReservationPool"
TOPOLOGY = Filters({"availability-zone": "availability_zone", "instance-type": "instance_type"}, tags=None)


# What launches and life ask


def claim(call: Call, one: Instance) -> None:
    """Let an instance use reserved room, as it wants: what it names, or what fits; raises where it must and cannot."""
    preference = one.capacity.get("CapacityReservationPreference", "open")
    target = one.capacity.get("CapacityReservationTarget", {}).get("CapacityReservationId", "")
    if preference == "none" and not target:
        return
    home, candidates = call, CapacityReservation.scan(call)
    if target:
        home, found = sharing.usable(call, CapacityReservation, target)
        _check_market(one, found)
        candidates = iter([found])
    for reservation in candidates:
        if _fits(one, reservation, targeted=bool(target)) and reservation.used < reservation.count:
            reservation.used += 1
            reservation.put(home)
            one.capacity_reservation_id = reservation.capacity_reservation_id
            Claim(one.capacity_reservation_id, one.instance_id, call.account).put(home)
            return
    if target or preference == "capacity-reservations-only":
        text = "The requested reservation does not have sufficient compatible and available capacity for this request."
        raise Fault("ReservationCapacityExceeded", text)


def _check_market(one: Instance, reservation: CapacityReservation) -> None:
    """Raise unless a launch says which market's room it wants to use."""
    market = BLOCK if reservation.block_id else INTERRUPTIBLE if reservation.source_id else ""
    if market != (one.market if one.market in (BLOCK, INTERRUPTIBLE) else ""):
        text = f"The market type of the request does not match the Capacity Reservation: it is '{market or 'default'}'."
        raise combination(text)


def _fits(one: Instance, reservation: CapacityReservation, targeted: bool) -> bool:
    return (
        reservation.state == ACTIVE
        and reservation.instance_type == one.instance_type
        and reservation.availability_zone == one.availability_zone
        and reservation.tenancy == one.placement.get("Tenancy", "default")
        and reservation.platform == one.image.get("PlatformDetails", LINUX)
        and (targeted or reservation.match == "open")
    )


def give_back(call: Call, one: Instance) -> None:
    """An instance uses its room no more."""
    if not one.capacity_reservation_id:
        return
    home = sharing.where(call, one.capacity_reservation_id)
    if found := Claim.get(home, one.capacity_reservation_id, one.instance_id):
        found.delete(home)
        reservation = CapacityReservation.get(home, one.capacity_reservation_id)
        if reservation and reservation.used:
            reservation.used -= 1
            reservation.put(home)
    one.capacity_reservation_id = ""


# Operations


@ec2.operation
def modify_instance_capacity_reservation_attributes(
    call: Call, instance_id: str, capacity_reservation_specification: Members
) -> Members:
    """Change what a stopped instance wants of reservations; it matters when it is started."""
    one = alive(call, instance_id)
    stopped(one, "its capacity reservation")
    if target := capacity_reservation_specification.get("CapacityReservationTarget", {}).get("CapacityReservationId"):
        named(call, CapacityReservation, target)
    one.capacity = capacity_reservation_specification
    one.put(call)
    return {"Return": True}


@ec2.operation
def get_capacity_reservation_usage(
    call: Call, capacity_reservation_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """How much of the room is used, and by whom."""
    one = named(call, CapacityReservation, capacity_reservation_id)
    users = Counter(claim.owner for claim in Claim.scan(call, capacity_reservation_id))
    usages = [{"AccountId": account, "UsedInstanceCount": count} for account, count in users.items()]
    return {
        "CapacityReservationId": capacity_reservation_id,
        "InstanceType": one.instance_type,
        "TotalInstanceCount": one.count,
        "AvailableInstanceCount": one.count - one.used,
        "State": one.state,
    } | paged(call, "InstanceUsages", usages, max_results, next_token)


@ec2.operation
def create_capacity_reservation_by_splitting(
    call: Call,
    source_capacity_reservation_id: str,
    instance_count: int,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Make a reservation of room that another has free."""
    source = active(call, source_capacity_reservation_id)
    if made := made_before(call, client_token):
        other = named(call, CapacityReservation, made)
    else:
        if not 1 <= instance_count <= min(source.count - source.used, source.count - 1):
            raise bad_value("InstanceCount", instance_count, "The source reservation has not that much to spare.")
        source.count -= instance_count
        source.put(call)
        other = reserve(
            call,
            instance_type=source.instance_type,
            platform=source.platform,
            zone=source.availability_zone,
            count=instance_count,
            tenancy=source.tenancy,
            match=source.match,
            ends=source.ends,
            tags=specified(tag_specifications, "capacity-reservation"),
        )
        remember(call, client_token, other.capacity_reservation_id)
    return {
        "SourceCapacityReservation": shown(call, source),
        "DestinationCapacityReservation": shown(call, other),
        "InstanceCount": instance_count,
    }


@ec2.operation
def move_capacity_reservation_instances(
    call: Call,
    source_capacity_reservation_id: str,
    destination_capacity_reservation_id: str,
    instance_count: int,
    client_token: str = "",
) -> Members:
    """Let a reservation have what another has free."""
    source = active(call, source_capacity_reservation_id)
    other = active(call, destination_capacity_reservation_id)
    if not made_before(call, client_token):
        if source.capacity_reservation_id == other.capacity_reservation_id:
            raise invalid("The source and the destination must be different Capacity Reservations.")
        if any(getattr(source, name) != getattr(other, name) for name in SAME):
            text = "The source and destination Capacity Reservations do not have the same attributes."
            raise Fault("InvalidCapacityReservationState", text)
        if not 1 <= instance_count <= source.count - source.used:
            raise bad_value("InstanceCount", instance_count, "The source reservation has not that much to spare.")
        source.count -= instance_count
        other.count += instance_count
        other.put(call)
        source.put(call)
        if not source.count:
            end(call, source, CANCELLED)
        remember(call, client_token, destination_capacity_reservation_id)
    return {
        "SourceCapacityReservation": shown(call, source),
        "DestinationCapacityReservation": shown(call, other),
        "InstanceCount": instance_count,
    }


@ec2.operation
def describe_capacity_reservation_topology(
    call: Call,
    capacity_reservation_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Where the room of the types that can tell will be in the network."""
    test = TOPOLOGY.test(filters)
    if len(capacity_reservation_ids) > 10:
        raise invalid("You can specify at most 10 Capacity Reservation IDs.")
    ids = capacity_reservation_ids
    found = all_named(call, CapacityReservation, ids) if ids else CapacityReservation.scan(call)
    ids_of = {zone.name: zone.id for zone in zones(call.region)}

    def seen() -> Iterator[Members]:
        for one in found:
            kind = table().get(one.instance_type)
            if kind and efa(kind) and one.state in (ACTIVE, ASSESSING, SCHEDULED) and test(one):
                group = one.placement_group.rpartition("/")[2]
                yield {
                    "CapacityReservationId": one.capacity_reservation_id,
                    "State": one.state,
                    "InstanceType": one.instance_type,
                    "NetworkNodes": nodes(one.availability_zone, group or one.capacity_reservation_id),
                    "AvailabilityZone": one.availability_zone,
                    "AvailabilityZoneId": ids_of.get(one.availability_zone),
                    "CapacityBlockId": one.block_id or None,
                    "GroupName": group or None,
                }

    return paged(call, "CapacityReservations", seen(), max_results, next_token)


@ec2.operation
async def get_groups_for_capacity_reservation(
    call: Call, capacity_reservation_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """The resource groups that a reservation is in, as that service tells."""
    _, one = sharing.usable(call, CapacityReservation, capacity_reservation_id)
    found = []
    try:
        groups = call.aws("resource-groups")
        wanted = [{"Name": "configuration-type", "Values": [POOL]}]
        for group in (await _told(groups.list_groups(filters=wanted))).get("GroupIdentifiers", []):
            members = await _told(groups.list_group_resources(group=group["GroupArn"]))
            arns = [told["Identifier"]["ResourceArn"] for told in members.get("Resources", [])]
            if any(arn.endswith(f"/{one.capacity_reservation_id}") for arn in arns):
                found.append({"GroupArn": group["GroupArn"], "OwnerId": call.account})
    except Unfinished:  # while there are no resource groups, it is in none
        pass
    return paged(call, "CapacityReservationGroups", found, max_results, next_token)


async def _told(answer: Any) -> Any:
    return await answer if inspect.isawaitable(answer) else answer
