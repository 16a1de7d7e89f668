"""AWS JSON with CBOR in place of the text, as AWS's SDKs for Java and C++ speak it with Kinesis.

The operation is named as in AWS JSON. What differs from Smithy's CBOR is the content type, and that timestamps are
milliseconds (AWS SDK for Java 2, `AwsCborProtocolFactory`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cbor2

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape

from . import bodies, cbor_scalars, eventstream, faults, json, timestamps, values
from .cbor_scalars import CBOR
from .faults import Malformed
from .values import Convert, Notation, Scalar, mismatch

CONTENT_TYPE = "application/x-amz-cbor-1.1"


def _timestamp(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise mismatch(value, "Timestamp")
    return timestamps.checked(value / 1000)


def _timestamp_writer(shape: Shape) -> Convert:
    return lambda value: cbor2.CBORTag(1, round(timestamps.number(value) * 1000))


AMZ_CBOR = Notation(
    read=CBOR.read | {"timestamp": Scalar(None, _timestamp)}, write=CBOR.write, timestamp=_timestamp_writer
)


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
    read, tokens = values.reader(AMZ_CBOR, shape), bodies.token_members(shape)

    def members(body: bytes) -> dict[str, Any]:
        result: dict[str, Any] = read(cbor_scalars.parse(body)) if body else {}
        if tokens:
            bodies.fill_tokens(result, tokens)
        return result

    return members


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    fields = [("x-amzn-RequestId", request_id), ("Content-Type", CONTENT_TYPE)]
    shape = operation.output
    if shape is None:
        json.nothing(operation)(result)
        return Response(200, fields)
    if (name := eventstream.member(shape)) is not None:
        return _streamed(shape, result, request_id, name)
    return Response(200, fields, render(shape, result))


def _streamed(shape: Shape, result: dict[str, Any], request_id: str, name: str) -> Response:
    head = {key: value for key, value in result.items() if key != name}
    first = eventstream.initial_response(CONTENT_TYPE, render(shape, head))
    body = eventstream.encoded(shape.members[name], result[name], render, CONTENT_TYPE, first)
    return Response(200, [("x-amzn-RequestId", request_id), ("Content-Type", eventstream.CONTENT_TYPE)], body)


def render(shape: Shape, value: Any) -> bytes:
    return cbor2.dumps(values.writer(AMZ_CBOR, shape).convert(value))


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.JSON_SPELLING, faults.JSON_STATUS, by_shape=True)
    fields = [("x-amzn-RequestId", request_id), ("Content-Type", CONTENT_TYPE)]
    return Response(wire.status, fields, cbor2.dumps({"__type": wire.code, **json.error_members(wire, AMZ_CBOR)}))
