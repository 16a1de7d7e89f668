"""Event buses: the default one, which every account has in every Region, and those that customers make."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from pileus.kernel import Call, Record, arn, names
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import events, faults

DEFAULT = "default"
PER_PAGE = 100
LOGGED = {"Level": "OFF", "IncludeDetail": "NONE"}


@resource_type(
    events,
    "Name",
    create="CreateEventBus",
    read="DescribeEventBus",
    update="UpdateEventBus",
    list="ListEventBuses",
    delete="DeleteEventBus",
    missing="ResourceNotFoundException",
)
class Bus(Record, arn="event-bus/{name}", cfn="AWS::Events::EventBus"):
    name: str
    created: float
    modified: float
    version: str = ""
    """Changes with every change of its rules: an index that was made for another one is no use."""
    description: str = ""
    policy: str = ""
    key: str = ""
    dead_letters: str = ""
    source: str = ""
    """The partner event source that it belongs to."""
    tags: dict[str, str] = {}
    logged: dict[str, str] = msgspec.field(default_factory=lambda: {**LOGGED})
    """How much is told of its events, and in which detail."""

    @classmethod
    def named(cls, call: Call, name: str) -> Self:
        """The bus of a name; the default one is there even if nobody has touched it."""
        found = cls.get(call, name)
        if found is None and name == DEFAULT:
            found = cls(DEFAULT, 0.0, 0.0)
        if found is None:
            raise faults.missing("Event bus", name)
        return found

    @classmethod
    def by_name(cls, call: Call, event_bus_name: str = DEFAULT) -> Self:
        """The bus of a name or an ARN."""
        return cls.named(at(call, event_bus_name), name_of(event_bus_name))

    def resource_policy(self, call: Call) -> str:
        return self.policy

    def touch(self, call: Call) -> None:
        """Its rules have changed."""
        self.version = names.token(16)
        self.put(call)


def name_of(name_or_arn: str) -> str:
    """The name of a bus that is given by its name or its ARN."""
    if not name_or_arn.startswith("arn:"):
        return name_or_arn
    try:
        kind, _, name = arn.parse(name_or_arn).resource.partition("/")
    except ValueError:
        kind, name = "", ""
    if kind != "event-bus" or not name:
        raise faults.parameter("EventBusName", "Provided Arn is not in correct format.")
    return name


def at(call: Call, name_or_arn: str) -> Call:
    """The call looking at the account and Region of a bus."""
    if not name_or_arn.startswith("arn:"):
        return call
    found = arn.parse(name_or_arn)
    if found.account == call.account and found.region == call.region:
        return call
    return call.at(account=found.account, region=found.region)


def dead_letter_queue(config: dict[str, Any]) -> str:
    queue = str(config.get("Arn", ""))
    if queue and not queue.startswith("arn:"):
        raise faults.parameter("DeadLetterConfig.Arn", "Provided Arn is not in correct format.")
    return queue


@events.operation
def create_event_bus(
    call: Call,
    name: str,
    event_source_name: str = "",
    description: str = "",
    kms_key_identifier: str = "",
    dead_letter_config: dict[str, str] = {},
    tags: list[dict[str, str]] = [],
    log_config: dict[str, str] = {},
) -> dict[str, Any]:
    """Make a bus; one for a partner's events has the name of their source."""
    from . import partners

    if name == DEFAULT or Bus.get(call, name):
        raise faults.exists("Event bus", name)
    if event_source_name:
        partners.activate(call, name, event_source_name)
    elif "/" in name:
        raise faults.validation("Event bus name must not contain '/'.")
    held = tagging.as_map(tags)
    tagging.check(held)
    bus = Bus(
        name,
        call.now,
        call.now,
        description=description,
        key=kms_key_identifier,
        dead_letters=dead_letter_queue(dead_letter_config),
        source=event_source_name,
        tags=held,
        logged=LOGGED | log_config,
    ).put(call)
    return {"EventBusArn": bus.arn(call)} | settings(bus)


def settings(bus: Bus) -> dict[str, Any]:
    return {
        "Description": bus.description or None,
        "KmsKeyIdentifier": bus.key or None,
        "DeadLetterConfig": {"Arn": bus.dead_letters} if bus.dead_letters else None,
        "LogConfig": bus.logged if bus.logged != LOGGED else None,
    }


@events.operation(on=lambda call, name=DEFAULT: Bus.by_name(call, name))
def describe_event_bus(call: Call, bus: Bus, name: str = DEFAULT) -> dict[str, Any]:
    there = at(call, name)
    return described(there, bus) | settings(bus)


def described(call: Call, bus: Bus) -> dict[str, Any]:
    return {
        "Name": bus.name,
        "Arn": bus.arn(call),
        "Description": bus.description or None,
        "Policy": bus.policy or None,
        "CreationTime": bus.created,
        "LastModifiedTime": bus.modified,
    }


@events.operation(on=lambda call, name=DEFAULT: Bus.by_name(call, name))
def update_event_bus(
    call: Call,
    bus: Bus,
    description: str | None = None,
    kms_key_identifier: str | None = None,
    dead_letter_config: dict[str, str] | None = None,
    log_config: dict[str, str] | None = None,
) -> dict[str, Any]:
    if description is not None:
        bus.description = description
    if kms_key_identifier is not None:
        bus.key = kms_key_identifier
    if dead_letter_config is not None:
        bus.dead_letters = dead_letter_queue(dead_letter_config)
    if log_config is not None:
        bus.logged = LOGGED | log_config
    bus.modified = call.now
    bus.put(call)
    return {"Name": bus.name, "Arn": bus.arn(call)} | settings(bus)


@events.operation
def list_event_buses(call: Call, name_prefix: str = "", next_token: str = "", limit: int = PER_PAGE) -> dict[str, Any]:
    if Bus.get(call, DEFAULT) is None:
        Bus(DEFAULT, call.now, call.now).put(call)
    page = Bus.page(call, limit=limit, token=next_token, since=(name_prefix,), before=(name_prefix + "\U0010ffff",))
    return {"EventBuses": [described(call, bus) for bus in page.items], "NextToken": page.token}


@events.operation
def delete_event_bus(call: Call, name: str) -> None:
    """Delete a bus that has no rules; one that is not there is deleted already."""
    from . import partners
    from .rules import Rule

    if name == DEFAULT:
        raise faults.validation("Cannot delete event bus default.")
    bus = Bus.get(call, name)
    if bus is None:
        return
    if Rule.first(call, name):
        raise faults.validation("Event bus can't be deleted since it has rules.")
    bus.delete(call)
    if bus.source:
        partners.deactivated(call, bus.source)


def found_or_fault(call: Call, name: str) -> Bus:
    """The bus of that name in this account, to be changed."""
    bus = Bus.named(call, name_of(name))
    if bus.created == 0.0:
        bus.created = bus.modified = call.now
    return bus
