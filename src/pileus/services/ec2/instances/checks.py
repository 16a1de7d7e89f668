"""Status checks: whether the hardware below an instance, the instance itself and its disks are well.

They are until somebody says otherwise: the machine that runs the instance, or whoever wants to see what follows, with a
tag of the instance:

    pileus:impair = system, instance or ebs        (and `none` when all is well again)

An instance whose hardware failed is recovered by itself after a minute, on other hardware, if its type and its
maintenance options let it. The metrics are put every minute.
"""

from __future__ import annotations

import inspect
from typing import Any

from pileus.kernel import Call, Record, Unfinished
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, answer, bad_token, check_alone, iso, size
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.tags import after_tagging

from . import application_status, events, machines, states
from .announcing import AS_CLOUDWATCH, tell
from .describing_types import recovers
from .instances import RUNNING, Instance, instances, state_of
from .types import table

IMPAIR = "pileus:impair"
CHECKS = ("system", "instance", "ebs")
METRICS = {"system": "StatusCheckFailed_System", "instance": "StatusCheckFailed_Instance"}
METRICS |= {"ebs": "StatusCheckFailed_AttachedEBS"}

INITIALIZING = 5.0
"""Seconds of a new instance before its checks have run."""
UNTIL_RECOVERY = 60.0
NEW = 900.0
MINUTE = 60.0

FILTERS = Filters(
    {
        "availability-zone": "AvailabilityZone",
        "availability-zone-id": "AvailabilityZoneId",
        "event.code": "Events.Code",
        "event.description": "Events.Description",
        "event.instance-event-id": "Events.InstanceEventId",
        "event.not-after": lambda seen: [iso(one["NotAfter"]) for one in seen["Events"] if "NotAfter" in one],
        "event.not-before": lambda seen: [iso(one["NotBefore"]) for one in seen["Events"]],
        "event.not-before-deadline": lambda seen: [
            iso(one["NotBeforeDeadline"]) for one in seen["Events"] if "NotBeforeDeadline" in one
        ],
        "instance-state-code": "InstanceState.Code",
        "instance-state-name": "InstanceState.Name",
        "instance-status.reachability": "InstanceStatus.Details.Status",
        "instance-status.status": "InstanceStatus.Status",
        "operator.managed": "Operator.Managed",
        "operator.principal": "Operator.Principal",
        "system-status.reachability": "SystemStatus.Details.Status",
        "system-status.status": "SystemStatus.Status",
        "attached-ebs-status.status": "AttachedEbsStatus.Status",
        "application-status.status": "ApplicationStatus.Status",
    },
    tags=None,
)


class Impaired(Record, key=("instance_id", "check")):
    """A check that an instance does not pass."""

    instance_id: str
    check: str
    since: float


class Metering(Record):
    """That the metrics of a Region's instances are put at intervals."""

    name: str
    since: float
    last: float = 0.0


@ec2.operation
def describe_instance_status(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    include_all_instances: bool = False,
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The checks and scheduled events of instances: of those that run, or of all."""
    check_alone("instancesSet", instance_ids, max_results)
    test = FILTERS.test(filters)

    def wanted(one: Instance) -> bool:
        return (include_all_instances or one.state == RUNNING) and test(shown(call, one))

    if instance_ids:
        found = [one for one in instances(call, instance_ids) if wanted(one)]
        return answer("InstanceStatuses", [shown(call, one) for one in found], None)
    page = Instance.page(call, limit=size(max_results), token=next_token, where=wanted, invalid=bad_token())
    return answer("InstanceStatuses", [shown(call, one) for one in page.items], page.token)


def shown(call: Call, one: Instance) -> Members:
    zone_id = next((zone.id for zone in zones(call.region) if zone.name == one.availability_zone), "")
    impaired = {found.check: found.since for found in Impaired.scan(call, one.instance_id)}
    return {
        "InstanceId": one.instance_id,
        "AvailabilityZone": one.availability_zone,
        "AvailabilityZoneId": zone_id,
        "InstanceState": state_of(one),
        "Events": events.shown(call, one.instance_id),
        "SystemStatus": _summary(call, one, impaired.get("system")),
        "InstanceStatus": _summary(call, one, impaired.get("instance")),
        "AttachedEbsStatus": _summary(call, one, impaired.get("ebs")),
        "ApplicationStatus": application_status.summary(call, one),
        "Operator": {"Managed": False},
    }


def _summary(call: Call, one: Instance, since: float | None) -> Members:
    if one.state != RUNNING:
        return {"Status": "not-applicable"}
    if since is not None:
        return {"Status": "impaired", "Details": [_detail("failed") | {"ImpairedSince": since}]}
    if call.now < one.since + INITIALIZING:
        return {"Status": "initializing", "Details": [_detail("initializing")]}
    return {"Status": "ok", "Details": [_detail("passed")]}


def _detail(status: str) -> Members:
    return {"Name": "reachability", "Status": status}


@ec2.operation
def report_instance_status(
    call: Call,
    instances: list[str],
    status: str,
    reason_codes: list[str],
    start_time: float = 0.0,
    end_time: float = 0.0,
    description: str = "",
) -> None:
    """Take note of what somebody says of instances; as on AWS, their checks do not change by it."""
    if start_time and end_time and end_time < start_time:
        raise bad_value("endTime", iso(end_time), "It must be later than startTime.")
    if status not in ("ok", "impaired"):
        raise bad_value("status", status)
    for instance_id in instances:
        found = Instance.get(call, instance_id)
        if found is None or found.state != RUNNING:
            raise bad_value("instanceId", instance_id, "It must be that of a running instance.")
    Report(",".join(instances), call.now, status, reason_codes, description).put(call)


class Report(Record, key=("instances", "at")):
    """What somebody said of instances."""

    instances: str
    at: float
    status: str
    reasons: list[str]
    description: str = ""


# Impaired, and recovered


@after_tagging(Instance)
def told_by_tag(call: Call, one: Instance, tags: dict[str, str]) -> None:
    if IMPAIR in tags and one.state == RUNNING:
        wanted = {check.strip() for check in tags[IMPAIR].split(",")}
        for check in CHECKS:
            judge(call, one, check, well=check not in wanted)


def judge(call: Call, one: Instance, check: str, *, well: bool) -> None:
    """A check of an instance has passed or failed."""
    there = Impaired.get(call, one.instance_id, check)
    if well and there:
        there.delete(call)
    elif not well and not there:
        Impaired(one.instance_id, check, call.now).put(call)
        meter_soon(call)
        kind = table().get(one.instance_type)
        if check == "system" and kind and recovers(kind) and one.maintenance.get("AutoRecovery") == "default":
            recover.later(call, instance_id=one.instance_id, turn=one.turn, delay=UNTIL_RECOVERY)


@ec2.task
async def recover(call: Call, instance_id: str, turn: int) -> None:
    """Move an instance whose hardware failed to other hardware; it keeps its id, addresses and disks."""
    one = Instance.get(call, instance_id)
    failed = Impaired.get(call, instance_id, "system")
    if one is None or one.turn != turn or failed is None:
        return
    await machines.reboot(call, one)
    with call.transaction():
        failed.delete(call)
        detail = {"eventTypeCode": "AWS_EC2_SIMPLIFIED_AUTO_RECOVERY_SUCCESS", "service": "EC2", "region": call.region}
        affected = {"affectedEntities": [{"entityValue": instance_id}]}
        tell(call, "AWS Health Event", [one.arn(call)], detail | affected, "aws.health")


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    """What does not run is not impaired; what begins to run is metered."""
    if state == RUNNING:
        meter_soon(call)
    for found in [*Impaired.scan(call, one.instance_id)]:
        found.delete(call)


# Metrics


def meter_soon(call: Call) -> None:
    """See to it that the metrics are put: every minute of the cloud's time while there is something new to tell."""
    since = call.now
    Metering("on", since).put(call)
    meter.later(call, since=since, delay=MINUTE)
    meter_steadily.begin(call)


@ec2.task
async def meter(call: Call, since: float) -> None:
    """Put the metrics, and come again while something is new or not well."""
    metering = Metering.get(call, "on")
    found = running(call)
    if metering is None or metering.since != since or not found:
        return
    await _put_all(call, found)
    if Impaired.first(call) or call.now < max(one.since for one in found) + NEW:
        with call.transaction():
            meter.later(call, since=since, delay=MINUTE)


@ec2.watch
async def meter_steadily(call: Call) -> None:
    """Put the metrics every minute that passes here, if one has passed in the cloud: turning its clock is free."""
    await call.wait(("status checks", call.account, call.region), seconds=MINUTE)
    with call.cloud.runner.working():
        with call.transaction():
            found = running(call)
            metering = Metering.get(call, "on")
            if not found or metering is None:
                meter_steadily.end(call)
                return
        if call.now >= metering.last + MINUTE - 1:
            await _put_all(call, found)


def running(call: Call) -> list[Instance]:
    return [one for one in Instance.scan(call) if one.state == RUNNING]


async def _put_all(call: Call, found: list[Instance]) -> None:
    impaired = {(one.instance_id, one.check) for one in Impaired.scan(call)}
    data = [datum for one in found for datum in _data(call, one, impaired)]
    for place in range(0, len(data), 1000):
        await _put(call, data[place : place + 1000])
    with call.transaction():
        if metering := Metering.get(call, "on"):
            metering.last = call.now
            metering.put(call)


def _data(call: Call, one: Instance, impaired: set[tuple[str, str]]) -> list[Members]:
    failed = {check: (one.instance_id, check) in impaired for check in CHECKS}
    values = {METRICS[check]: failed[check] for check in CHECKS}
    values["StatusCheckFailed"] = failed["system"] or failed["instance"]
    dimensions = [{"Name": "InstanceId", "Value": one.instance_id}]
    common = {"Dimensions": dimensions, "Timestamp": call.now, "Unit": "Count"}
    return [{"MetricName": name, "Value": float(value)} | common for name, value in values.items()]


async def _put(call: Call, data: list[Members]) -> None:
    try:
        done = call.aws("cloudwatch", principal=AS_CLOUDWATCH).put_metric_data(namespace="AWS/EC2", metric_data=data)
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
