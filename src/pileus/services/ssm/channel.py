"""The messages of a session's data channel, as AWS's session-manager-plugin speaks them over a WebSocket.

The layout is that of the open source of the plugin and the agent (`message/clientmessage.go`): a header of 116 bytes,
then the payload's length and the payload, all numbers big-endian.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from enum import IntEnum
from typing import NamedTuple

HEADER = struct.Struct(">I32sIQqQ16s32sI")
LENGTH = struct.Struct(">I")

INPUT, OUTPUT, ACKNOWLEDGE = "input_stream_data", "output_stream_data", "acknowledge"
CLOSED = "channel_closed"


class Payload(IntEnum):
    """What a stream's message carries."""

    OUTPUT = 1
    ERROR = 2
    SIZE = 3
    PARAMETER = 4
    HANDSHAKE_REQUEST = 5
    HANDSHAKE_RESPONSE = 6
    HANDSHAKE_COMPLETE = 7
    FLAG = 10
    STDERR = 11
    EXIT_CODE = 12


class Malformed(ValueError):
    """What came is no message."""


class Message(NamedTuple):
    """One message."""

    type: str
    payload: bytes
    kind: int = 0
    sequence: int = 0
    created: int = 0
    """Milliseconds."""
    flags: int = 0
    id: uuid.UUID = uuid.UUID(int=0)

    def packed(self) -> bytes:
        digest = hashlib.sha256(self.payload).digest()
        head = HEADER.pack(
            HEADER.size,
            self.type.encode().ljust(32),
            1,
            self.created,
            self.sequence,
            self.flags,
            self.id.bytes[8:] + self.id.bytes[:8],  # the less significant half comes first
            digest,
            self.kind,
        )
        return head + LENGTH.pack(len(self.payload)) + self.payload


def unpacked(data: bytes) -> Message:
    """The message in some bytes; Malformed for what is none, or whose digest is another's."""
    try:
        length, kind_of, _, created, sequence, flags, identity, digest, kind = HEADER.unpack_from(data)
        (size,) = LENGTH.unpack_from(data, length)
    except struct.error as error:
        raise Malformed(str(error)) from None
    payload = data[length + LENGTH.size :]
    if len(payload) != size:
        raise Malformed(f"{len(payload)} bytes instead of {size}")
    if payload and hashlib.sha256(payload).digest() != digest:
        raise Malformed("The digest is not that of the payload")
    name = kind_of.strip(b" \0").decode(errors="replace")
    return Message(name, payload, kind, sequence, created, flags, uuid.UUID(bytes=identity[8:] + identity[:8]))
