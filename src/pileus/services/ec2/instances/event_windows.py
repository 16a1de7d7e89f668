"""Windows of the week in which scheduled events may happen, and the instances that they are for.

EC2 User Guide, "Create custom event windows for scheduled events".
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, invalid, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import hosts
from .instances import Instance, instances

DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
CRON_DAYS = ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
CRON = re.compile(r"\* ([\d,*-]+) \* \* ([\w,*-]+)")
WEEK = 7 * 24
LEAST_HOURS, LEAST_AT_ONCE, MOST_INSTANCES = 4, 2, 100


@kind(
    "instance-event-window",
    "iew",
    missing=("InvalidInstanceEventWindowId.NotFound", "The instance event window '{}' does not exist"),
)
class EventWindow(Record, arn="instance-event-window/{instance_event_window_id}"):
    """Hours of the week."""

    instance_event_window_id: str
    name: str
    ranges: list[Members]
    cron: str
    instance_ids: list[str] = []
    host_ids: list[str] = []
    instance_tags: list[Members] = []
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "dedicated-host-id": "host_ids",
        "event-window-name": "name",
        "instance-id": "instance_ids",
        "instance-tag": lambda one: [f"{tag['Key']}={tag['Value']}" for tag in one.instance_tags],
        "instance-tag-key": "instance_tags.Key",
        "instance-tag-value": "instance_tags.Value",
    }
)


@ec2.operation
def create_instance_event_window(
    call: Call,
    name: str = "",
    time_ranges: list[Members] = [],
    cron_expression: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Make a window, of ranges of hours or of a cron expression."""
    tags = specified(tag_specifications, "instance-event-window")
    _check(time_ranges, cron_expression)
    one = EventWindow(new_id(EventWindow), name, time_ranges, cron_expression, tags=tags).put(call)
    return {"InstanceEventWindow": shown(call, one) | {"State": "creating"}}


@ec2.operation
def describe_instance_event_windows(
    call: Call,
    instance_event_window_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    return described(
        call,
        EventWindow,
        FILTERS,
        "InstanceEventWindows",
        shown,
        instance_event_window_ids,
        filters,
        max_results,
        next_token,
    )


@ec2.operation
def modify_instance_event_window(
    call: Call,
    instance_event_window_id: str,
    name: str = "",
    time_ranges: list[Members] = [],
    cron_expression: str = "",
) -> Members:
    """Change a window's name or its hours."""
    one = named(call, EventWindow, instance_event_window_id)
    if time_ranges or cron_expression:
        _check(time_ranges, cron_expression)
        one.ranges, one.cron = time_ranges, cron_expression
    one.name = name or one.name
    one.put(call)
    return {"InstanceEventWindow": shown(call, one)}


@ec2.operation
def delete_instance_event_window(call: Call, instance_event_window_id: str, force_delete: bool = False) -> Members:
    """Remove a window that is associated with nothing, or by force any."""
    one = named(call, EventWindow, instance_event_window_id)
    if (one.instance_ids or one.host_ids or one.instance_tags) and not force_delete:
        text = f"The instance event window '{instance_event_window_id}' has associated targets."
        raise Fault("DependencyViolation", text)
    one.delete(call)
    state = {"InstanceEventWindowId": instance_event_window_id, "State": "deleting"}
    return {"InstanceEventWindowState": state}


@ec2.operation
def associate_instance_event_window(call: Call, instance_event_window_id: str, association_target: Members) -> Members:
    """Say which instances, hosts or tags a window is for: one kind of them."""
    one = named(call, EventWindow, instance_event_window_id)
    wanted = {name for name, value in association_target.items() if value}
    there = {"InstanceIds": one.instance_ids, "DedicatedHostIds": one.host_ids, "InstanceTags": one.instance_tags}
    if len(wanted) != 1 or any(value for name, value in there.items() if name not in wanted):
        raise combination("You can specify either instance IDs, Dedicated Host IDs, or tags as the association target.")
    if ids := association_target.get("InstanceIds"):
        instances(call, ids)
        one.instance_ids = [*dict.fromkeys([*one.instance_ids, *ids])]
        if len(one.instance_ids) > MOST_INSTANCES:
            raise invalid(f"A window can have at most {MOST_INSTANCES} instances.")
    for host_id in association_target.get("DedicatedHostIds", ()):
        named(call, hosts.Host, host_id)
        one.host_ids = [*dict.fromkeys([*one.host_ids, host_id])]
    for tag in association_target.get("InstanceTags", ()):
        if tag not in one.instance_tags:
            one.instance_tags = [*one.instance_tags, tag]
    one.put(call)
    return {"InstanceEventWindow": shown(call, one)}


@ec2.operation
def disassociate_instance_event_window(
    call: Call, instance_event_window_id: str, association_target: Members
) -> Members:
    one = named(call, EventWindow, instance_event_window_id)
    gone = association_target.get
    one.instance_ids = [what for what in one.instance_ids if what not in gone("InstanceIds", ())]
    one.host_ids = [what for what in one.host_ids if what not in gone("DedicatedHostIds", ())]
    one.instance_tags = [tag for tag in one.instance_tags if tag not in gone("InstanceTags", ())]
    one.put(call)
    return {"InstanceEventWindow": shown(call, one)}


def shown(call: Call, one: EventWindow) -> Members:
    target = {"InstanceIds": one.instance_ids, "DedicatedHostIds": one.host_ids, "Tags": one.instance_tags}
    told = {
        "InstanceEventWindowId": one.instance_event_window_id,
        "Name": one.name or None,
        "TimeRanges": one.ranges or None,
        "CronExpression": one.cron or None,
        "State": "active",
        "AssociationTarget": {name: value for name, value in target.items() if value} or None,
        "Tags": shown_tags(one.tags),
    }
    return {name: value for name, value in told.items() if value is not None}


# Hours


def _check(ranges: list[Members], cron: str) -> None:
    """Raise what EC2 says of hours that are too few."""
    if bool(ranges) == bool(cron):
        raise combination("You must specify either time ranges or a cron expression, but not both.")
    hours = hours_of(ranges, cron)
    if len(hours) < LEAST_HOURS:
        raise invalid(f"The event window must be at least {LEAST_HOURS} hours a week.")
    for hour in hours:
        if (hour - 1) % WEEK not in hours and (hour + 1) % WEEK not in hours:
            raise invalid(f"Each time range of the event window must be at least {LEAST_AT_ONCE} hours.")


def hours_of(ranges: Iterable[Members], cron: str) -> set[int]:
    """The hours of the week, from Monday's first, in which a window is open."""
    if cron:
        found = CRON.fullmatch(cron.strip())
        if not found:
            raise invalid(f"The cron expression '{cron}' is invalid.")
        hours = _numbers(found[1], [str(hour) for hour in range(24)])
        days = _numbers(found[2].upper(), CRON_DAYS)
        return {day * 24 + hour for day in days for hour in hours}
    open_hours: set[int] = set()
    for one in ranges:
        for name in ("StartWeekDay", "StartHour", "EndWeekDay", "EndHour"):
            if name not in one:
                raise missing(name)
        start = DAYS.index(one["StartWeekDay"]) * 24 + one["StartHour"]
        end = DAYS.index(one["EndWeekDay"]) * 24 + one["EndHour"]
        open_hours |= {hour % WEEK for hour in range(start, end if end > start else end + WEEK)}
    return open_hours


def _numbers(text: str, names: list[str]) -> set[int]:
    chosen: set[int] = set()
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            if part == "*":
                return {*range(len(names))}
            start, end = names.index(first), names.index(last or first)
            chosen |= {
                number % len(names) for number in range(start, end + 1 if end >= start else end + len(names) + 1)
            }
    except ValueError:
        raise invalid(f"The cron expression has '{text}', which is invalid.") from None
    return chosen


def next_opening(call: Call, one: Instance, after: float) -> float:
    """When a window of an instance opens next; 0 if it has none."""
    windows = [window for window in EventWindow.scan(call) if _is_for(window, one)]
    hours = {hour for window in windows for hour in hours_of(window.ranges, window.cron)}
    if not hours:
        return 0.0
    at = datetime.fromtimestamp(after, UTC).replace(minute=0, second=0, microsecond=0)
    for _ in range(WEEK):
        at += timedelta(hours=1)
        if at.weekday() * 24 + at.hour in hours:
            return at.timestamp()
    return 0.0


def _is_for(window: EventWindow, one: Instance) -> bool:
    return (
        one.instance_id in window.instance_ids
        or one.placement.get("HostId", "-") in window.host_ids
        or any(one.tags.get(tag.get("Key", "")) == tag.get("Value", "") for tag in window.instance_tags)
    )
