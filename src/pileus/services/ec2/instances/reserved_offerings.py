"""Offerings of reserved instances: every type, for one year or three, with three ways to pay.

They are computed, and an offering's id says which one it is. Discounts are those that AWS publishes as usual. Left out:
offerings of other customers, in the marketplace.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged

from . import prices
from .types import InstanceType, instance_type, table, there, zones_of

YEAR = 31_536_000
HOUR = 3600
CLASSES = ("standard", "convertible")
PAYMENTS = ("No Upfront", "Partial Upfront", "All Upfront")
YEARS = (1, 3)
PRODUCTS = ("Linux/UNIX", "Windows")
DISCOUNTS = {(1, 0): 0.63, (1, 1): 0.60, (1, 2): 0.586, (3, 0): 0.432, (3, 1): 0.40, (3, 2): 0.376}
"""What is paid of the price on demand, by years and payment."""
CONVERTIBLE = 1.15
REGIONAL = 0xFF

FILTERS = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "duration": "Duration",
        "fixed-price": "FixedPrice",
        "instance-type": "InstanceType",
        "marketplace": "Marketplace",
        "product-description": "ProductDescription",
        "reserved-instances-offering-id": "ReservedInstancesOfferingId",
        "scope": "Scope",
        "usage-price": "UsagePrice",
    },
    tags=None,
)


class Offering(NamedTuple):
    """What one can buy."""

    kind: InstanceType
    zone: str
    """Empty for all of the Region."""
    convertible: bool
    payment: int
    years: int
    product: str

    @property
    def duration(self) -> int:
        return self.years * YEAR

    def hourly(self, region: str) -> float:
        """What an hour costs, all in all."""
        dearer = (CONVERTIBLE if self.convertible else 1.0) * prices.PRODUCTS[self.product]
        return prices.on_demand(self.kind, region) * DISCOUNTS[self.years, self.payment] * dearer

    def fixed(self, region: str) -> float:
        """What is paid at once."""
        part = (0.0, 0.5, 1.0)[self.payment]
        return float(round(self.hourly(region) * part * self.duration / HOUR))

    def recurring(self, region: str) -> float:
        """What is paid every hour."""
        return round(self.hourly(region) * (1.0, 0.5, 0.0)[self.payment], 5)


def id_of(call: Call, one: Offering) -> str:
    """An id that says which offering it is, and cannot be anything else."""
    names = [zone.name for zone in zones(call.region)]
    place = names.index(one.zone) if one.zone else REGIONAL
    bits = one.convertible | one.payment << 1 | (one.years == 3) << 3 | PRODUCTS.index(one.product) << 4
    number = _numbers()[one.kind.name]
    mark = hashlib.blake2b(
        f"{call.region}/{number}/{place}/{bits}/{one.kind.name}".encode(), digest_size=12
    ).hexdigest()
    return f"{number:04x}{place:02x}{bits:02x}-{mark[:4]}-4{mark[4:7]}-a{mark[7:10]}-{mark[10:22]}"


@cache
def _numbers() -> dict[str, int]:
    return {one.name: number for number, one in enumerate(table().all)}


def offering(call: Call, offering_id: str) -> Offering:
    """The offering of an id; raises what EC2 says of one that there is not."""
    absent = Fault(
        "InvalidReservedInstancesOfferingId", f"The reserved instances offering ID '{offering_id}' does not exist"
    )
    try:
        number, place, bits = int(offering_id[:4], 16), int(offering_id[4:6], 16), int(offering_id[6:8], 16)
        kind = table().all[number]
        zone = "" if place == REGIONAL else zones(call.region)[place].name
        found = Offering(kind, zone, bool(bits & 1), bits >> 1 & 3, 3 if bits & 8 else 1, PRODUCTS[bits >> 4])
        known = found.payment < len(PAYMENTS) and id_of(call, found) == offering_id
    except (ValueError, IndexError):
        raise absent from None
    if not known:
        raise absent
    return found


@ec2.operation
def describe_reserved_instances_offerings(
    call: Call,
    instance_type: str = "",
    availability_zone: str = "",
    availability_zone_id: str = "",
    offering_class: str = "",
    offering_type: str = "",
    product_description: str = "",
    instance_tenancy: str = "default",
    min_duration: int = 0,
    max_duration: int = 0,
    reserved_instances_offering_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What can be bought."""
    test = FILTERS.test(filters)
    if reserved_instances_offering_ids:
        found = [shown(call, offering(call, what)) for what in reserved_instances_offering_ids]
        return {"ReservedInstancesOfferings": [*filter(test, found)]}
    ids = {zone.id: zone.name for zone in zones(call.region)}
    zone = availability_zone or ids.get(availability_zone_id, "")
    product = product_description.removesuffix(" (Amazon VPC)")

    def wanted(one: Offering) -> bool:
        return (
            (not zone or one.zone == zone)
            and (not offering_class or one.convertible is (offering_class == "convertible"))
            and (not offering_type or PAYMENTS[one.payment] == offering_type)
            and (not product or one.product == product)
            and instance_tenancy == "default"
            and min_duration <= one.duration
            and (not max_duration or one.duration <= max_duration)
        )

    kinds = [kind for kind in _kinds(call, instance_type) if _by_type(filters, kind.name)]
    by_id = any(one.get("Name") == "reserved-instances-offering-id" for one in filters)

    def fits(one: Offering) -> bool:
        """An id is dear, and seldom asked for."""
        return wanted(one) and test(shown(call, one) if by_id else particulars(call, one) | {"Marketplace": False})

    chosen = (shown(call, one) for one in _all(call, kinds) if fits(one))
    return paged(call, "ReservedInstancesOfferings", chosen, max_results or 100, next_token)


def _by_type(filters: list[dict[str, Any]], name: str) -> bool:
    """Whether the filters by type let offerings of one through."""
    return FILTERS.test([one for one in filters if one.get("Name") == "instance-type"])({"InstanceType": name})


def _kinds(call: Call, name: str) -> list[InstanceType]:
    return [instance_type(call, name)] if name else there(call)


def _all(call: Call, kinds: list[InstanceType]) -> Iterator[Offering]:
    for kind in kinds:
        for zone in ("", *zones_of(call, kind)):
            for years in YEARS:
                for convertible in (False, True):
                    for payment in range(len(PAYMENTS)):
                        for product in PRODUCTS:
                            yield Offering(kind, zone, convertible, payment, years, product)


def particulars(call: Call, one: Offering) -> Members:
    """What an offering and what was bought of it have in common."""
    told: Members = {
        "CurrencyCode": "USD",
        "InstanceTenancy": "default",
        "InstanceType": one.kind.name,
        "OfferingClass": CLASSES[one.convertible],
        "OfferingType": PAYMENTS[one.payment],
        "ProductDescription": one.product,
        "RecurringCharges": [{"Amount": one.recurring(call.region), "Frequency": "Hourly"}],
        "Scope": "Availability Zone" if one.zone else "Region",
        "Duration": one.duration,
        "UsagePrice": 0.0,
        "FixedPrice": one.fixed(call.region),
    }
    if one.zone:
        zone_id = next(zone.id for zone in zones(call.region) if zone.name == one.zone)
        told |= {"AvailabilityZone": one.zone, "AvailabilityZoneId": zone_id}
    return told


def shown(call: Call, one: Offering) -> Members:
    told = particulars(call, one) | {"ReservedInstancesOfferingId": id_of(call, one), "Marketplace": False}
    return told | {"PricingDetails": []}
