"""Reservations of dedicated hosts: hosts that are paid for a year or three, as records of billing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.faults import combination, invalid
from pileus.services.ec2.kinds import all_named, kind, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import prices
from .hosts import Host, of_family
from .reserved_offerings import DISCOUNTS, HOUR, YEAR
from .types import there

PAYMENTS = ("NoUpfront", "PartialUpfront", "AllUpfront")
DEARER = 1.1
"""What a whole host costs of what its instances would."""


@kind(
    "host-reservation",
    "hr",
    missing=("InvalidHostReservationId.NotFound", "The host reservation ID '{}' does not exist."),
    malformed="InvalidHostReservationId.Malformed",
)
class HostReservation(Record, arn="host-reservation/{host_reservation_id}"):
    """Hosts that are paid for."""

    host_reservation_id: str
    host_ids: list[str]
    terms: Members
    start: float
    end: float
    tags: dict[str, str] = {}


class HostOffering(NamedTuple):
    """What one can buy."""

    family: str
    years: int
    payment: int

    def id(self, region: str) -> str:
        text = f"{region}/{self.family}/{self.years}/{self.payment}".encode()
        return f"hro-{hashlib.blake2b(text, digest_size=9).hexdigest()[:17]}"

    def shown(self, region: str) -> Members:
        largest = max(of_family(self.family), key=lambda one: one.vcpus)
        hourly = prices.on_demand(largest, region) * DEARER * DISCOUNTS[self.years, self.payment]
        upfront = hourly * self.years * YEAR / HOUR * (0.0, 0.5, 1.0)[self.payment]
        return {
            "OfferingId": self.id(region),
            "InstanceFamily": self.family,
            "Duration": self.years * YEAR,
            "PaymentOption": PAYMENTS[self.payment],
            "CurrencyCode": "USD",
            "HourlyPrice": f"{hourly * (1.0, 0.5, 0.0)[self.payment]:.3f}",
            "UpfrontPrice": f"{upfront:.3f}",
        }


OFFERING_FILTERS = Filters({"instance-family": "InstanceFamily", "payment-option": "PaymentOption"}, tags=None)
FILTERS = Filters(
    {
        "instance-family": "terms.InstanceFamily",
        "payment-option": "terms.PaymentOption",
        "state": lambda one: "active",
    }
)


def offerings(call: Call) -> Iterator[HostOffering]:
    families = {one.family for one in there(call) if not one.burstable or one.family in ("t2", "t3")}
    for family in sorted(families):
        for years in (1, 3):
            for payment in range(len(PAYMENTS)):
                yield HostOffering(family, years, payment)


@ec2.operation
def describe_host_reservation_offerings(
    call: Call,
    offering_id: str = "",
    min_duration: int = 0,
    max_duration: int = 0,
    filter: list[dict[str, Any]] = [],  # noqa: A002
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    test = OFFERING_FILTERS.test(filter)
    shown = (
        view
        for one in offerings(call)
        if offering_id in ("", one.id(call.region))
        if test(view := one.shown(call.region))
        and min_duration <= view["Duration"]
        and (not max_duration or view["Duration"] <= max_duration)
    )
    return paged(call, "OfferingSet", shown, max_results, next_token)


def _offering(call: Call, offering_id: str) -> HostOffering:
    for one in offerings(call):
        if one.id(call.region) == offering_id:
            return one
    raise Fault("InvalidHostReservationOfferingId.NotFound", f"The offering ID '{offering_id}' does not exist.")


@ec2.operation
def get_host_reservation_purchase_preview(call: Call, host_id_set: list[str], offering_id: str) -> Members:
    """What a purchase would cost."""
    one = _offering(call, offering_id)
    hosts = all_named(call, Host, host_id_set)
    if any(host.family != one.family for host in hosts):
        raise combination(f"The offering is for hosts of the family {one.family}.")
    taken = {what for bought in HostReservation.scan(call) for what in bought.host_ids if bought.end > call.now}
    if taken & {*host_id_set}:
        raise invalid("A Dedicated Host has a reservation already.")
    terms = one.shown(call.region)
    count = len(hosts)
    hourly, upfront = float(terms["HourlyPrice"]) * count, float(terms["UpfrontPrice"]) * count
    purchase = {name: value for name, value in terms.items() if name != "OfferingId"} | {
        "HostIdSet": host_id_set,
        "HourlyPrice": f"{hourly:.3f}",
        "UpfrontPrice": f"{upfront:.3f}",
    }
    return {
        "CurrencyCode": "USD",
        "Purchase": [purchase],
        "TotalHourlyPrice": purchase["HourlyPrice"],
        "TotalUpfrontPrice": purchase["UpfrontPrice"],
    }


@ec2.operation
def purchase_host_reservation(
    call: Call,
    host_id_set: list[str],
    offering_id: str,
    limit_price: str = "",
    currency_code: str = "USD",
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Pay for hosts that one has."""
    if made := made_before(call, client_token):
        found = HostReservation.get(call, made)
        assert found
        return {"Purchase": [{"HostReservationId": made, "HostIdSet": found.host_ids}], "ClientToken": client_token}
    preview = get_host_reservation_purchase_preview(call, host_id_set, offering_id)
    if limit_price and float(limit_price) < float(preview["TotalUpfrontPrice"]):
        raise invalid("The total upfront price exceeds the limit price.")
    one = _offering(call, offering_id)
    bought = HostReservation(
        new_id(HostReservation),
        host_id_set,
        one.shown(call.region),
        call.now,
        call.now + one.years * YEAR,
        specified(tag_specifications, "host-reservation"),
    ).put(call)
    remember(call, client_token, bought.host_reservation_id)
    preview["Purchase"][0]["HostReservationId"] = bought.host_reservation_id
    told = preview | {"CurrencyCode": currency_code}
    return told | ({"ClientToken": client_token} if client_token else {})


@ec2.operation
def describe_host_reservations(
    call: Call,
    host_reservation_id_set: list[str] = [],
    filter: list[dict[str, Any]] = [],  # noqa: A002
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        HostReservation,
        FILTERS,
        "HostReservationSet",
        _shown,
        host_reservation_id_set,
        filter,
        max_results,
        next_token,
    )


def _shown(call: Call, one: HostReservation) -> Members:
    return one.terms | {
        "HostReservationId": one.host_reservation_id,
        "HostIdSet": one.host_ids,
        "Count": len(one.host_ids),
        "Start": one.start,
        "End": one.end,
        "State": "active" if call.now < one.end else "retired",
        "Tags": shown_tags(one.tags),
    }
