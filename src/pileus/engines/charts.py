"""Charts of time series, drawn as PNG by matplotlib. Knows nothing of metrics: lines, marks and axes alone.

matplotlib is imported when the first chart is drawn. Figures are made without pyplot, which keeps them in its module.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DPI = 100
COLORS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf")
THEMES = {"light": ("#ffffff", "#333333", "#e5e5e5"), "dark": ("#16191f", "#d5dbdb", "#414750")}
"""Behind, in front, and between."""


@dataclass(frozen=True)
class Curve:
    label: str
    values: dict[int, float]
    """By seconds since the epoch."""
    color: str = ""
    right: bool = False
    """Whether it belongs to the axis at the right."""


@dataclass(frozen=True)
class Mark:
    """A line across: at a value, or, if it stands, at an instant; perhaps with what lies on one side of it filled."""

    at: float
    label: str = ""
    color: str = ""
    standing: bool = False
    right: bool = False
    fill: str = ""
    """`above`, `below`, `before`, `after`, or nothing."""
    until: float | None = None
    """Where a band ends that begins at `at`."""


@dataclass(frozen=True)
class Axis:
    least: float | None = None
    most: float | None = None
    label: str = ""


@dataclass(frozen=True)
class Chart:
    curves: Sequence[Curve]
    start: float
    end: float
    width: int = 600
    height: int = 400
    title: str = ""
    kind: str = "line"
    """`line`, `bar`, `pie` or `number`."""
    stacked: bool = False
    legend: str = "bottom"
    theme: str = "light"
    offset: int = 0
    """Seconds by which the clock at the bottom is ahead of UTC."""
    left: Axis = field(default_factory=Axis)
    right: Axis = field(default_factory=Axis)
    marks: Sequence[Mark] = ()


def png(chart: Chart) -> bytes:
    """The picture; ImportError where matplotlib is not installed."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    behind, front, between = THEMES[chart.theme]
    figure = Figure(figsize=(chart.width / DPI, chart.height / DPI), dpi=DPI, facecolor=behind, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_subplot(facecolor=behind)
    axes.tick_params(colors=front, labelsize=8)
    for spine in axes.spines.values():
        spine.set_color(between)
    if chart.title:
        axes.set_title(chart.title, color=front, fontsize=10, loc="left")
    {"line": lines, "bar": bars, "pie": pie, "number": numbers}[chart.kind](axes, chart)
    if chart.legend != "hidden" and chart.kind in ("line", "bar") and chart.curves:
        legend(figure, chart, front)
    out = io.BytesIO()
    canvas.print_png(out)
    return out.getvalue()


def colored(chart: Chart) -> list[tuple[Curve, str]]:
    return [(curve, curve.color or COLORS[n % len(COLORS)]) for n, curve in enumerate(chart.curves)]


def lines(axes: Axes, chart: Chart) -> None:
    """Curves over time, at two axes if there are some for the right one."""
    front, between = THEMES[chart.theme][1:]
    axes.grid(visible=True, axis="y", color=between, linewidth=0.6)
    axes.set_axisbelow(True)
    other: Any = axes.twinx() if any(curve.right for curve in chart.curves) else None
    for place, axis, right in ((axes, chart.left, False), (other, chart.right, True)):
        if place is None:
            continue
        curves = [(curve, color) for curve, color in colored(chart) if curve.right == right]
        stack(place, curves) if chart.stacked else draw(place, curves)
        place.tick_params(colors=front, labelsize=8)
        place.set_ylim(axis.least, axis.most)
        if axis.label:
            place.set_ylabel(axis.label, color=front, fontsize=8)
    axes.set_xlim(moment(chart.start), moment(chart.end))
    for mark in chart.marks:
        across(other if mark.right and other else axes, mark, chart)
    clock(axes, chart)


def draw(axes: Axes, curves: list[tuple[Curve, str]]) -> None:
    for curve, color in curves:
        at = sorted(curve.values)
        values = [curve.values[one] for one in at]
        lone: Any = {"marker": "o", "markersize": 3} if len(at) == 1 else {}
        axes.plot([moment(one) for one in at], values, color=color, linewidth=1.4, **lone)


def stack(axes: Axes, curves: list[tuple[Curve, str]]) -> None:
    at = sorted({one for curve, _ in curves for one in curve.values})
    if at:
        heights = [[curve.values.get(one, 0.0) for one in at] for curve, _ in curves]
        axes.stackplot([moment(one) for one in at], heights, colors=[color for _, color in curves], alpha=0.8)


def across(axes: Axes, mark: Mark, chart: Chart) -> None:
    color = mark.color or COLORS[3]
    where: Any = moment(mark.at) if mark.standing else mark.at
    (axes.axvline if mark.standing else axes.axhline)(where, color=color, linewidth=1)
    span = axes.axvspan if mark.standing else axes.axhspan
    bounds: tuple[Any, Any] = (moment(chart.start), moment(chart.end)) if mark.standing else axes.get_ylim()
    until: Any = None
    if mark.until is not None:
        until = moment(mark.until) if mark.standing else mark.until
    elif mark.fill:
        until = bounds[1] if mark.fill in ("above", "after") else bounds[0]
    if until is not None:
        span(where, until, color=color, alpha=0.15)
    if mark.label:
        offset = (3, -3) if mark.standing else (-3, 2)
        corner: Any = (where, 1) if mark.standing else (1, where)
        coordinates: Any = ("data", "axes fraction") if mark.standing else ("axes fraction", "data")
        align: Any = {"ha": "left", "va": "top"} if mark.standing else {"ha": "right", "va": "bottom"}
        axes.annotate(
            mark.label,
            corner,
            xycoords=coordinates,
            textcoords="offset points",
            xytext=offset,
            color=color,
            fontsize=7,
            **align,
        )


def clock(axes: Axes, chart: Chart) -> None:
    """Times at the bottom, by the clock that was asked for."""
    from matplotlib import dates

    zone = timezone(timedelta(seconds=chart.offset))
    plain: Any = dates  # its classes have no types
    locator = plain.AutoDateLocator(tz=zone, minticks=3, maxticks=max(5, chart.width // 90))
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(plain.ConciseDateFormatter(locator, tz=zone, show_offset=False))


def moment(at: float) -> Any:
    return datetime.fromtimestamp(at, UTC)


def latest(curve: Curve) -> float:
    return curve.values[max(curve.values)] if curve.values else 0.0


def bars(axes: Axes, chart: Chart) -> None:
    """The latest value of each."""
    names = [str(number) for number in range(len(chart.curves))]
    axes.bar(names, [latest(curve) for curve in chart.curves], color=[color for _, color in colored(chart)])
    axes.set_xticks(names, ["" for _ in names])
    axes.set_ylim(chart.left.least, chart.left.most)


def pie(axes: Axes, chart: Chart) -> None:
    parts = [(curve, color) for curve, color in colored(chart) if latest(curve) > 0]
    if parts:
        axes.pie(
            [latest(curve) for curve, _ in parts],
            labels=[curve.label for curve, _ in parts],
            colors=[color for _, color in parts],
            textprops={"color": THEMES[chart.theme][1], "fontsize": 8},
            wedgeprops={"width": 0.45},
        )
    else:
        axes.set_axis_off()


def numbers(axes: Axes, chart: Chart) -> None:
    """The latest value of each, written out."""
    axes.set_axis_off()
    for number, (curve, color) in enumerate(colored(chart)):
        x = (number + 0.5) / len(chart.curves)
        value = f"{latest(curve):.4g}" if curve.values else "--"
        axes.text(x, 0.5, value, color=THEMES[chart.theme][1], fontsize=22, ha="center", transform=axes.transAxes)
        axes.text(x, 0.3, curve.label, color=color, fontsize=8, ha="center", transform=axes.transAxes)


def legend(figure: Any, chart: Chart, front: str) -> None:
    from matplotlib.patches import Patch

    handles = [Patch(facecolor=color, label=curve.label) for curve, color in colored(chart)]
    place = "outside right upper" if chart.legend == "right" else "outside lower left"
    columns = 1 if chart.legend == "right" else max(1, min(len(handles), chart.width // 200))
    figure.legend(handles=handles, loc=place, ncols=columns, fontsize=7, frameon=False, labelcolor=front)
