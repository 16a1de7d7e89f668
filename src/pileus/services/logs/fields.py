"""GetLogGroupFields: which fields a group's events have, and how many of the events."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

from pileus.kernel import Call

from . import logs, retention
from .groups import Group
from .insights.events import discovered
from .parts import Stream
from .scanning import across

SAMPLE = 1000
WINDOW = 15 * 60_000
BUILT_IN = ("@ingestionTime", "@logStream", "@message", "@timestamp", "@log")

Members = dict[str, Any]


@logs.operation(on=Group.one_of)
def get_log_group_fields(call: Call, group: Group, time: int = 0) -> Members:
    """Fields of the events of a quarter of an hour: the last one, or the eight minutes around a time."""
    now = int(call.now * 1000)
    at = time if time >= 10**11 else time * 1000
    start, end = (at - 8 * 60_000, at + 8 * 60_000) if time else (now - WINDOW, now + 1)
    start = max(start, retention.horizon(call, group))
    streams = [
        one for one in Stream.scan(call, group.id) if one.ingested and one.earliest < end and one.latest >= start
    ]
    counts: Counter[str] = Counter()
    total = 0
    for found, _ in islice(across(call, streams, start, end), SAMPLE) if streams else ():
        total += 1
        counts.update((*BUILT_IN, *discovered(found.message)))
    shares = [(name, 100 * count // total) for name, count in counts.items()]
    shares.sort(key=lambda share: (-share[1], share[0]))
    return {"logGroupFields": [{"name": name, "percent": percent} for name, percent in shares]}
