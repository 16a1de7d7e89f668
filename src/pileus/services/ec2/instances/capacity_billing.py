"""Who pays for the unused room of a reservation that is shared: its owner, or a consumer who has accepted that.

EC2 User Guide, "Billing assignment for shared Amazon EC2 Capacity Reservations". A request is open for twelve hours.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.access.attached import Membership
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination
from pileus.services.ec2.kinds import BY_RECORD, named
from pileus.services.ec2.network.sharing import given

from . import sharing
from .capacity import CapacityReservation, active, at_end

PENDING, ACCEPTED, REJECTED = "pending", "accepted", "rejected"
CANCELLED, REVOKED, EXPIRED = "cancelled", "revoked", "expired"
OPEN = 12 * 3600.0
OWNER, CONSUMER = "odcr-owner", "unused-reservation-billing-owner"


class BillingRequest(
    Record,
    scope="cloud",
    key=("region", "requested_by", "capacity_reservation_id", "at"),
    indexes={"by_consumer": ("region", "consumer")},
):
    """A request that another account pay."""

    region: str
    requested_by: str
    capacity_reservation_id: str
    at: float
    consumer: str
    status: str = PENDING
    changed: float = 0.0


FILTERS = Filters(
    {"status": "status", "requested-by": "requested_by", "unused-reservation-billing-owner": "consumer"}, tags=None
)


@ec2.operation
def associate_capacity_reservation_billing_owner(
    call: Call, capacity_reservation_id: str, unused_reservation_billing_owner_id: str
) -> Members:
    """Ask an account of the organization, with which a reservation is shared, to pay for what is not used."""
    one, consumer = active(call, capacity_reservation_id), unused_reservation_billing_owner_id
    ours, theirs = Membership.get(call, call.account), Membership.get(call, consumer)
    if consumer == call.account or not ours or not theirs or ours.organization != theirs.organization:
        raise bad_value("UnusedReservationBillingOwnerId", consumer, "It must be another account of the organization.")
    if not given(call.at(account=consumer), one.arn(call)):
        raise bad_value("UnusedReservationBillingOwnerId", consumer, "The reservation is not shared with it.")
    if one.billing_owner or any(found.status == PENDING for found in _of(call, capacity_reservation_id)):
        text = f"A billing request of the capacity reservation '{capacity_reservation_id}' is open or accepted."
        raise Fault("InvalidCapacityReservationState", text)
    request = BillingRequest(call.region, call.account, capacity_reservation_id, call.now, consumer, changed=call.now)
    request.put(call)
    billing_request_expires.later(call, capacity_reservation_id=capacity_reservation_id, at=call.now, delay=OPEN)
    return {"Return": True}


def _of(call: Call, capacity_reservation_id: str, owner: str = "") -> list[BillingRequest]:
    return [*BillingRequest.scan(call, call.region, owner or call.account, capacity_reservation_id)]


def _turn(call: Call, request: BillingRequest, status: str) -> None:
    request.status, request.changed = status, call.now
    request.put(call)


@ec2.task
def billing_request_expires(call: Call, capacity_reservation_id: str, at: float) -> None:
    request = BillingRequest.get(call, call.region, call.account, capacity_reservation_id, at)
    if request and request.status == PENDING:
        _turn(call, request, EXPIRED)


@ec2.operation
def disassociate_capacity_reservation_billing_owner(
    call: Call, capacity_reservation_id: str, unused_reservation_billing_owner_id: str
) -> Members:
    """Take back a request, whether it was accepted or not yet."""
    one = named(call, CapacityReservation, capacity_reservation_id)
    for request in _of(call, capacity_reservation_id):
        if request.consumer == unused_reservation_billing_owner_id and request.status in (PENDING, ACCEPTED):
            _turn(call, request, CANCELLED if request.status == PENDING else REVOKED)
            one.billing_owner = ""
            one.put(call)
            return {"Return": True}
    raise bad_value("UnusedReservationBillingOwnerId", unused_reservation_billing_owner_id)


@ec2.operation
def accept_capacity_reservation_billing_ownership(call: Call, capacity_reservation_id: str) -> Members:
    """Pay for what another account's reservation has unused."""
    home, request = _asked(call, capacity_reservation_id)
    _turn(call, request, ACCEPTED)
    if one := CapacityReservation.get(home, capacity_reservation_id):
        one.billing_owner = call.account
        one.put(home)
    return {"Return": True}


@ec2.operation
def reject_capacity_reservation_billing_ownership(call: Call, capacity_reservation_id: str) -> Members:
    _turn(call, _asked(call, capacity_reservation_id)[1], REJECTED)
    return {"Return": True}


def _asked(call: Call, capacity_reservation_id: str) -> tuple[Call, BillingRequest]:
    """The open request that the caller's account pay, and where the reservation is."""
    home = homes.of(call, capacity_reservation_id)
    for request in _of(call, capacity_reservation_id, home.account) if home else ():
        if home and request.consumer == call.account and request.status == PENDING:
            return home, request
    raise BY_RECORD[CapacityReservation].absent(capacity_reservation_id)


@at_end
def ended(call: Call, one: CapacityReservation, state: str) -> None:
    """A reservation has ended: nobody pays for it any more."""
    for request in _of(call, one.capacity_reservation_id):
        if request.status in (PENDING, ACCEPTED):
            _turn(call, request, CANCELLED if request.status == PENDING else REVOKED)


@ec2.operation
def describe_capacity_reservation_billing_requests(
    call: Call,
    role: str,
    capacity_reservation_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The requests that the account has made, or that were made to it."""
    own = "requested-by" if role == OWNER else CONSUMER
    if any(one.get("Name") == own for one in filters):
        raise combination(f"The filter '{own}' is not supported for the role '{role}'.")
    if role == OWNER:
        found = BillingRequest.scan(call, call.region, call.account)
    else:
        found = BillingRequest.scan(call, call.region, call.account, index="by_consumer")
    test = FILTERS.test(filters)
    wanted = (
        shown(call, one)
        for one in found
        if test(one) and (not capacity_reservation_ids or one.capacity_reservation_id in capacity_reservation_ids)
    )
    return paged(call, "CapacityReservationBillingRequests", wanted, max_results, next_token)


def shown(call: Call, request: BillingRequest) -> Members:
    told: Members = {
        "CapacityReservationId": request.capacity_reservation_id,
        "RequestedBy": request.requested_by,
        "UnusedReservationBillingOwnerId": request.consumer,
        "LastUpdateTime": request.changed,
        "Status": request.status,
    }
    one = CapacityReservation.get(sharing.where(call, request.capacity_reservation_id), request.capacity_reservation_id)
    if one:
        ids = {zone.name: zone.id for zone in zones(call.region)}
        told["CapacityReservationInfo"] = {
            "InstanceType": one.instance_type,
            "AvailabilityZone": one.availability_zone,
            "AvailabilityZoneId": ids.get(one.availability_zone),
            "Tenancy": one.tenancy,
        }
    return told


@ec2.forget
def forget(call: Call) -> None:
    """What an account that is reset has asked, or was asked."""
    for request in [one for one in BillingRequest.scan(call) if call.account in (one.requested_by, one.consumer)]:
        request.delete(call)
