"""Capacity reservations: room for instances of one type in one zone, and the instances that use it.

Left out: capacity blocks, future-dated and interruptible reservations, billing in another account, moving capacity.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, described, iso, paged
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import sharing
from .instances import Instance, alive, stopped
from .types import instance_type as type_named

ACTIVE, EXPIRED, CANCELLED = "active", "expired", "cancelled"
LINUX = "Linux/UNIX"


@kind(
    "capacity-reservation",
    "cr",
    missing=("InvalidCapacityReservationId.NotFound", "The capacity reservation ID '{}' does not exist."),
    malformed="InvalidCapacityReservationId.Malformed",
)
class CapacityReservation(
    Record, arn="capacity-reservation/{capacity_reservation_id}", cfn="AWS::EC2::CapacityReservation"
):
    """Room that is held."""

    capacity_reservation_id: str
    instance_type: str
    platform: str
    availability_zone: str
    count: int
    created: float
    tenancy: str = "default"
    match: str = "open"
    ends: float = 0.0
    """0 for never."""
    state: str = ACTIVE
    ebs_optimized: bool = False
    ephemeral: bool = False
    placement_group: str = ""
    fleet_id: str = ""
    used: int = 0
    tags: dict[str, str] = {}


class Claim(Record, key=("capacity_reservation_id", "instance_id")):
    """An instance that runs in reserved room."""

    capacity_reservation_id: str
    instance_id: str
    owner: str = ""
    """The account of the instance."""


FILTERS = Filters(
    {
        "instance-type": "instance_type",
        "owner-id": lambda one: None,
        "instance-platform": "platform",
        "availability-zone": "availability_zone",
        "tenancy": "tenancy",
        "outpost-arn": lambda one: None,
        "state": "state",
        "start-date": lambda one: iso(one.created),
        "end-date": lambda one: iso(one.ends) if one.ends else None,
        "end-date-type": lambda one: "limited" if one.ends else "unlimited",
        "instance-match-criteria": "match",
        "placement-group-arn": "placement_group",
    }
)


@ec2.operation
def create_capacity_reservation(
    call: Call,
    instance_type: str,
    instance_platform: str,
    instance_count: int,
    availability_zone: str = "",
    availability_zone_id: str = "",
    tenancy: str = "default",
    ebs_optimized: bool = False,
    ephemeral_storage: bool = False,
    end_date: float = 0.0,
    end_date_type: str = "",
    instance_match_criteria: str = "open",
    placement_group_arn: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Hold room for instances."""
    if made := made_before(call, client_token):
        return {"CapacityReservation": shown(call, named(call, CapacityReservation, made))}
    tags = specified(tag_specifications, "capacity-reservation")
    if not availability_zone and not availability_zone_id:
        raise missing("AvailabilityZone", "AvailabilityZoneId")
    _check_end(call, end_date, end_date_type)
    one = reserve(
        call,
        instance_type=instance_type,
        platform=instance_platform,
        zone=_zone(call, availability_zone, availability_zone_id),
        count=instance_count,
        tenancy=tenancy,
        match=instance_match_criteria,
        ends=end_date,
        ebs_optimized=ebs_optimized,
        ephemeral=ephemeral_storage,
        placement_group=placement_group_arn,
        tags=tags,
    )
    remember(call, client_token, one.capacity_reservation_id)
    return {"CapacityReservation": shown(call, one)}


def reserve(call: Call, *, instance_type: str, zone: str, count: int, **particulars: Any) -> CapacityReservation:
    """Hold room, for the operation and for fleets."""
    type_named(call, instance_type, zone)
    if not 1 <= count <= 1000:
        raise bad_value("InstanceCount", count)
    one = CapacityReservation(
        capacity_reservation_id=new_id(CapacityReservation),
        instance_type=instance_type,
        availability_zone=zone,
        count=count,
        created=call.now,
        **particulars,
    ).put(call)
    homes.settle(call, one.capacity_reservation_id)
    if one.ends:
        expire_reservation.later(call, capacity_reservation_id=one.capacity_reservation_id, due=one.ends)
    return one


def _zone(call: Call, name: str, zone_id: str) -> str:
    for zone in zones(call.region):
        if zone.name == name or (not name and zone.id == zone_id):
            return zone.name
    raise bad_value("AvailabilityZone", name or zone_id)


def _check_end(call: Call, end_date: float, end_date_type: str) -> None:
    if end_date_type == "limited" and not end_date:
        raise missing("EndDate")
    if end_date and end_date_type == "unlimited":
        raise combination("You can't specify EndDate if EndDateType is unlimited.")
    if end_date and end_date <= call.now:
        raise bad_value("EndDate", iso(end_date), "It must be in the future.")


@ec2.operation
def describe_capacity_reservations(
    call: Call,
    capacity_reservation_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        CapacityReservation,
        FILTERS,
        "CapacityReservations",
        shown,
        capacity_reservation_ids,
        filters,
        max_results,
        next_token,
    )


@ec2.operation
def modify_capacity_reservation(
    call: Call,
    capacity_reservation_id: str,
    instance_count: int = 0,
    end_date: float = 0.0,
    end_date_type: str = "",
    instance_match_criteria: str = "",
) -> Members:
    """Change how much is held, and until when."""
    one = _active(call, capacity_reservation_id)
    _check_end(call, end_date, end_date_type)
    if instance_count:
        if instance_count < one.used:
            raise bad_value("InstanceCount", instance_count, f"{one.used} instances are running in the reservation.")
        one.count = instance_count
    if end_date_type == "unlimited":
        one.ends = 0.0
    if end_date:
        one.ends = end_date
        expire_reservation.later(call, capacity_reservation_id=capacity_reservation_id, due=end_date)
    one.match = instance_match_criteria or one.match
    one.put(call)
    return {"Return": True}


@ec2.operation
def cancel_capacity_reservation(call: Call, capacity_reservation_id: str) -> Members:
    """Give room back; instances that run in it go on."""
    end(call, _active(call, capacity_reservation_id), CANCELLED)
    return {"Return": True}


def end(call: Call, one: CapacityReservation, state: str) -> None:
    one.state, one.used = state, 0
    if one.ends == 0.0 or one.ends > call.now:
        one.ends = call.now if state == EXPIRED else one.ends
    one.put(call)
    for claim in [*Claim.scan(call, one.capacity_reservation_id)]:
        claim.delete(call)
        home = call.at(account=claim.owner)
        if instance := Instance.get(home, claim.instance_id):
            instance.capacity_reservation_id = ""
            instance.put(home)


@ec2.task
def expire_reservation(call: Call, capacity_reservation_id: str) -> None:
    """The time of a reservation is over, if it has not been moved."""
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one and one.state == ACTIVE and one.ends and one.ends <= call.now:
        end(call, one, EXPIRED)


def _active(call: Call, capacity_reservation_id: str) -> CapacityReservation:
    one = named(call, CapacityReservation, capacity_reservation_id)
    if one.state != ACTIVE:
        text = f"The capacity reservation '{capacity_reservation_id}' is {one.state}."
        raise Fault("InvalidCapacityReservationState", text)
    return one


@ec2.operation
def create_capacity_reservation_by_splitting(
    call: Call,
    source_capacity_reservation_id: str,
    instance_count: int,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Make a reservation of room that another has free."""
    source = _active(call, source_capacity_reservation_id)
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


def shown(call: Call, one: CapacityReservation) -> Members:
    zone_id = next((zone.id for zone in zones(call.region) if zone.name == one.availability_zone), "")
    told = {
        "CapacityReservationId": one.capacity_reservation_id,
        "OwnerId": call.account,
        "CapacityReservationArn": one.arn(call),
        "AvailabilityZoneId": zone_id,
        "InstanceType": one.instance_type,
        "InstancePlatform": one.platform,
        "AvailabilityZone": one.availability_zone,
        "Tenancy": one.tenancy,
        "TotalInstanceCount": one.count,
        "AvailableInstanceCount": one.count - one.used if one.state == ACTIVE else 0,
        "EbsOptimized": one.ebs_optimized,
        "EphemeralStorage": one.ephemeral,
        "State": one.state,
        "StartDate": one.created,
        "EndDate": one.ends or None,
        "EndDateType": "limited" if one.ends else "unlimited",
        "InstanceMatchCriteria": one.match,
        "CreateDate": one.created,
        "Tags": shown_tags(one.tags),
        "CapacityReservationFleetId": one.fleet_id or None,
        "PlacementGroupArn": one.placement_group or None,
        "ReservationType": "default",
    }
    return {name: value for name, value in told.items() if value is not None}


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
