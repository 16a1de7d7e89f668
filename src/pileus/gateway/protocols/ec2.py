"""EC2's own query protocol: flat lists, capitalised names, no result wrapper.

https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html
"""

from __future__ import annotations

from functools import cache
from typing import Any

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape

from . import faults, query, xml, xml_shapes
from .form import Dialect


def _names(name: str, member: Shape) -> list[str]:
    """`queryName`, or else the capitalised `locationName`; members without either botocore does not capitalise."""
    wire = str(member.traits.get("locationName", name))
    capitalised = wire[:1].upper() + wire[1:]
    proper = capitalised if "locationName" in member.traits else name
    return [capitalised, str(member.traits.get("queryName", proper))]


DIALECT = Dialect(_names, flat=True)
CONTENT_TYPE = "text/xml;charset=UTF-8"


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    return query.decode_as(DIALECT, operation, request)


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    start, write, end = _encoder(operation)
    out = [xml.DECLARATION, start, xml.leaf("requestId", request_id)]
    write(result, out)
    out.append(end)
    return query.response(200, out, request_id, CONTENT_TYPE)


@cache
def _encoder(operation: Operation) -> tuple[str, xml_shapes.Write, str]:
    name = f"{operation.name}Response"
    start = xml.start_tag(name, operation.model.metadata.get("xmlNamespace"))
    shape = operation.output
    write = xml_shapes.content_writer(shape.model.shape(shape.name)) if shape else query.nothing(operation)
    return start, write, f"</{name}>"


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.EC2_SPELLING, faults.EC2_STATUS)
    out = [xml.DECLARATION, "<Response><Errors><Error>", xml.leaf("Code", wire.code)]
    query.write_members(wire, out)
    out += ["</Error></Errors>", xml.leaf("RequestID", request_id), "</Response>"]
    return query.response(wire.status, out, request_id, CONTENT_TYPE)
