"""Smithy RPC v2 with CBOR: the operation in the path, everything else in one CBOR map.

https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cbor2

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape

from . import bodies, cbor_scalars, eventstream, faults, json, values
from .cbor_scalars import CBOR
from .faults import Malformed

CONTENT_TYPE = "application/cbor"
PROTOCOL = ("smithy-protocol", "rpc-v2-cbor")


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    try:
        return _decoder(operation)(bodies.content(request))
    except (Malformed, RecursionError) as error:
        raise json.refused(error) from None


@cache
def _decoder(operation: Operation) -> Callable[[bytes], dict[str, Any]]:
    shape = operation.input
    if shape is None:
        return lambda body: {}
    read, tokens = values.reader(CBOR, shape), bodies.token_members(shape)

    def members(body: bytes) -> dict[str, Any]:
        result: dict[str, Any] = read(cbor_scalars.parse(body)) if body else {}
        if tokens:
            bodies.fill_tokens(result, tokens)
        return result

    return members


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    fields = [PROTOCOL, ("x-amzn-RequestId", request_id)]
    shape = operation.output
    if shape is None:
        json.nothing(operation)(result)
        return Response(200, fields)
    if (name := eventstream.member(shape)) is not None:
        return _streamed(shape, result, fields, name)
    return Response(200, [*fields, ("Content-Type", CONTENT_TYPE)], render(shape, result))


def _streamed(shape: Shape, result: dict[str, Any], fields: list[tuple[str, str]], name: str) -> Response:
    head = {key: value for key, value in result.items() if key != name}
    first = eventstream.initial_response(CONTENT_TYPE, render(shape, head))
    body = eventstream.encoded(shape.members[name], result[name], render, CONTENT_TYPE, first)
    return Response(200, [*fields, ("Content-Type", eventstream.CONTENT_TYPE)], body)


def render(shape: Shape, value: Any) -> bytes:
    return cbor2.dumps(values.writer(CBOR, shape).convert(value))


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.JSON_SPELLING, faults.JSON_STATUS, by_shape=True)
    fields = [PROTOCOL, ("x-amzn-RequestId", request_id), ("Content-Type", CONTENT_TYPE)]
    fields += faults.query_error(model, fault, wire)
    members = json.error_members(wire, CBOR)
    return Response(wire.status, fields, cbor2.dumps({"__type": wire.code, **members}))
