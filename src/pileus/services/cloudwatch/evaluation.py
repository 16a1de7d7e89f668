"""Alarms as time passes: which are due, what they see, and what state that is.

An alarm looks at whole periods up to the last full minute (or ten seconds, where its period is shorter), and takes the
latest points of a range that is longer than its periods, so that data that comes late or not at all do not change its
state at once (User Guide, "Configuring how CloudWatch alarms treat missing data"). It is evaluated a minute after its
data come, and then again while the passing of time could change something.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable
from typing import Any

from pileus.kernel import Call, Record

from . import cloudwatch, history, insights, queries, watches
from .alarms import Alarm, State
from .checking import ALARM, BAND, COMPOSITE, INSUFFICIENT_DATA, METRIC, OK, period_of, zone_of
from .expressions import functions, parse
from .faults import validation
from .functions import CHANGING, Line, Value
from .metrics import dimensions_of, identity, label_of
from .points import between
from .reading import Series, series

BESIDE = 2
"""How many periods more than an alarm's own are looked at, for points that are missing."""
WEEK, MONDAY = 7 * 86400, 4 * 86400
"""Seconds; the first Monday of the epoch."""
AT_ONCE = 200
"""Alarms that one task evaluates, so that the others of the cloud need not wait."""

WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
    "LessThanLowerOrGreaterThanUpperThreshold": "outside the band",
    "LessThanLowerThreshold": "below the band",
    "GreaterThanUpperThreshold": "above the band",
}


class Due(Record, key=("at", "alarm")):
    """An alarm is to be evaluated at that time."""

    at: float
    alarm: str


class Round(Record):
    """There is a task for the alarms that are due at that time."""

    at: float


def awaken(call: Call, alarms: Iterable[str]) -> None:
    """See to it that alarms are evaluated at the end of the present minute."""
    for name in alarms:
        alarm, state = Alarm.get(call, name), State.get(call, name)
        if alarm and state and alarm.type == METRIC:
            schedule(call, alarm, state)
        elif alarm and state and alarm.type == COMPOSITE:
            from .composites import reconsider

            reconsider.later(call, name=name)


def schedule(call: Call, alarm: Alarm, state: State) -> None:
    step = min(60, period_of(alarm.configuration))
    at = float((int(call.now) // step + 1) * step)
    if state.due is not None:
        if call.now <= state.due <= at:
            return
        Due(state.due, alarm.name).delete(call)
    state.due = at
    state.put(call)
    Due(at, alarm.name).put(call)
    if Round.get(call, at) is None:
        Round(at).put(call)
        evaluate_due.later(call, at=at, due=at)


@cloudwatch.task
def evaluate_due(call: Call, at: float) -> None:
    """Evaluate the alarms that are due at that time, some of them at a time."""
    due = list(Due.scan(call, at, limit=AT_ONCE))
    for one in due:
        one.delete(call)
        alarm, state = Alarm.get(call, one.alarm), State.get(call, one.alarm)
        if alarm and state and state.due == at:
            state.due = None
            evaluate(call, alarm, state, at)
    if len(due) == AT_ONCE:
        evaluate_due.later(call, at=at)
    elif found := Round.get(call, at):
        found.delete(call)


def evaluate(call: Call, alarm: Alarm, state: State, at: float) -> None:
    """What an alarm sees at that time, and its state by it; due again while there is anything in sight."""
    configuration = alarm.configuration
    if "EvaluationCriteria" in configuration:
        from .prom_alarms import consider, sleep

        if consider(call, alarm, state, at):
            schedule(call, alarm, state)
        else:
            state.put(call)
            sleep(call, alarm)
        return
    period, periods = period_of(configuration), configuration["EvaluationPeriods"]
    end = window_end(configuration, at, period)
    start = end - period * (periods + BESIDE)
    try:
        lines, bounds = sight(call, configuration, start, end, period)
    except Exception as problem:
        if getattr(problem, "code", "") != "ValidationError":
            raise
        turn(call, alarm, state, INSUFFICIENT_DATA, str(problem), "")
        return
    views = [View(configuration, line, bounds, start, end, period) for line in lines]
    if warming(call, alarm, lambda: any(view.full for view in views)):
        if grouped(configuration):
            each(call, alarm, state, views)
        elif (value := views[0].verdict) is not None and value != state.value:
            turn(call, alarm, state, value, *views[0].reason(value))
    if alarm.warming is not None or restless(call, configuration, views, start, end):
        schedule(call, alarm, state)
    else:
        state.put(call)


class View:
    """What an alarm sees of one time series."""

    def __init__(
        self,
        configuration: dict[str, Any],
        line: Line,
        bounds: tuple[Series, Series],
        start: int,
        end: int,
        period: int,
    ) -> None:
        self.line, self._configuration, self._end, self._period = line, configuration, end, period
        slots = range(end - period, start - 1, -period)
        self.points = [line.values.get(slot) for slot in slots]
        self.breaches = [
            None if point is None else breached(configuration, point, bounds, slot)
            for point, slot in zip(self.points, slots, strict=True)
        ]

    @property
    def known(self) -> bool:
        return any(point is not None for point in self.points)

    @property
    def full(self) -> bool:
        """Whether there are as many points as the alarm looks at."""
        return sum(point is not None for point in self.points) >= int(self._configuration["EvaluationPeriods"])

    @property
    def verdict(self) -> str | None:
        periods = self._configuration["EvaluationPeriods"]
        to_alarm = self._configuration.get("DatapointsToAlarm", periods)
        return verdict(self.breaches, periods, to_alarm, self._configuration.get("TreatMissingData", "missing"))

    def reason(self, value: str) -> tuple[str, str]:
        return reason(self._configuration, value, self.points, self.breaches, self._end, self._period)


def each(call: Call, alarm: Alarm, state: State, views: list[View]) -> None:
    """Look at each of several time series, and at the alarm by them."""
    from . import alarm_contributors

    seen = set()
    for view in views:
        if not view.known:
            continue
        one = alarm_contributors.known(call, alarm, view.line.attributes)
        value = view.verdict or one.value
        seen.add(one.id)
        if value != one.value:
            alarm_contributors.turn(call, alarm, one, value, *view.reason(value))
    alarm_contributors.settle(call, alarm, state, seen)


def grouped(configuration: dict[str, Any]) -> bool:
    """Whether an alarm looks at a query that tells several time series apart."""
    shown = [query for query in configuration.get("Metrics", ()) if query.get("ReturnData", True)]
    text = shown[0].get("Expression", "") if len(shown) == 1 else ""
    return bool(text and insights.is_query(text) and insights.parse(text).group)


def window_end(configuration: dict[str, Any], at: float, period: int) -> int:
    """Where the periods end that an alarm looks at: now, or where one ends by the clock on the wall."""
    wall = configuration.get("EvaluationWindow", {}).get("WallClockWindow")
    if wall is None:
        return int(at)
    ahead = datetime.datetime.fromtimestamp(at, zone_of(wall.get("Timezone", "UTC"))).utcoffset()
    shift = (int(ahead.total_seconds()) if ahead else 0) - (MONDAY if period % WEEK == 0 else 0)
    return (int(at) + shift) // period * period - shift


def warming(call: Call, alarm: Alarm, full: Callable[[], bool]) -> bool:
    """Whether an alarm may be evaluated: its warm-up is over, or ends now because there is enough to look at."""
    if alarm.warming is None:
        return True
    asked = alarm.configuration["WarmUpConfiguration"]
    over = call.now >= alarm.warming + asked["WarmUpPeriodDurationInMinutes"] * 60
    if not over and (asked.get("OnlyStartEvaluatingAfterWarmUpPeriodEnds", False) or not full()):
        return False
    alarm.warming = None
    alarm.put(call)
    return True


def sight(
    call: Call, configuration: dict[str, Any], start: int, end: int, period: int
) -> tuple[list[Line], tuple[Series, Series]]:
    """The values by period from `start`; and the band they are compared with, upper and lower, if there is one."""
    if "Metrics" not in configuration or not configuration["Metrics"]:
        dimensions = label_of(dimensions_of(configuration.get("Dimensions", ())))
        metric = identity(configuration["Namespace"], configuration["MetricName"], dimensions)
        stat = configuration.get("Statistic") or configuration["ExtendedStatistic"]
        values = series(call, metric, stat, start, end, period, configuration.get("Unit", ""))
        return [Line(values, "", period)], ({}, {})
    answers = queries.answered(call, configuration["Metrics"], start, end)
    threshold = configuration.get("ThresholdMetricId")
    shown = [q["Id"] for q in configuration["Metrics"] if q.get("ReturnData", True) and q["Id"] != threshold]
    band = answers.get(threshold or "")
    bounds = (band[0].values, band[1].values) if isinstance(band, list) and len(band) == 2 else ({}, {})
    found = answers[shown[0]]
    return found if isinstance(found, list) and grouped(configuration) else [single(found)], bounds


def single(value: Value) -> Line:
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    if isinstance(value, list) and not value:
        return Line({}, "", 60)
    if not isinstance(value, Line):
        raise validation("The expression of an alarm must return a single time series.")
    return value


def breached(configuration: dict[str, Any], value: float, bounds: tuple[Series, Series], at: int) -> bool | None:
    operator = configuration["ComparisonOperator"]
    if operator in BAND:
        upper, lower = bounds[0].get(at), bounds[1].get(at)
        if upper is None or lower is None:
            return None
        above, below = value > upper, value < lower
        return {BAND[0]: above or below, BAND[1]: below, BAND[2]: above}[operator]
    threshold = configuration["Threshold"]
    if operator.startswith("Greater"):
        return bool(value >= threshold if "OrEqual" in operator else value > threshold)
    return bool(value <= threshold if "OrEqual" in operator else value < threshold)


def verdict(breaches: list[bool | None], periods: int, to_alarm: int, missing: str) -> str | None:
    """The state, from points that breach, do not, or are missing, the latest first; None to keep the present state."""
    real = [breach for breach in breaches if breach is not None]
    if len(real) >= periods:
        return ALARM if sum(real[:periods]) >= to_alarm else OK
    filled, breaching = periods - len(real), sum(real)
    if missing == "breaching":
        return ALARM if breaching + filled >= to_alarm else OK
    if missing == "notBreaching" or breaching >= to_alarm:
        return ALARM if breaching >= to_alarm else OK
    if not real:
        return INSUFFICIENT_DATA if missing == "missing" else None
    if not all(real):
        return OK
    if missing == "ignore":
        return None
    # All that there is breaches: an alarm, once the oldest of it is as old as the points that make one.
    oldest = max(place for place, breach in enumerate(breaches) if breach) + 1
    return ALARM if oldest >= to_alarm else None


def restless(call: Call, configuration: dict[str, Any], views: list[View], start: int, end: int) -> bool:
    """Whether the passing of time could change what an alarm sees.

    It can where there are data, be it in the future or in a period that has begun. Expressions have values without
    any (FILL), which stay as they are unless they tell the time or read logs.
    """
    if configuration.get("MetricName"):
        if any(view.known for view in views):
            return True
        start = end
    elif any(functions(parse(text)) & CHANGING for text in expressions(configuration)):
        return True
    upto = max(call.now, end) + 2 * 3600 + 60
    return any(next(between(call, metric, start, upto), None) for metric in watches.seen(call, configuration))


def expressions(configuration: dict[str, Any]) -> list[str]:
    """The expressions of metric math that an alarm has."""
    texts = [query["Expression"] for query in configuration["Metrics"] if "Expression" in query]
    return [text for text in texts if not insights.is_query(text)]


# Turning


def reason(
    configuration: dict[str, Any],
    value: str,
    points: list[float | None],
    breaches: list[bool | None],
    end: int,
    period: int,
) -> tuple[str, str]:
    """Why, in AWS's words, and as data."""
    periods = configuration["EvaluationPeriods"]
    seen = [(end - period * (n + 1), point) for n, point in enumerate(points)]
    known = [(at, point, breach) for (at, point), breach in zip(seen, breaches, strict=True) if point is not None]
    known = known[:periods]
    data = {
        "version": "1.0",
        "queryDate": stamp(end),
        "startDate": stamp(known[-1][0] if known else end - period * periods),
        "statistic": configuration.get("Statistic") or configuration.get("ExtendedStatistic"),
        "period": period,
        "recentDatapoints": [point for _, point, _ in reversed(known)],
        "threshold": configuration.get("Threshold"),
        "evaluatedDatapoints": [{"timestamp": stamp(at), "value": point} for at, point, _ in known],
    }
    text = json.dumps({name: one for name, one in data.items() if one is not None}, separators=(",", ":"))
    if not known:
        return without_data(configuration, value), text
    meant = [(at, point) for at, point, breach in known if breach == (value == ALARM)]
    return with_data(configuration, value, meant or [(at, point) for at, point, _ in known]), text


def without_data(configuration: dict[str, Any], value: str) -> str:
    periods = configuration["EvaluationPeriods"]
    points = counted(periods, "datapoint")
    if value == INSUFFICIENT_DATA:
        return f"Insufficient Data: {points} {were(periods)} unknown."
    treated = "Breaching" if value == ALARM else "NonBreaching"
    received = f"no datapoints were received for {counted(periods, 'period')}"
    missing = f"{counted(periods, 'missing datapoint')} {were(periods)} treated as [{treated}]"
    return f"Threshold Crossed: {received} and {missing}."


def with_data(configuration: dict[str, Any], value: str, meant: list[tuple[int, float]]) -> str:
    periods = configuration["EvaluationPeriods"]
    listed = ", ".join(f"{point} ({short(at)})" for at, point in meant)
    threshold = configuration.get("Threshold")
    limit = "the expected values" if threshold is None else f"the threshold ({float(threshold)})"
    words = WORDS[configuration["ComparisonOperator"]]
    count = len(meant)
    if value == OK:
        return f"Threshold Crossed: {counted(count, 'datapoint')} [{listed}] {were(count)} not {words} {limit}."
    least = counted(configuration.get("DatapointsToAlarm", periods), "datapoint")
    crossed = f"{count} out of the last {periods} datapoints [{listed}] {were(count)} {words} {limit}"
    return f"Threshold Crossed: {crossed} (minimum {least} for OK -> ALARM transition)."


def counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def were(count: int) -> str:
    return "was" if count == 1 else "were"


def stamp(at: float) -> str:
    when = datetime.datetime.fromtimestamp(at, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}+0000"


def short(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).strftime("%d/%m/%y %H:%M:%S")


def turn(
    call: Call, alarm: Alarm, state: State, value: str, why: str, data: str, *, contributors: bool = False
) -> None:
    """Make it the state; where it is another than before, write that down and act.

    With `contributors`, those that are told of each of them are not told of the alarm.
    """
    before, changed = half(state), value != state.value
    old, state.reason, state.data = state.value, why, data
    if not changed:
        state.put(call)
        return
    state.value, state.updated, state.turned = value, call.now, call.now
    state.suppressed = state.suppressed_reason = ""
    state.put(call)
    summary = f"Alarm updated from {old} to {value}"
    told = {"version": "1.0", "oldState": before, "newState": half(state)}
    history.note(call, alarm.name, alarm.type, "StateUpdate", summary, told)
    from .actions import act, announce
    from .alarm_contributors import apart
    from .composites import parents, reconsider, released
    from .mutes import mutes

    change = {"before": before, "after": half(state), "at": call.now}
    announce.later(call, alarm=alarm.name, **change)
    if alarm.configuration["ActionsEnabled"] and released(call, alarm, state) and not mutes(call, alarm.name, change):
        for action in dict.fromkeys(alarm.actions(value)):
            if not (contributors and apart(action)):
                act.later(call, alarm=alarm.name, action=action, **change)
    for parent in parents(call, alarm.name):
        reconsider.later(call, name=parent)


def half(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {"stateValue": state.value, "stateReason": state.reason}
    return found | ({"stateReasonData": json.loads(state.data)} if state.data else {})
