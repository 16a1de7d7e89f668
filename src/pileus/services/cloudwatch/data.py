"""GetMetricData: many metrics and expressions at once, a page at a time."""

from __future__ import annotations

import math
import re
from typing import Any

from pileus.kernel import Call, paging

from . import cloudwatch, queries
from .faults import bad_token, bad_value, validation
from .functions import TOGETHER, Line, Value
from .reading import aligned

MOST_POINTS = 100_800
DYNAMIC = re.compile(r"\$\{(\w+)(?:\('(\w+)'\))?\}")


@cloudwatch.operation
def get_metric_data(
    call: Call,
    metric_data_queries: list[dict[str, Any]],
    start_time: float,
    end_time: float,
    next_token: str = "",
    scan_by: str = "TimestampDescending",
    max_datapoints: int = MOST_POINTS,
) -> dict[str, Any]:
    """Values of metrics, and of math on them: at most `max_datapoints` of all of them together at a time."""
    if start_time >= end_time:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")
    if not metric_data_queries:
        raise validation("The parameter MetricDataQueries is required.")
    queries.check(metric_data_queries, call)
    shown = [query for query in metric_data_queries if query.get("ReturnData", True)]
    if not shown:
        raise validation("At least one of the MetricDataQueries must have ReturnData true.")
    step = min((query["MetricStat"]["Period"] for query in metric_data_queries if "MetricStat" in query), default=60)
    start, end = aligned(call, start_time, step), math.ceil(end_time)
    answers = queries.answered(call, metric_data_queries, start, end)
    lines = [(query, line) for query in shown for line in drawn(answers[query["Id"]], query)]
    skip = paging.opened(call, next_token, bad_token()) if next_token else 0
    results, token = page(lines, skip, min(max_datapoints, MOST_POINTS), scan_by == "TimestampDescending")
    return {
        "MetricDataResults": results,
        "Messages": [],
        "NextToken": paging.sealed(call, token) if token else None,
    }


def drawn(value: Value, query: dict[str, Any]) -> list[Line]:
    """The time series that an answer is: GetMetricData shows no single numbers."""
    if isinstance(value, list):
        return value
    if isinstance(value, Line):
        return [value]
    raise validation(
        f"Error in expression '{query['Id']}': The expression must return a time series or an array of time series."
    )


def page(
    lines: list[tuple[dict[str, Any], Line]], skip: int, most: int, descending: bool
) -> tuple[list[dict[str, Any]], int]:
    """The points from number `skip` on, line by line; and where the next page begins, or 0."""
    results: list[dict[str, Any]] = []
    passed, left = 0, most
    for query, line in lines:
        points = sorted(line.values.items(), reverse=descending)
        begin = max(skip - passed, 0)
        passed += len(points)
        if skip and begin >= len(points):
            continue
        taken = points[begin : begin + left]
        left -= len(taken)
        whole = begin + len(taken) == len(points)
        results.append(
            {
                "Id": query["Id"],
                "Label": labelled(query.get("Label", ""), line) or query["Id"],
                "Timestamps": [at for at, _ in taken],
                "Values": [value for _, value in taken],
                "StatusCode": "Complete" if whole else "PartialData",
            }
        )
        if not whole or (not left and (query, line) is not lines[-1]):
            return results, passed - len(points) + begin + len(taken)
    return results, 0


def labelled(label: str, line: Line) -> str:
    """A label whose `${AVG}`, `${LAST}`, … are filled in (User Guide, "Using dynamic labels")."""
    values = [value for _, value in sorted(line.values.items())]

    def told(match: re.Match[str]) -> str:
        name = match[1]
        if name == "LABEL":
            return line.label
        if not values:
            return ""
        if name in ("FIRST", "LAST"):
            return f"{values[0 if name == 'FIRST' else -1]:g}"
        return f"{TOGETHER[name](values):g}" if name in ("AVG", "MIN", "MAX", "SUM") else match[0]

    return DYNAMIC.sub(told, label) if label else line.label
