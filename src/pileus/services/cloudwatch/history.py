"""What happened to alarms: kept for 30 days, also when the alarm is gone."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.task import next_look

from . import cloudwatch
from .faults import bad_token

KEPT = 30 * 86400
FORGOTTEN_AT_ONCE = 500


class HistoryItem(Record, key=("at", "id"), indexes={"by_alarm": ("alarm", "at")}):
    at: float
    id: str
    """Later ones sort behind, also those of one instant."""
    alarm: str
    alarm_type: str
    kind: str
    summary: str
    data: str
    contributor: str = ""
    attributes: dict[str, str] = {}
    """Of the contributor that it happened to."""

    def shown(self) -> dict[str, Any]:
        return {
            "AlarmName": self.alarm,
            "AlarmType": self.alarm_type,
            "Timestamp": self.at,
            "HistoryItemType": self.kind,
            "HistorySummary": self.summary,
            "HistoryData": self.data,
            "AlarmContributorId": self.contributor or None,
            "AlarmContributorAttributes": self.attributes or None,
        }


def note(
    call: Call,
    alarm: str,
    alarm_type: str,
    kind: str,
    summary: str,
    data: dict[str, Any],
    contributor: tuple[str, dict[str, str]] = ("", {}),
) -> None:
    if HistoryItem.first(call) is None:
        forget.later(call, delay=float(KEPT))
    text = json.dumps(data, separators=(",", ":"), default=str)
    number = call.cloud.runner.number()
    HistoryItem(call.now, number, alarm, alarm_type, kind, summary[:255], text[:4095], *contributor).put(call)


@cloudwatch.task
def forget(call: Call) -> None:
    """Forget what is older than a month, and come back when the next item is."""
    for item in list(HistoryItem.scan(call, upto=(call.now - KEPT,), limit=FORGOTTEN_AT_ONCE)):
        item.delete(call)
    if oldest := HistoryItem.first(call):
        forget.later(call, due=next_look(call, oldest.at + KEPT))


@cloudwatch.operation
def describe_alarm_history(
    call: Call,
    alarm_name: str = "",
    alarm_types: list[str] = [],
    history_item_type: str = "",
    start_date: float | None = None,
    end_date: float | None = None,
    max_records: int = 100,
    next_token: str = "",
    scan_by: str = "TimestampDescending",
    alarm_contributor_id: str = "",
) -> dict[str, Any]:
    """What happened to one alarm or all, by default to metric alarms."""
    types = alarm_types or ["MetricAlarm"]
    bounds: dict[str, Any] = {} if start_date is None else {"since": (start_date,)}
    bounds |= {} if end_date is None else {"upto": (end_date,)}
    page = HistoryItem.page(
        call,
        *([alarm_name] if alarm_name else []),
        index="by_alarm" if alarm_name else "",
        limit=max_records,
        token=next_token,
        reverse=scan_by == "TimestampDescending",
        where=lambda item: (
            (bool(alarm_name) or item.alarm_type in types)
            and history_item_type in ("", item.kind)
            and alarm_contributor_id in ("", item.contributor)
        ),
        invalid=bad_token(),
        **bounds,
    )
    return {"AlarmHistoryItems": [item.shown() for item in page.items], "NextToken": page.token}
