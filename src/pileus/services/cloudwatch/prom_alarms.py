"""Alarms on PromQL queries: each element of the result is a contributor that breaches.

What may be asked are the metrics that OTel enrichment covers. A metric's labels are its dimensions, its name, and
`@instrumentation.@name`, `@aws.account` and `@aws.region`; which labels there are beside the dimensions is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Record

from . import alarm_contributors, enrichment, history, promql
from .alarm_contributors import AlarmContributor
from .alarms import Alarm, State
from .checking import ALARM, OK
from .evaluation import warming
from .expressions import Misspelt
from .metrics import Metric
from .promql import Labels, Points, Sample, Selector
from .reading import series

PERIOD = 60


class Sleeper(Record):
    """An alarm that is not evaluated, because there is nothing that it could see, until something comes."""

    alarm: str


def sleep(call: Call, alarm: Alarm) -> None:
    Sleeper(alarm.name).put(call)


def wake(call: Call) -> None:
    """Something has come that alarms on PromQL queries may see."""
    from .evaluation import awaken

    for one in list(Sleeper.scan(call)):
        one.delete(call)
        awaken(call, [one.alarm])


def consider(call: Call, alarm: Alarm, state: State, at: float) -> bool:
    """What the query gives at that time, and what that makes of its contributors; whether it is worth looking again."""
    criteria = alarm.configuration["EvaluationCriteria"]["PromQLCriteria"]
    sources = Sources(call)
    try:
        found = promql.evaluate(promql.parse(criteria["Query"]), promql.Scope(sources.find, at))
        samples = promql.vector(found)
    except (Misspelt, TypeError) as problem:
        history.note(
            call, alarm.name, alarm.type, "StateUpdate", "Alarm could not be evaluated", {"error": str(problem)}
        )
        return False
    if not warming(call, alarm, lambda: bool(samples)):
        return True
    breaching = {alarm_contributors.id_of(one.labels): one for one in samples}
    seen: set[str] = set()
    for one in contributors(call, alarm, samples):
        sample = breaching.get(one.id)
        step(call, alarm, one, sample, criteria, at)
        if sample is not None or one.value == ALARM:
            seen.add(one.id)
    alarm_contributors.settle(call, alarm, state, seen)
    return sources.something or bool(seen) or not sources.asked


def contributors(call: Call, alarm: Alarm, samples: list[Sample]) -> Iterator[AlarmContributor]:
    known = list(AlarmContributor.scan(call, alarm.name))
    ids = {one.id for one in known}
    yield from known
    for sample in samples:
        one = alarm_contributors.known(call, alarm, sample.labels, value=OK)
        if one.id not in ids:
            yield one


def step(
    call: Call, alarm: Alarm, one: AlarmContributor, sample: Sample | None, criteria: dict[str, Any], at: float
) -> None:
    """A contributor changes when it has been as it is now for long enough."""
    breaches = sample is not None
    if breaches != bool(one.recent):  # it has just begun to breach, or ceased
        one.recent, one.since = [sample.value] if sample else [], at
    lasted = at - one.since
    wanted = criteria.get("PendingPeriod", 0) if breaches else criteria.get("RecoveryPeriod", 0)
    value = (ALARM if breaches else OK) if lasted >= wanted else one.value
    if sample is not None:
        why = f"The query has returned {sample.value:g} for the contributor for {lasted:g} seconds."
    else:
        why = f"The query has returned nothing for the contributor for {lasted:g} seconds."
    alarm_contributors.turn(call, alarm, one, value, why, "")


class Sources:
    """Finds series among the metrics that are enriched."""

    def __init__(self, call: Call) -> None:
        self._call, self._enriched = call, enrichment.running(call)
        self.asked = self.something = False
        """Whether the query asked for series, and whether there was something in sight."""

    def find(self, selector: Selector, stat: str, start: float, end: float) -> list[tuple[Labels, Points]]:
        found: list[tuple[Labels, Points]] = []
        self.asked = True
        for metric in candidates(self._call, selector) if self._enriched else ():
            labels = labels_of(self._call, metric)
            if not self._enriched or not selector.covers(labels) or not self._enriched.covers(metric):
                continue
            first = int(start) // PERIOD * PERIOD
            values = series(self._call, metric.id, stat, first, int(end), PERIOD)
            self.something = self.something or bool(values)
            found.append((labels, sorted((float(at), value) for at, value in values.items())))
        return found


def candidates(call: Call, selector: Selector) -> Iterator[Metric]:
    named = [wanted for name, how, wanted in selector.matchers if (name, how) == ("__name__", "=")]
    return Metric.scan(call, named[0], index="by_name") if named else Metric.scan(call)


def labels_of(call: Call, metric: Metric) -> Labels:
    about = {
        "__name__": metric.name,
        "@instrumentation.@name": f"cloudwatch.{metric.namespace.lower()}",
        "@aws.account": call.account,
        "@aws.region": call.region,
    }
    return about | metric.dimensions
