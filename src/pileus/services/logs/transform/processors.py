"""Processors that change a document, and all of them in a row ("Processors that you can use", User Guide)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from . import grok, paths, times
from .parsers import PARSERS, VENDED, Unread

Document = dict[str, Any]
Members = dict[str, Any]

MESSAGE = "@message"


class Wrong(Exception):
    """A configuration that cannot be."""


class Transform:
    """A compiled configuration of processors."""

    def __init__(self, config: list[Members]) -> None:
        self._steps: list[tuple[str, Members]] = []
        for processor in config:
            named = [(name, given) for name, given in processor.items() if given is not None]
            if len(named) != 1:
                raise Wrong("Each processor is an object with exactly one member.")
            self._steps += named
        if not self._steps or self._steps[0][0] not in PARSERS:
            raise Wrong("The first processor of a transformer must be a parser.")
        for at, (name, given) in enumerate(self._steps):
            check(at, name, given)

    def __call__(self, message: str, metadata: Mapping[str, str]) -> str | None:
        """The transformed message; None where the parser that comes first cannot read it."""
        document: Document = {}
        for at, (name, given) in enumerate(self._steps):
            try:
                if name in PARSERS:
                    parse(document, message, name, given)
                else:
                    CHANGES[name](document, given, metadata)
            except (Unread, paths.Missing, times.Wrong):
                if at == 0:
                    return None
        return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def check(at: int, name: str, given: Members) -> None:
    if name in VENDED and at:
        raise Wrong(f"The processor {name} must be the first one.")
    if name in VENDED and given.get("source", MESSAGE) != MESSAGE:
        raise Wrong(f"No other source than {MESSAGE} is allowed for {name}.")
    try:
        if name == "grok":
            grok.compiled(given["match"])
        if name == "dateTimeConverter":
            times.zone(given.get("sourceTimezone", ""))
            times.zone(given.get("targetTimezone", ""))
        for entry in given.get("entries", []) if name == "substituteString" else []:
            re.compile(entry["from"])
    except (grok.Wrong, times.Wrong, re.error) as error:
        raise Wrong(f"Invalid {name}: {error}") from None


def parse(document: Document, message: str, name: str, given: Members) -> None:
    source = given.get("source", MESSAGE)
    text = message if source == MESSAGE else paths.get(document, source)
    if not isinstance(text, str):
        raise Unread("no text")
    found = PARSERS[name](text, given)
    destination = given.get("destination")
    if name == "parseKeyValue" and not given.get("overwriteIfExists"):
        within = paths.get(document, destination) if destination and paths.has(document, destination) else document
        found = {key: value for key, value in found.items() if destination or key not in within}
    if destination:
        paths.put(document, destination, found)
    elif name == "grok":
        for key, value in found.items():
            paths.put(document, key, value)
    else:
        document |= found


# Changes


def value_of(document: Document, source: str, metadata: Mapping[str, str]) -> Any:
    return metadata[source] if source in metadata else paths.get(document, source)


def unless_there(document: Document, target: str, value: Any, entry: Members) -> None:
    if entry.get("overwriteIfExists") or not paths.has(document, target):
        paths.put(document, target, value)


def add_keys(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        unless_there(document, entry["key"], entry["value"], entry)


def copy_value(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        unless_there(document, entry["target"], value_of(document, entry["source"], metadata), entry)


def move_keys(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    """To below another field, or to another name."""
    for entry in given["entries"]:
        source, target = entry["source"], entry["target"]
        value = paths.get(document, source)
        if paths.has(document, target) and isinstance(paths.get(document, target), dict):
            target = f"{target}.{source.rpartition('.')[2]}"
        if entry.get("overwriteIfExists") or not paths.has(document, target):
            paths.drop(document, source)
            paths.put(document, target, value)


def rename_keys(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        target = entry["renameTo"]
        if entry.get("overwriteIfExists") or not paths.has(document, target):
            paths.put(document, target, paths.drop(document, entry["key"]))


def delete_keys(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for name in given["withKeys"]:
        if paths.has(document, name):
            paths.drop(document, name)


def on_texts(change: Callable[[str], str]) -> Callable[[Document, Members, Mapping[str, str]], None]:
    def changed(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
        for name in given["withKeys"]:
            value = paths.get(document, name)
            if isinstance(value, str):
                paths.put(document, name, change(value))

    return changed


def split_string(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        paths.put(document, entry["source"], str(paths.get(document, entry["source"])).split(entry["delimiter"]))


def substitute_string(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        to = re.sub(r"\$(\d+)", r"\\\1", entry["to"])
        text = re.sub(entry["from"], to, str(paths.get(document, entry["source"])))
        paths.put(document, entry["source"], text)


def type_converter(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    for entry in given["entries"]:
        value = paths.get(document, entry["key"])
        text = json.dumps(value) if isinstance(value, bool | dict | list) else str(value)
        try:
            converted = CONVERTED[entry["type"]](text)
        except ValueError:
            continue
        paths.put(document, entry["key"], converted)


CONVERTED: dict[str, Callable[[str], Any]] = {
    "integer": lambda text: int(float(text)),
    "double": float,
    "string": str,
    "boolean": lambda text: text.lower() == "true",
}


def date_time_converter(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    text = str(paths.get(document, given["source"]))
    assumed = times.zone(given.get("sourceTimezone", ""))
    for pattern in given["matchPatterns"]:
        try:
            if pattern == "epoch":
                at = datetime.fromtimestamp(float(text) / (1000 if float(text) > 1e11 else 1), UTC)
            else:
                at = times.read(text, pattern, assumed)
        except (times.Wrong, ValueError):
            continue
        at = at.astimezone(times.zone(given.get("targetTimezone", "")))
        paths.put(document, given["target"], times.written(at, given.get("targetFormat", times.DEFAULT)))
        return
    raise times.Wrong("no pattern matches")


def list_to_map(document: Document, given: Members, metadata: Mapping[str, str]) -> None:
    items = paths.get(document, given["source"])
    found: dict[str, list[Any]] = {}
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict) and paths.has(item, given["key"]):
            value = paths.get(item, given["valueKey"]) if given.get("valueKey") else item
            found.setdefault(str(paths.get(item, given["key"])), []).append(value)
    result: Document = dict(found)
    if given.get("flatten"):
        at = -1 if given.get("flattenedElement") == "last" else 0
        result = {name: values[at] for name, values in found.items()}
    if target := given.get("target"):
        paths.put(document, target, result)
    else:
        document |= result


CHANGES: dict[str, Callable[[Document, Members, Mapping[str, str]], None]] = {
    "addKeys": add_keys,
    "copyValue": copy_value,
    "dateTimeConverter": date_time_converter,
    "deleteKeys": delete_keys,
    "listToMap": list_to_map,
    "lowerCaseString": on_texts(str.lower),
    "moveKeys": move_keys,
    "renameKeys": rename_keys,
    "splitString": split_string,
    "substituteString": substitute_string,
    "trimString": on_texts(str.strip),
    "typeConverter": type_converter,
    "upperCaseString": on_texts(str.upper),
}
