"""The embedded metric format: events that say which of their members are metrics.

CloudWatch User Guide, "Specification: Embedded metric format". What does not keep to it is an event and nothing else.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import msgspec

from pileus.kernel import Call

from .metric_filters import MOST_DATA, publish

MARK = '"CloudWatchMetrics"'
MOST_DIMENSIONS = 30
MOST_METRICS = 100
MOST_VALUES = 100

Members = dict[str, Any]


class Metric(msgspec.Struct, rename="pascal"):
    name: str
    unit: str = "None"
    storage_resolution: int = 60


class Directive(msgspec.Struct, rename="pascal"):
    namespace: str
    dimensions: list[list[str]]
    metrics: list[Metric]


class Metadata(msgspec.Struct):
    timestamp: int = msgspec.field(name="Timestamp")
    directives: list[Directive] = msgspec.field(name="CloudWatchMetrics")


class Envelope(msgspec.Struct):
    metadata: Metadata = msgspec.field(name="_aws")


envelope = msgspec.json.Decoder(Envelope).decode
document = msgspec.json.Decoder(dict[str, Any]).decode


def measure(call: Call, messages: list[str]) -> None:
    """Publish the metrics that events carry in them."""
    found: dict[str, list[Members]] = defaultdict(list)
    for message in messages:
        if MARK in message:
            for namespace, data in metrics_of(message):
                found[namespace] += data
    for namespace, data in found.items():
        for start in range(0, len(data), MOST_DATA):
            publish.later(call, namespace=namespace, data=data[start : start + MOST_DATA])


def metrics_of(message: str) -> list[tuple[str, list[Members]]]:
    """Namespaces and data of one event; none where it is not of the format."""
    try:
        metadata, members = envelope(message).metadata, document(message)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return []
    return [(one.namespace, data_of(one, metadata.timestamp, members)) for one in metadata.directives]


def data_of(directive: Directive, timestamp: int, members: Members) -> list[Members]:
    data: list[Members] = []
    for names in directive.dimensions or [[]]:
        if len(names) > MOST_DIMENSIONS or not all(isinstance(members.get(name), str) for name in names):
            continue
        dimensions = [{"Name": name, "Value": members[name]} for name in names]
        for metric in directive.metrics[:MOST_METRICS]:
            values = numbers(members.get(metric.name))
            if values:
                data.append(
                    {
                        "MetricName": metric.name,
                        "Dimensions": dimensions,
                        "Timestamp": timestamp / 1000,
                        "Values": values,
                        "Unit": metric.unit,
                        "StorageResolution": metric.storage_resolution,
                    }
                )
    return data


def numbers(value: Any) -> list[float]:
    """A number, or up to 100 of them."""
    values = value if isinstance(value, list) else [value]
    fit = len(values) <= MOST_VALUES and all(type(one) in (int, float) for one in values)
    return [float(one) for one in values] if fit else []
