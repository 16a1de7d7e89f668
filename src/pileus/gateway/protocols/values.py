"""Shapes as trees of plain values, which is what JSON and CBOR documents are once parsed.

Both directions are compiled once for each shape. Most values already are what they should be, so a compiled member
carries the Python type at which its value is taken as it stands, and its conversion is called for other values only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from msgspec import Raw

from pileus.models import Shape

from . import texts
from .compiled import Compiled
from .faults import Malformed
from .places import OUTSIDE_REQUEST, body_member

Convert = Callable[[Any], Any]


class Scalar(NamedTuple):
    """One scalar type of a notation, in one direction."""

    kind: type | None
    """The type of the values that need no conversion."""
    convert: Convert


class Notation:
    """What JSON and CBOR differ in: their scalars. `timestamp` makes a writer, as the shape chooses the format."""

    def __init__(
        self, read: dict[str, Scalar], write: dict[str, Scalar], timestamp: Callable[[Shape], Convert]
    ) -> None:
        self.read = read
        self.write = write
        self.timestamp = timestamp


class Member(NamedTuple):
    name: str
    """Its name on the other side."""
    kind: type | None
    convert: Convert


def as_it_is(value: Any) -> Any:
    return value


def wire_name(name: str, member: Shape) -> str:
    return str(member.traits.get("locationName", name))


# Reading


@cache
def reader(notation: Notation, shape: Shape) -> Convert:
    """What turns a parsed value into a value of the shape; raises `Malformed`."""
    if shape.traits.get("document"):
        return as_it_is
    if shape.type not in CONTAINER_READERS:
        return notation.read[shape.type].convert
    plain = shape.model.shape(shape.name)
    return CONTAINER_READERS[shape.type](notation, shape) if plain is shape else reader(notation, plain)


def _kind(notation: Notation, shape: Shape) -> type | None:
    return notation.read[shape.type].kind if shape.type in notation.read else None


def _read_structure(notation: Notation, shape: Shape) -> Convert:
    members = shape.members.items()
    names = {
        wire_name(name, part): name for name, part in members if part.traits.get("location") not in OUTSIDE_REQUEST
    }

    def member(wire: str) -> Member | None:
        name = names.get(wire)
        if name is None:
            return None
        part = shape.members[name]
        return Member(name, _kind(notation, part), reader(notation, part))

    compiled = Compiled(member)

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise mismatch(value, "structure")
        result = {}
        for wire, item in value.items():
            if item is not None and (found := compiled[wire]) is not None:
                name, kind, convert = found
                result[name] = item if type(item) is kind else convert(item)
        return result

    return read


def _read_list(notation: Notation, shape: Shape) -> Convert:
    kind, convert = _kind(notation, shape.member), reader(notation, shape.member)
    sparse = bool(shape.traits.get("sparse"))

    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise mismatch(value, "list")
        if sparse:
            return [item if item is None or type(item) is kind else convert(item) for item in value]
        return [item if type(item) is kind else convert(item) for item in value]

    return read


def _read_map(notation: Notation, shape: Shape) -> Convert:
    kind, convert = _kind(notation, shape.value), reader(notation, shape.value)
    sparse = bool(shape.traits.get("sparse"))

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise mismatch(value, "map")
        result = {}
        for key, item in value.items():
            if type(key) is not str:  # CBOR has keys of other types
                raise mismatch(key, "String")
            if item is not None or sparse:
                result[key] = item if item is None or type(item) is kind else convert(item)
        return result

    return read


CONTAINER_READERS: dict[str, Callable[[Notation, Shape], Convert]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
}


def mismatch(value: Any, wanted: str) -> Malformed:
    """A value in the wrong place, in the words of AWS's services."""
    if isinstance(value, list):
        return Malformed("Start of list found where not expected")
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected")
    if wanted in CONTAINER_READERS:
        return Malformed("Unexpected field type")
    return Malformed(f"{_token(value)} cannot be converted to {wanted}")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    tokens = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", bytes: "BLOB_VALUE"}
    return tokens.get(type(value), "NULL_VALUE")


def never(wanted: str) -> Convert:
    """The conversion of values that have the one right type or are wrong."""

    def read(value: Any) -> Any:
        raise mismatch(value, wanted)

    return read


def whole(wanted: str, limit: int) -> Convert:
    """The conversion to an integer below `limit` in size; `5.0` is one."""

    def read(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is int and -limit <= value < limit:
            return value
        raise mismatch(value, wanted)

    return read


STRING = Scalar(str, never("String"))
READ: dict[str, Scalar] = {
    "string": STRING,
    "character": STRING,
    "boolean": Scalar(bool, never("Boolean")),
    "integer": Scalar(None, whole("Integer", 1 << 31)),
    "long": Scalar(None, whole("Long", 1 << 63)),
}


# Writing


@cache
def writer(notation: Notation, shape: Shape) -> Scalar:
    """The conversion of a value of the shape. One that is not of the shape raises TypeError or KeyError: our bug."""
    if shape.traits.get("document"):
        return Scalar(None, as_it_is)
    if shape.type in CONTAINER_WRITERS:
        return Scalar(None, container_writer(notation, shape.model.shape(shape.name)))
    if shape.type == "timestamp":
        return Scalar(None, notation.timestamp(shape))
    return notation.write[shape.type]


@cache
def container_writer(notation: Notation, shape: Shape) -> Convert:
    return CONTAINER_WRITERS[shape.type](notation, shape)


def _write_structure(notation: Notation, shape: Shape) -> Convert:
    def member(name: str) -> Member:
        part = body_member(shape, name)
        return Member(wire_name(name, part), *writer(notation, part))

    members: Compiled[Member] = Compiled(member)

    def write(value: dict[str, Any]) -> dict[str, Any]:
        result = {}
        for name, item in value.items():
            if item is not None:
                wire, kind, convert = members[name]  # type: ignore[misc]  # member() raises where there is none
                result[wire] = item if type(item) is kind else convert(item)
        return result

    return write


def _write_list(notation: Notation, shape: Shape) -> Convert:
    kind, convert = writer(notation, shape.member)

    def write(value: Any) -> list[Any]:
        if isinstance(value, str | bytes | dict):
            raise TypeError(f"{shape.name}: expected a list, not {value!r}")
        return [item if type(item) is kind or item is None else convert(item) for item in value]

    return write


def _write_map(notation: Notation, shape: Shape) -> Convert:
    kind, convert = writer(notation, shape.value)
    sparse = bool(shape.traits.get("sparse"))

    def write(value: Any) -> Any:
        if type(value) is Raw:  # it is JSON already (`Call.json`)
            return value
        return {
            key: item if type(item) is kind or item is None else convert(item)
            for key, item in value.items()
            if item is not None or sparse
        }

    return write


CONTAINER_WRITERS: dict[str, Callable[[Notation, Shape], Convert]] = {
    "structure": _write_structure,
    "list": _write_list,
    "map": _write_map,
}


def _boolean(value: Any) -> bool:
    raise TypeError(f"expected a boolean, not {value!r}")


def _integer(value: Any) -> int:
    return int(texts.integer_text(value))


WRITE: dict[str, Scalar] = {
    "string": Scalar(str, texts.string_text),
    "character": Scalar(str, texts.string_text),
    "boolean": Scalar(bool, _boolean),
    "integer": Scalar(int, _integer),
    "long": Scalar(int, _integer),
    "blob": Scalar(bytes, texts.blob_bytes),
}
