"""Which alarms look at which metrics, so that new data wake those that look at it, and no others.

An alarm names its metrics, or has a query of Metrics Insights that covers whichever metrics there are of a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record

from . import insights
from .metrics import Metric, dimensions_of, identity, known, label_of

if TYPE_CHECKING:
    from .alarms import Alarm

Configuration = dict[str, Any]


class Watch(Record, key=("metric", "alarm")):
    """An alarm looks at a metric."""

    metric: bytes
    alarm: str


class QueryWatch(Record, key=("namespace", "name", "alarm", "id")):
    """An alarm has a query over the metrics of a name."""

    namespace: str
    name: str
    alarm: str
    id: str
    query: str


def naming(call: Call, metric: bytes) -> list[str]:
    """The alarms that name a metric."""
    return [watch.alarm for watch in Watch.scan(call, metric)]


def looking(call: Call, metric: Metric) -> list[str]:
    """The alarms that look at a metric, whether they name or cover it."""
    over = QueryWatch.scan(call, metric.namespace, metric.name)
    covering = [watch.alarm for watch in over if insights.parse(watch.query).covers(metric)]
    return list(dict.fromkeys([*naming(call, metric.id), *covering]))


def named(configuration: Configuration) -> list[tuple[str, str, dict[str, str]]]:
    """The metrics that an alarm names: namespaces, names and dimensions."""
    metrics = [query["MetricStat"]["Metric"] for query in configuration.get("Metrics", ()) if "MetricStat" in query]
    metrics += [configuration] if configuration.get("MetricName") else []
    return [(one["Namespace"], one["MetricName"], dimensions_of(one.get("Dimensions", ()))) for one in metrics]


def queried(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """The queries over metrics that an alarm has, by their ids."""
    for query in configuration.get("Metrics", ()):
        if insights.is_query(text := query.get("Expression", "")):
            yield query["Id"], text


def covered(call: Call, text: str) -> list[Metric]:
    """The metrics that a query covers now."""
    query = insights.parse(text)
    return [metric for metric in Metric.scan(call, query.namespace, query.metric) if query.covers(metric)]


def seen(call: Call, configuration: Configuration) -> Iterator[bytes]:
    """The metrics that an alarm looks at now."""
    for namespace, name, dimensions in named(configuration):
        yield identity(namespace, name, label_of(dimensions))
    for _, text in queried(configuration):
        for metric in covered(call, text):
            yield metric.id


def watch(call: Call, alarm: Alarm, *, on: bool) -> None:
    """Have an alarm be woken by what it looks at, or not any more."""
    touched = []
    for namespace, name, dimensions in named(alarm.configuration):
        note(call, Watch(identity(namespace, name, label_of(dimensions)), alarm.name), on)
        touched.append(known(call, namespace, name, dimensions))
    for query_id, text in queried(alarm.configuration):
        query = insights.parse(text)
        note(call, QueryWatch(query.namespace, query.metric, alarm.name, query_id, text), on)
        touched += covered(call, text)
    for metric in touched:
        if metric:
            metric.watchers = looking(call, metric)
            metric.put(call)


def note(call: Call, record: Record, on: bool) -> None:
    if on:
        record.put(call)
    else:
        record.delete(call)
