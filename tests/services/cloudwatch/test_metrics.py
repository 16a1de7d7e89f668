"""Putting and reading values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pileus
from pileus.testing.local import CloudClock

Put = Callable[..., None]


def statistics(metrics: Any, start: int, end: int, period: int = 60, **asked: Any) -> list[dict[str, Any]]:
    asked = asked or {"Statistics": ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]}
    answer = metrics.get_metric_statistics(
        Namespace="Works", MetricName="Load", StartTime=start, EndTime=end, Period=period, **asked
    )
    found: list[dict[str, Any]] = answer["Datapoints"]
    return found


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: to go far ahead, what all other tests have left behind would have to be gone through."""
    with pileus.cloud(sockets=True) as running:
        yield running


def test_the_five_statistics_of_a_minute(metrics: Any, put: Put, minute: int) -> None:
    put(1.0, 2.0, 6.0, Unit="Count")
    (point,) = statistics(metrics, minute, minute + 60)
    assert point["Timestamp"].timestamp() == minute
    told = {name: point[name] for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "Unit")}
    assert told == {"SampleCount": 3, "Sum": 9, "Average": 3, "Minimum": 1, "Maximum": 6, "Unit": "Count"}


def test_values_and_counts_are_so_many_samples(metrics: Any, minute: int) -> None:
    data = {"MetricName": "Load", "Values": [10.0, 20.0], "Counts": [3.0, 1.0]}
    metrics.put_metric_data(Namespace="Works", MetricData=[data])
    (point,) = statistics(metrics, minute, minute + 60)
    assert (point["SampleCount"], point["Sum"]) == (4, 50)


def test_a_statistic_set_joins_plain_values_and_has_no_percentiles(metrics: Any, put: Put, minute: int) -> None:
    put(7.0)
    summary = {"SampleCount": 3.0, "Sum": 6.0, "Minimum": 1.0, "Maximum": 3.0}
    metrics.put_metric_data(Namespace="Works", MetricData=[{"MetricName": "Load", "StatisticValues": summary}])
    (point,) = statistics(metrics, minute, minute + 60)
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (4, 13, 1, 7)
    (point,) = statistics(metrics, minute, minute + 60, ExtendedStatistics=["p50"])
    assert "ExtendedStatistics" not in point


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("p50", 50),
        ("p99", 99),
        ("p100", 100),
        ("tm90", sum(range(1, 91)) / 90),
        ("TM(10%:90%)", sum(range(11, 91)) / 80),
        ("TM(10:20)", 15.5),
        ("IQM", sum(range(26, 76)) / 50),
        ("tc90", 90),
        ("ts90", sum(range(1, 91))),
        ("TC(90:)", 10),
        ("PR(:25)", 25),
        ("wm90", (sum(range(1, 91)) + 10 * 90) / 100),
    ],
)
def test_extended_statistics_of_one_to_a_hundred(metrics: Any, put: Put, minute: int, name: str, value: float) -> None:
    put(*[float(n) for n in range(1, 101)])
    (point,) = statistics(metrics, minute, minute + 60, ExtendedStatistics=[name])
    assert point["ExtendedStatistics"][name] == pytest.approx(value)


def test_thousands_of_different_values_keep_percentiles_within_one_per_cent(
    metrics: Any, put: Put, minute: int
) -> None:
    put(*[n * 1.37 for n in range(1, 1001)])
    (point,) = statistics(metrics, minute, minute + 60, ExtendedStatistics=["p90"])
    assert point["ExtendedStatistics"]["p90"] == pytest.approx(900 * 1.37, rel=0.011)


def test_units_are_kept_apart(metrics: Any, put: Put, minute: int) -> None:
    put(1.0, Unit="Seconds")
    put(2.0, Unit="Bytes")
    points = statistics(metrics, minute, minute + 60, Statistics=["Sum"])
    assert {point["Unit"]: point["Sum"] for point in points} == {"Seconds": 1, "Bytes": 2}
    (point,) = statistics(metrics, minute, minute + 60, Statistics=["Sum"], Unit="Bytes")
    assert point["Sum"] == 2


def test_longer_periods_gather_minutes(metrics: Any, put: Put, minute: int, clock: CloudClock) -> None:
    for number in range(4):
        put(float(number), at=minute - 240 + number * 60)
    points = statistics(metrics, minute - 240, minute, 120, Statistics=["Sum"])
    assert [(p["Timestamp"].timestamp() - minute, p["Sum"]) for p in points] == [(-240, 1), (-120, 5)]


def test_high_resolution_metrics_know_seconds_for_three_hours(
    metrics: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    put(1.0, at=minute, StorageResolution=1)
    put(2.0, at=minute + 5, StorageResolution=1)
    assert len(statistics(metrics, minute, minute + 10, 5, Statistics=["Sum"])) == 2
    clock.advance(5 * 3600)
    assert statistics(metrics, minute, minute + 10, 5, Statistics=["Sum"]) != []
    (point,) = statistics(metrics, minute, minute + 60, 60, Statistics=["Sum"])
    assert point["Sum"] == 3


def test_minutes_become_five_minutes_after_15_days_and_hours_after_63_and_are_gone_after_455(
    metrics: Any, put: Put, minute: int, clock: CloudClock
) -> None:
    hour = minute // 3600 * 3600
    for number in range(10):
        put(1.0, at=hour + number * 60)
    clock.advance(16 * 86400)
    points = statistics(metrics, hour, hour + 3600, 60, Statistics=["Sum"])
    assert [p["Sum"] for p in points] == [5, 5]
    clock.advance(50 * 86400)
    (point,) = statistics(metrics, hour, hour + 3600, 3600, Statistics=["Sum"])
    assert point["Sum"] == 10
    clock.advance(400 * 86400)
    assert statistics(metrics, hour, hour + 3600, 3600, Statistics=["Sum"]) == []


def test_no_more_than_1440_datapoints(metrics: Any, minute: int, refused: Any) -> None:
    with refused("InvalidParameterCombination", "exceeds the limit of 1,440"):
        statistics(metrics, minute - 2 * 86400, minute)


@pytest.mark.parametrize("period", [7, 61, 90])
def test_periods_are_multiples_of_a_minute(metrics: Any, minute: int, refused: Any, period: int) -> None:
    with refused("InvalidParameterValue"):
        statistics(metrics, minute - 600, minute, period)


@pytest.mark.parametrize(
    ("datum", "code", "message"),
    [
        ({"Value": 1.0, "Values": [1.0]}, "InvalidParameterCombination", "mutually exclusive"),
        ({}, "MissingParameter", "At least one of"),
        ({"Values": [1.0, 2.0], "Counts": [1.0]}, "InvalidParameterValue", "must be of the same size"),
        ({"Values": [float(n) for n in range(151)]}, "InvalidParameterValue", "greater than 150"),
        ({"Value": float("nan")}, "InvalidParameterValue", "is invalid"),
        ({"Value": 2.0**361}, "InvalidParameterValue", "is invalid"),
    ],
)
def test_bad_values_change_nothing(
    metrics: Any, minute: int, refused: Any, datum: dict[str, Any], code: str, message: str
) -> None:
    good = {"MetricName": "Load", "Value": 1.0}
    with refused(code, message):
        metrics.put_metric_data(Namespace="Works", MetricData=[good, {"MetricName": "Load", **datum}])
    assert statistics(metrics, minute, minute + 60) == []
    assert metrics.list_metrics()["Metrics"] == []


@pytest.mark.parametrize(("when", "message"), [(-15 * 86400, "past two weeks"), (3 * 3600, "two hours in the future")])
def test_values_are_of_the_last_two_weeks_and_the_next_two_hours(
    put: Put, minute: int, refused: Any, when: int, message: str
) -> None:
    with refused("InvalidParameterValue", message):
        put(1.0, at=minute + when)


def test_no_more_than_a_thousand_values_at_once(put: Put, refused: Any) -> None:
    with refused("InvalidParameterValue", "1000"):
        put(*[1.0] * 1001)


def test_metrics_are_listed_by_namespace_name_and_dimensions(metrics: Any) -> None:
    for host, zone in (("a", "x"), ("b", "x"), ("b", "y")):
        dimensions = [{"Name": "Host", "Value": host}, {"Name": "Zone", "Value": zone}]
        metrics.put_metric_data(
            Namespace="Works", MetricData=[{"MetricName": "Load", "Value": 1.0, "Dimensions": dimensions}]
        )
    metrics.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "Load", "Value": 1.0}])
    assert len(metrics.list_metrics()["Metrics"]) == 4
    assert len(metrics.list_metrics(MetricName="Load")["Metrics"]) == 4
    assert len(metrics.list_metrics(Namespace="Works")["Metrics"]) == 3
    by_host = metrics.list_metrics(Dimensions=[{"Name": "Host", "Value": "b"}])["Metrics"]
    assert len(by_host) == 2
    assert len(metrics.list_metrics(Dimensions=[{"Name": "Zone"}])["Metrics"]) == 3
    assert {one["Name"]: one["Value"] for one in by_host[0]["Dimensions"]}["Host"] == "b"


def test_five_hundred_metrics_a_page(metrics: Any) -> None:
    for start in (0, 400):
        data = [{"MetricName": f"m{n:04}", "Value": 1.0} for n in range(start, start + 400)]
        metrics.put_metric_data(Namespace="Works", MetricData=data)
    page = metrics.list_metrics()
    assert len(page["Metrics"]) == 500
    rest = metrics.list_metrics(NextToken=page["NextToken"])
    assert (len(rest["Metrics"]), "NextToken" in rest) == (300, False)


def test_metrics_without_values_for_two_weeks_are_not_listed(metrics: Any, put: Put, clock: CloudClock) -> None:
    put(1.0)
    clock.advance(4 * 3600)
    assert metrics.list_metrics(RecentlyActive="PT3H")["Metrics"] == []
    assert len(metrics.list_metrics()["Metrics"]) == 1
    clock.advance(14 * 86400)
    assert metrics.list_metrics()["Metrics"] == []
