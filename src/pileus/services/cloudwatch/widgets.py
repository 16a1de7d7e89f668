"""GetMetricWidgetImage: a widget's metrics as a picture, drawn by `pileus.engines.charts`.

API reference, "GetMetricWidgetImage: Metric Widget Structure and Syntax". How a graph looks in detail is ours.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from datetime import UTC, datetime
from typing import Any

from pileus.engines import charts
from pileus.engines.charts import Axis, Chart, Curve, Mark
from pileus.kernel import Call, Fault
from pileus.kernel.edge import Answer

from . import cloudwatch, datasets, queries
from .data import Labelling, ahead, drawn
from .faults import validation
from .reading import aligned

MOST_METRICS = 100
BARE = "image/png"
"""The picture itself is the answer: for those who speak HTTP, as SDKs expect something else."""
SMALLEST, LARGEST = 1, 2000
KINDS = {"timeSeries": "line", "bar": "bar", "pie": "pie", "singleValue": "number"}
DURATION = re.compile(
    r"(-?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?"
)
LENGTHS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)

Members = dict[str, Any]


@cloudwatch.operation
async def get_metric_widget_image(call: Call, metric_widget: str, output_format: str = "png") -> Members | Answer:
    """Draw a widget. Drawing takes a tenth of a second, and is done beside everything else."""
    if output_format not in ("png", BARE):
        raise validation(f"The value {output_format} for parameter OutputFormat is invalid. Only png is supported.")
    with call.transaction():
        datasets.readable(call)
        chart = charted(call, parsed(metric_widget))
    try:
        picture = await asyncio.to_thread(charts.png, chart)
    except ImportError:
        text = "Pictures of metrics need matplotlib: pip install 'pileus[charts]'."
        raise Fault("NotImplemented", text, status=501) from None
    if output_format == BARE:
        return Answer(200, [("Content-Type", BARE), ("x-amzn-RequestId", call.request_id)], picture)
    return {"MetricWidgetImage": picture}


def parsed(text: str) -> Members:
    try:
        widget = json.loads(text)
    except ValueError:
        raise validation("The parameter MetricWidget is not valid JSON.") from None
    if not isinstance(widget, dict) or not isinstance(widget.get("metrics", []), list):
        raise validation("The parameter MetricWidget must be an object with a list of metrics.")
    for name in ("yAxis", "annotations", "legend"):
        if not isinstance(widget.get(name, {}), dict):
            raise validation(f"{name} of the parameter MetricWidget must be an object.")
    if not widget.get("metrics") and not widget.get("annotations"):
        raise validation("The parameter MetricWidget must have metrics or annotations.")
    if len(widget.get("metrics", [])) > MOST_METRICS:
        raise validation(f"A graph can have {MOST_METRICS} metrics.")
    found: Members = widget
    return found


def charted(call: Call, widget: Members) -> Chart:
    """What is to be drawn, with the values that there are."""
    start, end = (instant(call, widget.get(name, default)) for name, default in (("start", "-PT3H"), ("end", "P0D")))
    if start >= end:
        raise validation("The start of the graph must be before its end.")
    view, theme = widget.get("view", "timeSeries"), widget.get("theme", "light")
    legend = widget.get("legend", {}).get("position", "bottom")
    for value, among, what in (
        (view, KINDS, "view"),
        (theme, charts.THEMES, "theme"),
        (legend, ("right", "bottom", "hidden"), "legend"),
    ):
        if value not in among:
            raise validation(f"The value {value} for {what} is not one of {', '.join(among)}.")
    axes = widget.get("yAxis", {})
    return Chart(
        curves=curves(call, widget, start, end),
        start=start,
        end=end,
        width=size(widget, "width", 600),
        height=size(widget, "height", 400),
        title=str(widget.get("title", "")),
        kind=KINDS[view],
        stacked=bool(widget.get("stacked", False)),
        legend=legend,
        theme=theme,
        offset=ahead(widget.get("timezone", "+0000")),
        left=axis(axes.get("left", {})),
        right=axis(axes.get("right", {})),
        marks=[*horizontal(widget), *vertical(call, widget)],
    )


def size(widget: Members, name: str, default: int) -> int:
    given = widget.get(name, default)
    if not isinstance(given, int) or not SMALLEST <= given <= LARGEST:
        raise validation(f"The value {given} for {name} must be between {SMALLEST} and {LARGEST}.")
    return given


def axis(given: Members) -> Axis:
    return Axis(given.get("min"), given.get("max"), str(given.get("label", "")))


def instant(call: Call, text: Any) -> float:
    """A time by itself, or so long before now: `2026-01-01T00:00:00Z`, `-PT3H`, `P0D`."""
    if isinstance(text, str) and (found := DURATION.fullmatch(text)) and any(found.groups()[1:]):
        seconds = sum(float(count or 0) * length for count, length in zip(found.groups()[1:], LENGTHS, strict=True))
        return call.now - seconds if found[1] else call.now + seconds
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        raise validation(f"The time {text} is not valid.") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


# Metrics


def spelt_out(metrics: list[Any]) -> list[list[Any]]:
    """Rows without abbreviations: `.` is what the row above has there, `...` all that it has up to what follows."""
    found: list[list[Any]] = []
    above: list[Any] = []
    for row in metrics:
        if not isinstance(row, list) or not row:
            raise validation("Each of the metrics must be a list.")
        names, options = (row[:-1], row[-1]) if isinstance(row[-1], dict) else (row, {})
        if names[:1] == ["..."]:
            names = [*above[: len(above) - len(names) + 1], *names[1:]]
        if any(name == "." and place >= len(above) for place, name in enumerate(names)):
            raise validation("A metric's . has nothing above it.")
        names = [above[place] if name == "." else name for place, name in enumerate(names)]
        above = names or above
        found.append([*names, options])
    return found


def asked(widget: Members) -> list[tuple[Members, Members]]:
    """The queries that rows are, each with how it is to be drawn."""
    found: list[tuple[Members, Members]] = []
    for number, (*names, options) in enumerate(spelt_out(widget.get("metrics", [])), 1):
        shown = options.get("visible", True) is not False
        query: Members = {"Id": options.get("id", f"auto{number}"), "ReturnData": shown}
        query |= {"Label": str(options["label"])} if "label" in options else {}
        period = options.get("period", widget.get("period", 300))
        if "expression" in options:
            query |= {"Expression": options["expression"], "Period": period}
        elif len(names) < 2 or len(names) % 2:
            raise validation("A metric has a namespace, a name, and dimensions, each with its value.")
        else:
            pairs = zip(names[2::2], names[3::2], strict=True)
            dimensions = [{"Name": str(name), "Value": str(value)} for name, value in pairs]
            metric = {"Namespace": names[0], "MetricName": names[1], "Dimensions": dimensions}
            stat = options.get("stat", widget.get("stat", "Average"))
            query["MetricStat"] = {"Metric": metric, "Period": period, "Stat": stat}
        found.append((query, options))
    return found


def curves(call: Call, widget: Members, start: float, end: float) -> list[Curve]:
    rows = asked(widget)
    given = [query for query, _ in rows]
    queries.check(given, call)
    step = min((query["MetricStat"]["Period"] for query in given if "MetricStat" in query), default=60)
    labelling = Labelling(call.now, ahead(widget.get("timezone", "+0000")))
    answers = queries.answered(call, given, aligned(call, start, step), math.ceil(end))
    return [
        Curve(
            labelling.of(query.get("Label", ""), line) or query["Id"],
            line.values,
            str(options.get("color", "")),
            options.get("yAxis") == "right",
        )
        for query, options in rows
        if query["ReturnData"]
        for line in drawn(answers[query["Id"]], query)
    ]


# Annotations


def visible(widget: Members, which: str) -> list[Any]:
    found = widget.get("annotations", {}).get(which, [])
    return [one for one in found if (one[0] if isinstance(one, list) else one).get("visible", True)]


def horizontal(widget: Members) -> list[Mark]:
    return [mark(one, one_value=lambda bound: float(bound["value"])) for one in visible(widget, "horizontal")]


def vertical(call: Call, widget: Members) -> list[Mark]:
    found = visible(widget, "vertical")
    return [mark(one, one_value=lambda bound: instant(call, bound["value"]), standing=True) for one in found]


def mark(given: Any, one_value: Any, *, standing: bool = False) -> Mark:
    """A line, or, of two bounds, a band."""
    bounds = given if isinstance(given, list) else [given]
    if not bounds or not all(isinstance(one, dict) and "value" in one for one in bounds):
        raise validation("Each annotation must have a value.")
    first = bounds[0]
    return Mark(
        one_value(first),
        str(first.get("label", "")),
        str(first.get("color", "")),
        standing,
        first.get("yAxis") == "right",
        str(first.get("fill", "")),
        one_value(bounds[1]) if len(bounds) > 1 else None,
    )
