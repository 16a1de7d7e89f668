"""@ptr: where an event lies, and GetLogRecord, which reads it whole."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from pileus.kernel import Call

from . import faults, logs
from .groups import Group
from .insights.events import discovered
from .parts import Stream
from .protection import shown
from .scanning import Found, forwards

Members = dict[str, Any]
Place = tuple[tuple[str, str], int, int]
"""Group and stream, time and number."""

place_decoder = msgspec.msgpack.Decoder(Place)


def sealed(log: str, stream: str, at: int, number: int) -> str:
    place: Place = ((log.partition(":")[2], stream), at, number)
    return base64.b64encode(msgspec.msgpack.encode(place)).decode()


def opened(pointer: str) -> Place:
    try:
        place: Place = place_decoder.decode(base64.b64decode(pointer, validate=True))
    except (ValueError, msgspec.DecodeError):
        raise faults.invalid("The specified logRecordPointer is invalid.") from None
    return place


@logs.operation
def get_log_record(call: Call, log_record_pointer: str, unmask: bool = False) -> Members:
    """All fields of an event that a query has found."""
    (group_name, stream_name), at, number = opened(log_record_pointer)
    group = Group.named(call, group_name)
    stream = Stream.get(call, group.id, stream_name)
    found = event(call, stream, at, number) if stream else None
    if found is None:
        raise faults.missing("The specified log record does not exist.")
    message = shown(call, group, unmask)(found.ingested, found.message)
    return {
        "logRecord": {
            "@timestamp": str(found.at),
            "@ingestionTime": str(found.ingested),
            "@message": message,
            "@logStream": stream_name,
            "@log": f"{call.account}:{group_name}",
            "@ptr": log_record_pointer,
            **discovered(message),
        }
    }


def event(call: Call, stream: Stream, at: int, number: int) -> Found | None:
    return next((one for one in forwards(call, stream, at, at + 1) if one.number == number), None)
