"""Anomaly detectors: what is usual is learned, and what is not is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import pileus

MINUTE = 60_000
PERIOD = 5 * MINUTE


@pytest.fixture(scope="module")
def cloud() -> Iterator[pileus.LocalCloud]:
    """One of its own: weeks go by here, in which others would have a lot to do."""
    with pileus.cloud(sockets=True) as running:
        yield running


@pytest.fixture
def arn(logs: Any, put: Any, now: Any) -> str:
    """A detector that has been trained with two hours of a calm group."""
    at = now()
    put(*[(at - n * MINUTE, f"user {n} logged in from 10.0.0.{n % 7}") for n in range(120, 6, -1)])
    put(*[(at - n * MINUTE, f"cache hit ratio {90 + n % 3} percent") for n in range(120, 6, -2)])
    group = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    answer = logs.create_log_anomaly_detector(
        logGroupArnList=[group], detectorName="d", evaluationFrequency="FIVE_MIN", tags={"a": "b"}
    )
    return str(answer["anomalyDetectorArn"])


@pytest.fixture
def status(logs: Any, arn: str, cloud: Any) -> Callable[[], str]:
    def status() -> str:
        cloud.clock.advance(0)
        return str(logs.get_log_anomaly_detector(anomalyDetectorArn=arn)["anomalyDetectorStatus"])

    return status


def test_detectors_are_trained_paused_and_deleted(logs: Any, arn: str, status: Any, refused: Any) -> None:
    assert status() == "ANALYZING"
    found = logs.get_log_anomaly_detector(anomalyDetectorArn=arn)
    assert (found["detectorName"], found["evaluationFrequency"], found["anomalyVisibilityTime"]) == (
        "d",
        "FIVE_MIN",
        21,
    )
    assert logs.list_anomalies(anomalyDetectorArn=arn)["anomalies"] == []
    group = found["logGroupArnList"][0]
    assert len(logs.list_log_anomaly_detectors(filterLogGroupArn=group)["anomalyDetectors"]) == 1
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=False)
    assert status() == "PAUSED"
    logs.update_log_anomaly_detector(anomalyDetectorArn=arn, enabled=True, evaluationFrequency="ONE_HOUR")
    assert status() == "ANALYZING"
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "b"}
    logs.delete_log_group(logGroupName="app")
    assert status() == "DELETED"
    logs.delete_log_anomaly_detector(anomalyDetectorArn=arn)
    with refused("ResourceNotFoundException"):
        logs.list_anomalies(anomalyDetectorArn=arn)


def test_what_is_new_or_too_much_is_told_and_goes_on(
    aws: Any, logs: Any, arn: str, put: Any, now: Any, cloud: Any
) -> None:
    cloud.clock.advance(0)
    put(*[f"user {n} logged in from 10.0.0.1" for n in range(400)], "fatal error: disk 7 is full")
    assert logs.list_anomalies()["anomalies"] == []
    cloud.clock.advance(PERIOD / 1000)
    found = {one["priority"]: one for one in logs.list_anomalies(anomalyDetectorArn=arn)["anomalies"]}
    new = found["HIGH"]
    assert new["patternString"] == "fatal error: disk <*> is full"
    assert re.fullmatch(new["patternRegex"], "fatal error: disk 12 is full")
    assert (new["active"], new["state"], new["suppressed"]) == (True, "Active", False)
    assert new["logSamples"][0]["message"] == "fatal error: disk 7 is full"
    assert list(new["histogram"].values()) == [1]
    (token,) = [one for one in new["patternTokens"] if one["isDynamic"]]
    assert (token["inferredTokenName"], token["enumerations"]) == ("Number-1", {"7": 1})
    much = found["MEDIUM"]
    assert much["patternString"] == "user <*> logged in from <*>"
    assert "400 events" in much["description"]
    assert len(logs.list_anomalies()["anomalies"]) == 2

    put("fatal error: disk 8 is full")
    cloud.clock.advance(PERIOD / 1000)
    (again,) = [one for one in logs.list_anomalies()["anomalies"] if one["anomalyId"] == new["anomalyId"]]
    assert list(again["histogram"].values()) == [1, 1]
    assert again["lastSeen"] > new["lastSeen"]
    cloud.clock.advance(3 * PERIOD / 1000)
    assert not any(one["active"] for one in logs.list_anomalies()["anomalies"])
    metric = {"MetricName": "AnomalyCount", "Namespace": "AWS/Logs"}
    dimensions = [{"Name": "LogAnomalyDetector", "Value": "d"}, {"Name": "LogAnomalyPriority", "Value": "HIGH"}]
    end = now() / 1000
    points = aws.client("cloudwatch").get_metric_statistics(
        **metric, Dimensions=dimensions, StartTime=end - 3600, EndTime=end + 60, Period=3600, Statistics=["Sum"]
    )["Datapoints"]
    assert sum(one["Sum"] for one in points) == 1
    cloud.clock.advance(22 * 86400)
    assert logs.list_anomalies()["anomalies"] == []


def test_a_value_that_a_word_has_never_had(logs: Any, put: Any, now: Any, cloud: Any) -> None:
    at = now()
    put(*[(at - n * MINUTE, f"GET /items answered {200 + n % 2} in {n} ms") for n in range(300, 6, -1)])
    group = logs.describe_log_groups()["logGroups"][0]["logGroupArn"]
    logs.create_log_anomaly_detector(logGroupArnList=[group], filterPattern="answered")
    cloud.clock.advance(0)
    put("GET /items answered 500 in 3 ms", "something else that is not looked at")
    cloud.clock.advance(PERIOD / 1000)
    (one,) = logs.list_anomalies()["anomalies"]
    assert "'500'" in one["description"]
    assert one["logSamples"][0]["message"] == "GET /items answered 500 in 3 ms"


def test_suppressed_is_not_told_of_and_a_baseline_is_usual(
    logs: Any, arn: str, put: Any, cloud: Any, refused: Any
) -> None:
    def come(message: str) -> list[dict[str, Any]]:
        put(message)
        cloud.clock.advance(PERIOD / 1000)
        found: list[dict[str, Any]] = logs.list_anomalies(anomalyDetectorArn=arn)["anomalies"]
        return found

    cloud.clock.advance(0)
    (one,) = come("error: disk 1 is full")
    held = {"anomalyDetectorArn": arn, "anomalyId": one["anomalyId"]}
    period = {"value": 2, "suppressionUnit": "HOURS"}
    with refused("InvalidParameterException"):
        logs.update_anomaly(**held, patternId=one["patternId"], suppressionType="INFINITE")
    with refused("InvalidParameterException"):
        logs.update_anomaly(**held, suppressionType="LIMITED")
    with refused("ResourceNotFoundException"):
        logs.update_anomaly(anomalyDetectorArn=arn, anomalyId="0" * 36, suppressionType="INFINITE")
    logs.update_anomaly(**held, suppressionType="LIMITED", suppressionPeriod=period)
    (one,) = come("error: disk 2 is full")
    assert (one["state"], one["suppressed"], one["active"]) == ("Suppressed", True, False)
    assert one["isPatternLevelSuppression"] is False
    assert list(one["histogram"].values()) == [1]
    assert logs.list_anomalies(suppressionState="UNSUPPRESSED")["anomalies"] == []
    assert len(logs.list_anomalies(suppressionState="SUPPRESSED")["anomalies"]) == 1
    cloud.clock.advance(2 * 3600)
    assert logs.list_anomalies()["anomalies"][0]["state"] == "Active"
    logs.update_anomaly(anomalyDetectorArn=arn, patternId=one["patternId"], suppressionType="INFINITE")
    assert len(come("error: disk 3 is full")) == 1
    assert logs.list_anomalies()["anomalies"][0]["suppressedUntil"] == 0
    logs.update_anomaly(anomalyDetectorArn=arn, patternId=one["patternId"])
    assert len(come("error: disk 4 is full")) == 2
    logs.update_anomaly(anomalyDetectorArn=arn, patternId=one["patternId"], baseline=True)
    found = come("error: disk 5 is full")
    assert [one["state"] for one in found] == ["Baseline", "Baseline"]
