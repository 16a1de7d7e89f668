"""Future-dated capacity reservations: they begin on a date, and are committed to for a time from then on.

EC2 User Guide, "Future-dated Capacity Reservations". A request is assessed within a minute, and its capacity is always
there on its date. What a commitment forbids is possible after a quote that tells what it would cost; quotes are good
for a day and for once.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, combination, invalid, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .capacity import ACTIVE, ASSESSING, SCHEDULED, CapacityReservation, held
from .types import table

DAY = 86400.0
HOUR = 3600.0
ASSESSED = 60.0
SOONEST, LATEST = 5 * DAY, 120 * DAY
LEAST_VCPUS = 32
LEAST_COMMITMENT = 14 * DAY
FURTHEST = 30 * DAY
"""By how much a start may be put off in all."""
WIND_DOWN = "commitment-wind-down"


class Quote(Record):
    """What a change of a commitment would mean."""

    quote_id: str
    capacity_reservation_id: str
    created: float
    expires: float
    told: Members
    """As it is shown."""
    start: float = 0.0
    used: bool = False
    tags: dict[str, str] = {}

    def state(self, now: float) -> str:
        return "expired" if self.used or self.expires <= now else "active"


@kind(
    "capacity-reservation-cancellation-quote",
    "crcq",
    missing=("InvalidCapacityReservationCancellationQuoteId.NotFound", "The quote ID '{}' does not exist."),
)
class CancellationQuote(Quote, arn="capacity-reservation-cancellation-quote/{quote_id}"):
    quote_id: str


@kind(
    "capacity-reservation-modification-quote",
    "crmq",
    missing=("InvalidCapacityReservationModificationQuoteId.NotFound", "The quote ID '{}' does not exist."),
)
class ModificationQuote(Quote, arn="capacity-reservation-modification-quote/{quote_id}"):
    quote_id: str


FILTERS = Filters({"capacity-reservation-id": "CapacityReservationId", "quote-state": "QuoteState"}, tags=None)


def scheduled(call: Call, one: CapacityReservation, start: float, commitment: int, delivery: str) -> None:
    """A new reservation is to begin on a date."""
    if not commitment or delivery != "incremental":
        raise missing("CommitmentDuration" if not commitment else "DeliveryPreference")
    if not call.now + SOONEST <= start <= call.now + LATEST:
        raise bad_value("StartDate", start, "It must be between 5 and 120 days in the future.")
    if commitment < LEAST_COMMITMENT:
        raise bad_value("CommitmentDuration", commitment, f"It must be at least {int(LEAST_COMMITMENT)} seconds.")
    if one.ends and one.ends < start + commitment:
        raise combination("EndDate can't be within the commitment duration.")
    if one.match != "targeted":
        raise combination("Future-dated Capacity Reservations must have an InstanceMatchCriteria of 'targeted'.")
    found = table().get(one.instance_type)
    if found and found.vcpus * one.count < LEAST_VCPUS:
        raise bad_value("InstanceCount", one.count, f"It must make up at least {LEAST_VCPUS} vCPUs.")
    one.state, one.starts, one.commitment, one.committed, one.delivery = (
        ASSESSING,
        start,
        commitment,
        one.count,
        delivery,
    )
    one.put(call)
    reservation_assessed.later(call, capacity_reservation_id=one.capacity_reservation_id, delay=ASSESSED)


@ec2.task
def reservation_assessed(call: Call, capacity_reservation_id: str) -> None:
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one and one.state == ASSESSING:
        one.state = SCHEDULED
        one.put(call)
        reservation_begins.later(call, capacity_reservation_id=capacity_reservation_id, due=one.starts)


@ec2.task
def reservation_begins(call: Call, capacity_reservation_id: str) -> None:
    """The date of a reservation or a block has come, if it has not been put off."""
    one = CapacityReservation.get(call, capacity_reservation_id)
    if one and one.state == SCHEDULED and one.starts <= call.now:
        one.state = ACTIVE
        one.put(call)


def check(call: Call, one: CapacityReservation, count: int, end: float) -> None:
    """Raise what EC2 says of a change that a commitment forbids."""
    if one.block_id:
        raise Fault("InvalidCapacityReservationState", "Capacity Blocks can't be modified.")
    if call.now < one.commitment_ends and (0 < count < one.committed or 0 < end < one.commitment_ends):
        text = f"The capacity reservation '{one.capacity_reservation_id}' is within its commitment duration."
        raise Fault("InvalidCapacityReservationState", text)


def committed(call: Call, one: CapacityReservation) -> bool:
    return one.state == SCHEDULED or (one.state == ACTIVE and call.now < one.commitment_ends)


# Cancelling


@ec2.operation
def create_capacity_reservation_cancellation_quote(
    call: Call, capacity_reservation_id: str, tag_specifications: list[dict[str, Any]] = [], client_token: str = ""
) -> Members:
    """What it would cost to end a commitment."""
    if made := made_before(call, client_token):
        quote = named(call, CancellationQuote, made)
    else:
        one = held(call, capacity_reservation_id)
        if not committed(call, one):
            text = f"The capacity reservation '{capacity_reservation_id}' has no commitment that is in effect."
            raise Fault("InvalidCapacityReservationState", text)
        tags = specified(tag_specifications, "capacity-reservation-cancellation-quote")
        until = one.commitment_ends if one.state == ACTIVE else call.now + one.commitment
        term = {
            "CancellationType": WIND_DOWN,
            "ReservationState": one.state,
            "CommittedInstanceCount": one.committed,
            "ChargeCommitmentDurationHours": int((until - call.now) / HOUR),
            "ChargeEndDate": until,
        }
        told = {
            "CurrentConfiguration": {"InstanceCount": one.count, "ReservationState": one.state},
            "CancellationTerms": [term],
        }
        quote = CancellationQuote(
            new_id(CancellationQuote), capacity_reservation_id, call.now, call.now + DAY, told, tags=tags
        ).put(call)
        remember(call, client_token, quote.quote_id)
    return {"CapacityReservationCancellationQuote": shown_cancellation(call, quote)}


def wound_down(call: Call, one: CapacityReservation, charges: str, quote_id: str) -> None:
    """Raise unless a reservation may be cancelled, as it is or by a quote."""
    if not committed(call, one):
        if charges or quote_id:
            raise combination("The Capacity Reservation has no commitment that is in effect.")
        return
    if charges != WIND_DOWN or not quote_id:
        text = "A cancellation quote is needed to cancel a Capacity Reservation within its commitment duration."
        raise Fault("InvalidCapacityReservationState", text)
    _used(call, named(call, CancellationQuote, quote_id), one)


def _used(call: Call, quote: Quote, one: CapacityReservation) -> None:
    if quote.capacity_reservation_id != one.capacity_reservation_id or quote.state(call.now) != "active":
        raise bad_value("QuoteId", quote.quote_id, "It is not an active quote of this Capacity Reservation.")
    quote.used = True
    quote.put(call)


# Putting off


@ec2.operation
def create_capacity_reservation_date_change_quote(
    call: Call,
    capacity_reservation_id: str,
    new_start_date: float,
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """What a reservation would be like that begins later."""
    if made := made_before(call, client_token):
        quote = named(call, ModificationQuote, made)
    else:
        one = held(call, capacity_reservation_id)
        if one.state != SCHEDULED or one.block_id:
            text = f"The capacity reservation '{capacity_reservation_id}' is not a future-dated one that is scheduled."
            raise Fault("InvalidCapacityReservationState", text)
        first = one.first_start or one.starts
        if not one.starts < new_start_date <= first + FURTHEST:
            text = "The new start date must be later than the current one, and within 30 days of the original one."
            raise invalid(text)
        tags = specified(tag_specifications, "capacity-reservation-modification-quote")
        now = {"InstanceCount": one.count, "ReservationState": one.state, "StartDate": one.starts}
        update = {"NewStartDate": new_start_date, "NewCommitmentEndDate": new_start_date + one.commitment}
        told = {
            "CurrentConfiguration": now | {"OriginalStartDate": first},
            "ModificationTerms": {"ReservationUpdate": update | {"NewCommitmentDuration": one.commitment}},
        }
        until = min(call.now + DAY, one.starts - HOUR)
        quote = ModificationQuote(
            new_id(ModificationQuote), capacity_reservation_id, call.now, until, told, new_start_date, tags=tags
        ).put(call)
        remember(call, client_token, quote.quote_id)
    return {"CapacityReservationModificationQuote": shown_modification(call, quote)}


def put_off(call: Call, capacity_reservation_id: str, start: float, quote_id: str, accepted: bool) -> Members:
    """Let a reservation begin later, as quoted."""
    one = held(call, capacity_reservation_id)
    if not quote_id:
        raise missing("QuoteId")
    if not accepted:
        raise combination("AcceptModificationTerms must be true to apply the quote.")
    quote = named(call, ModificationQuote, quote_id)
    if start not in (0.0, quote.start):
        raise bad_value("StartDate", start, "It is not that of the quote.")
    _used(call, quote, one)
    one.first_start = one.first_start or one.starts
    one.starts = quote.start
    one.put(call)
    reservation_begins.later(call, capacity_reservation_id=capacity_reservation_id, due=one.starts)
    details: Members = {"StartDate": one.starts, "CommitmentEndDate": one.commitment_ends}
    details |= {"CommitmentDuration": one.commitment, "EndDateType": "limited" if one.ends else "unlimited"}
    return {"Return": True, "AdjustmentStatus": "applied", "AdjustmentDetails": details}


# Looking at quotes


def _shown(call: Call, quote: Quote) -> Members:
    return {
        "CapacityReservationId": quote.capacity_reservation_id,
        "CreateTime": quote.created,
        "ExpirationTime": quote.expires,
        "QuoteState": quote.state(call.now),
        "Tags": shown_tags(quote.tags),
    } | quote.told


def shown_cancellation(call: Call, quote: CancellationQuote) -> Members:
    return {"CapacityReservationCancellationQuoteId": quote.quote_id} | _shown(call, quote)


def shown_modification(call: Call, quote: ModificationQuote) -> Members:
    return {"CapacityReservationModificationQuoteId": quote.quote_id} | _shown(call, quote)


@ec2.operation
def describe_capacity_reservation_cancellation_quotes(
    call: Call,
    capacity_reservation_cancellation_quote_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        CancellationQuote,
        FILTERS,
        "CapacityReservationCancellationQuotes",
        shown_cancellation,
        capacity_reservation_cancellation_quote_ids,
        filters,
        max_results,
        next_token,
        by_shown=True,
    )


@ec2.operation
def describe_capacity_reservation_date_change_quotes(
    call: Call,
    capacity_reservation_modification_quote_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        ModificationQuote,
        FILTERS,
        "CapacityReservationModificationQuotes",
        shown_modification,
        capacity_reservation_modification_quote_ids,
        filters,
        max_results,
        next_token,
        by_shown=True,
    )
