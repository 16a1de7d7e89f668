"""GetMetricData: many metrics and expressions at once, a page at a time."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

from pileus.kernel import Call, paging

from . import cloudwatch, datasets, queries
from .faults import bad_token, bad_value, validation
from .functions import TOGETHER, Line, Value
from .reading import aligned

MOST_POINTS = 100_800
DYNAMIC = re.compile(r"\$\{(\w+)(?:\('([\w.]+)'\))?\}")
ZONE = re.compile(r"([+-])(\d\d)(\d\d)")


@cloudwatch.operation
def get_metric_data(
    call: Call,
    metric_data_queries: list[dict[str, Any]],
    start_time: float,
    end_time: float,
    next_token: str = "",
    scan_by: str = "TimestampDescending",
    max_datapoints: int = MOST_POINTS,
    label_options: dict[str, str] = {},
) -> dict[str, Any]:
    """Values of metrics, and of math on them: at most `max_datapoints` of all of them together at a time."""
    if start_time >= end_time:
        raise bad_value("The parameter StartTime must be less than the parameter EndTime.")
    if not metric_data_queries:
        raise validation("The parameter MetricDataQueries is required.")
    offset = ahead(label_options.get("Timezone", "+0000"))
    datasets.readable(call)
    queries.check(metric_data_queries, call)
    shown = [query for query in metric_data_queries if query.get("ReturnData", True)]
    if not shown:
        raise validation("At least one of the MetricDataQueries must have ReturnData true.")
    step = min((query["MetricStat"]["Period"] for query in metric_data_queries if "MetricStat" in query), default=60)
    start, end = aligned(call, start_time, step), math.ceil(end_time)
    answers = queries.answered(call, metric_data_queries, start, end)
    lines = [(query, line) for query in shown for line in drawn(answers[query["Id"]], query)]
    skip = paging.opened(call, next_token, bad_token()) if next_token else 0
    labelling = Labelling(call.now, offset)
    results, token = page(lines, skip, min(max_datapoints, MOST_POINTS), scan_by == "TimestampDescending", labelling)
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
    lines: list[tuple[dict[str, Any], Line]], skip: int, most: int, descending: bool, labelling: Labelling
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
                "Label": labelling.of(query.get("Label", ""), line) or query["Id"],
                "Timestamps": [at for at, _ in taken],
                "Values": [value for _, value in taken],
                "StatusCode": "Complete" if whole else "PartialData",
            }
        )
        if not whole or (not left and (query, line) is not lines[-1]):
            return results, passed - len(points) + begin + len(taken)
    return results, 0


def ahead(zone: str) -> int:
    """Seconds ahead of UTC of `+0130`."""
    found = ZONE.fullmatch(zone)
    if found is None:
        raise validation(f"The value {zone} for parameter Timezone is not valid.")
    seconds = int(found[2]) * 3600 + int(found[3]) * 60
    return -seconds if found[1] == "-" else seconds


class Labelling(NamedTuple):
    """Fills in the `${AVG}`, `${LAST_TIME}`, … of labels (User Guide, "Using dynamic labels")."""

    now: float
    offset: int = 0
    """Seconds by which the clock that labels show is ahead of UTC."""

    def of(self, label: str, line: Line) -> str:
        points = sorted(line.values.items())
        return DYNAMIC.sub(lambda match: self._told(match, line, points), label) if label else line.label

    def _told(self, match: re.Match[str], line: Line, points: list[tuple[int, float]]) -> str:
        name, _, time = match[1].partition("_TIME")
        if match[1] == "LABEL":
            return line.label
        if match[1] == "PROP" and match[2]:
            prefix, _, dimension = match[2].partition(".")
            properties = {"MetricName": line.label, "Period": str(line.period)}
            return line.attributes.get(dimension, "") if prefix == "Dim" else properties.get(match[2], match[0])
        if match[1] == "DATAPOINT_COUNT":
            return str(len(points))
        if name not in PICKED and (time or match[1] not in TOGETHER):
            return match[0]
        if not points:
            return "--"
        if name not in PICKED:
            return f"{TOGETHER[name]([value for _, value in points]):g}"
        at, value = PICKED[name](points)
        if not match[1].endswith(("_TIME", "_TIME_RELATIVE")):
            return f"{value:g}"
        if time == "_RELATIVE":
            return relative(self.now - at)
        return datetime.fromtimestamp(at, timezone(timedelta(seconds=self.offset))).strftime("%Y-%m-%d %H:%M:%S")


def relative(seconds: float) -> str:
    """`2h30m ago`, in the two largest units."""
    parts = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        parts += [f"{int(count)}{unit}"] if count else []
    return f"{''.join(parts[:2]) or '0s'} ago"


PICKED: dict[str, Any] = {
    "FIRST": lambda points: points[0],
    "LAST": lambda points: points[-1],
    "MIN": lambda points: min(points, key=lambda point: point[1]),
    "MAX": lambda points: max(points, key=lambda point: point[1]),
}
"""What a label may tell one point of: its value, and its time."""
