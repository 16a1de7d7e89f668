"""Metric filters: what matches a pattern becomes data of a metric in CloudWatch, in the minute of the event."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from pileus.kernel import Call, Record, Unfinished, identity

from . import faults, logs, selection
from .groups import Group, standard
from .patterns import Pattern, compiled, values

MOST = 100
"""Metric filters of a group (User Guide, "CloudWatch Logs quotas")."""
MOST_DIMENSIONS = 3
MOST_VALUES = 150
MOST_DATA = 500
MINUTE = 60_000

Members = dict[str, Any]


class MetricFilter(Record, key=("group", "name"), cfn="AWS::Logs::MetricFilter", kw_only=True):
    """A filter of a group."""

    group: str
    name: str
    group_name: str
    pattern: str
    transformation: Members
    created: float
    transformed: bool = False
    """Whether it looks at what a transformer has made of events."""
    criteria: str = ""
    """Which events it looks at, by their account and Region."""
    system_dimensions: list[str] = []


@logs.operation(on=Group.named)
def put_metric_filter(
    call: Call,
    group: Group,
    filter_name: str,
    filter_pattern: str,
    metric_transformations: list[Members],
    apply_on_transformed_logs: bool = False,
    field_selection_criteria: str = "",
    emit_system_field_dimensions: list[str] = [],
) -> None:
    """Create a filter, or replace the one of that name."""
    standard(group)
    compiled(filter_pattern)
    (transformation,) = metric_transformations
    check(transformation, emit_system_field_dimensions)
    selection.check(field_selection_criteria)
    if not MetricFilter.get(call, group.id, filter_name):
        if group.metric_filters >= MOST:
            raise faults.limit()
        group.metric_filters += 1
        group.put(call)
    MetricFilter(
        group=group.id,
        name=filter_name,
        group_name=group.name,
        pattern=filter_pattern,
        transformation=transformation,
        created=call.now,
        transformed=apply_on_transformed_logs,
        criteria=field_selection_criteria,
        system_dimensions=emit_system_field_dimensions,
    ).put(call)


def check(transformation: Members, system: list[str]) -> None:
    dimensions = transformation.get("dimensions", {})
    if not set(system) <= {"@aws.account", "@aws.region"}:
        raise faults.invalid("emitSystemFieldDimensions can have @aws.account and @aws.region.")
    if dimensions and "defaultValue" in transformation:
        raise faults.invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties."
        )
    if len(dimensions) + len(system) > MOST_DIMENSIONS:
        raise faults.invalid(f"Invalid metric transformation: a maximum of {MOST_DIMENSIONS} dimensions is allowed.")
    value = transformation["metricValue"]
    if values.number(value) is None and not value.startswith("$"):
        raise faults.invalid("Invalid metric transformation: metricValue must be a number or a field of the pattern.")
    if any(not selector.startswith("$") for selector in dimensions.values()):
        raise faults.invalid("Invalid metric transformation: the value of a dimension must be a field of the pattern.")


@logs.operation(on=Group.named)
def delete_metric_filter(call: Call, group: Group, filter_name: str) -> None:
    if (found := MetricFilter.get(call, group.id, filter_name)) is None:
        raise faults.missing("The specified metric filter does not exist.")
    found.delete(call)
    group.metric_filters -= 1
    group.put(call)


@logs.operation
def describe_metric_filters(
    call: Call,
    log_group_name: str = "",
    filter_name_prefix: str = "",
    metric_name: str = "",
    metric_namespace: str = "",
    next_token: str = "",
    limit: int = 50,
) -> Members:
    """Filters by their names, of a group or of all; or those that feed a metric."""
    if bool(metric_name) != bool(metric_namespace):
        raise faults.invalid("metricName and metricNamespace must be specified together.")

    def wanted(one: MetricFilter) -> bool:
        fed = (one.transformation["metricName"], one.transformation["metricNamespace"])
        return one.name.startswith(filter_name_prefix) and (not metric_name or fed == (metric_name, metric_namespace))

    place = (Group.named(call, log_group_name).id,) if log_group_name else ()
    page = MetricFilter.page(call, *place, limit=limit, token=next_token, where=wanted)
    return {"metricFilters": [described(one) for one in page.items], "nextToken": page.token}


def described(one: MetricFilter) -> Members:
    return {
        "filterName": one.name,
        "filterPattern": one.pattern,
        "metricTransformations": [one.transformation],
        "creationTime": int(one.created * 1000),
        "logGroupName": one.group_name,
        "applyOnTransformedLogs": one.transformed,
        "fieldSelectionCriteria": one.criteria or None,
        "emitSystemFieldDimensions": one.system_dimensions or None,
    }


@logs.operation
def test_metric_filter(call: Call, filter_pattern: str, log_event_messages: list[str]) -> Members:
    """Which of some messages a pattern matches, and what it names in them."""
    pattern = compiled(filter_pattern)
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": pattern.extracted(message)}
            for number, message in enumerate(log_event_messages, 1)
            if pattern.matches(message)
        ]
    }


def measure(call: Call, group: Group, times: list[int], messages: list[str], shaped: list[str]) -> None:
    """Publish what a group's filters see in events that have arrived, and in what a transformer has made of them."""
    for one in MetricFilter.scan(call, group.id):
        if not selection.selected(call, group, one.criteria):
            continue
        seen = shaped if one.transformed else messages
        data = data_of(one.transformation, compiled(one.pattern), times, seen)
        system = selection.values(call, group)
        more = [{"Name": name, "Value": system[name]} for name in one.system_dimensions]
        data = [each | {"Dimensions": each["Dimensions"] + more} for each in data] if more else data
        for start in range(0, len(data), MOST_DATA):
            publish.later(call, namespace=one.transformation["metricNamespace"], data=data[start : start + MOST_DATA])


def data_of(transformation: Members, pattern: Pattern, times: list[int], messages: list[str]) -> list[Members]:
    """The metric data of some events: values by minute and dimensions."""
    counts: dict[tuple[int, tuple[tuple[str, str], ...]], dict[float, int]] = defaultdict(lambda: defaultdict(int))
    selectors = transformation.get("dimensions", {})
    for at, message in zip(times, messages, strict=True):
        if not pattern.matches(message):
            continue
        value = value_of(transformation["metricValue"], pattern, message)
        named = [(name, pattern.value(message, selector)) for name, selector in selectors.items()]
        if value is None or any(found is None for _, found in named):
            continue  # what has not all dimensions is no datum of the metric
        dimensions = tuple((name, str(found)) for name, found in named)
        counts[at // MINUTE, dimensions][value] += 1
    if "defaultValue" in transformation:
        for minute in {at // MINUTE for at in times} - {minute for minute, _ in counts}:
            counts[minute, ()][transformation["defaultValue"]] += 1
    return [
        datum(transformation, minute, dimensions, piece)
        for (minute, dimensions), found in counts.items()
        for piece in pieces(list(found.items()))
    ]


def value_of(wanted: str, pattern: Pattern, message: str) -> float | None:
    if (number := values.number(wanted)) is not None:
        return number
    found = pattern.value(message, wanted)
    return values.number(found) if isinstance(found, str) else found


def pieces(found: list[tuple[float, int]]) -> list[list[tuple[float, int]]]:
    return [found[start : start + MOST_VALUES] for start in range(0, len(found), MOST_VALUES)]


def datum(
    transformation: Members, minute: int, dimensions: tuple[tuple[str, str], ...], found: list[tuple[float, int]]
) -> Members:
    return {
        "MetricName": transformation["metricName"],
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions],
        "Timestamp": minute * 60.0,
        "Values": [value for value, _ in found],
        "Counts": [float(count) for _, count in found],
        "Unit": transformation.get("unit", "None"),
    }


@logs.task
async def publish(call: Call, namespace: str, data: list[Members]) -> None:
    """Hand data to CloudWatch; where there is none, nobody sees them."""
    cloudwatch = call.aws("cloudwatch", principal=identity.service("cloudwatch.amazonaws.com"))
    try:
        result = cloudwatch.put_metric_data(namespace=namespace, metric_data=data)
        if hasattr(result, "__await__"):
            await result
    except Unfinished:
        return
