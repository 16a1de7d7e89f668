"""Event streams: framed messages with typed headers, as `application/vnd.amazon.eventstream`.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from struct import Struct, error
from typing import Any
from zlib import crc32

from pileus.kernel.errors import Fault
from pileus.models import Shape

from . import texts, timestamps
from .faults import Malformed

CONTENT_TYPE = "application/vnd.amazon.eventstream"
LIMIT = 16 * 1024 * 1024  # the longest message that the specification allows
UINT = Struct(">I")
PRELUDE = Struct(">II")

Headers = list[tuple[str, Any]]
Render = Callable[[Shape, Any], bytes]
"""A shape's value as the payload of a message, in the protocol of the service."""


def member(shape: Shape | None) -> str | None:
    """The member of an input or output that is an event stream."""
    members = shape.members.items() if shape else ()
    return next((name for name, part in members if part.traits.get("eventstream")), None)


# Writing


def message(headers: Headers, payload: bytes = b"") -> bytes:
    """One message: lengths and their CRC, headers, payload, and the CRC of it all."""
    block = b"".join(_header(name, value) for name, value in headers)
    prelude = PRELUDE.pack(len(block) + len(payload) + 16, len(block))
    framed = prelude + UINT.pack(crc32(prelude)) + block + payload
    return framed + UINT.pack(crc32(framed))


def _header(name: str, value: Any) -> bytes:
    return bytes((len(name),)) + name.encode() + _header_value(value)


def _header_value(value: Any) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        return b"\x07" + len(text).to_bytes(2, "big") + text
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, bytes):
        return b"\x06" + len(value).to_bytes(2, "big") + value
    kind, packed = value
    return bytes((HEADER_CODES[kind], *packed))


HEADER_CODES = {"integer": 4, "long": 5, "timestamp": 8}


def initial_response(content_type: str, payload: bytes) -> bytes:
    """The first message of a stream in an RPC protocol, with the members that are not the stream."""
    return message([*_headers("event", "initial-response"), (":content-type", content_type)], payload)


def _headers(kind: str, name: str) -> Headers:
    return [(":message-type", kind), (f":{kind}-type", name)]


async def encoded(
    shape: Shape, events: AsyncIterator[dict[str, Any]], render: Render, content_type: str, first: bytes = b""
) -> AsyncIterator[bytes]:
    """The messages of a stream of `{"EventName": {...}}`.

    A Fault that ends the stream is told as a message of it: as the stream's exception if it has one of that name, and
    otherwise as an error. The response's status was sent long before.
    """
    if first:
        yield first
    try:
        async for event in events:
            (name, value), *rest = event.items()
            if rest:
                raise TypeError(f"an event of {shape.name} is one member, not {sorted(event)}")
            yield event_message(shape, name, value, render, content_type)
    except Fault as fault:
        yield failure(shape, fault, render, content_type)
    finally:
        if close := getattr(events, "aclose", None):
            await close()


def event_message(shape: Shape, name: str, value: dict[str, Any], render: Render, content_type: str) -> bytes:
    event = shape.members[name]
    kind = "exception" if event.traits.get("exception") else "event"
    headers, payload, payload_type = _event_parts(event, value, render, content_type)
    if payload_type:
        headers = [(":content-type", payload_type), *headers]
    return message([*_headers(kind, name), *headers], payload)


def _event_parts(
    event: Shape, value: dict[str, Any], render: Render, content_type: str
) -> tuple[Headers, bytes, str | None]:
    """An event's own headers, its payload and the payload's type."""
    if unknown := value.keys() - event.members.keys():
        raise KeyError(f"{event.name} has no member {sorted(unknown)}")
    given = {name: item for name, item in value.items() if item is not None}
    bound = {name for name, part in event.members.items() if part.traits.get("eventheader")}
    headers = [(name, _typed(event.members[name], given[name])) for name in given if name in bound]
    payload_name = next((name for name, part in event.members.items() if part.traits.get("eventpayload")), None)
    if payload_name is None:
        rest = {name: item for name, item in given.items() if name not in bound}
        payload = render(event, rest) if len(bound) < len(event.members) or not event.members else b""
        return headers, payload, content_type if payload else None
    if payload_name not in given:
        return headers, b"", None
    return headers, *_payload(event.members[payload_name], given[payload_name], render, content_type)


def _payload(shape: Shape, value: Any, render: Render, content_type: str) -> tuple[bytes, str]:
    if shape.type == "blob":
        return texts.blob_bytes(value), "application/octet-stream"
    if shape.type == "string":
        return texts.string_text(value).encode(), "text/plain"
    return render(shape, value), content_type


def _typed(shape: Shape, value: Any) -> Any:
    """A header's value with the width that its shape has."""
    if shape.type == "timestamp":
        return "timestamp", round(timestamps.number(value) * 1000).to_bytes(8, "big", signed=True)
    if shape.type in ("integer", "long"):
        return shape.type, value.to_bytes(8 if shape.type == "long" else 4, "big", signed=True)
    if shape.type == "blob":
        return texts.blob_bytes(value)
    return value


def failure(shape: Shape, fault: Fault, render: Render, content_type: str) -> bytes:
    """The message that ends a stream which failed."""
    exception = shape.members.get(fault.code)
    if exception is None:
        headers = [(":message-type", "error"), (":error-code", fault.code), (":error-message", fault.message)]
        return message(headers)
    name = next((name for name in exception.members if name.lower() == "message"), None)
    members = ({name: fault.message} if name else {}) | fault.members
    return event_message(shape, fault.code, members, render, content_type)


# Reading


def parse(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """The headers and the payload of one message; `Malformed` if its lengths or its sums are not right."""
    if len(frame) < 16:
        raise Malformed("The event message is too short")
    length, header_length = PRELUDE.unpack_from(frame)
    if length != len(frame) or header_length > length - 16:
        raise Malformed("The lengths of the event message are wrong")
    if UINT.unpack_from(frame, 8)[0] != crc32(frame[:8]) or UINT.unpack_from(frame, length - 4)[0] != crc32(frame[:-4]):
        raise Malformed("The checksum of the event message is wrong")
    end = 12 + header_length
    try:
        return dict(_parse_headers(frame, end)), frame[end:-4]
    except (error, IndexError, UnicodeDecodeError):
        raise Malformed("The headers of the event message are wrong") from None


def _parse_headers(frame: bytes, end: int) -> Headers:
    headers: Headers = []
    at = 12
    while at < end:
        name_end = at + 1 + frame[at]
        name = frame[at + 1 : name_end].decode()
        value, at = _parse_value(frame, name_end)
        headers.append((name, value))
    if at != end:
        raise IndexError
    return headers


def _parse_value(frame: bytes, at: int) -> tuple[Any, int]:
    kind, at = frame[at], at + 1
    if kind in (0, 1):
        return kind == 0, at
    if kind in FIXED:
        return FIXED[kind].unpack_from(frame, at)[0], at + FIXED[kind].size
    if kind not in (6, 7):
        raise IndexError
    end = at + 2 + int.from_bytes(frame[at : at + 2], "big")
    value = frame[at + 2 : end]
    return (value.decode() if kind == 7 else value), end


FIXED = {2: Struct(">b"), 3: Struct(">h"), 4: Struct(">i"), 5: Struct(">q"), 8: Struct(">q"), 9: Struct(">16s")}


async def frames(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The messages of a byte stream, each whole, however the stream was cut."""
    buffer = bytearray()
    async for chunk in body:
        buffer += chunk
        while len(buffer) >= 16:
            (length,) = UINT.unpack_from(buffer)
            if not 16 <= length <= LIMIT:
                raise Malformed("The lengths of the event message are wrong")
            if len(buffer) < length:
                break
            yield bytes(buffer[:length])
            del buffer[:length]
    if buffer:
        raise Malformed("The event stream ends within a message")


async def decoded(
    shape: Shape, body: AsyncIterator[bytes], read: Callable[[Shape, bytes], Any]
) -> AsyncIterator[dict[str, Any]]:
    """The events `{"EventName": {...}}` of a request's stream. `read` takes a payload apart.

    A signed message is a message within a message that has the signature; checking that is another room's work. An
    empty outer message ends the stream.
    """
    try:
        async for frame in frames(body):
            headers, payload = parse(frame)
            if ":chunk-signature" in headers:
                if not payload:
                    return
                headers, payload = parse(payload)
            event = shape.members.get(str(headers.get(":event-type", "")))
            if event is not None:
                yield {headers[":event-type"]: _event(event, headers, payload, read)}
    except (Malformed, RecursionError, UnicodeDecodeError) as broken:
        raise Fault("SerializationException", f"The event stream cannot be read: {broken}") from None


def _event(event: Shape, headers: dict[str, Any], payload: bytes, read: Callable[[Shape, bytes], Any]) -> Any:
    result = {}
    for name, part in event.members.items():
        if part.traits.get("eventheader") and name in headers:
            value = headers[name]
            result[name] = value / 1000 if part.type == "timestamp" else value
        elif part.traits.get("eventpayload"):
            result[name] = _whole(part, payload, read)
    if not any(part.traits.get("eventpayload") for part in event.members.values()) and payload:
        result = read(event, payload) | result
    return result


def _whole(part: Shape, payload: bytes, read: Callable[[Shape, bytes], Any]) -> Any:
    if part.type == "blob":
        return payload
    return payload.decode() if part.type == "string" else read(part, payload)
