"""Metric categories: sets of further metrics that instances with detailed monitoring may have.

Which of them an instance has is kept and shown. Left out: the metrics themselves, which its agent would put.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.resource import Resource, Row, hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind

from .instances import Instance

MISSING = ("InvalidMetricCategoryId.NotFound", "The metric category '{}' does not exist.")


@kind("metric-category", "mcat", missing=MISSING)
class MetricCategory(Resource, service=ec2):
    """A set of metrics."""

    key = "MetricCategoryId"
    create, update = "CreateMetricCategory", "ModifyMetricCategory"
    list, delete = "DescribeMetricCategories", "DeleteMetricCategory"
    missing = MISSING
    tags = "TagSpecifications"
    fields = {"MetricCategoryId": hex_id("mcat")}
    filters = {"metric-name": "Metrics"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        _check(row["Metrics"])

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        _check(changes.get("Metrics", ["kept"]))

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["MetricCategoryId"]
        if any(what in one.metric_categories for one in Instance.scan(call)):
            raise in_use(f"The metric category '{what}' is associated with instances.")


def _check(metrics: list[str]) -> None:
    if not metrics or not all(metrics):
        raise bad_value("Metrics", ", ".join(metrics), "Specify at least one metric.")
