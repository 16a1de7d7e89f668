"""Metrics of schedules, by their groups ("Monitoring EventBridge Scheduler with CloudWatch", User Guide)."""

from __future__ import annotations

from pileus.kernel import Call

NAMESPACE = "AWS/Scheduler"


def count(call: Call, group: str, *metrics: str) -> None:
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("ScheduleGroup", group),))
    for metric in metrics:
        tally.add(metric)
