"""Application status: what instances' programs answer when they are asked.

They are really asked, by HTTP, from the router of the instance's VPC, which no security group keeps away; once a minute
of the cloud's time while something is new, and of real time otherwise: turning the clock far is free. Where there is no
network, there is not enough data.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.kernel import Call, Record, web
from pileus.kernel.filters import Filters
from pileus.kernel.regions import zones
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, invalid
from pileus.services.ec2.network import interfaces
from pileus.services.ec2.tags import after_tagging, shown_tags

from . import machines, states
from .application_checks import ApplicationCheck, all_existing, of_instance
from .instances import RUNNING, Instance, instances

MINUTE, NEW = 60.0, 900.0
MOST = 100
PASSED, FAILED, INITIALIZING = "passed", "failed", "initializing"
NO_DATA, NOT_APPLICABLE, SUPPRESSED = "insufficient-data", "not-applicable", "suppressed"


class Result(Record, key=("check_id", "instance_id")):
    """How a check of an instance stands."""

    check_id: str
    instance_id: str
    status: str
    since: float
    at: float
    reason: Members = {}
    passes: int = 0
    failures: int = 0


class Suppressed(Record):
    """That results do not count for an instance."""

    instance_id: str
    since: float
    until: float
    """0 for whenever somebody says so."""


class Asking(Record):
    """That instances of a Region are asked at intervals."""

    name: str
    since: float
    last: float = 0.0


FILTERS = Filters(
    {"availability-zone-id": "AvailabilityZoneId", "status": "ApplicationStatus.Status"},
    tags=lambda shown: {tag["Key"]: tag["Value"] for tag in shown["Tags"]},
)


@ec2.operation
def describe_application_status(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    test = FILTERS.test(filters)
    found = instances(call, instance_ids) if instance_ids else [one for one in Instance.scan(call) if not one.ended]
    page = paged(call, "Instances", filter(test, (shown(call, one) for one in found)), max_results, next_token)
    told: Members = {"ApplicationStatuses": {"Instances": page["Instances"]}}
    return told | ({"NextToken": page["NextToken"]} if "NextToken" in page else {})


def shown(call: Call, one: Instance) -> Members:
    ids = {zone.name: zone.id for zone in zones(call.region)}
    return {
        "InstanceId": one.instance_id,
        "AvailabilityZone": one.availability_zone,
        "AvailabilityZoneId": ids.get(one.availability_zone),
        "ApplicationStatus": status_of(call, one),
        "Tags": shown_tags(one.tags),
    }


def status_of(call: Call, one: Instance) -> Members:
    """The status of an instance, and that of each of its checks."""
    details, counted = [], []
    for check in of_instance(call, one):
        result = Result.get(call, check.application_status_check_id, one.instance_id)
        status = NOT_APPLICABLE if one.state != RUNNING else result.status if result else INITIALIZING
        details.append(_detail(check, status, result))
        if check.included:
            counted.append((status, result.since if result else one.since))
    suppressed = _suppressed(call, one.instance_id)
    status = SUPPRESSED if suppressed else _whole([found for found, _ in counted])
    told: Members = {"Status": status, "Details": details}
    if counted:
        told["StatusSince"] = max(since for _, since in counted)
    times = [one["StatusTimeStamp"] for one in details if "StatusTimeStamp" in one]
    told |= {"StatusTimeStamp": max(times)} if times else {}
    return told | ({"ResumeAt": suppressed.until} if suppressed and suppressed.until else {})


def _whole(found: list[str]) -> str:
    for status, meaning in ((FAILED, "impaired"), (INITIALIZING, INITIALIZING), (NO_DATA, NO_DATA), (PASSED, "ok")):
        if status in found:
            return meaning
    return NOT_APPLICABLE


def _detail(check: ApplicationCheck, status: str, result: Result | None) -> Members:
    told = {
        "ApplicationStatusCheckId": check.application_status_check_id,
        "CheckUpdateTime": check.modified,
        "Aggregation": check.settings["Aggregation"],
        "Status": status,
    }
    if result:
        told |= {"StatusTimeStamp": result.at, "StatusSince": result.since}
        told |= {"Reason": result.reason} if result.reason else {}
    return told


def summary(call: Call, one: Instance) -> Members | None:
    """The same in short, among the other status checks; None for an instance that has no check."""
    found = status_of(call, one)
    if not found["Details"]:
        return None
    impaired = {"ImpairedSince": found["StatusSince"]} if found["Status"] == "impaired" else {}
    return {"Status": NOT_APPLICABLE if found["Status"] == SUPPRESSED else found["Status"]} | impaired


# Suppressing


def _suppressed(call: Call, instance_id: str) -> Suppressed | None:
    found = Suppressed.get(call, instance_id)
    return found if found and (not found.until or call.now < found.until) else None


@ec2.operation
def enable_application_status_check_suppression(
    call: Call, instance_ids: list[str] = [], duration_seconds: int = 0, client_token: str = ""
) -> Members:
    """Let results not count for instances, for a time or until further notice."""
    if duration_seconds < 0:
        raise bad_value("DurationSeconds", duration_seconds)
    good, bad = _sorted(call, instance_ids)
    until = call.now + duration_seconds if duration_seconds else 0.0
    for what in good:
        Suppressed(what, call.now, until).put(call)
    more = {"SuppressAt": call.now} | ({"ResumeAt": until} if until else {})
    return {"SuccessfulResults": [{"InstanceId": what} | more for what in good], "UnsuccessfulResults": bad}


@ec2.operation
def disable_application_status_check_suppression(
    call: Call, instance_ids: list[str] = [], client_token: str = ""
) -> Members:
    """Let results count again."""
    good, bad = _sorted(call, instance_ids)
    for what in good:
        if found := Suppressed.get(call, what):
            found.delete(call)
    return {
        "SuccessfulResults": [{"InstanceId": what, "ResumeAt": call.now} for what in good],
        "UnsuccessfulResults": bad,
    }


def _sorted(call: Call, instance_ids: list[str]) -> tuple[list[str], list[Members]]:
    if len(instance_ids) > MOST:
        raise invalid(f"The maximum number of instances on a request is {MOST}.")
    there = [what for what in dict.fromkeys(instance_ids) if Instance.get(call, what)]
    absent = [what for what in dict.fromkeys(instance_ids) if what not in there]
    return there, [{"InstanceId": what, "Reason": f"The instance ID '{what}' does not exist"} for what in absent]


# Asking


def ask_soon(call: Call) -> None:
    """Something is new: ask every minute of the cloud's time for a while."""
    found = Asking.get(call, "on")
    Asking("on", call.now, found.last if found else 0.0).put(call)
    ask.later(call, since=call.now, delay=MINUTE)
    ask_steadily.begin(call)


@ec2.task
async def ask(call: Call, since: float) -> None:
    asking = Asking.get(call, "on")
    if asking is None or asking.since != since or not await _ask_all(call):
        return
    if call.now < since + NEW:
        with call.transaction():
            ask.later(call, since=since, delay=MINUTE)


@ec2.watch
async def ask_steadily(call: Call) -> None:
    """Ask every minute that passes here, if one has passed in the cloud."""
    await call.wait(("application status", call.account, call.region), seconds=MINUTE)
    with call.cloud.runner.working():
        with call.transaction():
            asking = Asking.get(call, "on")
            if (
                asking is None
                or not any(all_existing(call))
                or not any(one.state == RUNNING for one in Instance.scan(call))
            ):
                ask_steadily.end(call)
                return
        if call.now >= asking.last + MINUTE - 1:
            await _ask_all(call)


async def _ask_all(call: Call) -> bool:
    """Ask all instances that run; whether there are some."""
    with call.transaction():
        if asking := Asking.get(call, "on"):
            asking.last = call.now
            asking.put(call)
        running = [one for one in Instance.scan(call) if one.state == RUNNING]
        pairs = [(check, one) for one in running for check in of_instance(call, one)]
    answers = await asyncio.gather(*(_answer(call, check, one) for check, one in pairs))
    with call.transaction():
        for (check, one), reason in zip(pairs, answers, strict=True):
            there = Instance.get(call, one.instance_id)
            if there and there.turn == one.turn:
                _note(call, check, one, reason)
    return bool(pairs)


async def _answer(call: Call, check: ApplicationCheck, one: Instance) -> Members:
    """What becomes of asking an instance, as a reason; empty if it cannot be asked."""
    wanted, wires = check.settings, machines.networks(call)
    found = sorted(interfaces.of_instance(call, one.instance_id), key=lambda each: each.device_index)
    if wires is None or len(found) <= wanted["DeviceIndex"]:
        return {}
    interface = found[wanted["DeviceIndex"]]
    address = interface.private_ip_address
    if wanted["IpVersion"] == "ipv6":
        if not interface.ipv6_addresses:
            return {}
        address = f"[{interface.ipv6_addresses[0].ipv6_address}]"
    code, url = "ConnectionTimeout", f"{wanted['Protocol']}://{address}:{wanted['Port']}{wanted['Path']}"
    try:
        async with asyncio.timeout(wanted["Timeout"]):
            via = await wires.socket(interface.vpc_id, ("::" if "[" in address else "0.0.0.0", 0), listens=False)
            await asyncio.get_running_loop().sock_connect(via, (address.strip("[]"), wanted["Port"]))
            code = "ResponseTimeout"
            answered = await web.request("GET", url, via=via)
    except TimeoutError:
        return {"Code": code}
    except ConnectionRefusedError:
        return {"Code": "ConnectionRefused"}
    except (OSError, KeyError, web.Unreachable):
        return {"Code": "ConnectionReset" if code == "ResponseTimeout" else code}
    code = "ResponseCodeMatched" if _fits(answered.status, wanted["StatusCodeMatcher"]) else "ResponseCodeMismatch"
    return {"Code": code, "StatusCode": answered.status, "Protocol": wanted["Protocol"].upper()}


def _fits(status: int, matcher: str) -> bool:
    spans = (span.partition("-") for span in matcher.split(","))
    return any(int(first) <= status <= int(last or first) for first, _, last in spans)


def _note(call: Call, check: ApplicationCheck, one: Instance, reason: Members) -> None:
    wanted, key = check.settings, check.application_status_check_id
    result = Result.get(call, key, one.instance_id) or Result(key, one.instance_id, INITIALIZING, call.now, call.now)
    status, result.at, result.reason = result.status, call.now, reason
    if not reason:
        status, result.passes, result.failures = NO_DATA, 0, 0
    elif reason["Code"] == "ResponseCodeMatched":
        result.passes, result.failures = result.passes + 1, 0
        status = PASSED if result.passes >= wanted["SuccessThreshold"] else status
    else:
        result.passes, result.failures = 0, result.failures + 1
        begun = call.now >= one.since + wanted["InitializationGracePeriodSeconds"]
        status = FAILED if result.failures >= wanted["FailureThreshold"] and begun else status
    if status != result.status:
        result.status, result.since = status, call.now
    result.put(call)


def forget_results(call: Call, check_id: str) -> None:
    for result in [*Result.scan(call, check_id)]:
        result.delete(call)


@states.follows
def after(call: Call, one: Instance, state: str) -> None:
    """What begins to run is asked; what ends has no results."""
    checks = [*all_existing(call)]
    if state == RUNNING and checks:
        ask_soon(call)
    for check in checks:
        if result := Result.get(call, check.application_status_check_id, one.instance_id):
            result.delete(call)
    if one.ended and (found := Suppressed.get(call, one.instance_id)):
        found.delete(call)


@after_tagging(Instance)
def tagged(call: Call, one: Instance, tags: dict[str, str]) -> None:
    """It may be of a check now."""
    if one.state == RUNNING and any(of_instance(call, one)):
        ask_soon(call)
