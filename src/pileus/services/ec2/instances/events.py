"""Scheduled events of instances: reboots, stops and retirements that AWS announces, and what happens at their time.

Whoever wants to see one tags an instance:

    pileus:event = instance-stop, instance-retirement, instance-reboot, system-reboot or system-maintenance

It is then announced for two weeks later, or for the next time that a window of the instance has open.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, iso
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.tags import after_tagging

from . import event_tags, event_windows, states
from .announcing import tell
from .instances import RUNNING, TERMINATED, Instance, instance

EVENT = "pileus:event"
AHEAD = 14 * 86400.0
LASTS = 2 * 3600.0

DESCRIPTIONS = {
    "instance-reboot": "The instance is scheduled for a reboot",
    "system-reboot": "The instance is scheduled for a system reboot",
    "system-maintenance": "The instance is scheduled for system maintenance",
    "instance-retirement": "The instance is running on degraded hardware",
    "instance-stop": "The instance is running on degraded hardware",
}
MOVABLE = ("instance-reboot", "system-reboot", "instance-stop")


class ScheduledEvent(Record, key=("instance_id", "event_id")):
    """Something that is going to happen to an instance."""

    instance_id: str
    event_id: str
    code: str
    not_before: float
    not_after: float
    deadline: float
    completed: bool = False


@after_tagging(Instance)
def told_by_tag(call: Call, one: Instance, tags: dict[str, str]) -> None:
    code = tags.get(EVENT, "")
    if code in DESCRIPTIONS and not one.ended:
        schedule(call, one, code)


def schedule(call: Call, one: Instance, code: str) -> ScheduledEvent:
    """Announce an event."""
    begins = call.now + AHEAD
    if opening := event_windows.next_opening(call, one, call.now):
        begins = opening
    found = ScheduledEvent(
        one.instance_id, hex_id("instance-event"), code, begins, begins + LASTS, call.now + 2 * AHEAD
    ).put(call)
    detail = {"eventTypeCode": f"AWS_EC2_{code.upper().replace('-', '_')}_SCHEDULED", "service": "EC2"}
    affected = {"entityValue": one.instance_id, "tags": event_tags.told(call, one)}
    more = {"startTime": iso(begins), "affectedEntities": [affected]}
    tell(call, "AWS Health Event", [one.arn(call)], detail | more, "aws.health")
    happen.later(call, instance_id=one.instance_id, event_id=found.event_id, due=begins)
    return found


@ec2.task
def happen(call: Call, instance_id: str, event_id: str) -> None:
    """The time of an event has come, if it has not been moved."""
    found, one = ScheduledEvent.get(call, instance_id, event_id), Instance.get(call, instance_id)
    if found is None or found.completed or found.not_before > call.now:
        return
    found.completed = True
    found.put(call)
    if one is None or one.state != RUNNING:
        return
    if found.code in ("instance-stop", "instance-retirement"):
        states.stop(call, one, states.RETIRED)
    else:
        states.reboot(call, one)


@ec2.operation
def modify_instance_event_start_time(
    call: Call, instance_id: str, instance_event_id: str, not_before: float
) -> Members:
    """Move an event: not into the past, and not beyond its deadline."""
    instance(call, instance_id)
    found = ScheduledEvent.get(call, instance_id, instance_event_id)
    if found is None or found.completed:
        raise Fault("InvalidInstanceEventIDNotFound", f"The event '{instance_event_id}' does not exist.")
    if found.code not in MOVABLE:
        raise Fault("UnsupportedOperation", f"An event of the type '{found.code}' cannot be rescheduled.")
    if not call.now < not_before <= found.deadline:
        text = f"It must be in the future, and not later than {iso(found.deadline)}."
        raise bad_value("NotBefore", iso(not_before), text)
    found.not_before, found.not_after = not_before, not_before + LASTS
    found.put(call)
    happen.later(call, instance_id=instance_id, event_id=instance_event_id, due=not_before)
    return {"Event": _shown(found)}


def shown(call: Call, instance_id: str) -> list[Members]:
    return [_shown(one) for one in ScheduledEvent.scan(call, instance_id)]


def told_inside(call: Call, instance_id: str) -> list[Members]:
    """The events as the metadata service tells them to the instance itself."""
    return [
        {
            "NotBefore": _long(one.not_before),
            "Code": one.code,
            "Description": DESCRIPTIONS[one.code],
            "EventId": one.event_id,
            "NotAfter": _long(one.not_after),
            "State": "active",
        }
        for one in ScheduledEvent.scan(call, instance_id)
        if not one.completed
    ]


def _long(at: float) -> str:
    """`21 Jan 2019 09:00:43 GMT`."""
    return datetime.fromtimestamp(at, UTC).strftime("%d %b %Y %H:%M:%S GMT")


def _shown(one: ScheduledEvent) -> Members:
    done = "[Completed] " if one.completed else ""
    return {
        "InstanceEventId": one.event_id,
        "Code": one.code,
        "Description": done + DESCRIPTIONS[one.code],
        "NotBefore": one.not_before,
        "NotAfter": one.not_after,
        "NotBeforeDeadline": one.deadline,
    }


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    if state == TERMINATED:
        for found in [*ScheduledEvent.scan(call, one.instance_id)]:
            found.delete(call)
