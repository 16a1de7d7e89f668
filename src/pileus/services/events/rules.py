"""Rules: patterns that events are held against, and schedules."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names, schedules
from pileus.kernel import tags as tagging
from pileus.kernel.patterns import InvalidPattern, parse
from pileus.kernel.resource_type import resource_type

from . import buses, events, faults
from .buses import DEFAULT, Bus

PER_PAGE = 100
MOST_RULES = 300
ENABLED, DISABLED = "ENABLED", "DISABLED"
WITH_TRAIL = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"


@resource_type(
    events,
    "Name",
    create="PutRule",
    read="DescribeRule",
    update="PutRule",
    list="ListRules",
    delete="DeleteRule",
    missing="ResourceNotFoundException",
)
class Rule(Record, key=("bus", "name"), cfn="AWS::Events::Rule", kw_only=True):
    bus: str
    name: str
    pattern: str = ""
    schedule: str = ""
    state: str = ENABLED
    description: str = ""
    role: str = ""
    managed_by: str = ""
    created_by: str = ""
    started: str = ""
    """Of its schedule's present course: a tick of an earlier one is void."""
    tags: dict[str, str] = {}

    @property
    def enabled(self) -> bool:
        return self.state != DISABLED

    def arn(self, call: Call) -> str:
        where = "" if self.bus == DEFAULT else f"{self.bus}/"
        return call.arn(f"rule/{where}{self.name}", "events")

    @classmethod
    def on_bus(cls, call: Call, name: str, event_bus_name: str = DEFAULT) -> Self:
        bus = Bus.by_name(call, event_bus_name)
        rule = cls.get(buses.at(call, event_bus_name), bus.name, name)
        if rule is None:
            raise Fault("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus.name}.")
        return rule

    def check_mine(self, call: Call, force: bool = False) -> None:
        """Refuse a change to what a service has made for itself."""
        if self.managed_by and not force and call.principal.arn != self.managed_by:
            words = f"Rule {self.name} is managed by an AWS service and can only be modified by it."
            raise Fault("ManagedRuleException", words)


@events.operation
def put_rule(
    call: Call,
    name: str,
    schedule_expression: str = "",
    event_pattern: str = "",
    state: str = ENABLED,
    description: str = "",
    role_arn: str = "",
    tags: list[dict[str, str]] = [],
    event_bus_name: str = DEFAULT,
) -> dict[str, Any]:
    """Make a rule, or put another in its place; what is left out is gone."""
    bus = buses.found_or_fault(call, event_bus_name)
    if not (schedule_expression or event_pattern):
        raise faults.validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    check_pattern(event_pattern)
    check_schedule(schedule_expression, bus)
    present = Rule.get(call, bus.name, name)
    if present:
        present.check_mine(call)
    elif Rule.first(call, bus.name) and counted(call, bus.name) >= MOST_RULES:
        raise Fault("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    held = present.tags if present else tagging.as_map(tags)
    tagging.check(held)
    by_service = call.principal.type == "AWSService"
    rule = Rule(
        bus=bus.name,
        name=name,
        pattern=event_pattern,
        schedule=schedule_expression,
        state=state,
        description=description,
        role=role_arn,
        managed_by=present.managed_by if present else call.principal.arn if by_service else "",
        created_by=present.created_by if present else call.principal.account or call.account,
        tags=held,
    )
    if present and (present.schedule, present.state) == (rule.schedule, rule.state):
        rule.started = present.started
    keep(call, bus, rule)
    return {"RuleArn": rule.arn(call)}


def counted(call: Call, bus: str) -> int:
    return sum(1 for _ in Rule.scan(call, bus))


def keep(call: Call, bus: Bus, rule: Rule) -> None:
    """Store a rule, and start its schedule where it has a new one."""
    from . import ticking

    if rule.schedule and rule.enabled and not rule.started:
        rule.started = names.token(12)
        ticking.begin(call, rule)
    rule.put(call)
    bus.touch(call)


def check_pattern(pattern: str) -> None:
    if pattern:
        try:
            parse(pattern)
        except InvalidPattern as error:
            raise faults.invalid_pattern(str(error)) from None


def check_schedule(expression: str, bus: Bus) -> None:
    if not expression:
        return
    if bus.name != DEFAULT:
        raise faults.validation("ScheduleExpression is supported only on the default event bus.")
    try:
        parsed = schedules.parse(expression)
        if isinstance(parsed, schedules.Once):
            raise ValueError(expression)
    except ValueError:
        raise faults.validation("Parameter ScheduleExpression is not valid.") from None


def described(call: Call, rule: Rule) -> dict[str, Any]:
    return {
        "Name": rule.name,
        "Arn": rule.arn(call),
        "EventPattern": rule.pattern or None,
        "ScheduleExpression": rule.schedule or None,
        "State": rule.state,
        "Description": rule.description or None,
        "RoleArn": rule.role or None,
        "ManagedBy": rule.managed_by or None,
        "EventBusName": rule.bus,
    }


@events.operation(on=Rule.on_bus)
def describe_rule(call: Call, rule: Rule, event_bus_name: str = DEFAULT) -> dict[str, Any]:
    return described(buses.at(call, event_bus_name), rule) | {"CreatedBy": rule.created_by}


@events.operation
def list_rules(
    call: Call,
    name_prefix: str = "",
    event_bus_name: str = DEFAULT,
    next_token: str = "",
    limit: int = PER_PAGE,
) -> dict[str, Any]:
    bus = Bus.by_name(call, event_bus_name)
    there = buses.at(call, event_bus_name)
    bounds: dict[str, Any] = {"since": (name_prefix,), "before": (name_prefix + "\U0010ffff",)}
    page = Rule.page(there, bus.name, limit=limit, token=next_token, **bounds)
    return {"Rules": [described(there, rule) for rule in page.items], "NextToken": page.token}


@events.operation(on=Rule.on_bus)
def enable_rule(call: Call, rule: Rule, event_bus_name: str = DEFAULT) -> None:
    rule.check_mine(call)
    if not rule.enabled:
        rule.state = ENABLED
        keep(call, buses.found_or_fault(call, event_bus_name), rule)


@events.operation(on=Rule.on_bus)
def disable_rule(call: Call, rule: Rule, event_bus_name: str = DEFAULT) -> None:
    rule.check_mine(call)
    rule.state, rule.started = DISABLED, ""
    keep(call, buses.found_or_fault(call, event_bus_name), rule)


@events.operation
def delete_rule(call: Call, name: str, event_bus_name: str = DEFAULT, force: bool = False) -> None:
    """Delete a rule that has no targets; one that is not there is deleted already."""
    from .targets import Held

    bus = buses.found_or_fault(call, event_bus_name)
    rule = Rule.get(call, bus.name, name)
    if rule is None:
        return
    rule.check_mine(call, force)
    if Held.first(call, bus.name, name):
        raise faults.validation("Rule can't be deleted since it has targets.")
    rule.delete(call)
    bus.touch(call)
