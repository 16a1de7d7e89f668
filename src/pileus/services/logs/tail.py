"""StartLiveTail: events as they come in, once a second, for up to three hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pileus.kernel import Call, Fault, names

from . import faults, logs
from .groups import Group, name_in, standard
from .parts import Stream, chunks
from .patterns import Pattern, compiled
from .protection import shown
from .scanning import events_of

LONGEST = 3 * 3600.0
MOST_AT_ONCE = 500
"""Events of one update; of more there is a sample."""
LATELY = 15 * 60_000
AHEAD = 2 * 3_600_000
"""Milliseconds: how old and how new events may be by their own times to be seen."""

Members = dict[str, Any]


@logs.operation
async def start_live_tail(
    call: Call,
    log_group_identifiers: list[str],
    log_stream_names: list[str] = [],
    log_stream_name_prefixes: list[str] = [],
    log_event_filter_pattern: str = "",
) -> Members:
    """Begin a session."""
    if (log_stream_names or log_stream_name_prefixes) and len(log_group_identifiers) > 1:
        raise faults.invalid("Log streams can be named only where there is one log group.")
    if log_stream_names and log_stream_name_prefixes:
        raise faults.invalid("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters.")
    if any(not one.startswith("arn:") for one in log_group_identifiers):
        raise faults.invalid("Log groups must be named by their ARNs.")
    groups = [standard(Group.named(call, name_in(one))) for one in log_group_identifiers]
    session = Session(call, groups, log_stream_names, log_stream_name_prefixes, log_event_filter_pattern)
    start = {
        "requestId": call.request_id,
        "sessionId": names.uuid4(),
        "logGroupIdentifiers": log_group_identifiers,
        "logStreamNames": log_stream_names,
        "logStreamNamePrefixes": log_stream_name_prefixes,
        "logEventFilterPattern": log_event_filter_pattern,
    }
    return {"responseStream": session.events(start)}


class Session:
    """One session: how far it has seen each stream."""

    def __init__(self, call: Call, groups: list[Group], streams: list[str], prefixes: list[str], pattern: str) -> None:
        self.call = call
        self.groups = groups
        self.streams = streams
        self.prefixes = tuple(prefixes)
        self.pattern: Pattern | None = compiled(pattern) if pattern.strip() else None
        self.seen = {stream.id: stream.number for group in groups for stream in self.of(group)}

    def of(self, group: Group) -> list[Stream]:
        return [stream for stream in Stream.scan(self.call, group.id) if self.wanted(stream.name)]

    def wanted(self, name: str) -> bool:
        if self.streams:
            return name in self.streams
        return not self.prefixes or name.startswith(self.prefixes)

    async def events(self, start: Members) -> AsyncIterator[Members]:
        call = self.call
        yield {"sessionStart": start}
        end = call.now + LONGEST
        while call.cloud.clock.now() < end:
            await call.wait(("logs", "tail", start["sessionId"]), seconds=1.0)
            found = self.news()
            yield {
                "sessionUpdate": {
                    "sessionMetadata": {"sampled": len(found) > MOST_AT_ONCE},
                    "sessionResults": found[:MOST_AT_ONCE],
                }
            }
        raise Fault("SessionTimeoutException", "The session has expired after 3 hours.")

    def news(self) -> list[Members]:
        """What has come in since the last time."""
        call = self.call
        now = int(call.cloud.clock.now() * 1000)
        found: list[Members] = []
        for group in self.groups:
            mask = shown(call, group, False)
            for stream in self.of(group):
                since, self.seen[stream.id] = self.seen.get(stream.id, 1), stream.number
                if since == stream.number:
                    continue
                events = [
                    one
                    for chunk in chunks(call, stream, now - LATELY, now + AHEAD)
                    for one in events_of(chunk, now - LATELY, now + AHEAD, self.pattern)
                    if one.number >= since
                ]
                found += [
                    {
                        "logStreamName": stream.name,
                        "logGroupIdentifier": f"{call.account}:{group.name}",
                        "message": mask(one.ingested, one.message),
                        "timestamp": one.at,
                        "ingestionTime": one.ingested,
                    }
                    for one in sorted(events)
                ]
        return found
