"""Metric data queries: several metrics, math on them, and Metrics Insights, as GetMetricData and alarms take them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call

from . import insights, reports, searching
from .anomalies import band
from .distributions import statistic
from .expressions import Misspelt, names, parse
from .faults import validation
from .functions import Line, Scope, Value, evaluate
from .metrics import dimensions_of, identity, label_of
from .reading import check_period, series

MOST = 500
ID = re.compile(r"[a-z][a-zA-Z0-9_]*")

Query = dict[str, Any]


def check(queries: list[Query], call: Call) -> None:
    """Raise for queries that are wrong by themselves, or do not fit together."""
    if len(queries) > MOST:
        raise validation(f"The collection MetricDataQueries must not have a size greater than {MOST}.")
    known: set[str] = set()
    for number, query in enumerate(queries, 1):
        where = f"MetricDataQueries.member.{number}"
        name = query["Id"]
        if not ID.fullmatch(name):
            raise validation(
                f"The value {name} for parameter {where}.Id is invalid. Must match expression ^[a-z][a-zA-Z0-9_]*$."
            )
        if name in known:
            raise validation(f"The values for parameter id in MetricDataQueries are not unique: {name}.")
        known.add(name)
        if ("Expression" in query) == ("MetricStat" in query):
            raise validation(
                f"The parameters {where}.Expression and {where}.MetricStat are mutually exclusive: one is required."
            )
        if query.get("AccountId", call.account) != call.account:
            raise validation(f"The account {query['AccountId']} shares no metrics with account {call.account}.")
        check_stat(query, where) if "MetricStat" in query else check_expression(query, queries)


def check_stat(query: Query, where: str) -> None:
    stat = query["MetricStat"]
    check_period(stat["Period"], f"{where}.MetricStat.Period")
    if statistic(stat["Stat"]) is None:
        raise validation(f"The value {stat['Stat']} for parameter {where}.MetricStat.Stat is not supported.")
    for name in ("Namespace", "MetricName"):
        if not stat["Metric"].get(name):
            raise validation(f"The parameter {where}.MetricStat.Metric.{name} is required.")


def check_expression(query: Query, queries: list[Query]) -> None:
    text, ids = query["Expression"], {one["Id"] for one in queries}
    try:
        if insights.is_query(text):
            insights.parse(text)
            return
        unknown = [name for name in names(parse(text)) if name not in ids]
    except Misspelt as reason:
        raise validation(f"Error in expression '{query['Id']}': {reason}") from None
    if unknown:
        raise validation(f"Error in expression '{query['Id']}': The following ids are undefined: {', '.join(unknown)}")


def ordered(queries: list[Query]) -> Iterable[Query]:
    """Each query behind those that it names; raises where some name each other in a circle."""
    left, done = list(queries), set[str]()
    while left:
        ready = [query for query in left if needs(query) <= done]
        if not ready:
            raise validation(f"Error in expression '{left[0]['Id']}': Circular reference")
        for query in ready:
            done.add(query["Id"])
            yield query
        left = [query for query in left if query["Id"] not in done]


def needs(query: Query) -> set[str]:
    text = query.get("Expression", "")
    if not text or insights.is_query(text):
        return set()
    return set(names(parse(text)))


def answered(call: Call, queries: list[Query], start: int, end: int) -> dict[str, Value]:
    """What each query gives, by its id; `validation` faults where an expression cannot be computed."""
    periods = [query["MetricStat"]["Period"] for query in queries if "MetricStat" in query]
    scope = Scope({}, start, end, max([*periods, 1]) if periods else 60)
    scope.search = lambda expression, stat, period: searched(call, scope, expression, stat, period)
    origins: dict[int, Query] = {}
    step: list[int] = [scope.period]
    scope.rule = lambda name, metric: reports.series(call, name, metric, start, end, step[0])
    scope.band = lambda line, width: band(call, origins.get(id(line)), line, width)
    for query in ordered(queries):
        if "MetricStat" in query:
            line = plain(call, query, start, end)
            origins[id(line)] = query
            scope.metrics.append(line)
            scope.ids[query["Id"]] = line
        else:
            step[0] = query.get("Period", scope.period)
            scope.ids[query["Id"]] = computed(call, query, scope)
    return scope.ids


def plain(call: Call, query: Query, start: int, end: int) -> Line:
    stat = query["MetricStat"]
    metric = stat["Metric"]
    key = identity(metric["Namespace"], metric["MetricName"], label_of(dimensions_of(metric.get("Dimensions", ()))))
    period = stat["Period"]
    values = series(call, key, stat["Stat"], start, end, period, stat.get("Unit", ""))
    label = query.get("Label") or metric["MetricName"]
    return Line(values, label, period, dimensions_of(metric.get("Dimensions", ())))


def computed(call: Call, query: Query, scope: Scope) -> Value:
    text = query["Expression"]
    try:
        if insights.is_query(text):
            return list(
                insights.answered(call, insights.parse(text), scope.start, scope.end, query.get("Period", scope.period))
            )
        return evaluate(parse(text), scope)
    except Misspelt as reason:
        raise validation(f"Error in expression '{query['Id']}': {reason}") from None
    except TypeError:
        raise validation(f"Error in expression '{query['Id']}': wrong number of arguments") from None


def searched(call: Call, scope: Scope, expression: str, stat: str, period: int) -> list[Line]:
    if statistic(stat) is None:
        raise Misspelt(f"unknown statistic {stat}")
    found = [
        Line(series(call, metric.id, stat, scope.start, scope.end, period), metric.name, period, metric.dimensions)
        for metric in searching.found(call, expression)
    ]
    return [line for line in found if line.values]
