"""Rules with schedules: each tick is a task that sends the event and enqueues the next tick."""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, names, schedules

from . import events
from .rules import Rule


def begin(call: Call, rule: Rule) -> None:
    """Start the course of a schedule; rates are counted from now."""
    await_next(call, rule, call.now)


def await_next(call: Call, rule: Rule, beginning: float) -> None:
    due = schedules.parse(rule.schedule, "UTC", beginning).after(call.now)
    if due is not None:
        tick.later(call, bus=rule.bus, rule=rule.name, started=rule.started, beginning=beginning, due=due)


@events.task
def tick(call: Call, bus: str, rule: str, started: str, beginning: float) -> None:
    """The rule is due, unless it was changed since."""
    from .publishing import to_targets

    found = Rule.get(call, bus, rule)
    if found is None or found.started != started or not found.enabled:
        return
    to_targets(call, found, msgspec.json.encode(scheduled(call, found)))
    await_next(call, found, beginning)


def scheduled(call: Call, rule: Rule) -> dict[str, Any]:
    from .publishing import iso

    return {
        "version": "0",
        "id": names.uuid4(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": call.account,
        "time": iso(call.now),
        "region": call.region,
        "resources": [rule.arn(call)],
        "detail": {},
    }
