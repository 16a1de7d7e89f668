"""Capacity reservations: room for instances of one type in one zone.

Who uses it is in `capacity_use`, those that begin later are in `commitments`, those of GPUs in `capacity_blocks`, those
that can be taken back in `interruptible_capacity`. Left out: Outposts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, described, iso
from pileus.services.ec2.faults import bad_value, combination, missing, unsupported
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .capacity_samples import Sample, note
from .capacity_samples import manager as watched
from .instances import Instance
from .types import instance_type as type_named

ACTIVE, EXPIRED, CANCELLED = "active", "expired", "cancelled"
ASSESSING, SCHEDULED = "assessing", "scheduled"
BLOCK = "capacity-block"
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
    starts: float = 0.0
    """When a future-dated one or a block begins; 0 for at once."""
    first_start: float = 0.0
    """When it was to begin at first, if that was put off."""
    commitment: int = 0
    """Seconds for which a future-dated one is committed to."""
    committed: int = 0
    delivery: str = ""
    billing_owner: str = ""
    """The account that pays for what is not used, if that is another one."""
    block_id: str = ""
    source_id: str = ""
    """Of an interruptible one, the reservation whose room it is."""
    interruptible_id: str = ""
    """Of a source, the interruptible one that has some of its room."""
    target: int = 0
    """How much of its room a source wants the interruptible one to have."""
    retained: bool = False
    """Whether an interruptible one stays when it has no room left."""
    tags: dict[str, str] = {}

    def put(self, call: Call) -> Self:
        super().put(call)
        if watched(call):
            active = self.state == ACTIVE
            count, used = (self.count, self.used) if active else (0, 0)
            committed = self.committed if active and call.now < self.commitment_ends else 0
            about = {"State": self.state, "Ends": self.ends, "Tags": self.tags} | self._about()
            note(call, Sample(self.capacity_reservation_id, call.now, count, used, about, committed=committed))
        return self

    def _about(self) -> Members:
        kept = ("instance_type", "platform", "availability_zone", "tenancy", "match", "created", "starts")
        return {name: getattr(self, name) for name in kept} | {
            "block": bool(self.block_id),
            "payer": self.billing_owner,
        }

    @property
    def commitment_ends(self) -> float:
        return (self.starts or self.created) + self.commitment if self.commitment else 0.0


ENDINGS: list[Callable[[Call, CapacityReservation, str], None]] = []


def at_end(step: Callable[[Call, CapacityReservation, str], None]) -> Callable[[Call, CapacityReservation, str], None]:
    """Declare what else happens when a reservation has ended."""
    ENDINGS.append(step)
    return step


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
        "start-date": lambda one: iso(one.starts or one.created),
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
    start_date: float = 0.0,
    commitment_duration: int = 0,
    delivery_preference: str = "",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Hold room for instances, at once or from a date on."""
    from . import commitments

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
    if start_date:
        commitments.scheduled(call, one, start_date, commitment_duration, delivery_preference)
    elif commitment_duration or delivery_preference:
        raise combination("CommitmentDuration and DeliveryPreference need a StartDate.")
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
    start_date: float = 0.0,
    quote_id: str = "",
    accept_modification_terms: bool = False,
) -> Members:
    """Change how much is held, and until when; or, as quoted, when it begins."""
    from . import commitments

    if start_date or quote_id:
        return commitments.put_off(call, capacity_reservation_id, start_date, quote_id, accept_modification_terms)
    one = active(call, capacity_reservation_id)
    _check_end(call, end_date, end_date_type)
    commitments.check(call, one, instance_count, end_date)
    if instance_count:
        if instance_count < one.used:
            raise bad_value("InstanceCount", instance_count, f"{one.used} instances are running in the reservation.")
        one.count = instance_count
    if end_date_type == "unlimited":
        one.ends = 0.0
    if end_date:
        one.ends = end_date
        expire_reservation.later(call, capacity_reservation_id=capacity_reservation_id, due=end_date)
    if instance_match_criteria not in ("", one.match) and one.used:
        text = f"The capacity reservation '{capacity_reservation_id}' must be idle to change its eligibility."
        raise Fault("InvalidCapacityReservationState", text)
    one.match = instance_match_criteria or one.match
    one.put(call)
    return {"Return": True}


@ec2.operation
def cancel_capacity_reservation(
    call: Call, capacity_reservation_id: str, apply_cancellation_charges: str = "", quote_id: str = ""
) -> Members:
    """Give room back; instances that run in it go on."""
    from . import commitments

    one = held(call, capacity_reservation_id)
    if one.block_id:
        raise unsupported("Capacity Blocks can't be cancelled.")
    commitments.wound_down(call, one, apply_cancellation_charges, quote_id)
    end(call, one, CANCELLED)
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
    for step in ENDINGS:
        step(call, one, state)


@ec2.task
def expire_reservation(call: Call, capacity_reservation_id: str) -> None:
    """The time of a reservation is over, if it has not been moved."""
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one and one.state == ACTIVE and one.ends and one.ends <= call.now:
        end(call, one, EXPIRED)


def active(call: Call, capacity_reservation_id: str) -> CapacityReservation:
    """A reservation of the account whose room can be used."""
    return _in(call, capacity_reservation_id, ACTIVE)


def held(call: Call, capacity_reservation_id: str) -> CapacityReservation:
    """A reservation of the account that has not ended."""
    return _in(call, capacity_reservation_id, ACTIVE, ASSESSING, SCHEDULED)


def _in(call: Call, capacity_reservation_id: str, *states: str) -> CapacityReservation:
    one = named(call, CapacityReservation, capacity_reservation_id)
    if one.state not in states:
        text = f"The capacity reservation '{capacity_reservation_id}' is {one.state}."
        raise Fault("InvalidCapacityReservationState", text)
    return one


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
        "StartDate": one.starts or one.created,
        "EndDate": one.ends or None,
        "EndDateType": "limited" if one.ends else "unlimited",
        "InstanceMatchCriteria": one.match,
        "CreateDate": one.created,
        "Tags": shown_tags(one.tags),
        "CapacityReservationFleetId": one.fleet_id or None,
        "PlacementGroupArn": one.placement_group or None,
        "ReservationType": BLOCK if one.block_id else "default",
        "CapacityBlockId": one.block_id or None,
        "UnusedReservationBillingOwnerId": one.billing_owner or None,
        "DeliveryPreference": one.delivery or None,
        "OriginalStartDate": one.first_start or None,
        "CapacityAllocations": [{"AllocationType": "used", "Count": one.used}] if one.used else None,
    } | _further(call, one)
    return {name: value for name, value in told.items() if value is not None}


def _further(call: Call, one: CapacityReservation) -> Members:
    """What only reservations of some kinds have."""
    told: Members = {}
    if one.commitment:
        told["CommitmentInfo"] = {
            "CommittedInstanceCount": one.committed,
            "CommitmentEndDate": one.commitment_ends,
            "CommitmentDuration": one.commitment,
        }
    if one.source_id:
        told |= {"Interruptible": True, "ZeroSizePreference": "retain" if one.retained else "default"}
        told["InterruptionInfo"] = {"SourceCapacityReservationId": one.source_id, "InterruptionType": "adhoc"}
    if given := CapacityReservation.get(call, one.interruptible_id) if one.interruptible_id else None:
        told["InterruptibleCapacityAllocation"] = {
            "InstanceCount": given.count,
            "TargetInstanceCount": one.target,
            "Status": "active" if given.count == one.target else "updating",
            "InterruptibleCapacityReservationId": given.capacity_reservation_id,
            "InterruptionType": "adhoc",
            "ZeroSizePreference": "retain" if given.retained else "default",
        }
    return told
