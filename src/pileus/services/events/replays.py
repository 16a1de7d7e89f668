"""Replays: events of an archive are sent to their bus once more."""

from __future__ import annotations

from typing import Any, Self

import msgspec

from pileus.kernel import Call, Fault, Record, arn

from . import archives, buses, events, faults
from .archives import Archive, Kept
from .buses import Bus

PIECE = 100
PER_PAGE = 100
UNDERWAY = ("STARTING", "RUNNING")


class Replay(Record, arn="replay/{name}", kw_only=True):
    name: str
    archive: str
    archive_arn: str
    destination: dict[str, Any]
    start: float
    end: float
    state: str = "STARTING"
    reason: str = ""
    description: str = ""
    began: float
    ended: float | None = None
    last: float | None = None
    """When the last event that was sent had arrived."""

    @classmethod
    def named(cls, call: Call, replay_name: str) -> Self:
        found = cls.get(call, replay_name)
        if found is None:
            raise faults.missing("Replay", replay_name)
        return found


@events.operation
def start_replay(
    call: Call,
    replay_name: str,
    event_source_arn: str,
    event_start_time: float,
    event_end_time: float,
    destination: dict[str, Any],
    description: str = "",
) -> dict[str, Any]:
    """Send what an archive kept between two times to its bus, perhaps for some rules alone."""
    archive = archives.by_arn(call, event_source_arn)
    if Replay.get(call, replay_name):
        raise faults.exists("Replay", replay_name)
    if event_start_time >= event_end_time:
        raise faults.parameter("EventEndTime", "EventStartTime must be before EventEndTime.")
    if destination["Arn"] != archive.source_arn:
        raise faults.parameter("Destination.Arn", "Cross event bus replay is not permitted.")
    for rule in destination.get("FilterArns", ()):
        if arn.parse(rule).service != "events":
            raise faults.parameter("Destination.FilterArns", "Provided Arn is not in correct format.")
    replay = Replay(
        name=replay_name,
        archive=archive.name,
        archive_arn=event_source_arn,
        destination=destination,
        start=event_start_time,
        end=event_end_time,
        description=description,
        began=call.now,
    ).put(call)
    go_on.later(call, name=replay_name, at=event_start_time, identity="")
    return {"ReplayArn": replay.arn(call), "State": replay.state, "ReplayStartTime": replay.began}


@events.task
def go_on(call: Call, name: str, at: float, identity: str) -> None:
    """Send some more, in the order in which they had arrived."""
    from .publishing import accept

    replay = Replay.get(call, name)
    if replay is None:
        return
    if replay.state == "CANCELLING":
        end(call, replay, "CANCELLED")
        return
    archive, bus = Archive.get(call, replay.archive), bus_of(call, replay)
    if archive is None or bus is None:
        end(call, replay, "FAILED", "The archive or the event bus is not there any more.")
        return
    pieces = list(Kept.scan(call, archive.id, above=(at, identity), before=(replay.end,), limit=PIECE))
    for kept in pieces:
        event = msgspec.json.decode(kept.event) | {"replay-name": name}
        accept(call, bus, event, only=replay.destination.get("FilterArns"))
        replay.last = kept.at
    if len(pieces) < PIECE:
        end(call, replay, "COMPLETED")
        return
    replay.state = "RUNNING"
    replay.put(call)
    go_on.later(call, name=name, at=pieces[-1].at, identity=pieces[-1].id)


def bus_of(call: Call, replay: Replay) -> Bus | None:
    try:
        return Bus.named(call, buses.name_of(replay.destination["Arn"]))
    except Fault:
        return None


def end(call: Call, replay: Replay, state: str, reason: str = "") -> None:
    replay.state, replay.reason, replay.ended = state, reason, call.now
    replay.put(call)


def described(replay: Replay) -> dict[str, Any]:
    return {
        "ReplayName": replay.name,
        "EventSourceArn": replay.archive_arn,
        "State": replay.state,
        "StateReason": replay.reason or None,
        "EventStartTime": replay.start,
        "EventEndTime": replay.end,
        "EventLastReplayedTime": replay.last,
        "ReplayStartTime": replay.began,
        "ReplayEndTime": replay.ended,
    }


@events.operation(on=Replay.named)
def describe_replay(call: Call, replay: Replay) -> dict[str, Any]:
    return described(replay) | {
        "ReplayArn": replay.arn(call),
        "Description": replay.description or None,
        "Destination": replay.destination,
    }


@events.operation
def list_replays(
    call: Call,
    name_prefix: str = "",
    state: str = "",
    event_source_arn: str = "",
    next_token: str = "",
    limit: int = PER_PAGE,
) -> dict[str, Any]:
    page = Replay.page(
        call,
        limit=limit,
        token=next_token,
        since=(name_prefix,),
        before=(name_prefix + "\U0010ffff",),
        where=lambda one: state in ("", one.state) and event_source_arn in ("", one.archive_arn),
    )
    return {"Replays": [described(one) for one in page.items], "NextToken": page.token}


@events.operation(on=Replay.named)
def cancel_replay(call: Call, replay: Replay) -> dict[str, Any]:
    if replay.state not in UNDERWAY:
        words = f"Replay {replay.name} is not in a valid state for this operation."
        raise Fault("IllegalStatusException", words)
    replay.state = "CANCELLING"
    replay.put(call)
    return {"ReplayArn": replay.arn(call), "State": replay.state}
