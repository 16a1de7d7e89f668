"""DAX's wire format: CBOR items (RFC 8949) one after the other, with tags of its own for DynamoDB's sets.

Attribute values become CBOR's own types. The values of an item come without their names, in the order of a list of
names that both sides know by a number; keys are bytes by themselves. The format is that of AWS's public client.
"""

from __future__ import annotations

import asyncio
import io
from decimal import Decimal, InvalidOperation
from typing import Any

import cbor2

from . import lexdecimal

SETS = {3321: "SS", 3322: "NS", 3323: "BS"}
TAGS = {kind: tag for tag, kind in SETS.items()}
ORDINAL = 3324
"""The tag of an index into a list, in a document path."""
DEEPEST = 64
MOST_WAITING = 32 * 1024 * 1024

Value = dict[str, Any]
Item = dict[str, Value]
Schema = dict[str, str]
"""The key attributes of a table and their types, the partition key first."""


class Malformed(Exception):
    """What came is not what the protocol has."""


class Ordinal(int):
    """An index into a list."""


def _tagged(tag: cbor2.CBORTag, immutable: bool) -> Any:
    if tag.tag == ORDINAL:
        return Ordinal(tag.value)
    if tag.tag in SETS:
        return tag
    raise ValueError(f"unknown tag {tag.tag}")


class Reader:
    """Items from a connection, read as they come."""

    def __init__(self, stream: asyncio.StreamReader) -> None:
        self._stream = stream
        self._waiting = b""

    async def next(self) -> Any:
        """The next item; EOFError when the other side has gone between two."""
        while True:
            if self._waiting:
                source = io.BytesIO(self._waiting)
                try:
                    item = cbor2.CBORDecoder(source, tag_hook=_tagged, max_depth=DEEPEST).decode()
                except cbor2.CBORDecodeEOF:
                    pass
                except (cbor2.CBORError, ValueError, TypeError) as error:
                    raise Malformed(str(error)) from None
                else:
                    self._waiting = self._waiting[source.tell() :]
                    return item
            more = await self._stream.read(256 * 1024)
            if not more:
                raise EOFError
            self._waiting += more
            if len(self._waiting) > MOST_WAITING:
                raise Malformed("The request is too large")


def items(data: bytes) -> list[Any]:
    """All items that stand one after the other."""
    source = io.BytesIO(data)
    decoder = cbor2.CBORDecoder(source, tag_hook=_tagged, max_depth=DEEPEST)
    found = []
    try:
        while source.tell() < len(data):
            found.append(decoder.decode())
    except (cbor2.CBORError, ValueError, TypeError) as error:
        raise Malformed(str(error)) from None
    return found


def dumps(*values: Any) -> bytes:
    return b"".join(cbor2.dumps(value) for value in values)


def header(kind: int, length: int) -> bytes:
    """The beginning of an array (4) or a map (5) whose members follow."""
    first = cbor2.dumps(length)
    return bytes([first[0] | kind << 5]) + first[1:]


def array(parts: list[bytes]) -> bytes:
    return header(4, len(parts)) + b"".join(parts)


def mapping(parts: dict[Any, bytes]) -> bytes:
    return header(5, len(parts)) + b"".join(cbor2.dumps(key) + value for key, value in parts.items())


# Attribute values


def number(text: str) -> int | Decimal:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else value


def plain(value: Value) -> Any:
    """An attribute value as CBOR's own types."""
    ((kind, content),) = value.items()
    if kind == "N":
        return number(content)
    if kind == "NULL":
        return None
    if kind == "M":
        return {name: plain(one) for name, one in sorted(content.items())}
    if kind == "L":
        return [plain(one) for one in content]
    if kind in TAGS:
        return cbor2.CBORTag(TAGS[kind], [number(one) for one in content] if kind == "NS" else list(content))
    return content


def value_of(content: Any) -> Value:
    """The attribute value that something of CBOR's is."""
    if content is None:
        return {"NULL": True}
    if isinstance(content, bool):
        return {"BOOL": content}
    if isinstance(content, str):
        return {"S": content}
    if isinstance(content, bytes):
        return {"B": content}
    if isinstance(content, (int, float, Decimal)):
        return {"N": written(content)}
    if isinstance(content, cbor2.CBORTag):
        kind = SETS[content.tag]
        return {kind: [written(one) if kind == "NS" else one for one in content.value]}
    if isinstance(content, (list, tuple)):
        return {"L": [value_of(one) for one in content]}
    return {"M": {name: value_of(one) for name, one in content.items()}}


def written(content: Any) -> str:
    try:
        return f"{Decimal(content):f}"
    except (InvalidOperation, TypeError):
        raise Malformed("A number is none") from None


# Keys


def key_of(data: bytes, schema: Schema) -> Item:
    """The key attributes in a key's bytes."""
    names = list(schema)
    kind = schema[names[0]]
    if len(names) == 1:
        return {names[0]: value_of(items(data)[0]) if kind == "N" else {kind: text_of(kind, data)}}
    source = io.BytesIO(data)
    try:
        first = cbor2.CBORDecoder(source, tag_hook=_tagged, max_depth=DEEPEST).decode()
    except (cbor2.CBORError, ValueError) as error:
        raise Malformed(str(error)) from None
    rest = data[source.tell() :]
    second = schema[names[1]]
    if second == "N":
        try:
            sort: Value = {"N": written(lexdecimal.decode(rest))}
        except ValueError as error:
            raise Malformed(str(error)) from None
    else:
        sort = {second: text_of(second, rest)}
    return {names[0]: value_of(first), names[1]: sort}


def text_of(kind: str, data: bytes) -> Any:
    try:
        return data.decode() if kind == "S" else data
    except UnicodeDecodeError:
        raise Malformed("A key is no text") from None


def key_bytes(item: Item, schema: Schema) -> bytes:
    names = list(schema)
    kind = schema[names[0]]
    content = item[names[0]][kind]
    if len(names) == 1:
        return dumps(number(content)) if kind == "N" else raw(kind, content)
    second = schema[names[1]]
    sort = item[names[1]][second]
    first = number(content) if kind == "N" else content
    return dumps(first) + (lexdecimal.encode(Decimal(sort)) if second == "N" else raw(second, sort))


def raw(kind: str, content: Any) -> bytes:
    return content.encode() if kind == "S" else bytes(content)
