"""Anomaly detectors, and the band in which a metric is expected.

AWS does not publish its model. Here the band lies around what the metric was at this hour of the week, or of the day
while less than two weeks are known, over the last two weeks but for the excluded ranges: mean and standard deviation.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from statistics import fmean, pstdev
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import cloudwatch
from .distributions import statistic
from .faults import bad_combination, bad_token, bad_value, missing
from .functions import Line
from .metrics import dimensions_of, identity, label_of
from .reading import series

TRAINING = 14 * 86400
TRAINED = 3 * 3600
"""Seconds of values without which a detector is not trained."""
DAY, WEEK = 24, 7 * 24

SINGLE, MATH = "SINGLE_METRIC", "METRIC_MATH"


class Detector(Record, indexes={"by_kind": ("kind",)}):
    """A model that was asked for."""

    id: str
    kind: str
    metric: dict[str, Any]
    """Namespace, MetricName, Dimensions and Stat; or the queries."""
    configuration: dict[str, Any]
    characteristics: dict[str, Any]

    def shown(self, call: Call) -> dict[str, Any]:
        about = (
            {"SingleMetricAnomalyDetector": self.metric}
            if self.kind == SINGLE
            else {"MetricMathAnomalyDetector": self.metric}
        )
        old = self.metric if self.kind == SINGLE else {}
        told = {"Configuration": self.configuration, "MetricCharacteristics": self.characteristics or None}
        return {"AnomalyDetectorId": self.id, **old, **about, **told, "StateValue": self.state(call)}

    def state(self, call: Call) -> str:
        if self.kind == MATH:
            return "PENDING_TRAINING"
        values = history(call, self.metric, 300)
        return "TRAINED" if values and max(values) - min(values) >= TRAINED else "TRAINED_INSUFFICIENT_DATA"


def described(
    namespace: str,
    metric_name: str,
    dimensions: list[dict[str, str]],
    stat: str,
    single: dict[str, Any],
    math: dict[str, Any],
) -> tuple[str, dict[str, Any]]:
    """What a request says of the metric: in one of three places, and only one."""
    plain = {"Namespace": namespace, "MetricName": metric_name, "Dimensions": dimensions, "Stat": stat}
    ways = [any(plain.values()), bool(single), bool(math)]
    if sum(ways) > 1:
        raise bad_combination(
            "Only one of SingleMetricAnomalyDetector, MetricMathAnomalyDetector and a metric of its own may be given."
        )
    if math:
        if not math.get("MetricDataQueries"):
            raise missing("The parameter MetricMathAnomalyDetector.MetricDataQueries is required.")
        return MATH, math
    metric = {"Dimensions": [], **single} if single else plain
    for name in ("Namespace", "MetricName", "Stat"):
        if not metric.get(name):
            raise missing(f"The parameter {name} is required.")
    return SINGLE, metric


def id_of(kind: str, metric: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps([kind, metric], sort_keys=True).encode(), digest_size=16).hexdigest()


@cloudwatch.operation
def put_anomaly_detector(
    call: Call,
    namespace: str = "",
    metric_name: str = "",
    dimensions: list[dict[str, str]] = [],
    stat: str = "",
    configuration: dict[str, Any] = {},
    metric_characteristics: dict[str, Any] = {},
    single_metric_anomaly_detector: dict[str, Any] = {},
    metric_math_anomaly_detector: dict[str, Any] = {},
) -> dict[str, Any]:
    """Make a model for a metric, or change its configuration."""
    kind, metric = described(
        namespace, metric_name, dimensions, stat, single_metric_anomaly_detector, metric_math_anomaly_detector
    )
    for excluded in configuration.get("ExcludedTimeRanges", ()):
        if excluded["StartTime"] >= excluded["EndTime"]:
            raise bad_value("The StartTime of an excluded time range must be before its EndTime.")
    made = Detector(id_of(kind, metric), kind, metric, configuration, metric_characteristics).put(call)
    return {"AnomalyDetectorId": made.id}


@cloudwatch.operation
def delete_anomaly_detector(
    call: Call,
    namespace: str = "",
    metric_name: str = "",
    dimensions: list[dict[str, str]] = [],
    stat: str = "",
    single_metric_anomaly_detector: dict[str, Any] = {},
    metric_math_anomaly_detector: dict[str, Any] = {},
    anomaly_detector_id: str = "",
) -> None:
    if not anomaly_detector_id:
        anomaly_detector_id = id_of(
            *described(
                namespace, metric_name, dimensions, stat, single_metric_anomaly_detector, metric_math_anomaly_detector
            )
        )
    detector = Detector.get(call, anomaly_detector_id)
    if detector is None:
        raise Fault("ResourceNotFoundException", "The requested anomaly detector does not exist.")
    detector.delete(call)


@cloudwatch.operation
def describe_anomaly_detectors(
    call: Call,
    anomaly_detector_ids: list[str] = [],
    next_token: str = "",
    max_results: int = 100,
    namespace: str = "",
    metric_name: str = "",
    dimensions: list[dict[str, str]] = [],
    anomaly_detector_types: list[str] = [],
) -> dict[str, Any]:
    """List the models: by default those of single metrics."""
    kinds = anomaly_detector_types or [SINGLE]
    wanted = {"Namespace": namespace, "MetricName": metric_name, "Dimensions": dimensions}

    def fits(detector: Detector) -> bool:
        if anomaly_detector_ids:
            return detector.id in anomaly_detector_ids
        asked = all(not value or detector.metric.get(name) == value for name, value in wanted.items())
        return detector.kind in kinds and asked

    page = Detector.page(call, limit=min(max_results, 100), token=next_token, where=fits, invalid=bad_token())
    return {"AnomalyDetectors": [detector.shown(call) for detector in page.items], "NextToken": page.token}


# The band


def history(call: Call, metric: dict[str, Any], period: int) -> dict[int, float]:
    key = identity(metric["Namespace"], metric["MetricName"], label_of(dimensions_of(metric.get("Dimensions", ()))))
    end = int(call.now) // period * period
    return series(call, key, metric["Stat"], end - TRAINING, end, period)


def band(call: Call, query: dict[str, Any] | None, line: Line, width: float) -> list[Line]:
    """The upper and the lower bound of what is expected at each instant of a line."""
    excluded: list[dict[str, float]] = []
    known = dict(line.values)
    if query is not None and statistic(query["MetricStat"]["Stat"]):
        stat = query["MetricStat"]
        metric = {"Dimensions": [], **stat["Metric"], "Stat": stat["Stat"]}
        known = history(call, metric, line.period) | known
        if detector := Detector.get(call, id_of(SINGLE, metric)):
            excluded = detector.configuration.get("ExcludedTimeRanges", [])
    trained = {at: v for at, v in known.items() if not any(e["StartTime"] <= at <= e["EndTime"] for e in excluded)}
    upper, lower = {}, {}
    for at in line.values:
        alike = [value for when, value in trained.items() if when < at and same_hour(when, at, trained)]
        alike = alike if len(alike) > 1 else [value for when, value in trained.items() if when < at]
        if len(alike) > 1:
            middle, spread = fmean(alike), pstdev(alike)
            upper[at], lower[at] = middle + width * spread, middle - width * spread
    return [replace(line, values=upper), replace(line, values=lower)]


def same_hour(one: int, other: int, known: dict[int, float]) -> bool:
    """Whether two instants lie in the same hour of the week; of the day, while less than two weeks are known."""
    cycle = WEEK if known and max(known) - min(known) >= 2 * 7 * 86400 - 3600 else DAY
    return (one // 3600 - other // 3600) % cycle == 0
