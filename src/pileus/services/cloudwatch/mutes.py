"""Alarm mute rules: windows of time in which alarms change their states, and do nothing about it.

An alarm that is still in the state that it was muted in when nothing mutes it any more acts then ("Alarm mute rules",
User Guide).
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, schedules, tags
from pileus.kernel.resource_type import resource_type

from . import cloudwatch
from .alarms import Alarm, State
from .faults import bad_token, validation

MOST_TARGETS = 100
DURATION = re.compile(r"P(?=.)(?:(\d+)W)?(?:(\d+)D)?(?:T(?=.)(?:(\d+)H)?(?:(\d+)M)?)?")
SHORTEST, LONGEST = 60.0, 15 * 86400.0


@resource_type(
    cloudwatch,
    "AlarmMuteRuleName",
    create="PutAlarmMuteRule",
    read="GetAlarmMuteRule",
    delete="DeleteAlarmMuteRule",
    missing="ResourceNotFoundException",
)
class MuteRule(
    Record,
    arn="arn:{partition}:cloudwatch:{region}:{account}:alarm-mute-rule:{name}",
    cfn="AWS::CloudWatch::AlarmMuteRule",
):
    name: str
    description: str
    rule: dict[str, Any]
    alarms: list[str]
    start: float | None
    expires: float | None
    updated: float
    tags: dict[str, str] = {}

    @property
    def recurring(self) -> bool:
        return bool(self.rule["Schedule"]["Expression"].startswith("cron"))

    @property
    def duration(self) -> float:
        return seconds(self.rule["Schedule"]["Duration"])

    def window(self, at: float) -> float | None:
        """When the window ends that is open at an instant; None where none is."""
        if at < (self.start or 0.0) or (self.expires is not None and at >= self.expires):
            return None
        begun = schedule_of(self.rule["Schedule"]).after(at - self.duration)
        if begun is None or begun > at or begun < (self.start or 0.0):
            return None
        ends = begun + self.duration
        return ends if self.expires is None else min(ends, self.expires)

    def status(self, at: float) -> str:
        if self.window(at) is not None:
            return "ACTIVE"
        over = self.expires is not None and at >= self.expires
        return "EXPIRED" if over or schedule_of(self.rule["Schedule"]).after(at) is None else "SCHEDULED"

    def described(self, call: Call) -> dict[str, Any]:
        return {
            "AlarmMuteRuleArn": self.arn(call),
            "ExpireDate": self.expires,
            "Status": self.status(call.now),
            "MuteType": "RECURRING" if self.recurring else "ONE_TIME",
            "LastUpdatedTimestamp": self.updated,
        }


class Target(Record, key=("alarm", "rule"), table="cloudwatch.MuteTarget"):
    """A rule mutes an alarm."""

    alarm: str
    rule: str


class Held(Record, table="cloudwatch.MutedChange"):
    """A change of state upon which an alarm has not acted, because it was muted."""

    alarm: str
    change: dict[str, Any]


def seconds(duration: str) -> float:
    """An ISO 8601 duration; ValueError for what is none."""
    found = DURATION.fullmatch(duration)
    if not found:
        raise ValueError(duration)
    weeks, days, hours, minutes = (int(one or 0) for one in found.groups())
    return float(((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60)


def schedule_of(schedule: dict[str, Any]) -> schedules.Schedule:
    """Cron with five fields, as Unix has it, or one instant; ValueError for what is neither."""
    expression, zone = schedule["Expression"], schedule.get("Timezone", "UTC")
    if once := re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d)\)", expression):
        return schedules.parse(f"at({once[1]}:00)", zone)
    found = re.fullmatch(r"cron\(\s*(.+?)\s*\)", expression)
    fields = found[1].split() if found else []
    if len(fields) != 5:
        raise ValueError(expression)
    minutes, hours, of_month, months, of_week = fields
    of_week = re.sub(r"\d+", lambda day: str(int(day[0]) % 7 + 1), of_week)  # Sunday is 0 there, and 1 here
    if of_week == "*":
        of_week = "?"
    elif of_month == "*":
        of_month = "?"
    else:
        raise ValueError("one of day-of-month and day-of-week must be *")
    return schedules.parse(f"cron({minutes} {hours} {of_month} {months} {of_week} *)", zone)


def check(rule: dict[str, Any]) -> None:
    schedule = rule["Schedule"]
    try:
        schedule_of(schedule).after(0.0)
    except ValueError:
        raise validation(f"Invalid schedule expression: {schedule['Expression']}") from None
    try:
        lasts = seconds(schedule["Duration"])
    except ValueError:
        raise validation(f"Invalid duration: {schedule['Duration']}") from None
    if not SHORTEST <= lasts <= LONGEST:
        raise validation("Duration must be between PT1M and P15D.")


def existing(call: Call, alarm_mute_rule_name: str) -> MuteRule:
    found = MuteRule.get(call, alarm_mute_rule_name)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Alarm mute rule {alarm_mute_rule_name} does not exist")
    return found


@cloudwatch.operation(
    honours=["Name", "Description", "Rule", "MuteTargets", "Tags", "StartDate", "ExpireDate"],
)
def put_alarm_mute_rule(call: Call, request: dict[str, Any]) -> None:
    """Make a rule, or replace it."""
    name, alarms = request["Name"], request.get("MuteTargets", {}).get("AlarmNames", [])
    check(request["Rule"])
    for alarm in alarms:
        if Alarm.get(call, alarm) is None:
            raise validation(f"Alarm {alarm} does not exist.")
    old = MuteRule.get(call, name)
    held = old.tags if old else tags.checked(request.get("Tags", []), code="ValidationError")
    if old:
        aim(call, old, [])
    times = (request.get("StartDate"), request.get("ExpireDate"))
    made = MuteRule(name, request.get("Description", ""), request["Rule"], alarms, *times, call.now, held).put(call)
    aim(call, made, alarms)
    for alarm in old.alarms if old else ():
        unmute.later(call, alarm=alarm)


def aim(call: Call, rule: MuteRule, alarms: list[str]) -> None:
    for alarm in rule.alarms:
        Target(alarm, rule.name).delete(call)
    for alarm in alarms:
        Target(alarm, rule.name).put(call)


@cloudwatch.operation(on=existing)
def get_alarm_mute_rule(call: Call, rule: MuteRule) -> dict[str, Any]:
    told = {
        "Name": rule.name,
        "Description": rule.description or None,
        "Rule": rule.rule,
        "MuteTargets": {"AlarmNames": rule.alarms} if rule.alarms else None,
        "StartDate": rule.start,
    }
    return told | rule.described(call)


@cloudwatch.operation
def list_alarm_mute_rules(
    call: Call, alarm_name: str = "", statuses: list[str] = [], max_records: int = 50, next_token: str = ""
) -> dict[str, Any]:
    page = MuteRule.page(
        call,
        limit=max_records,
        token=next_token,
        invalid=bad_token(),
        where=lambda one: (
            (not alarm_name or alarm_name in one.alarms) and (not statuses or one.status(call.now) in statuses)
        ),
    )
    return {"AlarmMuteRuleSummaries": [one.described(call) for one in page.items], "NextToken": page.token}


@cloudwatch.operation
def delete_alarm_mute_rule(call: Call, alarm_mute_rule_name: str) -> None:
    """Delete a rule; its alarms act now, if they are muted no more."""
    found = MuteRule.get(call, alarm_mute_rule_name)
    if found is None:
        return
    aim(call, found, [])
    found.delete(call)
    for alarm in found.alarms:
        unmute.later(call, alarm=alarm)


# Muting


def muted_until(call: Call, alarm: str) -> float | None:
    """The first end of a window in which the alarm is muted now; None where it is not muted."""
    rules = [MuteRule.get(call, one.rule) for one in Target.scan(call, alarm)]
    return min((ends for rule in rules if rule and (ends := rule.window(call.now)) is not None), default=None)


def mutes(call: Call, alarm: str, change: dict[str, Any]) -> bool:
    """Whether an alarm is not to act on a change; it may act when it is muted no more."""
    ends = muted_until(call, alarm)
    if ends is not None:
        Held(alarm, change).put(call)
        unmute.later(call, alarm=alarm, due=ends)
    elif held := Held.get(call, alarm):
        held.delete(call)
    return ends is not None


@cloudwatch.task
def unmute(call: Call, alarm: str) -> None:
    """A window has closed, or a rule is gone: act on what was held back, if it still is so and nothing mutes it."""
    held, found, state = Held.get(call, alarm), Alarm.get(call, alarm), State.get(call, alarm)
    if held is None:
        return
    ends = muted_until(call, alarm)
    if ends is not None:
        unmute.later(call, alarm=alarm, due=ends)
        return
    held.delete(call)
    from .actions import act

    value = held.change["after"]["stateValue"]
    if found and state and state.value == value and found.configuration["ActionsEnabled"]:
        for action in dict.fromkeys(found.actions(value)):
            act.later(call, alarm=alarm, action=action, **held.change)
