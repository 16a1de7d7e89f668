"""How often operations are called, and fail, minute by minute: what unusual rates are told from.

Only what a trail or an event data store with insight selectors takes in is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record, paging

from . import cloudtrail
from .trails import Trail, by_name

Members = dict[str, Any]

CALLS, ERRORS = "ApiCallRateInsight", "ApiErrorRateInsight"
MINUTE = 60
DAY = 86400.0
KEPT = {60: 15 * DAY, 300: 63 * DAY, 3600: 90 * DAY}
"""By the period for which rates can be asked."""
MOST_POINTS = 21600
ATTRIBUTES = ("userIdentityArn", "userAgent", "errorCode")


class Series(NamedTuple):
    """Whose rate it is."""

    kind: str
    source: str
    name: str
    error: str
    """Empty where calls are counted, whatever came of them."""


class Rate(
    Record,
    key=("scope", "kind", "source", "name", "error", "minute"),
    indexes={"by_minute": ("scope", "minute")},
):
    """How many there were in a minute."""

    scope: str
    kind: str
    source: str
    name: str
    error: str
    minute: int
    count: int
    by: dict[str, dict[str, int]]
    """By the attributes that insights are attributed to."""

    @property
    def series(self) -> Series:
        return Series(self.kind, self.source, self.name, self.error)


class Tally:
    """What was counted in one go, of one account and Region."""

    def __init__(self, selectors: list[Members]) -> None:
        self._wanted = [(one["InsightType"], one.get("EventCategories") or ["Management"]) for one in selectors]
        self.counts: dict[tuple[Series, int], int] = {}
        self.by: dict[tuple[Series, int], dict[str, Counter[str]]] = {}

    def each(self, several: Iterable[Members]) -> Iterator[Members]:
        """The same events, counted as they go by."""
        for told in several:
            self.count(told)
            yield told

    def count(self, told: Members) -> None:
        from .ingesting import instant

        error = told.get("errorCode", "")
        for kind, categories in self._wanted:
            if told["eventCategory"] not in categories or (kind == ERRORS and not error):
                continue
            if kind == CALLS and told["eventCategory"] == "Management" and told["readOnly"]:
                continue
            series = Series(kind, told["eventSource"], told["eventName"], error if kind == ERRORS else "")
            place = (series, int(instant(told)) // MINUTE)
            self.counts[place] = self.counts.get(place, 0) + 1
            by = self.by.setdefault(place, {name: Counter() for name in ATTRIBUTES})
            by["userIdentityArn"][told["userIdentity"].get("arn", "")] += 1
            by["userAgent"][told.get("userAgent", "")] += 1
            by["errorCode"][error or "null"] += 1

    def keep(self, call: Call, scope: str) -> None:
        """Add it to what was counted before."""
        for (series, minute), count in self.counts.items():
            held = Rate.get(call, scope, *series, minute) or Rate(scope, *series, minute, 0, {})
            held.count += count
            for name, counter in self.by[(series, minute)].items():
                held.by[name] = dict(Counter(held.by.get(name, {})) + counter)
            held.put(call)


def within(call: Call, scope: str, series: Series, since: float, before: float) -> Iterator[Rate]:
    minutes = (int(since) // MINUTE,), (int(before) // MINUTE,)
    return Rate.scan(call, scope, *series, since=minutes[0], before=minutes[1])


def measured(call: Call, trail_name: str = "") -> Trail | None:
    """The trail that counts: the one that is named, or the first with insights."""
    if trail_name:
        return by_name(call, trail_name)
    return next((trail for trail in Trail.scan(call) if trail.insights), None)


@cloudtrail.operation
def list_insights_metric_data(
    call: Call,
    event_source: str,
    event_name: str,
    insight_type: str,
    trail_name: str = "",
    error_code: str = "",
    start_time: float | None = None,
    end_time: float | None = None,
    period: int = 3600,
    data_type: str = "NonZeroData",
    max_results: int = MOST_POINTS,
    next_token: str = "",
) -> Members:
    """How often an operation was called, or failed in one way, period by period."""
    if period not in KEPT:
        raise Fault("InvalidParameterException", "Period must be 60, 300 or 3600.", status=400)
    if (insight_type == ERRORS) != bool(error_code):
        message = "ErrorCode goes with ApiErrorRateInsight, and with nothing else."
        raise Fault("InvalidParameterException", message, status=400)
    trail = measured(call, trail_name)
    since = max(call.now - KEPT[period], 0.0 if start_time is None else float(start_time))
    upto = call.now if end_time is None else float(end_time)
    series = Series(insight_type, event_source, event_name, error_code)
    sums: Counter[int] = Counter()
    if trail is not None:
        for rate in within(call, scope_of(trail), series, since, upto):
            sums[rate.minute * MINUTE // period * period] += rate.count
    points = sorted(sums)
    if data_type == "FillWithZeros":
        points = [*range(-(-int(since) // period) * period, int(upto), period)]
    invalid = Fault("InvalidParameterException", "The pagination token is not valid.", status=400)
    start = int(paging.opened(call, next_token, invalid)) if next_token else 0
    shown = points[start : start + max_results]
    more = start + max_results < len(points)
    return {
        "TrailARN": trail.arn(call) if trail is not None and trail_name else None,
        "EventSource": event_source,
        "EventName": event_name,
        "InsightType": insight_type,
        "ErrorCode": error_code or None,
        "Timestamps": [float(at) for at in shown],
        "Values": [float(sums.get(at, 0)) for at in shown],
        "NextToken": paging.sealed(call, start + max_results) if more else None,
    }


def scope_of(trail: Trail) -> str:
    return f"trail/{trail.home}/{trail.name}"


def expire(call: Call, scope: str, series: Series) -> None:
    """Let go of what is older than 90 days."""
    oldest = int(call.now - KEPT[3600]) // MINUTE
    for rate in list(Rate.scan(call, scope, *series, before=(oldest,), limit=1000)):
        rate.delete(call)
