"""Capacity Blocks: accelerated instances for some days from a date on, paid for when they are bought.

EC2 User Guide, "Capacity Blocks for ML". What is on offer is computed, not kept: an offering's id says all of it.
Payment takes ten seconds. Half an hour before a block ends its instances are terminated. Left out: UltraServers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, iso, paged
from pileus.services.ec2.faults import bad_value, combination, missing
from pileus.services.ec2.kinds import kind, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import prices, states
from .capacity import ACTIVE, EXPIRED, SCHEDULED, CapacityReservation, Claim, end, reserve, shown
from .commitments import reservation_begins
from .instances import Instance
from .types import InstanceType, instance_type, table, zones_of

HOUR, DAY = 3600.0, 86400.0
BEGINS = 11.5 * HOUR
"""Blocks begin and end at half past eleven, UTC."""
PAID = 10.0
CLEARED = 1800.0
"""Before the end, instances are terminated."""
AHEAD = 56
"""Days for which blocks are on offer."""
MOST = 64
FAMILIES = ("p4d", "p4de", "p5", "p5e", "p5en", "p6-b200", "p6-b300", "trn1", "trn2")
PAYMENT_PENDING = "payment-pending"
EXPIRES = "Server.CapacityBlockExpired", "The Capacity Block has reached its end"


@kind(
    "capacity-block",
    "cb",
    missing=("InvalidCapacityBlockId.NotFound", "The Capacity Block ID '{}' does not exist."),
    malformed="InvalidCapacityBlockId.Malformed",
)
class CapacityBlock(Record, arn="capacity-block/{capacity_block_id}"):
    """A block that was bought."""

    capacity_block_id: str
    capacity_reservation_id: str
    availability_zone: str
    created: float
    tags: dict[str, str] = {}


class Offering(NamedTuple):
    """What one can buy."""

    kind: InstanceType
    zone: str
    instances: int
    start: float
    hours: int

    def id(self) -> str:
        """All of it in 68 bits, of which 17 tell that it is one of ours."""
        names = blocked()
        number = names.index(self.kind.name) << 43 | (ord(self.zone[-1]) - 97) << 39 | self.instances << 32
        number |= int(self.start // DAY) << 16 | self.hours // 24
        return f"cb-{number << 17 | _mark(number, self.zone[:-1]):017x}"

    @property
    def end(self) -> float:
        return self.start + self.hours * HOUR

    def fee(self, region: str) -> str:
        return f"{prices.on_demand(self.kind, region) * 0.55 * self.instances * self.hours:.2f}"


def _mark(number: int, region: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"{region}/{number}".encode(), digest_size=3).digest(), "big") & 0x1FFFF


def blocked() -> list[str]:
    """The types that come in blocks."""
    return sorted(one.name for one in table().all if one.family in FAMILIES)


def offering(call: Call, offering_id: str) -> Offering:
    """What an id says; raises what EC2 says of one that it does not know."""
    absent = Fault("InvalidCapacityBlockOfferingId.NotFound", f"The offering ID '{offering_id}' does not exist.")
    try:
        number, mark = divmod(int(offering_id.removeprefix("cb-"), 16), 1 << 17)
    except ValueError:
        raise absent from None
    if mark != _mark(number, call.region):
        raise absent
    name, zone = blocked()[number >> 43], f"{call.region}{chr(97 + (number >> 39 & 15))}"
    start = (number >> 16 & 0xFFFF) * DAY + BEGINS
    return Offering(instance_type(call, name), zone, number >> 32 & 127, start, (number & 0xFFFF) * 24)


def check_hours(hours: int) -> None:
    days, rest = divmod(hours, 24)
    if rest or not 1 <= days <= 182 or (days > 14 and days % 7):
        text = "Specify 1-day increments up to 14 days, and 7-day increments up to 182 days."
        raise bad_value("CapacityDurationHours", hours, text)


@ec2.operation
def describe_capacity_block_offerings(
    call: Call,
    capacity_duration_hours: int,
    instance_type: str = "",
    instance_type_preferences: list[dict[str, Any]] = [],
    instance_count: int = 1,
    start_date_range: float = 0.0,
    end_date_range: float = 0.0,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What one can buy: of each type the block that begins first."""
    names = [one["InstanceType"] for one in instance_type_preferences] or [instance_type]
    if not names[0]:
        raise missing("InstanceType", "InstanceTypePreferences")
    check_hours(capacity_duration_hours)
    if not 1 <= instance_count <= MOST:
        raise bad_value("InstanceCount", instance_count, f"It must be between 1 and {MOST}.")
    if end_date_range and end_date_range < start_date_range:
        raise combination("EndDateRange must be later than StartDateRange.")
    kinds = [_blocked(call, name) for name in names]

    found = [_earliest(call, one, instance_count, capacity_duration_hours, start_date_range) for one in kinds]
    shown = (shown_offering(call, one) for one in found if one and (not end_date_range or one.end <= end_date_range))
    return paged(call, "CapacityBlockOfferings", shown, max_results or 100, next_token)


def _earliest(call: Call, kind: InstanceType, count: int, hours: int, since: float) -> Offering | None:
    for start in _starts(call.now):
        if start >= since:
            return Offering(kind, zones_of(call, kind)[0], count, start, hours)
    return None


def _blocked(call: Call, name: str) -> InstanceType:
    one = instance_type(call, name)
    if one.family not in FAMILIES:
        raise bad_value("InstanceType", name, "It is not supported by Capacity Blocks.")
    return one


def _starts(now: float) -> Iterator[float]:
    first = (now // DAY) * DAY + BEGINS
    for day in range(1, AHEAD + 1):
        yield first + day * DAY


def shown_offering(call: Call, one: Offering) -> Members:
    told = {
        "InstanceType": one.kind.name,
        "AvailabilityZone": one.zone,
        "InstanceCount": one.instances,
        "StartDate": one.start,
        "EndDate": one.end,
        "CapacityBlockDurationHours": one.hours,
        "CapacityBlockDurationMinutes": one.hours * 60,
        "UpfrontFee": one.fee(call.region),
        "CurrencyCode": "USD",
    }
    segment = told | {"AvailabilityZoneId": zone_id(call, one.zone)}
    more = {"CapacityBlockOfferingId": one.id(), "Tenancy": "default", "CapacityBlockOfferingSegments": [segment]}
    return told | more


def zone_id(call: Call, name: str) -> str:
    return next((zone.id for zone in zones(call.region) if zone.name == name), "")


@ec2.operation
def purchase_capacity_block(
    call: Call,
    capacity_block_offering_id: str,
    instance_platform: str,
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Buy a block. It is a reservation that only launches which name it can use."""
    offer = offering(call, capacity_block_offering_id)
    if offer.start <= call.now:
        raise Fault("InvalidCapacityBlockOfferingId.NotFound", "The Capacity Block offering is no longer available.")
    block = CapacityBlock(new_id(CapacityBlock), "", offer.zone, call.now)
    block.tags = specified(tag_specifications, "capacity-block", "capacity-reservation")
    one = reserve(
        call,
        instance_type=offer.kind.name,
        platform=instance_platform,
        zone=offer.zone,
        count=offer.instances,
        match="targeted",
        starts=offer.start,
        ends=offer.end,
        state=PAYMENT_PENDING,
        block_id=block.capacity_block_id,
        tags=specified(tag_specifications, "capacity-reservation", "capacity-block"),
    )
    block.capacity_reservation_id = one.capacity_reservation_id
    block.put(call)
    block_paid.later(call, capacity_reservation_id=one.capacity_reservation_id, delay=PAID)
    block_clears.later(call, capacity_reservation_id=one.capacity_reservation_id, due=one.ends - CLEARED)
    view = shown(call, one)
    return {"CapacityReservation": view, "CapacityReservations": [view], "CapacityBlocks": [shown_block(call, block)]}


@ec2.task
def block_paid(call: Call, capacity_reservation_id: str) -> None:
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one and one.state == PAYMENT_PENDING:
        one.state = SCHEDULED
        one.put(call)
        reservation_begins.later(call, capacity_reservation_id=capacity_reservation_id, due=one.starts)


@ec2.task
def block_clears(call: Call, capacity_reservation_id: str) -> None:
    """A block is about to end, if it was not extended: its instances end before it does."""
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one is None or one.state != ACTIVE or one.ends - CLEARED > call.now:
        return
    for claim in [*Claim.scan(call, capacity_reservation_id)]:
        home = call.at(account=claim.owner)
        if instance := Instance.get(home, claim.instance_id):
            states.terminate(home, instance, EXPIRES)
    if one.ends <= call.now:
        end(call, one, EXPIRED)


# Looking at blocks


def _reservation(call: Call, block: CapacityBlock) -> CapacityReservation:
    found = CapacityReservation.get(call, block.capacity_reservation_id)
    assert found
    return found


FILTERS = Filters(
    {
        "capacity-block-id": "CapacityBlockId",
        "ultraserver-type": lambda shown: "instances",
        "availability-zone": "AvailabilityZone",
        "start-date": lambda shown: iso(shown["StartDate"]),
        "end-date": lambda shown: iso(shown["EndDate"]),
        "create-date": lambda shown: iso(shown["CreateDate"]),
        "state": "State",
        "tags": "Tags.Key",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)
STATUS = Filters({"interconnect-status": "InterconnectStatus"}, tags=None)


@ec2.operation
def describe_capacity_blocks(
    call: Call,
    capacity_block_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    ids = capacity_block_ids
    views = "CapacityBlocks", shown_block
    return described(call, CapacityBlock, FILTERS, *views, ids, filters, max_results, next_token, by_shown=True)


def shown_block(call: Call, block: CapacityBlock) -> Members:
    one = _reservation(call, block)
    return {
        "CapacityBlockId": block.capacity_block_id,
        "AvailabilityZone": block.availability_zone,
        "AvailabilityZoneId": zone_id(call, block.availability_zone),
        "CapacityReservationIds": [block.capacity_reservation_id],
        "StartDate": one.starts,
        "EndDate": one.ends,
        "CreateDate": block.created,
        "State": one.state,
        "Tags": shown_tags(block.tags),
    }


@ec2.operation
def describe_capacity_block_status(
    call: Call,
    capacity_block_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """How much of blocks can still be launched into; the interconnect of what runs here is well."""
    ids = capacity_block_ids
    views = "CapacityBlockStatuses", _status
    return described(call, CapacityBlock, STATUS, *views, ids, filters, max_results, next_token, by_shown=True)


def _status(call: Call, block: CapacityBlock) -> Members:
    one = _reservation(call, block)
    free = one.count - one.used if one.state == ACTIVE else 0
    counts = {"TotalCapacity": one.count, "TotalAvailableCapacity": free, "TotalUnavailableCapacity": one.count - free}
    return {
        "CapacityBlockId": block.capacity_block_id,
        "InterconnectStatus": "ok",
        "CapacityReservationStatuses": [{"CapacityReservationId": one.capacity_reservation_id} | counts],
    } | counts
