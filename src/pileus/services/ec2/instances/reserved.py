"""Reserved instances: bought, modified within their family, exchanged, offered to others.

They are records of billing alone: what runs does not depend on them. Nobody buys what is listed in the marketplace.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import uuid4
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, iso
from pileus.services.ec2.faults import bad_value, combination, invalid
from pileus.services.ec2.tags import shown_tags
from pileus.services.ec2.tokens import made_before, remember

from .reserved_offerings import HOUR, Offering, offering, particulars
from .types import instance_type

SECONDS = 1.0
"""Until a payment is done."""
SIZES = {"nano": 0.25, "micro": 0.5, "small": 1, "medium": 2, "large": 4, "xlarge": 8}


class Reserved(Record):
    """Instances that are paid for."""

    reserved_instances_id: str
    offering_id: str
    terms: Members
    """As they are shown."""
    count: int
    start: float
    end: float
    retired: float = 0.0
    deleted: bool = False
    tags: dict[str, str] = {}

    def state(self, call: Call) -> str:
        if self.deleted:
            return "queued-deleted"
        if call.now < self.start:
            return "queued"
        if self.retired or call.now >= self.end:
            return "retired"
        return "active" if call.now >= self.start + SECONDS else "payment-pending"


class ReservedModification(Record):
    """A change of reservations into others."""

    modification_id: str
    sources: list[str]
    results: list[Members]
    created: float
    token: str = ""


FILTERS = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "duration": "Duration",
        "end": lambda shown: iso(shown["End"]),
        "fixed-price": "FixedPrice",
        "instance-type": "InstanceType",
        "scope": "Scope",
        "product-description": "ProductDescription",
        "reserved-instances-id": "ReservedInstancesId",
        "start": lambda shown: iso(shown["Start"]),
        "state": "State",
        "usage-price": "UsagePrice",
    },
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)

RESULT = "ModificationResults"
MODIFICATIONS = Filters(
    {
        "client-token": "ClientToken",
        "create-date": lambda shown: iso(shown["CreateDate"]),
        "effective-date": lambda shown: iso(shown["EffectiveDate"]),
        "modification-result.reserved-instances-id": f"{RESULT}.ReservedInstancesId",
        "modification-result.target-configuration.availability-zone": f"{RESULT}.TargetConfiguration.AvailabilityZone",
        "modification-result.target-configuration.availability-zone-id": (
            f"{RESULT}.TargetConfiguration.AvailabilityZoneId"
        ),
        "modification-result.target-configuration.instance-count": f"{RESULT}.TargetConfiguration.InstanceCount",
        "modification-result.target-configuration.instance-type": f"{RESULT}.TargetConfiguration.InstanceType",
        "reserved-instances-id": "ReservedInstancesIds.ReservedInstancesId",
        "reserved-instances-modification-id": "ReservedInstancesModificationId",
        "status": "Status",
        "status-message": "StatusMessage",
        "update-date": lambda shown: iso(shown["UpdateDate"]),
    },
    tags=None,
)


def reserved(call: Call, reserved_instances_id: str) -> Reserved:
    if found := Reserved.get(call, reserved_instances_id):
        return found
    text = f"The reserved instances ID '{reserved_instances_id}' does not exist"
    raise Fault("InvalidReservedInstancesId", text)


def buy(call: Call, bought: Offering, offering_id: str, count: int, start: float, end: float = 0.0) -> Reserved:
    terms = particulars(call, bought)
    return Reserved(uuid4(), offering_id, terms, count, start, end or start + bought.duration).put(call)


@ec2.operation
def purchase_reserved_instances_offering(
    call: Call,
    instance_count: int,
    reserved_instances_offering_id: str,
    limit_price: Members = {},
    purchase_time: float = 0.0,
) -> Members:
    """Buy reserved instances, now or at a later time."""
    bought = offering(call, reserved_instances_offering_id)
    if instance_count < 1:
        raise bad_value("InstanceCount", instance_count)
    if purchase_time and purchase_time <= call.now:
        raise bad_value("PurchaseTime", iso(purchase_time), "It must be in the future.")
    if purchase_time and bought.zone:
        raise invalid("Only Regional Reserved Instances can be purchased at a later time.")
    if limit_price and bought.fixed(call.region) * instance_count > limit_price.get("Amount", 0.0):
        raise invalid("The total price exceeds the limit price.")
    one = buy(call, bought, reserved_instances_offering_id, instance_count, purchase_time or call.now)
    return {"ReservedInstancesId": one.reserved_instances_id}


@ec2.operation
def describe_reserved_instances(
    call: Call,
    reserved_instances_ids: list[str] = [],
    offering_class: str = "",
    offering_type: str = "",
    filters: list[dict[str, Any]] = [],
) -> Members:
    if reserved_instances_ids:
        found = [reserved(call, what) for what in dict.fromkeys(reserved_instances_ids)]
    else:
        found = [*Reserved.scan(call)]
    views = [
        view
        for view in (shown(call, one) for one in found)
        if offering_class in ("", view["OfferingClass"]) and offering_type in ("", view["OfferingType"])
    ]
    return {"ReservedInstances": FILTERS.select(views, filters)}


def shown(call: Call, one: Reserved) -> Members:
    return one.terms | {
        "ReservedInstancesId": one.reserved_instances_id,
        "InstanceCount": one.count,
        "Start": one.start,
        "End": one.retired or one.end,
        "State": one.state(call),
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_queued_reserved_instances(call: Call, reserved_instances_ids: list[str]) -> Members:
    """Take back purchases whose time has not come."""
    done, failed = [], []
    for what in reserved_instances_ids:
        one = Reserved.get(call, what)
        if one is None:
            error = {
                "Code": "reserved-instances-id-invalid",
                "Message": f"The reserved instances ID '{what}' is invalid",
            }
        elif one.state(call) != "queued":
            error = {"Code": "reserved-instances-not-in-queued-state", "Message": "The purchase is not queued."}
        else:
            one.deleted = True
            one.put(call)
            done.append({"ReservedInstancesId": what})
            continue
        failed.append({"ReservedInstancesId": what, "Error": error})
    return {"SuccessfulQueuedPurchaseDeletions": done, "FailedQueuedPurchaseDeletions": failed}


# Modified


@ec2.operation
def modify_reserved_instances(
    call: Call, reserved_instances_ids: list[str], target_configurations: list[Members], client_token: str = ""
) -> Members:
    """Turn reservations into others of the same family, and of the same size all in all."""
    if made := made_before(call, client_token):
        return {"ReservedInstancesModificationId": made}
    sources = [reserved(call, what) for what in dict.fromkeys(reserved_instances_ids)]
    if any(one.state(call) != "active" for one in sources):
        raise Fault("InvalidReservedInstancesState", "Only active Reserved Instances can be modified.")
    _check(call, sources, target_configurations)
    results = []
    for target in target_configurations:
        one = _modified(call, sources[0], target)
        results.append({"ReservedInstancesId": one.reserved_instances_id, "TargetConfiguration": target})
    for one in sources:
        one.retired = call.now
        one.put(call)
    made_one = ReservedModification(f"rimod-{uuid4()}", reserved_instances_ids, results, call.now, client_token).put(
        call
    )
    remember(call, client_token, made_one.modification_id)
    return {"ReservedInstancesModificationId": made_one.modification_id}


def _check(call: Call, sources: list[Reserved], targets: list[Members]) -> None:
    first = sources[0]
    families = {one.terms["InstanceType"].partition(".")[0] for one in sources}
    kinds = [target.get("InstanceType") or first.terms["InstanceType"] for target in targets]
    families |= {instance_type(call, name).family for name in kinds}
    if len(families) > 1 or len({one.end for one in sources}) > 1:
        raise combination("Reserved Instances can only be modified together within one family and with the same end.")
    before = sum(size(one.terms["InstanceType"]) * one.count for one in sources)
    after = sum(size(name) * target.get("InstanceCount", 0) for name, target in zip(kinds, targets, strict=True))
    if before != after:
        text = f"The instance size footprint of the target configuration ({after:g}) must be that of the original"
        raise invalid(f"{text} ({before:g}).")


def size(name: str) -> float:
    """A size as AWS normalises it."""
    small = name.partition(".")[2]
    return SIZES.get(small) or 8.0 * int(small.removesuffix("xlarge") or 1)


def _modified(call: Call, source: Reserved, target: Members) -> Reserved:
    found = offering(call, source.offering_id)
    zone = target.get("AvailabilityZone", "")
    if target.get("AvailabilityZoneId"):
        zone = next(one.name for one in zones(call.region) if one.id == target["AvailabilityZoneId"])
    kind = instance_type(call, target.get("InstanceType") or found.kind.name)
    wanted = found._replace(kind=kind, zone="" if target.get("Scope") == "Region" else zone)
    return buy(call, wanted, source.offering_id, target.get("InstanceCount", 1), call.now - SECONDS, source.end)


@ec2.operation
def describe_reserved_instances_modifications(
    call: Call,
    reserved_instances_modification_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    next_token: str = "",
) -> Members:
    test = MODIFICATIONS.test(filters)

    def wanted(one: ReservedModification) -> bool:
        ids = reserved_instances_modification_ids
        return (not ids or one.modification_id in ids) and test(_shown(call, one))

    page = ReservedModification.page(call, limit=1000, token=next_token, where=wanted, invalid=bad_token())
    shown_ones = [_shown(call, one) for one in page.items]
    return answer("ReservedInstancesModifications", shown_ones, page.token)


def _shown(call: Call, one: ReservedModification) -> Members:
    return {
        "ReservedInstancesModificationId": one.modification_id,
        "ReservedInstancesIds": [{"ReservedInstancesId": what} for what in one.sources],
        "ModificationResults": one.results,
        "CreateDate": one.created,
        "UpdateDate": one.created,
        "EffectiveDate": one.created,
        "Status": "fulfilled",
        "ClientToken": one.token,
    }


# Exchanged


@ec2.operation
def get_reserved_instances_exchange_quote(
    call: Call, reserved_instance_ids: list[str], target_configurations: list[Members] = []
) -> Members:
    """What an exchange of convertible reservations would cost."""
    sources = [reserved(call, what) for what in reserved_instance_ids]
    old = [_value(call, one) for one in sources]
    wanted = [(offering(call, one["OfferingId"]), one) for one in target_configurations]
    end = max((one.end for one in sources), default=call.now)
    counts = _counts(wanted, old, end - call.now, call.region)
    new = [
        (one.hourly(call.region) * count, one.fixed(call.region) * count)
        for (one, _), count in zip(wanted, counts, strict=True)
    ]
    failure = _failure(call, sources, wanted)
    quote: Members = {
        "CurrencyCode": "USD",
        "IsValidExchange": not failure,
        "OutputReservedInstancesWillExpireAt": end,
        "ReservedInstanceValueRollup": _rollup(old, end - call.now),
        "ReservedInstanceValueSet": [
            {"ReservedInstanceId": one.reserved_instances_id, "ReservationValue": _rollup([value], end - call.now)}
            for one, value in zip(sources, old, strict=True)
        ],
        "TargetConfigurationValueRollup": _rollup(new, end - call.now),
        "TargetConfigurationValueSet": [
            {
                "TargetConfiguration": {"OfferingId": target["OfferingId"], "InstanceCount": count},
                "ReservationValue": _rollup([value], end - call.now),
            }
            for (_, target), value, count in zip(wanted, new, counts, strict=True)
        ],
        "PaymentDue": f"{max(0.0, sum(fixed for _, fixed in new) - sum(fixed for _, fixed in old)):.6f}",
    }
    return quote | ({"ValidationFailureReason": failure} if failure else {})


def _value(call: Call, one: Reserved) -> tuple[float, float]:
    """What an hour is worth, and what remains of what was paid at once."""
    left = max(0.0, one.end - call.now) / one.terms["Duration"]
    found = offering(call, one.offering_id)
    return found.hourly(call.region) * one.count, one.terms["FixedPrice"] * one.count * left


def _counts(
    wanted: list[tuple[Offering, Members]], old: list[tuple[float, float]], left: float, region: str
) -> list[int]:
    """How many one gets: as many as are asked for, or as are worth at least what is given."""
    worth = sum(hourly for hourly, _ in old)
    counts = []
    for one, target in wanted:
        least = -(-worth // max(one.hourly(region), 1e-9))
        counts.append(int(target.get("InstanceCount") or max(1, least)))
    return counts


def _failure(call: Call, sources: list[Reserved], wanted: list[tuple[Offering, Members]]) -> str:
    if not wanted:
        return "NO_TARGET_CONFIGURATION"
    if any(one.terms["OfferingClass"] != "convertible" for one in sources):
        return "RI_IS_NOT_CONVERTIBLE"
    if any(one.state(call) != "active" for one in sources):
        return "RI_IS_NOT_ACTIVE"
    if not all(one.convertible for one, _ in wanted):
        return "TARGET_IS_NOT_CONVERTIBLE"
    return ""


def _rollup(values: list[tuple[float, float]], left: float) -> Members:
    hourly, upfront = sum(value[0] for value in values), sum(value[1] for value in values)
    return {
        "HourlyPrice": f"{hourly:.6f}",
        "RemainingTotalValue": f"{hourly * left / HOUR:.6f}",
        "RemainingUpfrontValue": f"{upfront:.6f}",
    }


@ec2.operation
def accept_reserved_instances_exchange_quote(
    call: Call, reserved_instance_ids: list[str], target_configurations: list[Members] = []
) -> Members:
    """Exchange convertible reservations."""
    quote = get_reserved_instances_exchange_quote(call, reserved_instance_ids, target_configurations)
    if not quote["IsValidExchange"]:
        raise Fault("InvalidExchange", f"The exchange is not valid: {quote['ValidationFailureReason']}")
    for what in reserved_instance_ids:
        one = reserved(call, what)
        one.retired = call.now
        one.put(call)
    for value in quote["TargetConfigurationValueSet"]:
        target = value["TargetConfiguration"]
        found = offering(call, target["OfferingId"])
        start, end = call.now - SECONDS, quote["OutputReservedInstancesWillExpireAt"]
        buy(call, found, target["OfferingId"], target["InstanceCount"], start, end)
    return {"ExchangeId": f"riex-{uuid4()}"}
