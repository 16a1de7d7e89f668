"""Metrics: put values, and list what there is.

A metric is made by its first value, and listed until two weeks after its last one.
"""

from __future__ import annotations

import hashlib
import math
from functools import lru_cache
from typing import Any

from pileus.kernel import Call, Record, entities

from . import cloudwatch, points
from .distributions import Distribution
from .faults import bad_combination, bad_token, bad_value, missing, validation

LISTED = 14 * 86400
RECENT = 3 * 3600
SEEN_EVERY = 600
"""Seconds after which a metric's last use is written down again."""
PAGE = 500
MOST_DATA = 1000
MOST_ENTITIES = 2
MOST_VALUES = 150
LARGEST = 2.0**360
PAST, FUTURE = 14 * 86400, 2 * 3600


class Metric(Record, key=("namespace", "name", "label"), indexes={"by_name": ("name",)}):
    """A metric that values were put for."""

    namespace: str
    name: str
    label: str
    """Its dimensions, as text in the order of their names."""
    dimensions: dict[str, str]
    seen: float
    """When values were last put, give or take ten minutes."""
    watchers: list[str] = []
    """The names of the alarms that look at it."""

    @property
    def id(self) -> bytes:
        return identity(self.namespace, self.name, self.label)

    def shown(self) -> dict[str, Any]:
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": shown_dimensions(self.dimensions)}


@lru_cache(maxsize=65536)
def identity(namespace: str, name: str, label: str) -> bytes:
    """What a metric's points are kept under: short, so that they are small."""
    return hashlib.blake2b(f"{namespace}\0{name}\0{label}".encode(), digest_size=12).digest()


def label_of(dimensions: dict[str, str]) -> str:
    return "\0".join(f"{name}\0{value}" for name, value in sorted(dimensions.items()))


def dimensions_of(given: list[dict[str, str]]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in given}


def shown_dimensions(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


def known(call: Call, namespace: str, name: str, dimensions: dict[str, str]) -> Metric | None:
    return Metric.get(call, namespace, name, label_of(dimensions))


# Putting


@cloudwatch.operation
def put_metric_data(
    call: Call,
    namespace: str,
    metric_data: list[dict[str, Any]] = [],
    entity_metric_data: list[dict[str, Any]] = [],
    strict_entity_validation: bool = False,
) -> None:
    """Put values of metrics. All of them, or none where one is wrong; of entities only where that is asked for."""
    data = metric_data
    if strict_entity_validation and (wrong := entity_problem(entity_metric_data)):
        raise validation(wrong)
    for entity in entity_metric_data:
        data = [*data, *entity.get("MetricData", ())]
    if not data:
        raise missing("The parameter MetricData is required.")
    if len(data) > MOST_DATA:
        raise bad_value(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    woken: set[str] = set()
    for number, datum in enumerate(data, 1):
        woken.update(put(call, namespace, datum, f"MetricData.member.{number}."))
    if woken:
        from .evaluation import awaken

        awaken(call, woken)
    if namespace.startswith("AWS/"):
        from .prom_alarms import wake

        wake(call)
    from .streams import note

    note(call)


def entity_problem(given: list[dict[str, Any]]) -> str:
    """What is wrong with entities, by the names that AWS has for it; empty for nothing."""
    if len(given) > MOST_ENTITIES:
        return f"EntitySizeTooLarge - The number of EntityMetricData objects allowed is {MOST_ENTITIES}."
    found = (entities.problem(one.get("Entity")) for one in given)
    return next((str(one) for one in found if one), "")


def put(call: Call, namespace: str, datum: dict[str, Any], where: str) -> list[str]:
    """Put one datum; the names of the alarms that look at its metric."""
    values = values_of(datum, where)
    at = datum.get("Timestamp")
    at = call.now if at is None else checked_time(call, at, where)
    dimensions = dimensions_of(datum.get("Dimensions", ()))
    resolution = datum.get("StorageResolution", 60)
    if resolution not in (1, 60):
        raise bad_value(f"The value {resolution} for parameter {where}StorageResolution is invalid.")
    name, label = datum["MetricName"], label_of(dimensions) if dimensions else ""
    metric = Metric.get(call, namespace, name, label)
    if metric is None:
        from .watches import looking

        metric = Metric(namespace, name, label, dimensions, call.now)
        metric.watchers = looking(call, metric)
        metric.put(call)
    elif call.now - metric.seen > SEEN_EVERY:
        metric.seen = call.now
        metric.put(call)
    points.note(call, metric.id, int(at), resolution, {datum.get("Unit", "None"): values})
    return metric.watchers


def values_of(datum: dict[str, Any], where: str) -> Distribution:
    """The values of a datum, given in one of three ways."""
    given = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) is not None]
    if not given:
        raise missing(
            f"At least one of the parameters {where}Value, {where}Values or {where}StatisticValues is required."
        )
    if len(given) > 1:
        raise bad_combination(
            f"The parameters {where}{given[0]} and {where}{given[1]} are mutually exclusive "
            "and you have specified both."
        )
    what = datum[given[0]]
    if given[0] == "Value":
        return Distribution.of(checked(what, f"{where}Value"))
    return summarized(what, where) if given[0] == "StatisticValues" else listed(what, datum.get("Counts"), where)


def summarized(given: dict[str, float], where: str) -> Distribution:
    names = ("SampleCount", "Sum", "Minimum", "Maximum")
    count, total, minimum, maximum = (checked(given[name], f"{where}StatisticValues.{name}") for name in names)
    if minimum > maximum:
        raise bad_value(f"The parameter {where}StatisticValues.Minimum must be less than or equal to Maximum.")
    if count <= 0:
        raise bad_value(f"The value {count:g} for parameter {where}StatisticValues.SampleCount is invalid.")
    return Distribution.summary(count, total, minimum, maximum)


def listed(values: list[float], counts: list[float] | None, where: str) -> Distribution:
    if not values:
        raise missing(f"The parameter {where}Values is required.")
    if len(values) > MOST_VALUES:
        raise bad_value(f"The collection {where}Values must not have a size greater than {MOST_VALUES}.")
    if counts is not None and len(counts) != len(values):
        raise bad_value(f"The parameters {where}Values and {where}Counts must be of the same size.")
    whole: Distribution | None = None
    for value, count in zip(values, counts or [1.0] * len(values), strict=True):
        if count < 0:
            raise bad_value(f"The value {count:g} for parameter {where}Counts is invalid.")
        one = Distribution.of(checked(value, f"{where}Values"), float(count))
        if whole is None:
            whole = one
        else:
            whole.add(one)
    assert whole
    return whole


def checked(value: float, name: str) -> float:
    if not math.isfinite(value) or abs(value) > LARGEST:
        raise bad_value(f"The value {value} for parameter {name} is invalid.")
    return float(value)


def checked_time(call: Call, at: float, where: str) -> float:
    if at > call.now + FUTURE:
        raise bad_value(f"The parameter {where}Timestamp must specify a time no more than two hours in the future.")
    if at < call.now - PAST:
        raise bad_value(f"The parameter {where}Timestamp must specify a time within the past two weeks.")
    return at


# Listing


@cloudwatch.operation
def list_metrics(
    call: Call,
    namespace: str = "",
    metric_name: str = "",
    dimensions: list[dict[str, str]] = [],
    next_token: str = "",
    recently_active: str = "",
    include_linked_accounts: bool = False,
    owning_account: str = "",
) -> dict[str, Any]:
    """List metrics that had values in the last two weeks: by namespace, name, and dimensions they have among others."""
    since = call.now - (RECENT if recently_active else LISTED)

    def wanted(metric: Metric) -> bool:
        if owning_account not in ("", call.account):
            return False  # no other account is linked
        if metric.seen < since - SEEN_EVERY or (metric_name and metric.name != metric_name):
            return False
        return all(
            one["Name"] in metric.dimensions and one.get("Value") in (None, metric.dimensions[one["Name"]])
            for one in dimensions
        )

    where: dict[str, Any] = {"limit": PAGE, "token": next_token, "where": wanted, "invalid": bad_token()}
    if namespace:
        page = Metric.page(call, *(namespace, metric_name)[: 2 if metric_name else 1], **where)
    elif metric_name:
        page = Metric.page(call, metric_name, index="by_name", **where)
    else:
        page = Metric.page(call, **where)
    owners = [call.account] * len(page.items) if include_linked_accounts else None
    return {"Metrics": [metric.shown() for metric in page.items], "OwningAccounts": owners, "NextToken": page.token}
