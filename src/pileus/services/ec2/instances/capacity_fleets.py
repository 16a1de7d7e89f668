"""Capacity reservation fleets: room of several types, as much as is wanted all in all."""

from __future__ import annotations

import math
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import capacity
from .capacity import ACTIVE, CANCELLED, EXPIRED, LINUX, CapacityReservation
from .hosts import zone_named

PARTLY = "partially_fulfilled"
OVER = (CANCELLED, EXPIRED)


@kind(
    "capacity-reservation-fleet",
    "crf",
    missing=("InvalidCapacityReservationFleetId.NotFound", "The capacity reservation fleet ID '{}' does not exist."),
    malformed="InvalidCapacityReservationFleetId.Malformed",
)
class CapacityFleet(
    Record,
    arn="capacity-reservation-fleet/{capacity_reservation_fleet_id}",
    cfn="AWS::EC2::CapacityReservationFleet",
):
    """What is wanted."""

    capacity_reservation_fleet_id: str
    specifications: list[Members]
    target: int
    created: float
    strategy: str = "prioritized"
    ends: float = 0.0
    state: str = ACTIVE
    tenancy: str = "default"
    match: str = "open"
    tags: dict[str, str] = {}


class FleetRoom(Record, key=("capacity_reservation_fleet_id", "capacity_reservation_id")):
    """A reservation of a fleet, and how much each of its instances counts."""

    capacity_reservation_fleet_id: str
    capacity_reservation_id: str
    weight: float
    priority: int


FILTERS = Filters(
    {
        "state": "state",
        "instance-match-criteria": "match",
        "tenancy": "tenancy",
        "allocation-strategy": "strategy",
    }
)


@ec2.operation
def create_capacity_reservation_fleet(
    call: Call,
    total_target_capacity: int,
    instance_type_specifications: list[Members] = [],
    availability_zone: str = "",
    availability_zone_id: str = "",
    allocation_strategy: str = "prioritized",
    tenancy: str = "default",
    instance_match_criteria: str = "open",
    end_date: float = 0.0,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Hold room of the types that have the highest priority, until there is enough."""
    if made := made_before(call, client_token):
        return _answer(call, named(call, CapacityFleet, made))
    tags = specified(tag_specifications, "capacity-reservation-fleet", "capacity-reservation")
    if total_target_capacity < 1:
        raise bad_value("TotalTargetCapacity", total_target_capacity)
    if not instance_type_specifications:
        raise Fault("MissingParameter", "The request must contain the parameter InstanceTypeSpecifications")
    default = {"AvailabilityZone": availability_zone, "AvailabilityZoneId": availability_zone_id}
    specifications = [default | one for one in instance_type_specifications]
    for specification in specifications:
        if "InstanceType" not in specification:
            raise missing("InstanceType")
    one = CapacityFleet(
        new_id(CapacityFleet),
        specifications,
        total_target_capacity,
        call.now,
        allocation_strategy,
        end_date,
        tenancy=tenancy,
        match=instance_match_criteria,
        tags=tags,
    ).put(call)
    _fill(call, one)
    if end_date:
        end_capacity_fleet.later(call, fleet_id=one.capacity_reservation_fleet_id, due=end_date)
    remember(call, client_token, one.capacity_reservation_fleet_id)
    return _answer(call, one)


def _fill(call: Call, one: CapacityFleet) -> None:
    """Hold what is lacking, of the first type that there is room of: here there always is."""
    lacking = one.target - fulfilled(call, one)
    order = sorted(one.specifications, key=lambda specification: specification.get("Priority", math.inf))
    if lacking > 0:
        wanted = order[0]
        weight = wanted.get("Weight", 1.0)
        made = capacity.reserve(
            call,
            instance_type=wanted["InstanceType"],
            platform=wanted.get("InstancePlatform", LINUX),
            zone=zone_named(call, wanted.get("AvailabilityZone", ""), wanted.get("AvailabilityZoneId", "")),
            count=math.ceil(lacking / weight),
            tenancy=one.tenancy,
            match=one.match,
            ends=one.ends,
            ebs_optimized=wanted.get("EbsOptimized", False),
            fleet_id=one.capacity_reservation_fleet_id,
        )
        ids = one.capacity_reservation_fleet_id, made.capacity_reservation_id
        FleetRoom(*ids, weight, wanted.get("Priority", 0)).put(call)
    one.state = ACTIVE if fulfilled(call, one) >= one.target else PARTLY
    one.put(call)


def rooms(call: Call, one: CapacityFleet) -> list[tuple[FleetRoom, CapacityReservation]]:
    found = [*FleetRoom.scan(call, one.capacity_reservation_fleet_id)]
    return [(room, named(call, CapacityReservation, room.capacity_reservation_id)) for room in found]


def fulfilled(call: Call, one: CapacityFleet) -> float:
    return sum(room.weight * held.count for room, held in rooms(call, one) if held.state == ACTIVE)


@ec2.operation
def describe_capacity_reservation_fleets(
    call: Call,
    capacity_reservation_fleet_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        CapacityFleet,
        FILTERS,
        "CapacityReservationFleets",
        shown,
        capacity_reservation_fleet_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, one: CapacityFleet) -> Members:
    told = {
        "CapacityReservationFleetId": one.capacity_reservation_fleet_id,
        "CapacityReservationFleetArn": one.arn(call),
        "State": one.state,
        "TotalTargetCapacity": one.target,
        "TotalFulfilledCapacity": fulfilled(call, one),
        "Tenancy": one.tenancy,
        "EndDate": one.ends or None,
        "CreateTime": one.created,
        "InstanceMatchCriteria": one.match,
        "AllocationStrategy": one.strategy,
        "InstanceTypeSpecifications": [_shown_room(call, room, held) for room, held in rooms(call, one)],
        "Tags": shown_tags(one.tags),
    }
    return {name: value for name, value in told.items() if value is not None}


def _shown_room(call: Call, room: FleetRoom, held: CapacityReservation) -> Members:
    whole = capacity.shown(call, held)
    names = ("CapacityReservationId", "AvailabilityZoneId", "InstanceType", "InstancePlatform", "AvailabilityZone")
    view = {name: whole[name] for name in (*names, "TotalInstanceCount", "EbsOptimized", "CreateDate")}
    return view | {
        "FulfilledCapacity": room.weight * held.count,
        "Weight": room.weight,
        "Priority": room.priority,
    }


def _answer(call: Call, one: CapacityFleet) -> Members:
    view = shown(call, one)
    del view["CapacityReservationFleetArn"]
    return view | {"FleetCapacityReservations": view.pop("InstanceTypeSpecifications")}


@ec2.operation
def modify_capacity_reservation_fleet(
    call: Call,
    capacity_reservation_fleet_id: str,
    total_target_capacity: int = 0,
    end_date: float = 0.0,
    remove_end_date: bool = False,
) -> Members:
    """Change how much is held, and until when."""
    one = named(call, CapacityFleet, capacity_reservation_fleet_id)
    if one.state in OVER:
        text = f"The capacity reservation fleet '{capacity_reservation_fleet_id}' is {one.state}."
        raise Fault("InvalidCapacityReservationFleetState", text)
    if total_target_capacity:
        one.target = total_target_capacity
        _shrink(call, one)
        _fill(call, one)
    if end_date or remove_end_date:
        one.ends = 0.0 if remove_end_date else end_date
        if end_date:
            end_capacity_fleet.later(call, fleet_id=capacity_reservation_fleet_id, due=end_date)
    one.put(call)
    return {"Return": True}


def _shrink(call: Call, one: CapacityFleet) -> None:
    """Hold no more than is wanted, and no less than is used."""
    for room, held in rooms(call, one):
        excess = math.floor((fulfilled(call, one) - one.target) / room.weight)
        if excess > 0 and held.state == ACTIVE:
            held.count = max(held.used, held.count - excess, 0)
            held.put(call)
            if held.count == 0:
                capacity.end(call, held, CANCELLED)


@ec2.operation
def cancel_capacity_reservation_fleets(call: Call, capacity_reservation_fleet_ids: list[str]) -> Members:
    """Give all the room back."""
    done, failed = [], []
    for fleet_id in dict.fromkeys(capacity_reservation_fleet_ids):
        one = CapacityFleet.get(call, fleet_id)
        if one is None:
            text = f"The capacity reservation fleet ID '{fleet_id}' does not exist."
            error = {"Code": "InvalidCapacityReservationFleetId.NotFound", "Message": text}
            failed.append({"CapacityReservationFleetId": fleet_id, "CancelCapacityReservationFleetError": error})
            continue
        before = one.state
        _end(call, one, CANCELLED)
        states = {"CurrentFleetState": CANCELLED, "PreviousFleetState": before}
        done.append({"CapacityReservationFleetId": fleet_id} | states)
    return {"SuccessfulFleetCancellations": done, "FailedFleetCancellations": failed}


def _end(call: Call, one: CapacityFleet, state: str) -> None:
    for _, held in rooms(call, one):
        if held.state == ACTIVE:
            capacity.end(call, held, state)
    one.state = state
    one.put(call)


@ec2.task
def end_capacity_fleet(call: Call, fleet_id: str) -> None:
    """The time of a fleet is over, if it has not been moved."""
    one = CapacityFleet.get(call, fleet_id)
    if one and one.state not in OVER and one.ends and one.ends <= call.now:
        _end(call, one, EXPIRED)
