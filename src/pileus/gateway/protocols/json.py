"""AWS JSON 1.0 and 1.1: the operation in a header, everything else in one JSON object.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape, exact
from pileus.models.validation import Sound

from . import bodies, eventstream, faults, places, values
from .faults import Malformed
from .json_scalars import JSON

_parse = msgspec.json.Decoder().decode
render = msgspec.json.Encoder().encode


DEPTH = 128
TOO_DEEP = "The request nests too deep"


def parse(body: bytes) -> Any:
    """Any JSON text; `Malformed` for what is none, or nests deeper than any room behind should have to recurse."""
    try:
        value = _parse(body)
    except RecursionError:
        raise Malformed(TOO_DEEP) from None
    except (msgspec.DecodeError, ValueError) as error:
        raise Malformed(str(error)) from None
    if body.count(b"{") + body.count(b"[") > DEPTH and _deep(value):
        raise Malformed(TOO_DEEP)
    return value


def _deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEPTH):
        below: list[Any] = []
        for node in level:
            if type(node) is dict:
                below.extend(node.values())
            elif type(node) is list:
                below.extend(node)
        if not below:
            return False
        level = below
    return True


def refused(error: Exception) -> Fault:
    return Fault("SerializationException", str(error) if isinstance(error, Malformed) else TOO_DEEP)


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    try:
        members = _decoder(operation)(bodies.content(request))
        return {**members} if labels else members  # these may yet become members, and nobody has checked them
    except (Malformed, RecursionError) as error:
        raise refused(error) from None


@cache
def _decoder(operation: Operation) -> Callable[[bytes], dict[str, Any]]:
    shape = operation.input
    if shape is None:
        return lambda body: {}
    read, tokens, exactly = values.reader(JSON, shape), bodies.token_members(shape), _exact(shape)

    def members(body: bytes) -> dict[str, Any]:
        result = exactly(body)
        if result is None:
            result = read(parse(body)) if body else {}
        if tokens:
            bodies.fill_tokens(result, tokens)
        return result

    return members


def _exact(shape: Shape) -> Callable[[bytes], dict[str, Any] | None]:
    """What reads nearly all requests that nothing is wrong with, and is quick; None for what it does not take."""
    try:
        read = msgspec.json.Decoder(exact.type_of(shape)).decode
    except exact.Unfit:
        return lambda body: None

    nests = exact.nests(shape)

    def members(body: bytes) -> dict[str, Any] | None:
        try:
            found = read(body)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        if nests and body.count(b"{") > DEPTH // 3 and _deep(found):  # no list of lists is in a list
            return None
        return Sound(found)

    return members


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    write, content_type, events = _encoder(operation)
    if events is not None:
        return _streamed(operation, result, request_id, events)
    return Response(200, [("Content-Type", content_type), ("x-amzn-RequestId", request_id)], render(write(result)))


@cache
def _encoder(operation: Operation) -> tuple[values.Convert, str, str | None]:
    shape = operation.output
    write = values.writer(JSON, shape).convert if shape else nothing(operation)
    return write, content_type_of(operation.model), eventstream.member(shape)


def nothing(operation: Operation) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The writer of an operation without output."""

    def write(result: dict[str, Any]) -> dict[str, Any]:
        if result:
            raise KeyError(f"{operation.name} returns nothing, but its handler returned {sorted(result)}")
        return {}

    return write


def content_type_of(model: Model) -> str:
    return f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"


def _streamed(operation: Operation, result: dict[str, Any], request_id: str, name: str) -> Response:
    """The other members are the stream's first message (`initial-response`), as RPC protocols have no other place."""
    shape: Shape = operation.output  # type: ignore[assignment]  # it has a member `name`
    head = {key: value for key, value in result.items() if key != name}
    content_type = content_type_of(operation.model)
    first = eventstream.initial_response(content_type, render_shape(shape, head))
    body = eventstream.encoded(shape.members[name], result[name], render_shape, content_type, first)
    return Response(200, [("Content-Type", eventstream.CONTENT_TYPE), ("x-amzn-RequestId", request_id)], body)


def render_shape(shape: Shape, value: Any) -> bytes:
    kind, convert = values.writer(JSON, shape)
    return render(value if type(value) is kind else convert(value))


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.JSON_SPELLING, faults.JSON_STATUS, by_shape=True)
    headers = [("Content-Type", content_type_of(model)), ("x-amzn-RequestId", request_id)]
    headers += faults.query_error(model, fault, wire)
    return Response(wire.status, headers, render({"__type": wire.code, **error_members(wire, JSON)}))


def error_members(wire: faults.WireFault, notation: values.Notation) -> dict[str, Any]:
    """The error's members, without those that are headers, and with a message even where none is modelled."""
    if wire.shape is None:
        return faults.members_of(wire)
    name = faults.message_member(wire.shape)
    modelled = name in wire.shape.members
    members = faults.members_of(wire) if modelled else wire.members
    body = {key: value for key, value in members.items() if not places.outside_response(wire.shape, key)}
    written: dict[str, Any] = values.writer(notation, wire.shape).convert(body)
    return written if modelled or not wire.message else {name: wire.message, **written}
