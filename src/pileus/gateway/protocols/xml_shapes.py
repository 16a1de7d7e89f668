"""Shapes as XML: elements read into values, and values written as text, compiled once for each shape."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from pileus.models import Shape

from . import texts, xml
from .compiled import Compiled
from .faults import Malformed
from .places import OUTSIDE_REQUEST, body_member
from .xml import Element, escaped

Write = Callable[[Any, list[str]], None]
"""Appends the elements of a value to a document."""
CONTAINERS = ("structure", "list", "map")
MILLIS = ("s3", "ec2")  # services that write timestamps with milliseconds even when there are none


def flattened(shape: Shape) -> bool:
    """A list or map whose items stand directly in the structure, each under the member's name."""
    return bool(shape.traits.get("flattened")) and shape.type in ("list", "map")


def wire_name(name: str, shape: Shape) -> str:
    """The element of a structure's member. A flattened list goes by its items' name if they have one (botocore)."""
    if shape.type == "list" and flattened(shape) and "locationName" in shape.member.traits:
        return str(shape.member.traits["locationName"])
    return str(shape.traits.get("locationName", name))


# Reading


class Place(NamedTuple):
    """Where the value of an element goes."""

    name: str
    repeated: str | None
    """The type of a flattened container, of which the element is but one item."""
    read: Callable[[Element], Any]


@cache
def reader(shape: Shape) -> Callable[[Element], Any]:
    """What turns an element into a value of the shape; raises `Malformed`."""
    if shape.type not in CONTAINERS:
        return _read_scalar(shape)
    plain = shape.model.shape(shape.name)
    return READERS[shape.type](shape) if plain is shape else reader(plain)


def _read_scalar(shape: Shape) -> Callable[[Element], Any]:
    read, spaced = texts.reader(shape), shape.type in ("string", "character")

    def scalar(element: Element) -> Any:
        if element.children:
            raise Malformed(f"Unexpected element {element.children[0].tag[:64]} in {element.tag[:64]}")
        return read(element.text if spaced else element.text.strip())

    return scalar


def _read_structure(shape: Shape) -> Callable[[Element], dict[str, Any]]:
    members = shape.members.items()
    body = {name: part for name, part in members if part.traits.get("location") not in OUTSIDE_REQUEST}
    attributes = [
        (part.traits["locationName"].rpartition(":")[2], name, texts.reader(part))
        for name, part in body.items()
        if part.traits.get("xmlAttribute")
    ]
    names = {part.traits.get("locationName", name): name for name, part in body.items()}
    names |= {wire_name(name, part): name for name, part in body.items()}

    def place(tag: str) -> Place | None:
        name = names.get(tag)
        return None if name is None else _place(name, shape.members[name])

    places = Compiled(place)

    def read(element: Element) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for child in element.children:
            found = places[child.tag]
            if found is None:
                continue
            name, repeated, read_child = found
            if repeated is None:
                result[name] = read_child(child)
            elif repeated == "list":
                result.setdefault(name, []).append(read_child(child))
            else:
                result.setdefault(name, {}).update((read_child(child),))
        for wire, name, read_text in attributes:
            if wire in element.attributes:
                result[name] = read_text(element.attributes[wire])
        return result

    return read


def _place(name: str, part: Shape) -> Place:
    if not flattened(part):
        return Place(name, None, reader(part))
    if part.type == "list":
        return Place(name, "list", reader(part.member))
    return Place(name, "map", _read_entry(part))


def _read_list(shape: Shape) -> Callable[[Element], list[Any]]:
    tag, read_item = shape.member.traits.get("locationName", "member"), reader(shape.member)

    def read(element: Element) -> list[Any]:
        for child in element.children:
            if child.tag != tag:
                raise Malformed(f"Unexpected element {child.tag[:64]} in {element.tag[:64]}")
        return [read_item(child) for child in element.children]

    return read


def _read_map(shape: Shape) -> Callable[[Element], dict[str, Any]]:
    read_entry = _read_entry(shape)
    return lambda element: dict(read_entry(child) for child in element.children)


def _read_entry(shape: Shape) -> Callable[[Element], tuple[str, Any]]:
    key_tag = shape.key.traits.get("locationName", "key")
    value_tag = shape.value.traits.get("locationName", "value")
    read_value = reader(shape.value)

    def read(element: Element) -> tuple[str, Any]:
        sides = {child.tag: child for child in element.children}
        if key_tag not in sides or value_tag not in sides:
            raise Malformed(f"A map entry has a {key_tag} and a {value_tag}")
        return sides[key_tag].text, read_value(sides[value_tag])

    return read


READERS: dict[str, Callable[[Shape], Callable[[Element], Any]]] = {
    "structure": _read_structure,
    "list": _read_list,
    "map": _read_map,
}


# Writing


@cache
def writer(shape: Shape, name: str) -> Write:
    """What writes a value of the shape as the element `name`, or as several where the shape is flattened."""
    if shape.type in CONTAINERS:
        return WRITERS[shape.type](shape, name)
    start, end = xml.start_tag(name, shape.traits.get("xmlNamespace")), f"</{name}>"
    text = texts.writer(shape, "iso8601", millis=shape.model.name in MILLIS)

    def write(value: Any, out: list[str]) -> None:
        out.append(f"{start}{escaped(text(value))}{end}")

    return write


@cache
def content_writer(shape: Shape) -> Write:
    """What writes the members of a structure, without an element around them."""

    def member(name: str) -> Write:
        part = body_member(shape, name)
        return _skip if part.traits.get("xmlAttribute") else writer(part, wire_name(name, part))

    members: Compiled[Write] = Compiled(member)

    def write(value: dict[str, Any], out: list[str]) -> None:
        for name, item in value.items():
            if item is not None:
                members[name](item, out)  # type: ignore[misc]  # member() raises where there is none

    return write


def _skip(value: Any, out: list[str]) -> None:
    """Attributes are written with the element's start."""


def _write_structure(shape: Shape, name: str) -> Write:
    return structure_writer(shape, name, shape.traits.get("xmlNamespace"))


def structure_writer(shape: Shape, name: str, namespace: Any) -> Write:
    """What writes a structure as the element `name`, which may be a document's root, in a namespace."""
    write_content, end = content_writer(shape.model.shape(shape.name)), f"</{name}>"
    start = xml.start_tag(name, namespace)
    attributes = {
        key: (part.traits["locationName"], texts.writer(part, "iso8601"))
        for key, part in shape.members.items()
        if part.traits.get("xmlAttribute")
    }

    def write(value: dict[str, Any], out: list[str]) -> None:
        out.append(xml.start_tag(name, namespace, _attributes(attributes, value)) if attributes else start)
        write_content(value, out)
        out.append(end)

    return write


def _attributes(attributes: dict[str, tuple[str, Callable[[Any], str]]], value: dict[str, Any]) -> str:
    given = ((wire, text(value[key])) for key, (wire, text) in attributes.items() if value.get(key) is not None)
    return "".join(xml.attribute(wire, text) for wire, text in given)


def _write_list(shape: Shape, name: str) -> Write:
    if flattened(shape):
        write_item, start, end = writer(shape.member, name), "", ""
    else:
        write_item = writer(shape.member, shape.member.traits.get("locationName", "member"))
        start, end = xml.start_tag(name, shape.traits.get("xmlNamespace")), f"</{name}>"

    def write(value: Any, out: list[str]) -> None:
        if isinstance(value, str | bytes | dict):
            raise TypeError(f"{shape.name}: expected a list, not {value!r}")
        out.append(start)
        for item in value:
            write_item(item, out)
        out.append(end)

    return write


def _write_map(shape: Shape, name: str) -> Write:
    flat = flattened(shape)
    start, end = xml.start_tag(name, shape.traits.get("xmlNamespace")), f"</{name}>"
    entry_start, entry_end = (start, end) if flat else ("<entry>", "</entry>")
    write_key = writer(shape.key, shape.key.traits.get("locationName", "key"))
    write_value = writer(shape.value, shape.value.traits.get("locationName", "value"))

    def write(value: dict[str, Any], out: list[str]) -> None:
        if not flat:
            out.append(start)
        for key, item in value.items():
            if item is not None:
                out.append(entry_start)
                write_key(key, out)
                write_value(item, out)
                out.append(entry_end)
        if not flat:
            out.append(end)

    return write


WRITERS: dict[str, Callable[[Shape, str], Write]] = {
    "structure": _write_structure,
    "list": _write_list,
    "map": _write_map,
}
