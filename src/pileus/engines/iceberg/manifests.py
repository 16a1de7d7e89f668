"""Manifests and lists of them, in Avro: which files a snapshot is made of ("Manifests", Iceberg specification)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

EXISTING, ADDED, DELETED = 0, 1, 2
"""The status of an entry in a manifest."""
DATA = 0
"""The content of a file, or of a manifest, that has rows and no deletions."""

Entry = dict[str, Any]


class Manifest(NamedTuple):
    """A manifest as it was read. Its own Avro schema knows the type of its partitions."""

    schema: Any
    metadata: dict[str, str]
    entries: list[Entry]


def read_list(content: bytes) -> list[Entry]:
    """The manifests of a snapshot."""
    import fastavro

    return [entry for entry in fastavro.reader(io.BytesIO(content)) if isinstance(entry, dict)]


def write_list(entries: list[Entry], snapshot: int, parent: int | None, sequence: int) -> bytes:
    told = {
        "snapshot-id": str(snapshot),
        "parent-snapshot-id": "null" if parent is None else str(parent),
        "sequence-number": str(sequence),
        "format-version": "2",
    }
    return written(LIST, entries, told)


def read(content: bytes) -> Manifest:
    import fastavro

    reader: Any = fastavro.reader(io.BytesIO(content))
    told = {name: value for name, value in reader.metadata.items() if not name.startswith("avro.")}
    return Manifest(reader.writer_schema, told, list(reader))


def write(entries: Iterable[Entry], like: Manifest) -> bytes:
    """A manifest with the schema and the partition spec of another one."""
    return written(like.schema, list(entries), like.metadata)


def plain(schema: dict[str, Any]) -> Manifest:
    """An empty manifest of data files of a table without partitions."""
    told = {
        "schema": json.dumps(schema),
        "schema-id": str(schema.get("schema-id", 0)),
        "partition-spec": "[]",
        "partition-spec-id": "0",
        "format-version": "2",
        "content": "data",
    }
    return Manifest(ENTRY, told, [])


def written(schema: Any, entries: list[Entry], metadata: dict[str, str]) -> bytes:
    import fastavro

    out = io.BytesIO()
    fastavro.writer(out, schema, entries, codec="deflate", metadata=metadata)
    return out.getvalue()


def summary(path: str, length: int, entries: list[Entry], spec: int, snapshot: int, sequence: int) -> Entry:
    """What a list of manifests tells of one."""
    counts = {status: [entry for entry in entries if entry["status"] == status] for status in (0, 1, 2)}
    numbers = [entry["sequence_number"] for entry in entries if entry["status"] != DELETED]
    told: Entry = {
        "manifest_path": path,
        "manifest_length": length,
        "partition_spec_id": spec,
        "content": DATA,
        "sequence_number": sequence,
        "min_sequence_number": min((sequence if number is None else number for number in numbers), default=sequence),
        "added_snapshot_id": snapshot,
        "partitions": None,
        "key_metadata": None,
    }
    for status, name in ((ADDED, "added"), (EXISTING, "existing"), (DELETED, "deleted")):
        told[f"{name}_files_count"] = len(counts[status])
        told[f"{name}_rows_count"] = sum(entry["data_file"]["record_count"] for entry in counts[status])
    return told


# The schemas of version 2 of the format


def field(name: str, kind: Any, number: int, *, optional: bool = False) -> dict[str, Any]:
    if optional:
        return {"name": name, "type": ["null", kind], "default": None, "field-id": number}
    return {"name": name, "type": kind, "field-id": number}


def mapped(name: str, number: int, key: int, value: int, kind: str) -> dict[str, Any]:
    """A map whose keys are numbers, which Avro has only as a list of pairs."""
    pair = {
        "type": "record",
        "name": f"k{key}_v{value}",
        "fields": [field("key", "int", key), field("value", kind, value)],
    }
    return field(name, {"type": "array", "items": pair, "logicalType": "map"}, number, optional=True)


SUMMARY = {
    "type": "record",
    "name": "r508",
    "fields": [
        field("contains_null", "boolean", 509),
        field("contains_nan", "boolean", 518, optional=True),
        field("lower_bound", "bytes", 510, optional=True),
        field("upper_bound", "bytes", 511, optional=True),
    ],
}
LIST = {
    "type": "record",
    "name": "manifest_file",
    "fields": [
        field("manifest_path", "string", 500),
        field("manifest_length", "long", 501),
        field("partition_spec_id", "int", 502),
        field("content", "int", 517),
        field("sequence_number", "long", 515),
        field("min_sequence_number", "long", 516),
        field("added_snapshot_id", "long", 503),
        field("added_files_count", "int", 504),
        field("existing_files_count", "int", 505),
        field("deleted_files_count", "int", 506),
        field("added_rows_count", "long", 512),
        field("existing_rows_count", "long", 513),
        field("deleted_rows_count", "long", 514),
        field("partitions", {"type": "array", "items": SUMMARY, "element-id": 508}, 507, optional=True),
        field("key_metadata", "bytes", 519, optional=True),
    ],
}
FILE = {
    "type": "record",
    "name": "r2",
    "fields": [
        field("content", "int", 134),
        field("file_path", "string", 100),
        field("file_format", "string", 101),
        field("partition", {"type": "record", "name": "r102", "fields": []}, 102),
        field("record_count", "long", 103),
        field("file_size_in_bytes", "long", 104),
        mapped("column_sizes", 108, 117, 118, "long"),
        mapped("value_counts", 109, 119, 120, "long"),
        mapped("null_value_counts", 110, 121, 122, "long"),
        mapped("nan_value_counts", 137, 138, 139, "long"),
        mapped("lower_bounds", 125, 126, 127, "bytes"),
        mapped("upper_bounds", 128, 129, 130, "bytes"),
        field("key_metadata", "bytes", 131, optional=True),
        field("split_offsets", {"type": "array", "items": "long", "element-id": 133}, 132, optional=True),
        field("equality_ids", {"type": "array", "items": "int", "element-id": 136}, 135, optional=True),
        field("sort_order_id", "int", 140, optional=True),
    ],
}
ENTRY = {
    "type": "record",
    "name": "manifest_entry",
    "fields": [
        field("status", "int", 0),
        field("snapshot_id", "long", 1, optional=True),
        field("sequence_number", "long", 3, optional=True),
        field("file_sequence_number", "long", 4, optional=True),
        field("data_file", FILE, 2),
    ],
}
