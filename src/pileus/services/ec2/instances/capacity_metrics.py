"""Metrics of capacity, from samples: of any hours, grouped by any dimensions, when somebody asks.

Left out: metrics of requests, of interruptions and of what is yet to be delivered.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Unfinished
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination

from . import prices
from .capacity_samples import Sample, manager
from .types import table

HOUR = 3600.0
MOST = 10


class Span(NamedTuple):
    """What there was for a time."""

    sample: Sample
    start: float
    end: float
    dimensions: Members
    vcpus: int
    price: float

    @property
    def hours(self) -> float:
        return (self.end - self.start) / HOUR


DIMENSIONS = {
    "resource-region": "ResourceRegion",
    "availability-zone-id": "AvailabilityZoneId",
    "account-id": "AccountId",
    "instance-family": "InstanceFamily",
    "instance-type": "InstanceType",
    "instance-platform": "InstancePlatform",
    "reservation-arn": "ReservationArn",
    "reservation-id": "ReservationId",
    "reservation-type": "ReservationType",
    "reservation-create-timestamp": "ReservationCreateTimestamp",
    "reservation-start-timestamp": "ReservationStartTimestamp",
    "reservation-end-timestamp": "ReservationEndTimestamp",
    "reservation-end-date-type": "ReservationEndDateType",
    "tenancy": "Tenancy",
    "reservation-state": "ReservationState",
    "reservation-instance-match-criteria": "ReservationInstanceMatchCriteria",
    "reservation-unused-financial-owner": "ReservationUnusedFinancialOwner",
}


def spans(call: Call, start: float, end: float) -> Iterator[Span]:
    """All that there was between two instants, in all Regions."""
    found = manager(call)
    for region in found.regions if found else ():
        there, before = call.at(region=region), None
        for sample in Sample.scan(there):
            if before and before.subject == sample.subject:
                yield from _span(there, before, start, min(end, sample.at))
            elif before:
                yield from _span(there, before, start, end)
            before = sample
        if before:
            yield from _span(there, before, start, end)


def _span(call: Call, sample: Sample, start: float, end: float) -> Iterator[Span]:
    start = max(start, sample.at)
    kind = table().get(sample.about["instance_type"])
    if start < end and kind and (sample.count or sample.used):
        price = prices.on_demand(kind, call.region)
        if sample.market == "spot":
            price = prices.price(kind, sample.about["availability_zone"], start).dollars
        yield Span(sample, start, end, _dimensions(call, sample), kind.vcpus, price)


def _dimensions(call: Call, sample: Sample) -> Members:
    about = sample.about
    ids = {zone.name: zone.id for zone in zones(call.region)}
    told: Members = {
        "ResourceRegion": call.region,
        "AvailabilityZoneId": ids.get(about["availability_zone"]),
        "AccountId": call.account,
        "InstanceFamily": about["instance_type"].partition(".")[0],
        "InstanceType": about["instance_type"],
        "InstancePlatform": about["platform"],
        "Tenancy": about["tenancy"],
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(about["Tags"].items())],
    }
    if sample.market:
        return told
    return told | {
        "ReservationArn": call.arn(f"capacity-reservation/{sample.subject}", "ec2"),
        "ReservationId": sample.subject,
        "ReservationType": "capacity-block" if about["block"] else "odcr",
        "ReservationCreateTimestamp": about["created"],
        "ReservationStartTimestamp": about["starts"] or about["created"],
        "ReservationEndTimestamp": about["Ends"] or None,
        "ReservationEndDateType": "limited" if about["Ends"] else "unlimited",
        "ReservationState": about["State"],
        "ReservationInstanceMatchCriteria": about["match"],
        "ReservationUnusedFinancialOwner": about["payer"] or call.account,
    }


def metric(name: str, found: list[Span]) -> float | None:
    """A metric of what there was; None where nothing says anything."""
    unit, reservations = name.rpartition("-")[2], [span for span in found if not span.sample.market]
    plain = name.removesuffix("-vcpu").removesuffix("-inst")
    usage = {"reserved": "reserved", "unreserved": "unreserved", "spot": "spot"}.get(plain.partition("-total-")[0])

    def size(span: Span, amount: int) -> float:
        return float(amount * (span.vcpus if unit == "vcpu" else 1))

    if usage:
        found = [span for span in found if span.sample.market == usage]
        values = {
            "usage-hrs": sum(size(span, 1) * span.hours for span in found),
            "estimated-cost": sum(span.price * span.hours for span in found),
            "count": float(len({span.sample.subject for span in found})),
        }
        what = plain.partition("-total-")[2]
        return _known(name, values, what) if found else None
    if not reservations:
        return None
    sizes = [size(span, span.sample.count) for span in reservations]
    unused = [size(span, span.sample.count - span.sample.used) for span in reservations]
    committed = [size(span, span.sample.committed) for span in reservations]
    used = [100.0 * span.sample.used / span.sample.count if span.sample.count else 0.0 for span in reservations]
    total = sum(one * span.hours for one, span in zip(sizes, reservations, strict=True))
    free = sum(one * span.hours for one, span in zip(unused, reservations, strict=True))
    hours = sum(span.hours for span in reservations)
    values = {
        "total-capacity-hrs": total,
        "unused-total-capacity-hrs": free,
        "max-size": max(sizes),
        "min-size": min(sizes),
        "max-unused-size": max(unused),
        "min-unused-size": min(unused),
        "max-utilization": max(used),
        "min-utilization": min(used),
        "avg-utilization": 100.0 * (total - free) / total if total else 0.0,
        "total-count": float(len({span.sample.subject for span in reservations})),
        "total-estimated-cost": sum(span.price * span.sample.count * span.hours for span in reservations),
        "unused-total-estimated-cost": sum(
            span.price * (span.sample.count - span.sample.used) * span.hours for span in reservations
        ),
        "max-committed-size": max(committed),
        "min-committed-size": min(committed),
        "avg-committed-size": sum(one * span.hours for one, span in zip(committed, reservations, strict=True)) / hours,
    }
    return _known(name, values, plain.removeprefix("reservation-"))


def _known(name: str, values: dict[str, float], what: str) -> float:
    if what not in values:
        raise Unfinished(f"Pileus does not compute {name} yet.")
    return values[what]


@ec2.operation
def get_capacity_manager_metric_data(
    call: Call,
    metric_names: list[str],
    start_time: float,
    end_time: float,
    period: int,
    group_by: list[str] = [],
    filter_by: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Metrics of each period, for each group."""
    if len(metric_names) > MOST:
        raise bad_value("MetricNames", len(metric_names), f"At most {MOST} metrics can be asked for.")
    if period < HOUR or period % HOUR:
        raise bad_value("Period", period, "It must be a multiple of 3600 seconds.")
    _check_times(call, start_time, end_time)
    if (end_time - start_time) % period:
        raise combination("The time range must be a multiple of the period.")
    results = []
    at = start_time
    while at < min(end_time, call.now):
        groups = _grouped(call, at, min(at + period, call.now), group_by, filter_by)
        for dimension, found in groups:
            values = [{"Metric": name, "Value": metric(name, found)} for name in metric_names]
            values = [one for one in values if one["Value"] is not None]
            if values:
                results.append({"Dimension": dimension, "Timestamp": at, "MetricValues": values})
        at += period
    return paged(call, "MetricDataResults", results, max_results, next_token)


def _check_times(call: Call, start: float, end: float) -> None:
    if manager(call) is None:
        raise Fault("CapacityManagerNotEnabled", "EC2 Capacity Manager is not enabled for the account.")
    if end <= start:
        raise combination("EndTime must be later than StartTime.")


def _grouped(
    call: Call, start: float, end: float, group_by: list[str], filter_by: list[Members]
) -> list[tuple[Members, list[Span]]]:
    """What there was, by the dimensions that are asked for."""
    groups: dict[tuple[Any, ...], tuple[Members, list[Span]]] = {}
    for span in spans(call, start, end):
        if all(_fits(span, one["DimensionCondition"]) for one in filter_by):
            dimension = {_member(name): span.dimensions.get(_member(name)) for name in group_by}
            shown = {name: value for name, value in dimension.items() if value is not None}
            key = tuple(str(value) for value in dimension.values())
            groups.setdefault(key, (shown, []))[1].append(span)
    return [groups[key] for key in sorted(groups)]


def _member(name: str) -> str:
    if name not in DIMENSIONS:
        raise bad_value("GroupBy", name)
    return DIMENSIONS[name]


def _fits(span: Span, condition: Members) -> bool:
    value = span.dimensions.get(_member(condition["Dimension"]))
    text = f"{datetime.fromtimestamp(value, UTC):%Y-%m-%dT%H:%M:%SZ}" if isinstance(value, float) else str(value)
    return text in condition["Values"]


@ec2.operation
def get_capacity_manager_metric_dimensions(
    call: Call,
    group_by: list[str],
    start_time: float,
    end_time: float,
    metric_names: list[str],
    filter_by: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """For which groups there are data."""
    _check_times(call, start_time, end_time)
    if len(metric_names) != 1:
        raise bad_value("MetricNames", len(metric_names), "Specify one metric.")
    groups = _grouped(call, start_time, min(end_time, call.now), group_by, filter_by)
    found = [dimension for dimension, spans in groups if metric(metric_names[0], spans) is not None]
    return paged(call, "MetricDimensionResults", found, max_results, next_token)
