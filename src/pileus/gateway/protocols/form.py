"""Shapes as forms: nested members spelled out in the names of parameters, `Tags.member.1.Key=a&Tags.member.1.Value=b`.

A form is read in one pass down the shape: at each level the parameters are dealt out by the first part of their names,
and names that the shape does not have are dropped at once. So work and memory follow the length of the form, whatever
indices or depths its names claim.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from pileus.models import Shape

from . import texts
from .compiled import Compiled
from .faults import Malformed

Pairs = list[tuple[str, str]]
"""Parameters whose names begin below the shape that they are read as."""
Names = Callable[[str, Shape], list[str]]
"""The wire names of a structure's member, the proper one last."""
DEPTH = 64


class Dialect(NamedTuple):
    """What the query protocol and EC2's differ in."""

    names: Names
    flat: bool
    """Lists never have an element between their name and the index."""


class Member(NamedTuple):
    name: str
    scalar: bool
    read: Callable[[Any], Any]


def parse(text: str) -> Pairs:
    """The parameters of a form or a query string, in their order."""
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            name = unescaped(name)
            if name.count(".") > DEPTH:
                raise Malformed("The parameters nest too deep")
            pairs.append((name, unescaped(value)))
    return pairs


def unescaped(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise Malformed("The request is not valid UTF-8") from None


@cache
def reader(dialect: Dialect, shape: Shape) -> Callable[[Pairs], Any]:
    """What reads a shape from the parameters below its name; raises `Malformed`."""
    if shape.type in READERS:
        return READERS[shape.type](dialect, shape)
    read = texts.reader(shape)
    return lambda pairs: read(pairs[-1][1])


def _wire_members(dialect: Dialect, shape: Shape) -> dict[str, str]:
    """Member names by their wire names; where two claim one, the member whose proper name it is has it."""
    every = [(dialect.names(name, member), name) for name, member in shape.members.items()]
    aliases = {alias: name for wires, name in every for alias in wires[:-1]}
    return aliases | {wires[-1]: name for wires, name in every}


def _read_structure(dialect: Dialect, shape: Shape) -> Callable[[Pairs], dict[str, Any]]:
    plain = shape.model.shape(shape.name)
    return _read_plain_structure(dialect, plain) if plain is shape else reader(dialect, plain)


def _read_plain_structure(dialect: Dialect, shape: Shape) -> Callable[[Pairs], dict[str, Any]]:
    members = Compiled(partial(_member, dialect, shape, _wire_members(dialect, shape)))

    def read(pairs: Pairs) -> dict[str, Any]:
        result: dict[str, Any] = {}
        groups: dict[str, tuple[Callable[[Pairs], Any], Pairs]] = {}
        for name, value in pairs:
            head, _, rest = name.partition(".")
            member = members[head]
            if member is None:
                continue
            if member.scalar:
                result[member.name] = member.read(value)
            elif member.name in groups:
                groups[member.name][1].append((rest, value))
            else:
                groups[member.name] = member.read, [(rest, value)]
        for name, (read_group, group) in groups.items():
            result[name] = read_group(group)
        return result

    return read


def _member(dialect: Dialect, shape: Shape, names: dict[str, str], wire: str) -> Member | None:
    name = names.get(wire)
    if name is None:
        return None
    part = shape.members[name]
    if part.type in READERS:
        return Member(name, False, reader(dialect, part))
    return Member(name, True, texts.reader(part))


def _read_list(dialect: Dialect, shape: Shape) -> Callable[[Pairs], list[Any]]:
    flat = dialect.flat or shape.traits.get("flattened", False)
    element = None if flat else shape.member.traits.get("locationName", "member")
    read_item = reader(dialect, shape.member)

    def read(pairs: Pairs) -> list[Any]:
        items = _by_index(pairs, element)
        return [read_item(items[index]) for index in sorted(items)]

    return read


def _read_map(dialect: Dialect, shape: Shape) -> Callable[[Pairs], dict[str, Any]]:
    entry = None if shape.traits.get("flattened") else "entry"
    key_name = shape.key.traits.get("locationName", "key")
    value_name = shape.value.traits.get("locationName", "value")
    read_key, read_value = reader(dialect, shape.key), reader(dialect, shape.value)

    def read(pairs: Pairs) -> dict[str, Any]:
        entries = _by_index(pairs, entry)
        result = {}
        for index in sorted(entries):
            sides = _by_name(entries[index])
            if key_name not in sides or value_name not in sides:
                raise Malformed(f"A map entry has a {key_name} and a {value_name}")
            result[read_key(sides[key_name])] = read_value(sides[value_name])
        return result

    return read


def _by_index(pairs: Pairs, element: str | None) -> dict[int, Pairs]:
    """Parameters by the index that their names begin with, after the element's name if there is one."""
    items: dict[int, Pairs] = {}
    for name, value in pairs:
        head, _, rest = name.partition(".")
        if head == element:
            head, _, rest = rest.partition(".")
        if head.isdecimal() and head.isascii() and len(head) < 10:
            items.setdefault(int(head), []).append((rest, value))
        elif name or value:  # `Tags=` alone is the empty list
            raise Malformed("Unexpected list element termination")
    return items


def _by_name(pairs: Pairs) -> dict[str, Pairs]:
    sides: dict[str, Pairs] = {}
    for name, value in pairs:
        head, _, rest = name.partition(".")
        sides.setdefault(head, []).append((rest, value))
    return sides


READERS: dict[str, Callable[[Dialect, Shape], Callable[[Pairs], Any]]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
}
