"""Insights: an operation that is called, or fails, more often than it usually is.

The rate of each is compared with its average in the seven days before, of which there must be one; AWS does not tell
its own rule. Here it is unusual to be called more often than six times what chance would make of the usual number, and
ten times at least. An insight begins with the first such look, and ends with the first that finds nothing unusual.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from pileus.kernel import Call, Record, names

from .rates import ATTRIBUTES, CALLS, MINUTE, Rate, Series, expire, within
from .wording import iso

Members = dict[str, Any]

DAY = 86400.0
BASELINE = 7 * DAY
LEAST = DAY
"""Seconds for which calls must have been counted before any rate is unusual."""
LEAST_CALLS = 10
DEVIATIONS = 6
MOST_SHOWN = 5
KEPT = 90 * DAY


class Open(Record, key=("scope", "kind", "source", "name", "error"), kw_only=True):
    """An insight that has begun and is not over."""

    scope: str
    kind: str
    source: str
    name: str
    error: str
    shared: str
    """The id that its two events share."""
    since: float
    looked: float
    count: int
    by: dict[str, dict[str, int]]
    usual: float
    """Calls a minute."""
    usual_by: dict[str, dict[str, int]]
    minutes: int
    """Of the baseline."""

    @property
    def series(self) -> Series:
        return Series(self.kind, self.source, self.name, self.error)


class Insight(Record, key=("at", "id"), indexes={"by_scope": ("scope", "at")}):
    """One of the two events of an insight."""

    at: float
    id: str
    scope: str
    event: Members


def detected(call: Call, scope: str, since: float, upto: float, counting: float) -> list[Members]:
    """The events of insights that begin, or are over, in a time of whole minutes; calls are counted from `counting`."""
    found: list[Members] = []
    counts: Counter[Series] = Counter()
    by: dict[Series, dict[str, Counter[str]]] = {}
    bounds = (int(since) // MINUTE,), (int(upto) // MINUTE,)
    for rate in Rate.scan(call, scope, index="by_minute", since=bounds[0], before=bounds[1]):
        counts[rate.series] += rate.count
        held = by.setdefault(rate.series, {name: Counter() for name in ATTRIBUTES})
        for name in ATTRIBUTES:
            held[name].update(rate.by.get(name, {}))
    for one in list(Open.scan(call, scope)):
        counts.setdefault(one.series, 0)
    for series in sorted(counts):
        event = looked_at(call, scope, series, counts[series], by.get(series, {}), since, upto, counting)
        found += [event] if event else []
        expire(call, scope, series)
    for event in found:
        Insight(call.now, event["eventID"], scope, event).put(call)
    for old in list(Insight.scan(call, before=(call.now - KEPT,), limit=100)):
        old.delete(call)
    return found


def looked_at(
    call: Call,
    scope: str,
    series: Series,
    count: int,
    by: dict[str, Counter[str]],
    since: float,
    upto: float,
    counting: float,
) -> Members | None:
    """The event of an insight that begins or ends with this look."""
    known = Open.get(call, scope, *series)
    begun = known.since if known else since
    first = max(begun - BASELINE, counting)
    if begun - first < LEAST:
        return None
    if known is None:
        known = fresh(call, scope, series, first, since)
    usual = known.usual * max(upto - since, 1.0) / MINUTE
    if count >= LEAST_CALLS and count > usual + DEVIATIONS * math.sqrt(usual) + LEAST_CALLS - 1:
        started = known.count == 0
        known.count += count
        known.looked = upto
        known.by = {name: dict(Counter(known.by.get(name, {})) + by[name]) for name in ATTRIBUTES}
        known.put(call)
        return event_of(call, known, "Start", upto) if started else None
    if known.count == 0:
        return None
    known.delete(call)
    return event_of(call, known, "End", known.looked)


def fresh(call: Call, scope: str, series: Series, first: float, since: float) -> Open:
    """What is usual: nothing of the insight yet."""
    total = 0
    by: dict[str, Counter[str]] = {name: Counter() for name in ATTRIBUTES}
    for rate in within(call, scope, series, first, since):
        total += rate.count
        for name in ATTRIBUTES:
            by[name].update(rate.by.get(name, {}))
    minutes = max(int((since - first) // MINUTE), 1)
    return Open(
        scope=scope,
        kind=series.kind,
        source=series.source,
        name=series.name,
        error=series.error,
        shared=names.uuid4(),
        since=since,
        looked=since,
        count=0,
        by={},
        usual=total / minutes,
        usual_by={name: dict(counter) for name, counter in by.items()},
        minutes=minutes,
    )


def event_of(call: Call, one: Open, state: str, at: float) -> Members:
    """An Insights event ("CloudTrail record contents for Insights events")."""
    lasted = max(math.ceil((one.looked - one.since) / MINUTE), 1)
    statistics: Members = {
        "baseline": {"average": round(one.usual, 10)},
        "insight": {"average": round(one.count / lasted, 10)},
        "insightDuration": lasted,
        "baselineDuration": one.minutes,
    }
    wanted = ATTRIBUTES if one.kind == CALLS else ATTRIBUTES[:2]
    attributions = [
        {
            "attribute": name,
            "insight": averages(one.by[name], lasted),
            "baseline": averages(one.usual_by[name], one.minutes),
        }
        for name in wanted
    ]
    details: Members = {
        "state": state,
        "eventSource": one.source,
        "eventName": one.name,
        "insightType": one.kind,
        "insightContext": {"statistics": statistics, "attributions": attributions},
    }
    if one.error:
        details["errorCode"] = one.error
    return {
        "eventVersion": "1.11",
        "eventTime": iso(one.since if state == "Start" else at),
        "awsRegion": call.region,
        "eventID": names.uuid4(),
        "eventType": "AwsCloudTrailInsight",
        "recipientAccountId": call.account,
        "sharedEventID": one.shared,
        "insightDetails": details,
        "eventCategory": "Insight",
    }


def averages(counts: dict[str, int], minutes: int) -> list[Members]:
    """The most frequent values with what they made of each minute."""
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_SHOWN]
    return [{"value": value, "average": round(count / minutes, 10)} for value, count in most]
