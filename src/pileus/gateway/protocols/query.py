"""The query protocol: a form in, XML out.

https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from pileus.gateway.message import Request, Response
from pileus.kernel.errors import Fault
from pileus.models import Model, Operation, Shape

from . import bodies, faults, form, places, xml, xml_shapes
from .faults import Malformed
from .form import Dialect


def _names(name: str, member: Shape) -> list[str]:
    """A flattened list goes by the name of its items if they have one, for botocore; for Smithy by its own."""
    own = str(member.traits.get("locationName", name))
    return [own, xml_shapes.wire_name(name, member)]


DIALECT = Dialect(_names, flat=False)


def decode(operation: Operation, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    return decode_as(DIALECT, operation, request)


def decode_as(dialect: Dialect, operation: Operation, request: Request) -> dict[str, Any]:
    """The members of a request in the form's dialect."""
    try:
        return _decoder(dialect, operation)(parameters(request))
    except Malformed as error:
        raise Fault("MalformedInput", str(error), status=400) from None


def parameters(request: Request) -> form.Pairs:
    """The parameters of the query string and of the body; `Malformed` for what is no form."""
    try:
        body = bodies.content(request).decode()
    except UnicodeDecodeError:
        raise Malformed("The request is not valid UTF-8") from None
    return form.parse(f"{request.query}&{body}" if request.query else body)


@cache
def _decoder(dialect: Dialect, operation: Operation) -> Callable[[form.Pairs], dict[str, Any]]:
    shape = operation.input
    if shape is None:
        return lambda pairs: {}
    read, tokens = form.reader(dialect, shape), bodies.token_members(shape)

    def members(pairs: form.Pairs) -> dict[str, Any]:
        result: dict[str, Any] = read(pairs)
        if tokens:
            bodies.fill_tokens(result, tokens)
        return result

    return members


def encode(operation: Operation, result: dict[str, Any], request_id: str) -> Response:
    start, write, end = _encoder(operation)
    out = [xml.DECLARATION, start]
    write(result, out)
    out.append(end)
    out.append(xml.leaf("RequestId", request_id))
    out.append(f"</ResponseMetadata></{operation.name}Response>")
    return response(200, out, request_id, "text/xml")


@cache
def _encoder(operation: Operation) -> tuple[str, xml_shapes.Write, str]:
    """The text before the members, what writes them, and the text after."""
    start = xml.start_tag(f"{operation.name}Response", operation.model.metadata.get("xmlNamespace"))
    if operation.output is None:
        return start, nothing(operation), "<ResponseMetadata>"
    wrapper = operation.output.traits.get("resultWrapper", f"{operation.name}Result")
    write = xml_shapes.content_writer(operation.output.model.shape(operation.output.name))
    return f"{start}<{wrapper}>", write, f"</{wrapper}><ResponseMetadata>"


def nothing(operation: Operation) -> xml_shapes.Write:
    """The writer of an operation without output."""

    def write(result: dict[str, Any], out: list[str]) -> None:
        if result:
            raise KeyError(f"{operation.name} returns nothing, but its handler returned {sorted(result)}")

    return write


def response(status: int, out: list[str], request_id: str, content_type: str) -> Response:
    headers = [("Content-Type", content_type), ("x-amzn-RequestId", request_id)]
    return Response(status, headers, "".join(out).encode())


def encode_error(model: Model, operation: Operation | None, fault: Fault, request_id: str) -> Response:
    wire = faults.told(model, fault, faults.QUERY_SPELLING, NO_STATUS)
    out = [xml.DECLARATION, xml.start_tag("ErrorResponse", model.metadata.get("xmlNamespace")), "<Error>"]
    out += [xml.leaf("Type", wire.party), xml.leaf("Code", wire.code)]
    write_members(wire, out)
    out += ["</Error>", xml.leaf("RequestId", request_id), "</ErrorResponse>"]
    return response(wire.status, out, request_id, "text/xml")


NO_STATUS: Mapping[str, int] = {}


def write_members(wire: faults.WireFault, out: list[str]) -> None:
    """`Message`, which is written so whatever the shape calls it, and the other members of an error."""
    if wire.message or wire.shape is None:
        out.append(xml.leaf("Message", wire.message))
    if wire.shape is None:
        out += [xml.leaf(name, str(value)) for name, value in wire.members.items()]
    else:
        body = {name: v for name, v in wire.members.items() if not places.outside_response(wire.shape, name)}
        xml_shapes.content_writer(wire.shape)(body, out)
