"""PutEvents: from entries to events, and from events to deliveries."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, names, traces
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.patterns import InvalidPattern, parse

from . import archives, bus_logs, buses, delivering, endpoints, events, faults, matching, metrics, permissions
from .buses import DEFAULT, Bus
from .rules import WITH_TRAIL, Rule
from .targets import Held

MOST_BYTES = 262_144
"""Of all entries together."""
WANTED = ("Source", "DetailType", "Detail")
BY_TRAIL = ("AWS API Call via CloudTrail", "AWS Console Action via CloudTrail")

Entry = dict[str, Any]
Event = dict[str, Any]


class Refused(Exception):
    """One entry is not taken."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@events.operation
def put_events(call: Call, entries: list[Entry], endpoint_id: str = "") -> dict[str, Any]:
    """Send events to buses; each entry is taken or refused by itself."""
    if sum(size(entry) for entry in entries) > MOST_BYTES:
        raise faults.validation("Total size of the entries in the request is over the limit.")
    places = endpoints.buses_of(call, endpoint_id) if endpoint_id else [""]
    return answered([attempted(call, entry, places) for entry in entries])


def answered(results: list[Entry]) -> dict[str, Any]:
    return {"FailedEntryCount": sum("ErrorCode" in one for one in results), "Entries": results}


def attempted(call: Call, entry: Entry, places: list[str]) -> Entry:
    try:
        event = composed(call, entry)
        if trace := entry.get("TraceHeader") or call.trace:
            call = call.at(trace=traces.without_lineage(trace))
        check_source(call, event["source"])
        for place in places:
            with call.store.attempt():
                send(call, place or entry.get("EventBusName") or DEFAULT, event)
    except Refused as refused:
        return {"ErrorCode": refused.code, "ErrorMessage": str(refused)}
    return {"EventId": event["id"]}


def size(entry: Entry) -> int:
    """How much of the limit an entry takes (User Guide, "Calculating EventBridge event entry size")."""
    texts = [entry.get(name) or "" for name in WANTED] + list(entry.get("Resources") or ())
    return (14 if entry.get("Time") is not None else 0) + sum(len(text.encode()) for text in texts)


def composed(call: Call, entry: Entry) -> Event:
    """The event of an entry."""
    for name in WANTED:
        if not entry.get(name):
            raise Refused("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    try:
        detail = msgspec.json.decode(entry["Detail"])
    except msgspec.DecodeError:
        detail = None
    if not isinstance(detail, dict):
        raise Refused("MalformedDetail", "Detail is malformed.")
    at = entry.get("Time")
    return {
        "version": "0",
        "id": names.uuid4(),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": call.account,
        "time": iso(call.now if at is None else at),
        "region": call.region,
        "resources": list(entry.get("Resources") or ()),
        "detail": detail,
    }


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_source(call: Call, source: str) -> None:
    """AWS's sources are for AWS's services."""
    if source.lower().startswith("aws.") and call.principal.type != "AWSService":
        raise Refused("NotAuthorizedForSourceException", "Not authorized for the source.")


def send(call: Call, name_or_arn: str, event: Event) -> None:
    """Hand an event to a bus, which may be another account's, whose policy must let it in."""
    try:
        there = buses.at(call, name_or_arn)
        bus = Bus.named(there, buses.name_of(name_or_arn))
    except Fault as fault:
        if fault.code == "ResourceNotFoundException":
            return  # as on AWS: events for a bus that is not there are taken, and go nowhere
        raise Refused("InvalidArgument", fault.message) from None
    except ValueError:
        raise Refused("InvalidArgument", "Parameter EventBusName is not valid.") from None
    if there.account != call.account and call.principal.type != "AWSService":
        authorize(call, "events:PutEvents", permissions.target(call, name_or_arn))
    accept(there, bus, event)


def accept(
    call: Call, bus: Bus, event: Event, *, only: list[str] | None = None, accounts: tuple[str, ...] = ()
) -> None:
    """An event arrives at a bus: it is archived, and goes to the targets of the rules that it matches.

    `only` are the ARNs of the rules that a replay is for; `accounts` are those it has passed through.
    """
    packed = msgspec.json.encode(event)
    if "replay-name" not in event:
        archives.keep(call, bus, event, packed)
    bus_logs.note(call, bus, "INFO", "EVENT_RECEIPT", event)
    matched = False
    unread = event["detail-type"] in BY_TRAIL and event["detail"].get("readOnly") in (True, "true")
    for name in matching.rules_for(call, bus, event):
        rule = Rule.get(call, bus.name, name)
        assert rule
        if (unread and rule.state != WITH_TRAIL) or (only and rule.arn(call) not in only):
            continue
        matched = True
        bus_logs.note(call, bus, "INFO", "RULE_MATCHED", event, {"rule_arn": rule.arn(call)})
        to_targets(call, rule, packed, accounts)
    if not matched:
        bus_logs.note(call, bus, "INFO", "NO_STANDARD_RULES_MATCHED", event)


def to_targets(call: Call, rule: Rule, event: bytes, accounts: tuple[str, ...] = ()) -> None:
    metrics.count(call, rule, "TriggeredRules")
    for held in Held.scan(call, rule.bus, rule.name):
        delivering.deliver.later(
            call,
            bus=rule.bus,
            rule=rule.name,
            target=held.id,
            event=event,
            since=call.now,
            accounts=[*accounts],
        )


@events.operation
def test_event_pattern(call: Call, event_pattern: str, event: str) -> dict[str, Any]:
    """Whether an event would match a pattern."""
    try:
        pattern = parse(event_pattern)
    except InvalidPattern as error:
        raise faults.invalid_pattern(str(error)) from None
    try:
        found = json.loads(event)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise faults.parameter("Event", "Provided event is not valid JSON.")
    for name in ("id", "account", "source", "time", "region", "resources", "detail-type"):
        if name not in found:
            raise faults.parameter("Event", f"Provided event is missing the required field {name}.")
    return {"Result": pattern.matches(found)}
