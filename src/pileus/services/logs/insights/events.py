"""From a log event to a row: what a query may name of an event, and the fields of its message, if that is JSON.

User Guide, "Supported logs and discovered fields".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any

import msgspec

from .expressions import Names, Row
from .values import plain, text, walk

REPORT = {
    "@requestId": re.compile(r"RequestId: (\S+)"),
    "@duration": re.compile(r"(?<!Billed )(?<!Init )Duration: ([\d.]+) ms"),
    "@billedDuration": re.compile(r"Billed Duration: ([\d.]+) ms"),
    "@initDuration": re.compile(r"Init Duration: ([\d.]+) ms"),
    "@memorySize": re.compile(r"Memory Size: (\d+) MB"),
    "@maxMemoryUsed": re.compile(r"Max Memory Used: (\d+) MB"),
}
"""What Lambda's lines tell."""
MEGABYTE = 1_000_000

Fill = Callable[[Row, str], None]
SCALARS = {str, int, float, type(None)}


def filler(names: Names) -> Fill | None:
    """What puts the fields of messages into rows; None for a query that names none."""
    documents = Documents.of(names)
    lambdas = {name: place for name, place in names.places.items() if name in REPORT or name == "@type"}
    steps: list[Fill] = [documents.fill] if documents else []
    if lambdas:
        steps.append(lambda row, message: report(lambdas, row, message))
    if len(steps) == 2:
        first, second = steps
        return lambda row, message: (first(row, message), second(row, message))[1]
    return steps[0] if steps else None


class Documents:
    """Reads of JSON documents only the members that a query names."""

    def __init__(self, asked: dict[str, int]) -> None:
        heads = list(dict.fromkeys(name.partition(".")[0] for name in asked))
        attributes = {head: f"m{number}" for number, head in enumerate(heads)}
        shape = msgspec.defstruct(
            "Document",
            [(attribute, Any, None) for attribute in attributes.values()],
            rename={attribute: head for head, attribute in attributes.items()},
        )
        self.decode = msgspec.json.Decoder(shape).decode
        self.nothing = shape()
        self.flat = [(attributes[name], place) for name, place in asked.items() if "." not in name]
        self.deep = [(attributes[parts[0]], parts[1:], at) for n, at in asked.items() if len(parts := n.split(".")) > 1]

    @classmethod
    def of(cls, names: Names) -> Documents | None:
        asked = {name: place for name, place in names.places.items() if name[:1] not in ("@", "\0") and name != "now()"}
        return cls(asked) if asked else None

    def fill(self, row: Row, message: str) -> None:
        if not message.startswith("{"):
            return
        try:
            document = self.decode(message)
        except (msgspec.DecodeError, UnicodeEncodeError):
            return
        for attribute, place in self.flat:
            value = getattr(document, attribute)
            kind = type(value)
            row[place] = value if kind is str or kind is int or kind is float else plain(value)
        for attribute, parts, place in self.deep:
            row[place] = plain(walk(getattr(document, attribute), parts))

    def columns(self, messages: list[str]) -> dict[int, list[Any]]:
        """The fields of many messages, by their places."""
        documents: list[Any] = []
        decode, nothing, append = self.decode, self.nothing, documents.append
        for message in messages:
            try:
                append(decode(message) if message.startswith("{") else nothing)
            except (msgspec.DecodeError, UnicodeEncodeError):
                append(nothing)
        found = {place: list(map(attrgetter(attribute), documents)) for attribute, place in self.flat}
        for attribute, parts, place in self.deep:
            found[place] = [walk(getattr(document, attribute), parts) for document in documents]
        for place, values in found.items():
            if not set(map(type, values)) <= SCALARS:
                found[place] = list(map(plain, values))
        return found


def report(asked: dict[str, int], row: Row, message: str) -> None:
    kind = message.partition(" ")[0]
    if kind not in ("START", "END", "REPORT"):
        if "@requestId" in asked and (match := re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", message)):
            row[asked["@requestId"]] = match[0]
        return
    for name, place in asked.items():
        if name == "@type":
            row[place] = kind
        elif match := REPORT[name].search(message):
            found = match[1] if name == "@requestId" else float(match[1])
            row[place] = found * MEGABYTE if name in ("@memorySize", "@maxMemoryUsed") else found


def discovered(message: str) -> dict[str, str]:
    """All fields of a message that is JSON, by their names with dots."""
    try:
        document = msgspec.json.decode(message) if message.startswith("{") else None
    except (msgspec.DecodeError, UnicodeEncodeError):
        document = None
    return dict(flattened("", document)) if isinstance(document, dict) else {}


def flattened(name: str, value: Any) -> Iterable[tuple[str, str]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        if value is not None:
            yield name, text(value)
        return
    for key, one in inner:
        yield from flattened(f"{name}.{key}" if name else str(key), one)
