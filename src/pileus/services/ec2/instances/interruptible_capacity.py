"""Interruptible reservations: unused room of a reservation that others may use until its owner wants it back.

Instances that run in what is reclaimed are told two minutes before, and then terminated.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.tags import specified
from pileus.services.ec2.tokens import made_before, remember

from . import sharing, states
from .announcing import tell
from .capacity import ACTIVE, CANCELLED, CapacityReservation, Claim, active, at_end, end, reserve
from .instances import RUNNING, Instance

NOTICE = 120.0
WARNING = "EC2 Capacity Reservation Instance Interruption Warning"
RECLAIMED = "Server.InterruptibleCapacityReclaimed", "Capacity of an interruptible Capacity Reservation was reclaimed"
RETAIN = "retain"


@ec2.operation
def create_interruptible_capacity_reservation_allocation(
    call: Call,
    capacity_reservation_id: str,
    instance_count: int,
    zero_size_preference: str = "default",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Let others use room until it is wanted back."""
    source = active(call, capacity_reservation_id)
    if not made_before(call, client_token):
        if source.ends or source.source_id or source.block_id:
            text = "The source must be an active Capacity Reservation without an end date."
            raise Fault("InvalidCapacityReservationState", text)
        if source.interruptible_id:
            text = f"The capacity reservation '{capacity_reservation_id}' has an interruptible allocation already."
            raise Fault("InvalidCapacityReservationState", text)
        _check(source, instance_count)
        tags = specified(tag_specifications, "capacity-reservation")
        given = reserve(
            call,
            instance_type=source.instance_type,
            platform=source.platform,
            zone=source.availability_zone,
            count=instance_count,
            tenancy=source.tenancy,
            match="targeted",
            source_id=capacity_reservation_id,
            retained=zero_size_preference == RETAIN,
            tags=tags,
        )
        source.interruptible_id, source.target = given.capacity_reservation_id, instance_count
        source.count -= instance_count
        source.put(call)
        remember(call, client_token, given.capacity_reservation_id)
    return {
        "SourceCapacityReservationId": capacity_reservation_id,
        "TargetInstanceCount": instance_count,
        "Status": ACTIVE,
        "InterruptionType": "adhoc",
    }


def _check(source: CapacityReservation, more: int) -> None:
    if more < 1 or more > source.count - source.used:
        raise bad_value("InstanceCount", more, "The source reservation has not that much to spare.")


@ec2.operation
def update_interruptible_capacity_reservation_allocation(
    call: Call,
    capacity_reservation_id: str,
    target_instance_count: int | None = None,
    zero_size_preference: str = "",
) -> Members:
    """Give more room, or want some back."""
    source = active(call, capacity_reservation_id)
    given = CapacityReservation.get(call, source.interruptible_id) if source.interruptible_id else None
    if given is None or given.state != ACTIVE:
        text = f"The capacity reservation '{capacity_reservation_id}' has no interruptible allocation."
        raise Fault("InvalidCapacityReservationState", text)
    if zero_size_preference:
        given.retained = zero_size_preference == RETAIN
        given.put(call)
    if target_instance_count is not None:
        if target_instance_count < 0:
            raise bad_value("TargetInstanceCount", target_instance_count)
        if target_instance_count > given.count:
            _check(source, target_instance_count - given.count)
        source.target = target_instance_count
        source.put(call)
        reclaim(call, source, given)
    return {
        "InterruptibleCapacityReservationId": given.capacity_reservation_id,
        "SourceCapacityReservationId": capacity_reservation_id,
        "InstanceCount": given.count,
        "TargetInstanceCount": source.target,
        "Status": ACTIVE if given.count == source.target else "updating",
        "InterruptionType": "adhoc",
    }


def reclaim(call: Call, source: CapacityReservation, given: CapacityReservation) -> None:
    """Move what can be moved now, and warn the instances that are in the way of the rest."""
    _moved(call, source, given)
    if given.used <= source.target:
        return
    for claim in [*Claim.scan(call, given.capacity_reservation_id)][: given.used - source.target]:
        home = call.at(account=claim.owner)
        if one := Instance.get(home, claim.instance_id):
            detail = {"instance-id": one.instance_id, "instance-action": "terminate"}
            tell(home, WARNING, [one.arn(home)], detail)
    capacity_reclaimed.later(call, capacity_reservation_id=source.capacity_reservation_id, delay=NOTICE)


def _moved(call: Call, source: CapacityReservation, given: CapacityReservation) -> None:
    count = max(source.target, given.used)
    source.count, given.count = source.count + given.count - count, count
    given.put(call)
    source.put(call)
    if not given.count and not given.retained:
        end(call, given, CANCELLED)


def _both(call: Call, capacity_reservation_id: str) -> tuple[CapacityReservation, CapacityReservation] | None:
    """A source and what it lets others use, if both still hold room."""
    source = CapacityReservation.get(call, capacity_reservation_id)
    given = CapacityReservation.get(call, source.interruptible_id) if source and source.interruptible_id else None
    return (source, given) if source and given and source.state == given.state == ACTIVE else None


@ec2.task
def capacity_reclaimed(call: Call, capacity_reservation_id: str) -> None:
    """The notice is over: end what still runs in the room that is wanted back, and take it as it becomes free."""
    if both := _both(call, capacity_reservation_id):
        source, given = both
        for claim in [*Claim.scan(call, given.capacity_reservation_id)][: max(0, given.used - source.target)]:
            home = call.at(account=claim.owner)
            one = Instance.get(home, claim.instance_id)
            if one and one.state == RUNNING:
                states.terminate(home, one, RECLAIMED)
        _moved(call, source, given)
        if given.used > source.target:
            capacity_reclaimed.later(call, capacity_reservation_id=capacity_reservation_id, delay=2.0)


@at_end
def ended(call: Call, one: CapacityReservation, state: str) -> None:
    """With a source ends what it lets others use; an interruptible one's room returns to its source."""
    if one.source_id:
        source = CapacityReservation.get(sharing.where(call, one.source_id), one.source_id)
        if source and source.state == ACTIVE:
            source.count, source.interruptible_id, source.target = source.count + one.count, "", 0
            source.put(call)
    elif one.interruptible_id:
        given = CapacityReservation.get(call, one.interruptible_id)
        if given and given.state == ACTIVE:
            end(call, given, state)
