"""Spot prices: plausible, and the same whoever asks and whenever.

The price of a type in a zone goes by the price on demand, at a discount of a half to three quarters that changes by a
little every few hours. It is computed from the time, not kept. It never reaches the price on demand.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso, paged

from .types import InstanceType, instance_type, there, zones_of

HOUR = 3600.0
DAYS = 90
"""So far back the history goes."""
UNSTATED = 0.048
"""Dollars an hour for each virtual processor, where nobody states a price."""
PRODUCTS = {
    "Linux/UNIX": 1.0,
    "Red Hat Enterprise Linux": 1.3,
    "SUSE Linux": 1.25,
    "Windows": 1.6,
}
"""How much dearer other systems are, about."""

REGIONAL = {"us-east-1": 1.0, "us-east-2": 1.0, "us-west-2": 1.0, "us-west-1": 1.17, "sa-east-1": 1.55}
ELSEWHERE = 1.12

FILTERS = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "instance-type": "InstanceType",
        "product-description": "ProductDescription",
        "spot-price": "SpotPrice",
        "timestamp": lambda shown: iso(shown["Timestamp"]),
    },
    tags=None,
)


class Price(NamedTuple):
    """A price, and since when it holds."""

    at: float
    dollars: float

    @property
    def text(self) -> str:
        return f"{self.dollars:.6f}"


def on_demand(kind: InstanceType, region: str) -> float:
    return (kind.price or UNSTATED * kind.vcpus) * REGIONAL.get(region, ELSEWHERE)


def _fraction(*parts: object) -> float:
    """A number from 0 to 1 that these parts stand for."""
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "big") / 2**32


def period(kind: InstanceType, zone: str) -> float:
    """How long a price holds: between four hours and twelve."""
    return HOUR * (4 + int(9 * _fraction(kind.name, zone, "period")))


def price(kind: InstanceType, zone: str, at: float) -> Price:
    """The spot price of a type in a zone at an instant."""
    length = period(kind, zone)
    number = math.floor(at / length)
    level = 0.28 + 0.2 * _fraction(kind.name, zone, "level")
    wave = 0.06 * math.sin(2 * math.pi * (number / 60 + _fraction(kind.name, zone, "phase")))
    jitter = 0.03 * (_fraction(kind.name, zone, number) - 0.5)
    return Price(number * length, round(on_demand(kind, zone[:-1]) * (level + wave + jitter), 6))


def history(kind: InstanceType, zone: str, start: float, end: float) -> Iterator[Price]:
    """The prices between two instants, the latest first; the first is the one that holds at the start."""
    at = end
    while True:
        found = price(kind, zone, at)
        yield found
        if found.at <= start:
            return
        at = found.at - 1


def next_above(kind: InstanceType, zone: str, after: float, limit: float) -> float:
    """When the price next rises above a limit; 0 if it does not within the days that one looks ahead."""
    length = period(kind, zone)
    at = (math.floor(after / length) + 1) * length
    for _ in range(int(DAYS * 24 * HOUR / length)):
        if price(kind, zone, at).dollars > limit:
            return at
        at += length
    return 0.0


@ec2.operation
def describe_spot_price_history(
    call: Call,
    instance_types: list[str] = [],
    product_descriptions: list[str] = [],
    availability_zone: str = "",
    availability_zone_id: str = "",
    start_time: float = 0.0,
    end_time: float = 0.0,
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Prices of types in zones, the latest first; without a start only those that hold now."""
    test = FILTERS.test(filters)
    end = min(end_time or call.now, call.now)
    start = max(start_time or end, call.now - DAYS * 24 * HOUR)
    names = [*instance_types, *(name for one in filters if one["Name"] == "instance-type" for name in one["Values"])]
    plain = bool(names) and not any("*" in name or "?" in name for name in names)
    kinds = [instance_type(call, name) for name in dict.fromkeys(names)] if plain else there(call)
    place = availability_zone, availability_zone_id
    rows = (row for kind in kinds for row in _rows(call, kind, place, product_descriptions, (start, end)))
    return paged(call, "SpotPriceHistory", filter(test, rows), max_results, next_token)


def _rows(
    call: Call, kind: InstanceType, place: tuple[str, str], products: list[str], span: tuple[float, float]
) -> Iterator[Members]:
    ids = {zone.name: zone.id for zone in zones(call.region)}
    wanted = {product.removesuffix(" (Amazon VPC)") for product in products} or PRODUCTS.keys()
    for zone in zones_of(call, kind):
        if place[0] not in ("", zone) or place[1] not in ("", ids[zone]):
            continue
        for found in history(kind, zone, *span):
            for product in PRODUCTS:
                if product in wanted:
                    yield {
                        "AvailabilityZone": zone,
                        "AvailabilityZoneId": ids[zone],
                        "InstanceType": kind.name,
                        "ProductDescription": product,
                        "SpotPrice": Price(found.at, found.dollars * PRODUCTS[product]).text,
                        "Timestamp": found.at,
                    }
