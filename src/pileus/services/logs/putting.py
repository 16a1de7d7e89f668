"""PutLogEvents: what is too old or too new is left out and told, the rest is stored together."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, entities

from . import (
    ciphers,
    detecting,
    embedded,
    faults,
    logs,
    metric_filters,
    metrics,
    protection,
    retention,
    subscriptions,
    transformers,
)
from .account_policies import AccountPolicy
from .groups import Group, Volume
from .parts import DAY, ENTITY, Stream, store
from .retention_policies import in_effect
from .scanning import Found
from .streams import find, sequence_token

OVERHEAD = 26
"""Octets that each event is counted beside its message (API reference, PutLogEvents)."""
MOST_OCTETS = 1_048_576
OLDEST = 14 * DAY
NEWEST = 2 * 3_600_000
SPELLING = ("keyAttributes", "attributes")

Members = dict[str, Any]


@logs.operation(on=Group.named, honours=["sequenceToken"])
def put_log_events(
    call: Call, group: Group, log_stream_name: str, log_events: list[Members], entity: Members = {}
) -> Members:
    """Store a batch of events. Sequence tokens are taken and not looked at, as AWS does today.

    An entity that is wrong is refused by itself, and the events stored without it.
    """
    wrong = entities.problem(entity, SPELLING) if entity else None
    about = attributes(entity) if entity and wrong is None else None
    stream = find(call, group, log_stream_name)
    times = [event["timestamp"] for event in log_events]
    messages = [event["message"] for event in log_events]
    octets = sum(map(len, messages)) + OVERHEAD * len(messages)
    if octets > MOST_OCTETS // 4:  # only then can it be too much: a character takes up to four octets
        octets = len("".join(messages).encode()) + OVERHEAD * len(messages)
        if octets > MOST_OCTETS:
            raise faults.invalid(f"Upload too large: {octets} bytes exceeds limit of {MOST_OCTETS}")
    check_order(times)
    days = in_effect(call, group).days
    start, stop, rejected = acceptable(retention.expired(call, days), times, int(call.now * 1000))
    if start < stop:
        times, messages = times[start:stop], messages[start:stop]
        arrived(call, group, stream, times, messages, octets, about)
        stream.put(call)
        metrics.incoming(call, group.name, octets, len(times))
        volume = Volume.get(call, group.id) or Volume(group.id)
        volume.octets += octets
        volume.put(call)
        retention.watch(call, group, days)
        if group.detectors:
            detecting.rouse(call, group)
    return {
        "nextSequenceToken": sequence_token(stream),
        "rejectedLogEventsInfo": rejected,
        "rejectedEntityInfo": {"errorType": wrong.code} if wrong else None,
    }


def attributes(entity: Members) -> dict[str, str]:
    """An entity as queries name its parts: `@entity.KeyAttributes.Name`."""
    parts = zip(("KeyAttributes", "Attributes"), SPELLING, strict=True)
    return {f"{ENTITY}{label}.{name}": text for label, member in parts for name, text in entity.get(member, {}).items()}


def arrived(
    call: Call,
    group: Group,
    stream: Stream,
    times: list[int],
    messages: list[str],
    octets: int,
    entity: dict[str, str] | None = None,
) -> None:
    """Store events that were accepted, and pass them on to those who want them."""
    number, ingested = stream.number, int(call.now * 1000)
    store(call, stream, times, messages, octets, ciphers.seal(call, group), entity)
    protection.audit(call, group, messages)
    subscribed = group.subscriptions or AccountPolicy.first(call, "SUBSCRIPTION_FILTER_POLICY")
    if (group.metric_filters or subscribed) and (mask := protection.mask(call, group)):
        messages = [mask(ingested, message) for message in messages]
    embedded.measure(call, messages)
    shaped = messages
    if (group.metric_filters or subscribed) and (transformer := transformers.applied(call, group)):
        shaped = [transformer[0](message, stream.name) or message for message in messages]
    if group.metric_filters:
        metric_filters.measure(call, group, times, messages, shaped)
    if subscribed:
        kinds = [messages, shaped] if shaped is not messages else [messages]
        found = [[Found(at, number + n, ingested, kind[n]) for n, at in enumerate(times)] for kind in kinds]
        subscriptions.pass_on(call, group, stream, found[0], found[-1])
    call.wake(("logs", group.id))


def check_order(times: list[int]) -> None:
    if times != sorted(times):
        raise faults.invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times[-1] - times[0] > DAY:
        raise faults.invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")


def acceptable(expired: int, times: list[int], now: int) -> tuple[int, int, Members | None]:
    """From where to where events are accepted, if those before a time have expired; and what is said of the others."""
    start, stop = 0, len(times)
    told: Members = {}
    if times[-1] > now + NEWEST:
        stop = next(number for number, at in enumerate(times) if at > now + NEWEST)
        told["tooNewLogEventStartIndex"] = stop
    if times[0] < now - OLDEST:
        start = next((number for number, at in enumerate(times) if at >= now - OLDEST), len(times))
        told["tooOldLogEventEndIndex"] = start
    if times[0] < expired:
        end = next((number for number, at in enumerate(times) if at >= expired), len(times))
        told["expiredLogEventEndIndex"] = end
        start = max(start, end)
    return start, stop, told or None
