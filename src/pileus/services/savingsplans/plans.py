"""Plans that are bought: paid, in force until their term is over, or given back within a week."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, paging, tagging
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.kernel.resource_type import resource_type

from . import savingsplans
from .offerings import HOUR, PRODUCTS, Members, Offering, broken, offering

SECONDS = 1.0
WEEK = 7 * 86400.0
MOST_RETURNED = Decimal(100)
"""Dollars an hour up to which a plan can be given back."""


@resource_type(savingsplans, "savingsPlanId", missing=("ResourceNotFoundException", "Savings Plan {} does not exist."))
class SavingsPlan(Record, arn="arn:{partition}:savingsplans::{account}:savingsplan/{savings_plan_id}", scope="account"):
    """A promise of so many dollars an hour."""

    savings_plan_id: str
    offering: list[Any]
    commitment: str
    upfront: str
    start: float
    end: float
    returned: float = 0.0
    deleted: bool = False
    tags: dict[str, str] = {}

    def state(self, call: Call) -> str:
        if self.deleted:
            return "queued-deleted"
        if self.returned:
            return "returned" if call.now >= self.returned + SECONDS else "pending-return"
        if call.now < self.start:
            return "queued"
        if call.now >= self.end:
            return "retired"
        return "active" if call.now >= self.start + SECONDS else "payment-pending"


class Token(Record, scope="account"):
    """A purchase that came with a token."""

    token: str
    digest: bytes
    savings_plan_id: str


FILTERS = Filters(
    {
        "region": "region",
        "ec2-instance-family": "ec2InstanceFamily",
        "instance-family": "ec2InstanceFamily",
        "commitment": "commitment",
        "upfront": "upfrontPaymentAmount",
        "term": "termDurationInSeconds",
        "savings-plan-type": "savingsPlanType",
        "payment-option": "paymentOption",
        "start": "start",
        "end": "end",
    },
    tags=None,
    unknown=lambda name: broken(f"The filter {name} is not supported."),
)


def plan(call: Call, savings_plan_id: str) -> SavingsPlan:
    if found := SavingsPlan.get(call, savings_plan_id):
        return found
    raise Fault("ResourceNotFoundException", f"Savings Plan {savings_plan_id} does not exist.")


@savingsplans.operation
def create_savings_plan(
    call: Call,
    savings_plan_offering_id: str,
    commitment: str,
    upfront_payment_amount: str = "",
    purchase_time: float = 0.0,
    client_token: str = "",
    tags: dict[str, str] = {},
) -> Members:
    """Buy a plan, now or at a later time."""
    digest = hashlib.blake2b(msgspec.msgpack.encode([savings_plan_offering_id, commitment]), digest_size=16).digest()
    if client_token and (made := Token.get(call, client_token)):
        if made.digest != digest:
            raise broken("The client token was used before with different parameters.")
        return {"savingsPlanId": made.savings_plan_id}
    found = offering(call, savings_plan_offering_id)
    amount = dollars(commitment, "commitment")
    if amount < Decimal("0.001"):
        raise broken("The commitment must be at least 0.001 an hour.")
    if upfront_payment_amount and found.payment != "Partial Upfront":
        raise broken("The upfront payment amount can be given for Partial Upfront only.")
    if purchase_time and purchase_time <= call.now:
        raise broken("The purchase time must be in the future.")
    start = purchase_time or call.now
    upfront = str(_upfront(found, amount, upfront_payment_amount))
    one = SavingsPlan(uuid4(), [*found], commitment, upfront, start, start + found.duration, tags=tags).put(call)
    if client_token:
        Token(client_token, digest, one.savings_plan_id).put(call)
    return {"savingsPlanId": one.savings_plan_id}


def dollars(text: str, what: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise broken(f"The {what} {text} is not an amount.") from None


def _upfront(found: Offering, amount: Decimal, given: str) -> Decimal:
    whole = amount * (found.duration // HOUR)
    if found.payment == "All Upfront":
        return whole
    if found.payment == "No Upfront":
        return Decimal(0)
    half = whole / 2
    wanted = dollars(given, "upfront payment amount") if given else half
    if not half <= wanted < whole:
        raise broken("The upfront payment must be at least half of the whole, and less than all of it.")
    return wanted


@savingsplans.operation
def describe_savings_plans(
    call: Call,
    savings_plan_arns: list[str] = [],
    savings_plan_ids: list[str] = [],
    states: list[str] = [],
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
    max_results: int = 1000,
) -> Members:
    """The account's plans."""
    test = FILTERS.test(filters)
    ids = {*savings_plan_ids, *(arn.rpartition("/")[2] for arn in savings_plan_arns)}
    found = [
        view
        for one in SavingsPlan.scan(call)
        if not ids or one.savings_plan_id in ids
        if test(view := shown(call, one)) and (not states or view["state"] in states)
    ]
    start = paging.opened(call, next_token) if next_token else 0
    answer: Members = {"savingsPlans": found[start : start + max_results]}
    return answer | ({"nextToken": paging.sealed(call, start + max_results)} if found[start + max_results :] else {})


def shown(call: Call, one: SavingsPlan) -> Members:
    terms = Offering(*one.offering)
    amount = Decimal(one.commitment)
    hours = terms.duration // HOUR
    told = {
        "offeringId": terms.id,
        "savingsPlanId": one.savings_plan_id,
        "savingsPlanArn": one.arn(call),
        "description": terms.description,
        "start": iso(one.start),
        "end": iso(one.end),
        "state": one.state(call),
        "region": terms.region or None,
        "ec2InstanceFamily": terms.family or None,
        "savingsPlanType": terms.type,
        "paymentOption": terms.payment,
        "productTypes": PRODUCTS[terms.type],
        "currency": "USD",
        "commitment": one.commitment,
        "upfrontPaymentAmount": one.upfront,
        "recurringPaymentAmount": f"{amount - Decimal(one.upfront) / hours:.8f}",
        "termDurationInSeconds": terms.duration,
        "tags": one.tags,
        "returnableUntil": iso(one.start + WEEK) if amount <= MOST_RETURNED else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@savingsplans.operation
def delete_queued_savings_plan(call: Call, savings_plan_id: str) -> None:
    """Take back a purchase whose time has not come."""
    one = plan(call, savings_plan_id)
    if one.state(call) != "queued":
        raise broken("Only queued Savings Plans can be deleted.")
    one.deleted = True
    one.put(call)


@savingsplans.operation
def return_savings_plan(call: Call, savings_plan_id: str) -> Members:
    """Give back a small plan within a week of its purchase, and within the month."""
    one = plan(call, savings_plan_id)
    if one.state(call) != "active":
        raise broken("Only active Savings Plans can be returned.")
    if Decimal(one.commitment) > MOST_RETURNED:
        raise broken(f"Savings Plans of more than {MOST_RETURNED} an hour cannot be returned.")
    bought, today = (datetime.fromtimestamp(at, UTC) for at in (one.start, call.now))
    if call.now > one.start + WEEK or (bought.year, bought.month) != (today.year, today.month):
        raise broken("The return period of the Savings Plan is over.")
    one.returned = call.now
    one.put(call)
    return {"savingsPlanId": savings_plan_id}


tagging.declare(savingsplans)
