"""Dashboards and anomaly detectors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pileus.testing.account import Account

BODY = json.dumps(
    {
        "widgets": [
            {
                "type": "metric",
                "x": 0,
                "y": 0,
                "width": 12,
                "height": 6,
                "properties": {"metrics": [["AWS/EC2", "CPUUtilization"]], "region": "us-east-1"},
            }
        ]
    }
)


def test_a_dashboard_is_kept_listed_and_deleted(aws: Account, metrics: Any, refused: Any) -> None:
    assert metrics.put_dashboard(DashboardName="front", DashboardBody=BODY)["DashboardValidationMessages"] == []
    metrics.put_dashboard(DashboardName="rear", DashboardBody=BODY)
    found = metrics.get_dashboard(DashboardName="front")
    assert found["DashboardArn"] == f"arn:aws:cloudwatch::{aws.id}:dashboard/front"
    assert json.loads(found["DashboardBody"]) == json.loads(BODY)
    entries = metrics.list_dashboards(DashboardNamePrefix="f")["DashboardEntries"]
    assert [(one["DashboardName"], one["Size"]) for one in entries] == [("front", len(BODY))]
    with refused("ResourceNotFound"):
        metrics.delete_dashboards(DashboardNames=["front", "nobody"])
    metrics.delete_dashboards(DashboardNames=["front"])
    with refused("ResourceNotFound"):
        metrics.get_dashboard(DashboardName="front")


@pytest.mark.parametrize("body", ["{", '{"widgets": {}}', '{"widgets": [{"type": "pie", "properties": {}}]}'])
def test_a_body_of_the_wrong_form_is_refused(metrics: Any, refused: Any, body: str) -> None:
    with refused("InvalidParameterInput"):
        metrics.put_dashboard(DashboardName="front", DashboardBody=body)
    assert metrics.list_dashboards()["DashboardEntries"] == []


def test_a_name_has_letters_digits_dashes_and_underscores(metrics: Any, refused: Any) -> None:
    with refused("InvalidParameterValue"):
        metrics.put_dashboard(DashboardName="front door", DashboardBody=BODY)


def test_anomaly_detectors(metrics: Any, refused: Any) -> None:
    single = {"Namespace": "Works", "MetricName": "Load", "Stat": "Average"}
    made = metrics.put_anomaly_detector(SingleMetricAnomalyDetector=single)["AnomalyDetectorId"]
    assert metrics.put_anomaly_detector(SingleMetricAnomalyDetector=single)["AnomalyDetectorId"] == made
    metrics.put_anomaly_detector(Namespace="Works", MetricName="Heat", Stat="Sum")
    found = metrics.describe_anomaly_detectors()["AnomalyDetectors"]
    assert {one["SingleMetricAnomalyDetector"]["MetricName"] for one in found} == {"Load", "Heat"}
    (one,) = metrics.describe_anomaly_detectors(MetricName="Heat")["AnomalyDetectors"]
    assert one["StateValue"] == "TRAINED_INSUFFICIENT_DATA"
    with refused("InvalidParameterCombination"):
        metrics.put_anomaly_detector(Namespace="Works", SingleMetricAnomalyDetector=single)
    metrics.delete_anomaly_detector(SingleMetricAnomalyDetector=single)
    with refused("ResourceNotFoundException"):
        metrics.delete_anomaly_detector(SingleMetricAnomalyDetector=single)
