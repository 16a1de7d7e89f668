"""HTTP bindings, which rest-json and rest-xml share: members in the path, the query string, headers and the status.

https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from pileus.gateway.message import Request, Response
from pileus.kernel.edge import Result
from pileus.models import Operation, Shape

from . import bodies, eventstream, form, texts
from .eventstream import Render
from .faults import Malformed
from .fields import encoded_word, field_value, utf8

Read = Callable[[str], Any]
Fields = list[tuple[str, str]]


class Misplaced(Malformed):
    """A text in the path, the query string or a header that is not what its member's shape says."""

    def __init__(self, place: str, text: str, reason: str) -> None:
        super().__init__(reason)
        self.place = place
        self.text = text


class Unreadable(Misplaced):
    """A text in the path or the query string that is no text at all."""


# Requests


class Incoming(NamedTuple):
    """Where the members of an input come from."""

    labels: list[tuple[str, str, Read]]
    query: dict[str, tuple[str, Read, bool]]
    """By parameter: the member, its reader, and whether it gathers all values of the parameter."""
    query_map: tuple[str, bool] | None
    """The member that holds the parameters without a member of their own, and whether it gathers all their values."""
    constants: frozenset[str]
    """Parameters that are part of the operation's URI."""
    headers: dict[str, tuple[str, Read, bool]]
    """By lower-case field: the member, its reader, and whether it takes all fields of that name."""
    prefixes: list[tuple[str, str]]
    payload: Shape | None
    payload_name: str
    payload_required: bool
    body: bool
    """Whether some members stand in the body."""
    tokens: tuple[str, ...]


@cache
def incoming(operation: Operation) -> Incoming:
    shape = operation.input
    members = shape.members if shape else {}
    at = _by_place(members)
    payload_name = shape.traits.get("payload", "") if shape else ""
    parameters = {wire: (name, *_gathering(part)) for wire, name, part in at["querystring"] if part.type != "map"}
    maps = [(name, part.value.type == "list") for _, name, part in at["querystring"] if part.type == "map"]
    return Incoming(
        labels=[(wire, name, texts.reader(part)) for wire, name, part in at["uri"]],
        query=parameters,
        query_map=maps[0] if maps else None,
        constants=frozenset(name for name, _ in form.parse(operation.uri.partition("?")[2])),
        headers={wire.lower(): (name, *_header_reader(part)) for wire, name, part in at["header"]},
        prefixes=[(wire.lower(), name) for wire, name, _ in at["headers"]],
        payload=members.get(payload_name),
        payload_name=payload_name,
        payload_required=shape is not None and payload_name in shape.required,
        body=bool(at["body"]) and not payload_name,
        tokens=bodies.token_members(shape),
    )


def _by_place(members: dict[str, Shape]) -> defaultdict[str, list[tuple[str, str, Shape]]]:
    """Wire name, name and shape of the members in each place."""
    at: defaultdict[str, list[tuple[str, str, Shape]]] = defaultdict(list)
    for name, part in members.items():
        at[part.traits.get("location", "body")].append((part.traits.get("locationName", name), name, part))
    return at


def decode(operation: Operation, request: Request, labels: dict[str, str], parse: Callable[[Shape, bytes], Any]) -> Any:
    """The members of a request. `parse` reads the document in a body as a shape."""
    places = incoming(operation)
    result = bound(places, request, labels)
    if places.payload is not None:
        if (value := _payload(places, places.payload, request, parse)) is not None:
            result[places.payload_name] = value
    elif places.body and (content := bodies.content(request)):
        result.update(parse(operation.input, content))  # type: ignore[arg-type]  # it has members
    elif places.body and request.query and request.method == "GET":
        result.update(_formerly(operation, request.query))
    if places.tokens:
        bodies.fill_tokens(result, places.tokens)
    return result


def _formerly(operation: Operation, query: str) -> dict[str, Any]:
    """What stands in the body today, where an older SDK asks where the operation was when it stood in the query."""
    members = operation.input.members if operation.input else {}
    return {
        name: _read(name, texts.reader(members[name]), text)
        for name, text in form.parse(query)
        if name in members and members[name].type in texts.READERS
    }


def bound(places: Incoming, request: Request, labels: dict[str, str]) -> dict[str, Any]:
    """The members that are not in the body."""
    result: dict[str, Any] = {}
    for label, name, read in places.labels:
        if label in labels:
            result[name] = _read(label, read, _unquoted(label, labels[label]))
    if request.query and (places.query or places.query_map):
        _read_query(places, form.parse(request.query), result)
    for field in places.headers.keys() & request.headers.first.keys():
        name, read, gathers = places.headers[field]
        text = ", ".join(request.headers.all(field)) if gathers else request.headers.first[field]
        result[name] = _read(field, read, text)
    for prefix, name in places.prefixes:
        if found := _prefixed(prefix, request):
            result[name] = found
    return result


def _prefixed(prefix: str, request: Request) -> dict[str, str]:
    """Fields by what follows the prefix; what several of one name say, with commas between it."""
    found: dict[str, str] = {}
    for field, value in request.headers:
        if field.startswith(prefix):
            key, text = field[len(prefix) :], utf8(value)
            found[key] = f"{found[key]},{text}" if key in found else text
    return found


def _unquoted(label: str, text: str) -> str:
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Unreadable(label, text, "not valid UTF-8") from None


def _read(place: str, read: Read, text: str) -> Any:
    try:
        return read(text)
    except Malformed as error:
        raise Misplaced(place, text, str(error)) from None


def _read_query(places: Incoming, pairs: form.Pairs, result: dict[str, Any]) -> None:
    others: dict[str, list[str]] = {}
    for parameter, text in pairs:
        if parameter in places.query:
            name, read, gathers = places.query[parameter]
            value = _read(parameter, read, text)
            if gathers:
                result.setdefault(name, []).append(value)
            else:
                result[name] = value
        elif parameter not in places.constants and not parameter.startswith("X-Amz-"):
            others.setdefault(parameter, []).append(text)
    if places.query_map and others:
        name, gathers = places.query_map
        result[name] = others if gathers else {parameter: values[-1] for parameter, values in others.items()}


def _gathering(part: Shape) -> tuple[Read, bool]:
    return (texts.reader(part.member), True) if part.type == "list" else (texts.reader(part), False)


def _header_reader(part: Shape) -> tuple[Read, bool]:
    if part.type == "list":
        read, split = texts.reader(part.member), _splitter(part.member)
        return lambda text: [read(item) for item in split(text)], True
    if part.traits.get("jsonvalue"):
        return _json_value, False
    return (utf8 if part.type == "string" else texts.reader(part)), False


def _json_value(text: str) -> Any:
    """A member with the trait `jsonvalue`: Base64 of JSON, so that it may be a header."""
    try:
        return msgspec.json.decode(b64decode(text, validate=True))
    except (ValueError, RecursionError):
        raise Malformed("Invalid JSON value") from None


_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"\s*|([^,]*))(?:,|$)')
_DATE = re.compile(r"[^,]+,[^,]+")


def _splitter(part: Shape) -> Callable[[str], Iterable[str]]:
    """How a list in a header is taken apart: strings may be quoted, and HTTP dates have a comma of their own."""
    if part.type == "timestamp" and part.traits.get("timestampFormat", "rfc822") == "rfc822":
        return lambda text: [date.strip() for date in _DATE.findall(text)]
    if part.type == "string":
        return lambda text: list(_strings(text))
    return lambda text: [item.strip() for item in text.split(",") if item.strip()]


def _strings(text: str) -> Iterable[str]:
    for match in _ITEM.finditer(text):
        quoted, plain = match.groups()
        if quoted is not None:
            yield re.sub(r"\\(.)", r"\1", quoted)
        elif plain := plain.strip():
            yield plain


def _payload(places: Incoming, part: Shape, request: Request, parse: Callable[[Shape, bytes], Any]) -> Any:
    """The member that is the whole body: a blob (a stream while it still arrives), a text, a document, or events.

    No body is no member, unless the operation requires it and it may be empty.
    """
    if part.traits.get("eventstream"):
        return eventstream.decoded(part, _chunks(request), parse)
    if part.type == "blob" and request.stream is not None:
        return request.stream
    content = request.body if part.type == "blob" else bodies.content(request)
    if not content and not (places.payload_required and part.type in ("blob", "string")):
        return None
    if part.type == "string":
        return _text(content)
    return content if part.type == "blob" else parse(part, content)


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Malformed("The request body is not valid UTF-8") from None


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    if request.stream is None:
        yield request.body
        return
    async for chunk in request.stream:
        yield chunk


# Responses


class Outgoing(NamedTuple):
    """Where the members of an output go to, besides the body."""

    headers: dict[str, tuple[str, Callable[[Any], str]]]
    prefixes: dict[str, str]
    status: str | None
    content_type: str
    """The member that is the header Content-Type, or an empty text."""
    payload: str
    """The member that is the whole body, or an empty text."""


@cache
def outgoing(shape: Shape) -> Outgoing:
    at = _by_place(shape.members)
    return Outgoing(
        headers={name: (wire, header_writer(part)) for wire, name, part in at["header"]},
        prefixes={name: wire for wire, name, _ in at["headers"]},
        status=at["statusCode"][0][1] if at["statusCode"] else None,
        content_type=next((name for wire, name, _ in at["header"] if wire.lower() == "content-type"), ""),
        payload=shape.traits.get("payload", ""),
    )


def head(shape: Shape, result: dict[str, Any], fields: Fields) -> tuple[int | None, dict[str, Any]]:
    """Append the members that are headers to `fields`; the status, if a member says it, and the members left over."""
    places = outgoing(shape)
    headers = places.headers
    rest, status = {}, None
    for name, value in result.items():
        if value is None:
            continue
        if name in headers:
            field, write = headers[name]
            fields.append((field, write(value)))
        elif name in places.prefixes:
            prefix = places.prefixes[name]
            fields += [(field_value(prefix + key), encoded_word(item)) for key, item in value.items()]
        elif name == places.status:
            status = value
        else:
            rest[name] = value
    return status, rest


def header_writer(part: Shape) -> Callable[[Any], str]:
    if part.type == "list":
        item = header_writer(part.member)
        quote = _quoted if part.member.type == "string" else str
        return lambda values: ", ".join(quote(item(value)) for value in values)
    if part.traits.get("jsonvalue"):
        return lambda value: b64encode(msgspec.json.encode(value)).decode()
    return _string if part.type == "string" else texts.writer(part, "rfc822")


def _string(value: Any) -> str:
    if type(value) is str and value.isascii() and value.isprintable():
        return value
    return field_value(texts.string_text(value))


def _quoted(text: str) -> str:
    if '"' not in text and "," not in text:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def encode(operation: Operation, result: dict[str, Any], fields: Fields, render: Render, content_type: str) -> Response:
    """The response, with what is in `fields` already. `render` writes a shape as a document; b"" is no document."""
    shape = operation.output
    if shape is None:
        if result:
            raise KeyError(f"{operation.name} returns nothing, but its handler returned {sorted(result)}")
        return Response(result.status if isinstance(result, Result) else operation.status, fields)
    status, rest = head(shape, result, fields)
    places = outgoing(shape)
    body, default_type = _body(shape, places.payload, rest, render, content_type)
    if isinstance(result, Result):
        status = status or result.status
        fields += result.fields
        if any(field == "Content-Type" for field, _ in result.fields):
            default_type = ""
    status = status or operation.status
    if operation.method == "HEAD" or status in (204, 304):
        return Response(status, fields)
    if body and default_type and result.get(places.content_type) is None:
        fields.append(("Content-Type", default_type))
    return Response(status, fields, body)


def _body(
    shape: Shape, payload: str, rest: dict[str, Any], render: Render, content_type: str
) -> tuple[bytes | AsyncIterator[bytes], str]:
    if not payload:
        return render(shape, rest), content_type
    if payload not in rest:
        body: bytes | AsyncIterator[bytes] = b""
        default_type = ""
    else:
        body, default_type = _payload_body(shape.members[payload], rest.pop(payload), render, content_type)
    if rest:
        raise KeyError(f"{shape.name} has no member {sorted(rest)} in its body")
    return body, default_type


def _payload_body(
    part: Shape, value: Any, render: Render, content_type: str
) -> tuple[bytes | AsyncIterator[bytes], str]:
    if part.type == "blob":
        streamed = not isinstance(value, bytes) and isinstance(value, AsyncIterator)
        return value if streamed else texts.blob_bytes(value), "application/octet-stream"
    if part.traits.get("eventstream"):
        return eventstream.encoded(part, value, render, content_type), eventstream.CONTENT_TYPE
    if part.type == "string":
        return texts.string_text(value).encode(), "text/plain"
    return render(part, value), content_type
