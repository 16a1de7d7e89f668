"""What an alarm must be told, and must not be; and what its configuration says of its periods."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from typing import Any

from pileus.kernel import Call, schedules

from . import queries
from .distributions import statistic
from .expressions import Misspelt
from .faults import validation
from .promql import parse
from .reading import FINE

METRIC, COMPOSITE, LOG = "MetricAlarm", "CompositeAlarm", "LogAlarm"
OK, ALARM, INSUFFICIENT_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"
BAND = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
MISSING = ("breaching", "notBreaching", "ignore", "missing")
LONGEST = 7 * 86400
"""Seconds that an alarm may look back, where its period is an hour or more; a day otherwise."""
ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT_DATA: "InsufficientDataActions"}
OFFSET = re.compile(r"(?:UTC)?([+-])(\d\d):(\d\d)")
BESIDE_CRITERIA = {
    "Namespace", "MetricName", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic", "Metrics", "Threshold",
    "ComparisonOperator", "ThresholdMetricId", "EvaluationPeriods", "DatapointsToAlarm", "EvaluationWindow",
}  # fmt: skip
"""What an alarm on a PromQL query must not have."""


def check(call: Call, request: dict[str, Any]) -> None:
    """Raise for what is missing, contradicts itself, or looks back too far."""
    check_actions(request)
    check_missing(request)
    check_propagation(request)
    check_window(request)
    if "EvaluationInterval" in request:
        raise validation("EvaluationInterval cannot be specified without EvaluationCriteria.")
    if request.get("EvaluateLowSampleCountPercentile", "ignore") not in ("ignore", "evaluate"):
        raise validation(
            f"Option {request['EvaluateLowSampleCountPercentile']} is not supported. "
            "Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    for name in ("ComparisonOperator", "EvaluationPeriods"):
        if name not in request:
            raise validation(f"The parameter {name} is required.")
    band = request["ComparisonOperator"] in BAND
    if band != ("ThresholdMetricId" in request):
        raise validation(
            "ThresholdMetricId is required with, and only with, a ComparisonOperator that compares with a band."
        )
    if not band and "Threshold" not in request:
        raise validation("The parameter Threshold is required.")
    periods = request["EvaluationPeriods"]
    if request.get("DatapointsToAlarm", periods) > periods:
        raise validation("DatapointsToAlarm must be less than or equal to EvaluationPeriods.")
    period = check_metrics(call, request) if request.get("Metrics") else check_metric(request)
    if period * periods > (LONGEST if period >= 3600 else 86400):
        raise validation(
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400)."
        )


def check_missing(request: dict[str, Any]) -> None:
    if request.get("TreatMissingData", "missing") not in MISSING:
        raise validation(
            f"The value {request['TreatMissingData']} is not supported for TreatMissingData parameter. "
            "Supported values are [breaching, notBreaching, ignore, missing]."
        )


def check_propagation(request: dict[str, Any]) -> None:
    asked = request.get("ActionConfiguration", {}).get("AlarmTagsPropagation", {})
    if "IncludedTagKeys" in asked and "ExcludedTagKeys" in asked:
        raise validation("IncludedTagKeys and ExcludedTagKeys are mutually exclusive.")


def check_window(request: dict[str, Any]) -> None:
    window = request.get("EvaluationWindow", {})
    if "WallClockWindow" in window and "SlidingWindow" in window:
        raise validation("EvaluationWindow must have either WallClockWindow or SlidingWindow.")
    zone = window.get("WallClockWindow", {}).get("Timezone", "UTC")
    try:
        zone_of(zone)
    except ValueError:
        raise validation(f"The value {zone} for parameter Timezone is not valid.") from None


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name, or as `+05:30` or `UTC+05:30`; ValueError for none."""
    if found := OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        if minutes % 5 or minutes >= 24 * 60:
            raise ValueError(name)
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    return schedules.zone_named(name)


def check_criteria(request: dict[str, Any]) -> None:
    """An alarm on a PromQL query says everything in its criteria."""
    check_actions(request)
    check_propagation(request)
    if named := sorted(BESIDE_CRITERIA & request.keys()):
        raise validation(f"Parameter {named[0]} must not be specified when EvaluationCriteria is.")
    if "PromQLCriteria" not in request["EvaluationCriteria"]:
        raise validation("EvaluationCriteria must have PromQLCriteria.")
    interval = request.get("EvaluationInterval")
    if interval is None or (interval not in (10, 20, 30) and interval % 60):
        raise validation("EvaluationInterval is required, and must be 10, 20, 30, or a multiple of 60.")
    try:
        parse(request["EvaluationCriteria"]["PromQLCriteria"]["Query"])
    except Misspelt as reason:
        raise validation(f"The PromQL query is not valid: {reason}") from None


def check_actions(request: dict[str, Any]) -> None:
    for member in ACTIONS.values():
        for action in request.get(member, ()):
            if not action.startswith("arn:") or action.count(":") < 5:
                raise validation(f"Invalid arn syntax: {action}")


def check_metric(request: dict[str, Any]) -> int:
    for name in ("MetricName", "Namespace", "Period"):
        if name not in request:
            raise validation(f"The parameter {name} is required.")
    if ("Statistic" in request) == ("ExtendedStatistic" in request):
        raise validation("Exactly one of the parameters Statistic and ExtendedStatistic must be specified.")
    if statistic(request.get("ExtendedStatistic", "Sum")) is None:
        raise validation(f"The value {request['ExtendedStatistic']} for parameter ExtendedStatistic is not supported.")
    period: int = request["Period"]
    if period not in FINE[2:] and (period < 60 or period % 60):
        raise validation("Period must be 10, 20, 30 or a multiple of 60.")
    return period


def check_metrics(call: Call, request: dict[str, Any]) -> int:
    given = request["Metrics"]
    single = ("MetricName", "Namespace", "Dimensions", "Period", "Unit", "Statistic", "ExtendedStatistic")
    if named := [name for name in single if name in request]:
        raise validation(f"Parameter {named[0]} must not be specified when Metrics is.")
    queries.check(given, call)
    threshold = request.get("ThresholdMetricId")
    shown = [query for query in given if query.get("ReturnData", True) and query["Id"] != threshold]
    if len(shown) != 1:
        raise validation("Exactly one element of the metrics list should return data.")
    return period_of(request)


def period_of(configuration: dict[str, Any]) -> int:
    """The period of an alarm: with several metrics the longest of theirs."""
    if "EvaluationInterval" in configuration:
        return int(configuration["EvaluationInterval"])
    if "Period" in configuration:
        return int(configuration["Period"])
    stats = [query["MetricStat"]["Period"] for query in configuration["Metrics"] if "MetricStat" in query]
    return int(max([*stats, *(query["Period"] for query in configuration["Metrics"] if "Period" in query)], default=60))
