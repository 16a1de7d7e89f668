"""Reserved instances that are offered to others in the marketplace, in which nobody buys."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.tokens import made_before, remember

from .reserved import reserved

LEAST = 30 * 86400.0
"""So long one must have them before one may sell them."""
MONTH = 2_628_000.0


class Listing(Record):
    """An offer of some of one's reserved instances."""

    listing_id: str
    reserved_instances_id: str
    count: int
    schedules: list[Members]
    created: float
    token: str
    cancelled: float = 0.0


FILTERS = Filters(
    {
        "reserved-instances-id": "ReservedInstancesId",
        "reserved-instances-listing-id": "ReservedInstancesListingId",
        "status": "Status",
        "status-message": "StatusMessage",
    },
    tags=None,
)


@ec2.operation
def create_reserved_instances_listing(
    call: Call, reserved_instances_id: str, instance_count: int, price_schedules: list[Members], client_token: str
) -> Members:
    """Offer reserved instances to others."""
    if made := made_before(call, client_token):
        return _answer(call, listing(call, made))
    one = reserved(call, reserved_instances_id)
    if one.terms["OfferingClass"] != "standard" or one.state(call) != "active":
        raise Fault("InvalidState", "Only active standard Reserved Instances can be listed.")
    if call.now < one.start + LEAST:
        text = "A Reserved Instance must be active for at least 30 days before it can be listed."
        raise Fault("InvalidState", text)
    if not 1 <= instance_count <= one.count:
        raise bad_value("InstanceCount", instance_count)
    found = Listing(uuid4(), reserved_instances_id, instance_count, price_schedules, call.now, client_token).put(call)
    remember(call, client_token, found.listing_id)
    return _answer(call, found)


@ec2.operation
def describe_reserved_instances_listings(
    call: Call,
    reserved_instances_id: str = "",
    reserved_instances_listing_id: str = "",
    filters: list[dict[str, Any]] = [],
) -> Members:
    if reserved_instances_listing_id:
        found = [listing(call, reserved_instances_listing_id)]
    else:
        found = [*Listing.scan(call)]
    views = [shown(call, one) for one in found if reserved_instances_id in ("", one.reserved_instances_id)]
    return {"ReservedInstancesListings": FILTERS.select(views, filters)}


@ec2.operation
def cancel_reserved_instances_listing(call: Call, reserved_instances_listing_id: str) -> Members:
    """Offer them no more."""
    one = listing(call, reserved_instances_listing_id)
    if one.cancelled:
        raise Fault("InvalidState", "The listing is cancelled.")
    one.cancelled = call.now
    return _answer(call, one.put(call))


def listing(call: Call, listing_id: str) -> Listing:
    if found := Listing.get(call, listing_id):
        return found
    raise Fault("InvalidReservedInstancesListingId.NotFound", f"The listing ID '{listing_id}' does not exist")


def _answer(call: Call, one: Listing) -> Members:
    return {"ReservedInstancesListings": [shown(call, one)]}


def shown(call: Call, one: Listing) -> Members:
    passed = (call.now - one.created) / MONTH
    terms = sorted((schedule.get("Term", 0) for schedule in one.schedules), reverse=True)
    left = (terms[0] if terms else 0) - int(passed)
    active = next((term for term in sorted(terms) if term >= left), 0)
    return {
        "ReservedInstancesListingId": one.listing_id,
        "ReservedInstancesId": one.reserved_instances_id,
        "ClientToken": one.token,
        "CreateDate": one.created,
        "UpdateDate": one.cancelled or one.created,
        "Status": "cancelled" if one.cancelled else "active",
        "StatusMessage": "CANCELLED" if one.cancelled else "ACTIVE",
        "InstanceCounts": [{"State": "cancelled" if one.cancelled else "available", "InstanceCount": one.count}],
        "PriceSchedules": [
            {"CurrencyCode": "USD"} | schedule | {"Active": schedule.get("Term") == active}
            for schedule in one.schedules
        ],
        "Tags": [],
    }
