"""Extensions of Capacity Blocks: some more days, bought before a block ends."""

from __future__ import annotations

import hashlib
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value

from .capacity import ACTIVE, SCHEDULED, CapacityReservation, expire_reservation, held
from .capacity_blocks import CLEARED, HOUR, Offering, block_clears, check_hours, zone_id
from .types import instance_type


class Extension(Record, key=("capacity_reservation_id", "purchased")):
    """Days that were bought."""

    capacity_reservation_id: str
    purchased: float
    told: Members


FILTERS = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "capacity-block-extension-offering-id": "CapacityBlockExtensionOfferingId",
        "capacity-block-extension-status": "CapacityBlockExtensionStatus",
        "capacity-reservation-id": "CapacityReservationId",
        "instance-type": "InstanceType",
    },
    tags=None,
)


def _offered(call: Call, one: CapacityReservation, hours: int) -> Members:
    """An extension as it is offered."""
    more = Offering(instance_type(call, one.instance_type), one.availability_zone, one.count, one.ends, hours)
    text = f"{one.capacity_reservation_id}/{one.ends}/{hours}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "big")
    return {
        "CapacityBlockExtensionOfferingId": f"cbe-{number:014x}{hours // 24:03x}",
        "InstanceType": one.instance_type,
        "InstanceCount": one.count,
        "AvailabilityZone": one.availability_zone,
        "AvailabilityZoneId": zone_id(call, one.availability_zone),
        "CapacityBlockExtensionStartDate": one.ends,
        "CapacityBlockExtensionEndDate": more.end,
        "CapacityBlockExtensionDurationHours": hours,
        "UpfrontFee": more.fee(call.region),
        "CurrencyCode": "USD",
    }


def _block(call: Call, capacity_reservation_id: str) -> CapacityReservation:
    one = held(call, capacity_reservation_id)
    if not one.block_id or one.state not in (ACTIVE, SCHEDULED) or one.ends - HOUR <= call.now:
        text = f"The capacity reservation '{capacity_reservation_id}' is not a Capacity Block that can be extended."
        raise Fault("InvalidCapacityReservationState", text)
    return one


@ec2.operation
def describe_capacity_block_extension_offerings(
    call: Call,
    capacity_block_extension_duration_hours: int,
    capacity_reservation_id: str,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """By what a block can be extended: by any of the lengths that blocks have."""
    one = _block(call, capacity_reservation_id)
    check_hours(capacity_block_extension_duration_hours)
    offer = _offered(call, one, capacity_block_extension_duration_hours)
    offers = [offer | {"StartDate": one.starts, "Tenancy": one.tenancy}]
    return paged(call, "CapacityBlockExtensionOfferings", offers, max_results, next_token)


@ec2.operation
def purchase_capacity_block_extension(
    call: Call, capacity_block_extension_offering_id: str, capacity_reservation_id: str
) -> Members:
    """Buy more days of a block."""
    one = _block(call, capacity_reservation_id)
    last = capacity_block_extension_offering_id[-3:]
    hours = 24 * int(last, 16) if all(digit in "0123456789abcdef" for digit in last) else 0
    told = _offered(call, one, hours)
    if told["CapacityBlockExtensionOfferingId"] != capacity_block_extension_offering_id:
        raise bad_value("CapacityBlockExtensionOfferingId", capacity_block_extension_offering_id)
    told |= {"CapacityReservationId": capacity_reservation_id, "CapacityBlockExtensionStatus": "payment-succeeded"}
    told["CapacityBlockExtensionPurchaseDate"] = call.now
    Extension(capacity_reservation_id, call.now, told).put(call)
    one.ends = told["CapacityBlockExtensionEndDate"]
    one.put(call)
    expire_reservation.later(call, capacity_reservation_id=capacity_reservation_id, due=one.ends)
    block_clears.later(call, capacity_reservation_id=capacity_reservation_id, due=one.ends - CLEARED)
    return {"CapacityBlockExtensions": [told]}


@ec2.operation
def describe_capacity_block_extension_history(
    call: Call,
    capacity_reservation_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The extensions that were bought."""
    test = FILTERS.test(filters)
    wanted = {*capacity_reservation_ids}
    found = (
        one.told
        for one in Extension.scan(call)
        if (not wanted or one.capacity_reservation_id in wanted) and test(one.told)
    )
    return paged(call, "CapacityBlockExtensions", found, max_results, next_token)
