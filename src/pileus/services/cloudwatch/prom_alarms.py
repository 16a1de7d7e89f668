"""Alarms on PromQL queries: each element of the result is a contributor that breaches.

What may be asked are the metrics that OTel enrichment covers. A metric's labels are its dimensions, its name, and
`@instrumentation.@name`, `@aws.account` and `@aws.region`; which labels there are beside the dimensions is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call

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


def consider(call: Call, alarm: Alarm, state: State, at: float) -> None:
    """What the query gives at that time, and what that makes of its contributors."""
    criteria = alarm.configuration["EvaluationCriteria"]["PromQLCriteria"]
    try:
        found = promql.evaluate(promql.parse(criteria["Query"]), promql.Scope(source(call), at))
        samples = promql.vector(found)
    except (Misspelt, TypeError) as problem:
        history.note(
            call, alarm.name, alarm.type, "StateUpdate", "Alarm could not be evaluated", {"error": str(problem)}
        )
        return
    if not warming(call, alarm, lambda: bool(samples)):
        return
    breaching = {alarm_contributors.id_of(one.labels): one for one in samples}
    seen: set[str] = set()
    for one in contributors(call, alarm, samples):
        sample = breaching.get(one.id)
        step(call, alarm, one, sample, criteria, at)
        if sample is not None or one.value == ALARM:
            seen.add(one.id)
    alarm_contributors.settle(call, alarm, state, seen)


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


def source(call: Call) -> promql.Source:
    """Finds series among the metrics that are enriched."""
    enriched = enrichment.running(call)

    def find(selector: Selector, stat: str, start: float, end: float) -> list[tuple[Labels, Points]]:
        found: list[tuple[Labels, Points]] = []
        if enriched is None:
            return found
        for metric in candidates(call, selector):
            labels = labels_of(call, metric)
            if not selector.covers(labels) or not enriched.covers(metric):
                continue
            first = int(start) // PERIOD * PERIOD
            values = series(call, metric.id, stat, first, int(end), PERIOD)
            found.append((labels, sorted((float(at), value) for at, value in values.items())))
        return found

    return find


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
