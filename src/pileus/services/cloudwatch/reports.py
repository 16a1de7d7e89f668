"""Reports of Contributor Insights rules: who contributed how much, read from the logs when that is asked for."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from pileus.kernel import Call, Fault, identity, jsonpath

from . import cloudwatch
from .contributors import Definition, Rule, existing
from .expressions import Misspelt
from .faults import bad_value
from .functions import Line

LONGEST = 24 * 3600
MOST = 100
TRIED_AT_ONCE = 50
"""Messages that Logs transforms in one request."""
METRICS = ("UniqueContributors", "MaxContributorValue", "SampleCount", "Sum", "Minimum", "Maximum", "Average")
CLF = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')

Keys = tuple[str, ...]


@cloudwatch.operation(on=existing)
def get_insight_rule_report(
    call: Call,
    rule: Rule,
    start_time: float,
    end_time: float,
    period: int,
    max_contributor_count: int = 10,
    metrics: list[str] = [],
    order_by: str = "Sum",
) -> dict[str, Any]:
    """The greatest contributors of a time, and statistics of its periods."""
    if start_time >= end_time or end_time - start_time > LONGEST:
        raise bad_value("StartTime must be before EndTime, by at most 24 hours.")
    if period % 60:
        raise bad_value("Period must be a multiple of 60.")
    if not 1 <= max_contributor_count <= MOST:
        raise bad_value(f"MaxContributorCount must be between 1 and {MOST}.")
    if order_by not in ("Sum", "Maximum") or not set(metrics) <= {*METRICS}:
        raise bad_value("OrderBy or Metrics has a value that is not known.")
    definition = json.loads(rule.definition)
    report = Report(definition, period)
    if not rule.template and rule.enabled:
        for at, message in logged(call, rule, definition, max(start_time, rule.since), end_time):
            report.add(at, message)
    return report.told(max_contributor_count, metrics, order_by)


def series(call: Call, name: str, metric: str, start: int, end: int, period: int) -> Line:
    """A metric of a rule over time, as metric math has it."""
    rule = Rule.get(call, name)
    if rule is None:
        raise Misspelt(f"there is no Contributor Insights rule {name}")
    if metric not in METRICS:
        raise Misspelt(f"a Contributor Insights rule has no metric {metric}")
    definition = json.loads(rule.definition)
    report = Report(definition, period)
    if not rule.template and rule.enabled:
        for at, message in logged(call, rule, definition, max(float(start), rule.since), end):
            report.add(at, message)
    return Line({at: report.point(at, [metric])[metric] for at in sorted(report.samples)}, f"{name} {metric}", period)


def logged(call: Call, rule: Rule, definition: Definition, start: float, end: float) -> Iterator[tuple[float, str]]:
    """The events of the rule's log groups."""
    logs = call.aws("logs", principal=identity.service("logs.amazonaws.com"))
    for group in groups(logs, definition):
        shape = shaping(logs, group) if rule.transformed else None
        token: str | None = None
        while True:
            try:
                page = logs.filter_log_events(
                    log_group_name=group, start_time=int(start * 1000), end_time=int(end * 1000) - 1, next_token=token
                )
            except Fault as fault:
                if fault.code == "ResourceNotFoundException":
                    break
                raise
            messages = [event["message"] for event in page["events"]]
            for event, message in zip(page["events"], shape(messages) if shape else messages, strict=True):
                yield event["timestamp"] / 1000, message
            token = page.get("nextToken")
            if not token:
                break


def shaping(logs: Any, group: str) -> Callable[[list[str]], list[str]] | None:
    """What a group's transformer makes of messages; None for a group that has none."""
    try:
        config = logs.get_transformer(log_group_identifier=group)["transformerConfig"]
    except Fault as fault:
        if fault.code == "ResourceNotFoundException":
            return None
        raise

    def shape(messages: list[str]) -> list[str]:
        told = [
            logs.test_transformer(transformer_config=config, log_event_messages=messages[start : start + TRIED_AT_ONCE])
            for start in range(0, len(messages), TRIED_AT_ONCE)
        ]
        return [one["transformedEventMessage"] for some in told for one in some["transformedLogs"]]

    return shape


def groups(logs: Any, definition: Definition) -> Iterator[str]:
    named = definition.get("LogGroupNames") or [arn.split(":")[6] for arn in definition["LogGroupARNs"]]
    for name in named:
        if not name.endswith("*"):
            yield name
            continue
        token: str | None = None
        while True:
            page = logs.describe_log_groups(log_group_name_prefix=name[:-1], next_token=token)
            yield from (one["logGroupName"] for one in page["logGroups"])
            token = page.get("nextToken")
            if not token:
                break


class Report:
    """What events contribute, by contributor and period."""

    def __init__(self, definition: Definition, period: int) -> None:
        self._definition = definition
        self._contribution: dict[str, Any] = definition.get("Contribution", {})
        self._period = period
        self.values: dict[Keys, dict[int, float]] = defaultdict(lambda: defaultdict(float))
        self.samples: dict[int, list[float]] = defaultdict(list)

    def add(self, at: float, message: str) -> None:
        """Count an event, if it is what the rule means."""
        fields = self.fields(message)
        if fields is None or not all(holds(one, self.get(fields, one["Match"])) for one in self._filters):
            return
        keys = [self.get(fields, path) for path in self._contribution["Keys"]]
        if any(key is None or isinstance(key, dict | list) for key in keys):
            return
        value = 1.0
        if self._definition.get("AggregateOn") == "Sum":
            number = as_number(self.get(fields, self._contribution["ValueOf"]))
            if number is None:
                return
            value = number
        slot = int(at) // self._period * self._period
        self.values[tuple(written(key) for key in keys)][slot] += value
        self.samples[slot].append(value)

    @property
    def _filters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._contribution.get("Filters", [])
        return found

    def fields(self, message: str) -> Any:
        """What paths lead into; None for a line of another format."""
        if self._definition["LogFormat"] == "CLF":
            found = [next(part for part in match.groups() if part is not None) for match in CLF.finditer(message)]
            names = self._definition.get("Fields", {})
            return {names.get(str(number), str(number)): text for number, text in enumerate(found, 1)}
        try:
            return json.loads(message)
        except ValueError:
            return None

    def get(self, fields: Any, path: str) -> Any:
        if self._definition["LogFormat"] == "CLF":
            return fields.get(path)
        try:
            return jsonpath.find(path, fields)
        except jsonpath.Missing:
            return None

    def told(self, most: int, metrics: list[str], order: str) -> dict[str, Any]:
        whole = sum if order == "Sum" else max
        ranked = sorted(self.values.items(), key=lambda one: (-whole(one[1].values()), one[0]))
        shown = [
            {
                "Keys": list(keys),
                "ApproximateAggregateValue": sum(points.values()),
                "Datapoints": [{"Timestamp": at, "ApproximateValue": points[at]} for at in sorted(points)],
            }
            for keys, points in ranked[:most]
        ]
        return {
            "KeyLabels": self._contribution.get("Keys", []),
            "AggregationStatistic": "Sum" if self._definition.get("AggregateOn") == "Sum" else "SampleCount",
            "AggregateValue": sum(sum(points.values()) for points in self.values.values()),
            "ApproximateUniqueCount": len(self.values),
            "Contributors": shown,
            "MetricDatapoints": [self.point(at, metrics) for at in sorted(self.samples)] if metrics else [],
        }

    def point(self, at: int, metrics: list[str]) -> dict[str, Any]:
        by_contributor = [points[at] for points in self.values.values() if at in points]
        samples = self.samples[at]
        known = {
            "UniqueContributors": float(len(by_contributor)),
            "MaxContributorValue": max(by_contributor),
            "SampleCount": float(len(samples)),
            "Sum": sum(samples),
            "Minimum": min(samples),
            "Maximum": max(samples),
            "Average": sum(samples) / len(samples),
        }
        return {"Timestamp": at} | {name: known[name] for name in metrics}


def written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_number(value: Any) -> float | None:
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def holds(condition: dict[str, Any], value: Any) -> bool:
    """Whether a value is what one filter wants."""
    ((operator, wanted),) = ((name, one) for name, one in condition.items() if name != "Match")
    if operator == "IsPresent":
        return (value is not None) == bool(wanted)
    if value is None:
        return False
    if operator in ("GreaterThan", "LessThan"):
        number, bound = as_number(value), as_number(wanted)
        if number is None or bound is None:
            return False
        return number > bound if operator == "GreaterThan" else number < bound
    if operator == "StartsWith":
        return any(written(value).startswith(one) for one in (wanted if isinstance(wanted, list) else [wanted]))
    among = [written(one) for one in (wanted if isinstance(wanted, list) else [wanted])]
    return (written(value) in among) == (operator in ("In", "EqualTo"))
