"""Table metadata: the JSON file that says what a table is ("Table Metadata", Iceberg table specification)."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

Metadata = dict[str, Any]

FORMAT = 2
NEWEST = 3
FIRST_PARTITION = 1000
"""The number from which on the fields of partition specs are counted."""
MAIN = "main"
PREVIOUS = 100
"""How many earlier metadata files are remembered, unless a property says otherwise."""

_PRIMITIVE = re.compile(
    r"boolean|int|long|float|double|date|time|timestamp|timestamptz|timestamp_ns|timestamptz_ns|string|uuid|binary"
    r"|variant|unknown|fixed\[\s*\d+\s*\]|decimal\(\s*\d+\s*,\s*\d+\s*\)"
)
_TRANSFORM = re.compile(r"identity|year|month|day|hour|void|bucket\[\d+\]|truncate\[\d+\]")
_VERSION = re.compile(r"(\d+)-[^/]*$")


class Refused(ValueError):
    """What was asked for makes no table."""


def new(
    location: str,
    schema: dict[str, Any],
    at: float,
    *,
    spec: dict[str, Any] | None = None,
    order: dict[str, Any] | None = None,
    properties: dict[str, str] = {},
) -> Metadata:
    """The metadata of a table without rows. Versions of the format are asked for by a property, as engines do."""
    properties = dict(properties)
    version = properties.pop("format-version", str(FORMAT))
    if version not in ("1", "2", "3"):
        raise Refused(f"Cannot create a table of format version {version}.")
    schema = checked(schema) | {"schema-id": 0}
    spec = checked_spec(spec or {"fields": []}, schema, FIRST_PARTITION - 1) | {"spec-id": 0}
    order = checked_order(order or {"fields": []}, schema)
    order = order | {"order-id": 1 if order["fields"] else 0}
    made: Metadata = {
        "format-version": int(version),
        "table-uuid": str(uuid.uuid4()),
        "location": location,
        "last-sequence-number": 0,
        "last-updated-ms": int(at * 1000),
        "last-column-id": max((field["id"] for field in fields(schema)), default=0),
        "current-schema-id": 0,
        "schemas": [schema],
        "default-spec-id": 0,
        "partition-specs": [spec],
        "last-partition-id": max((field["field-id"] for field in spec["fields"]), default=FIRST_PARTITION - 1),
        "default-sort-order-id": order["order-id"],
        "sort-orders": [order],
        "properties": properties,
        "current-snapshot-id": -1,
        "refs": {},
        "snapshots": [],
        "snapshot-log": [],
        "metadata-log": [],
        "statistics": [],
        "partition-statistics": [],
    }
    if int(version) == 1:
        made |= {"schema": schema, "partition-spec": spec["fields"]}
    if int(version) >= NEWEST:
        made["next-row-id"] = 0
    return made


def loads(content: bytes) -> Metadata:
    """Metadata as a file has them, compressed or not."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    found: Metadata = json.loads(content)
    return found


def dumps(metadata: Metadata) -> bytes:
    return json.dumps(metadata, separators=(",", ":")).encode()


def file_name(previous: str = "") -> str:
    """The name for the next metadata file, after that of the one before."""
    match = _VERSION.search(previous)
    return f"{int(match[1]) + 1 if match else 0:05d}-{uuid.uuid4()}.metadata.json"


def followed(metadata: Metadata, previous: str, before: Metadata) -> Metadata:
    """New metadata that remember the file that they come after."""
    log = [*metadata.get("metadata-log", []), {"timestamp-ms": before["last-updated-ms"], "metadata-file": previous}]
    most = int(metadata["properties"].get("write.metadata.previous-versions-max", PREVIOUS))
    return metadata | {"metadata-log": log[-most:] if most > 0 else []}


# What it tells


def schema_of(metadata: Metadata) -> dict[str, Any]:
    """The current schema."""
    return numbered(metadata["schemas"], "schema-id", metadata["current-schema-id"])


def spec_of(metadata: Metadata) -> dict[str, Any]:
    """The partition spec that is written with."""
    return numbered(metadata["partition-specs"], "spec-id", metadata["default-spec-id"])


def numbered(given: list[dict[str, Any]], name: str, number: int) -> dict[str, Any]:
    found = next((each for each in given if each.get(name, 0) == number), None)
    if found is None:
        raise Refused(f"There is no {name} {number}.")
    return found


def snapshot(metadata: Metadata, number: int | None = None) -> dict[str, Any] | None:
    """A snapshot; the current one, if none is named."""
    wanted = metadata.get("current-snapshot-id") if number is None else number
    return next((each for each in metadata.get("snapshots", []) if each["snapshot-id"] == wanted), None)


def fields(kind: Any) -> Iterator[dict[str, Any]]:
    """All that has an id in a type: fields, and the elements, keys and values of what is nested."""
    if not isinstance(kind, dict):
        return
    for field in kind.get("fields", ()):
        yield field
        yield from fields(field["type"])
    for part in ("element", "key", "value"):
        if f"{part}-id" in kind:
            yield {"id": kind[f"{part}-id"], "name": part, "type": kind[part]}
            yield from fields(kind[part])


# What it must be


def checked(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema, if it is one; what has no ids yet gets them."""
    if not isinstance(schema, dict) or not schema.get("fields"):
        raise Refused("A schema has at least one field.")
    counted = iter(range(1, 1 << 31))
    missing = any("id" not in field for field in schema["fields"])
    kept: dict[str, Any] = _checked({**schema, "type": "struct"}, (lambda: next(counted)) if missing else None)
    ids = [field["id"] for field in fields(kept)]
    if len(ids) != len(set(ids)):
        raise Refused("The ids of fields in a schema are unique.")
    return kept


def _checked(kind: Any, count: Callable[[], int] | None) -> Any:
    if isinstance(kind, str):
        if not _PRIMITIVE.fullmatch(kind):
            raise Refused(f"Cannot parse type: {kind}")
        return kind
    if not isinstance(kind, dict) or kind.get("type") not in ("struct", "list", "map"):
        raise Refused(f"Cannot parse type: {kind}")
    kept = dict(kind)
    if kind["type"] == "struct":
        kept["fields"] = [_checked_field(field, count) for field in kind.get("fields", ())]
        names = [field["name"] for field in kept["fields"]]
        if len(names) != len(set(names)):
            raise Refused("The names of fields in a struct are unique.")
        return kept
    for part in ("element",) if kind["type"] == "list" else ("key", "value"):
        if part not in kind or (f"{part}-id" not in kind and count is None):
            raise Refused(f"A {kind['type']} has {part} and {part}-id.")
        if count is not None:
            kept[f"{part}-id"] = count()
        kept[part] = _checked(kind[part], count)
    return kept


def _checked_field(field: Any, count: Callable[[], int] | None) -> dict[str, Any]:
    if not isinstance(field, dict) or not isinstance(field.get("name"), str) or "type" not in field:
        raise Refused("A field has a name and a type.")
    kept = {**field, "id": count() if count else field.get("id"), "required": bool(field.get("required", False))}
    if not isinstance(kept["id"], int):
        raise Refused(f"The field {field['name']} has no id.")
    return kept | {"type": _checked(field["type"], count)}


def checked_spec(spec: dict[str, Any], schema: dict[str, Any], last: int) -> dict[str, Any]:
    """A partition spec for a schema; fields without numbers get those after `last`."""
    known = {field["id"] for field in fields(schema)}
    kept = []
    for field in spec.get("fields", ()):
        if field.get("source-id") not in known:
            raise Refused(f"Cannot find the source column of the partition field {field.get('name')}.")
        if not _TRANSFORM.fullmatch(field.get("transform", "")):
            raise Refused(f"Unknown transform: {field.get('transform')}")
        if "field-id" not in field:
            last += 1
        kept.append({**field, "field-id": field.get("field-id", last)})
    return {**spec, "fields": kept}


def checked_order(order: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    known = {field["id"] for field in fields(schema)}
    for field in order.get("fields", ()):
        if field.get("source-id") not in known or not _TRANSFORM.fullmatch(field.get("transform", "")):
            raise Refused(f"Cannot sort by {field.get('transform')} of the column {field.get('source-id')}.")
    return {**order, "fields": list(order.get("fields", ()))}
