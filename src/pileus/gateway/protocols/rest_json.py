"""REST with JSON documents.

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

from typing import Any

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape

from . import faults, json, rest, values
from .faults import Malformed
from .fields import field_value
from .json_scalars import JSON

CONTENT_TYPE = "application/json"


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    try:
        members: dict[str, Any] = rest.decode(operation, request, labels, _parse)
    except (Malformed, RecursionError) as error:
        raise json.refused(error) from None
    return members


def _parse(shape: Shape, body: bytes) -> Any:
    return values.reader(JSON, shape)(json.parse(body))


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    fields = [("x-amzn-RequestId", request_id)]
    return rest.encode(operation, result, fields, json.render_shape, CONTENT_TYPE)


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.JSON_SPELLING, {}, by_shape=True)
    fields = [
        ("Content-Type", CONTENT_TYPE),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-errortype", field_value(wire.code)),
        *faults.query_error(model, fault, wire),
        *fault.headers,
    ]
    if wire.shape is not None:
        rest.head(wire.shape, wire.members, fields)
    return Response(wire.status, fields, json.render(json.error_members(wire, JSON)))
