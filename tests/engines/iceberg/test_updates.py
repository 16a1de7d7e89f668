"""Commits change metadata as PyIceberg's own reading of the specification does."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pileus.engines.iceberg import metadata, updates
from pileus.engines.iceberg.metadata import Refused

pyiceberg = pytest.importorskip("pyiceberg", reason="pyiceberg is not installed")

SCHEMA = {"type": "struct", "fields": [{"id": 1, "name": "id", "type": "long", "required": True}]}
WIDER = {
    "type": "struct",
    "schema-id": 1,
    "fields": [*SCHEMA["fields"], {"id": 2, "name": "name", "type": "string", "required": False}],
}
SPEC = {"spec-id": 1, "fields": [{"source-id": 1, "transform": "bucket[4]", "name": "b", "field-id": 1000}]}
ORDER = {
    "order-id": 1,
    "fields": [{"source-id": 1, "transform": "identity", "direction": "asc", "null-order": "nulls-first"}],
}
AT = 1_800_000_000.0


def new() -> metadata.Metadata:
    return metadata.new("s3://here", copy.deepcopy(SCHEMA), AT, properties={"owner": "me"})


def snapshot(number: int, sequence: int, parent: int | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "snapshot-id": number,
        "sequence-number": sequence,
        "timestamp-ms": int(AT * 1000) + number,
        "manifest-list": f"s3://here/{number}.avro",
        "summary": {"operation": "append"},
        "schema-id": 0,
    }
    return made | ({"parent-snapshot-id": parent} if parent else {})


def commits() -> some.SearchStrategy[list[list[dict[str, Any]]]]:
    """Commits that engines make, each once, and appends, in any order."""
    column = [
        {"action": "add-schema", "schema": WIDER, "last-column-id": 2},
        {"action": "set-current-schema", "schema-id": -1},
    ]
    partition = [{"action": "add-spec", "spec": SPEC}, {"action": "set-default-spec", "spec-id": -1}]
    sort = [
        {"action": "add-sort-order", "sort-order": ORDER},
        {"action": "set-default-sort-order", "sort-order-id": -1},
    ]
    properties = [{"action": "set-properties", "updates": {"a": "b"}}]
    fewer = [{"action": "remove-properties", "removals": ["owner"]}]
    format2 = [{"action": "upgrade-format-version", "format-version": 2}]
    return some.permutations([column, partition, sort, properties, fewer, format2, [], [], []])


def appended(told: metadata.Metadata, number: int) -> list[dict[str, Any]]:
    """What an append commits."""
    parent = told["current-snapshot-id"]
    made = snapshot(number, told["last-sequence-number"] + 1, parent if parent > 0 else None)
    ref = {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": number}
    return [{"action": "add-snapshot", "snapshot": made}, ref]


@given(commits())
def test_updates_do_what_pyiceberg_does(asked: list[list[dict[str, Any]]]) -> None:
    from pydantic import TypeAdapter
    from pyiceberg.table.metadata import TableMetadataUtil
    from pyiceberg.table.update import TableUpdate, update_table_metadata

    adapter: Any = TypeAdapter(tuple[TableUpdate, ...])
    ours = new()
    theirs = TableMetadataUtil.parse_obj(copy.deepcopy(ours))
    for number, commit in enumerate(asked, 1):
        commit = commit or appended(ours, number)
        before = copy.deepcopy(ours)
        after = updates.apply(ours, commit, AT + number)
        assert ours == before, "what was there is left as it was"
        theirs = update_table_metadata(theirs, adapter.validate_python(copy.deepcopy(commit)))
        ours = after
    read = TableMetadataUtil.parse_obj(copy.deepcopy(ours)).model_dump(exclude={"last_updated_ms", "snapshot_log"})
    assert read == theirs.model_dump(exclude={"last_updated_ms", "snapshot_log"})


def test_snapshots_come_and_go() -> None:
    told = new()
    for number in (1, 2, 3):
        told = updates.apply(told, appended(told, number), AT + number)
    assert told["current-snapshot-id"] == 3 and len(told["snapshot-log"]) == 3
    assert told["last-sequence-number"] == 3
    tag = {"action": "set-snapshot-ref", "ref-name": "first", "type": "tag", "snapshot-id": 1}
    told = updates.apply(told, [tag], AT + 9)
    told = updates.apply(told, [{"action": "remove-snapshots", "snapshot-ids": [1, 2]}], AT + 10)
    assert [each["snapshot-id"] for each in told["snapshots"]] == [3]
    assert set(told["refs"]) == {"main"}


@pytest.mark.parametrize(
    "update",
    [
        {"action": "assign-uuid", "uuid": "x"},
        {"action": "upgrade-format-version", "format-version": 1},
        {"action": "set-current-schema", "schema-id": 7},
        {"action": "set-current-schema", "schema-id": -1},
        {"action": "set-default-spec", "spec-id": 7},
        {"action": "add-spec", "spec": {"fields": [{"source-id": 9, "transform": "identity", "name": "x"}]}},
        {"action": "add-spec", "spec": {"fields": [{"source-id": 1, "transform": "sideways", "name": "x"}]}},
        {"action": "set-snapshot-ref", "ref-name": "main", "type": "branch", "snapshot-id": 7},
        {"action": "set-location", "location": "s3://elsewhere"},
        {"action": "remove-schemas", "schema-ids": [0]},
        {"action": "dance"},
    ],
)
def test_updates_that_are_refused(update: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        updates.apply(new(), [update], AT)


@pytest.mark.parametrize(
    "requirement",
    [
        {"type": "assert-create"},
        {"type": "assert-table-uuid", "uuid": "x"},
        {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": 5},
        {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 7},
        {"type": "assert-current-schema-id", "current-schema-id": 7},
        {"type": "assert-last-assigned-partition-id", "last-assigned-partition-id": 7},
        {"type": "assert-default-spec-id", "default-spec-id": 7},
        {"type": "assert-default-sort-order-id", "default-sort-order-id": 7},
    ],
)
def test_requirements_that_do_not_hold(requirement: dict[str, Any]) -> None:
    with pytest.raises(updates.Outdated):
        updates.require([requirement], new())


def test_requirements_that_hold() -> None:
    told = new()
    updates.require(
        [
            {"type": "assert-table-uuid", "uuid": told["table-uuid"]},
            {"type": "assert-ref-snapshot-id", "ref": "main", "snapshot-id": None},
            {"type": "assert-last-assigned-field-id", "last-assigned-field-id": 1},
        ],
        told,
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "struct", "fields": []},
        {"type": "struct", "fields": [{"id": 1, "name": "a", "type": "text", "required": True}]},
        {"type": "struct", "fields": [{"id": 1, "name": "a", "type": "int", "required": True}] * 2},
        {"type": "struct", "fields": [{"id": 1, "name": "a", "type": {"type": "list"}, "required": True}]},
        {"type": "struct", "fields": [{"name": "a"}]},
        {"type": "struct", "fields": "a"},
        [],
    ],
)
def test_schemas_that_are_refused(schema: Any) -> None:
    with pytest.raises(Refused):
        metadata.new("s3://here", schema, AT)


def test_nested_fields_without_ids_get_them() -> None:
    kind = {"type": "map", "key": "string", "value": {"type": "list", "element": "long", "element-required": True}}
    told = metadata.new("s3://here", {"fields": [{"name": "m", "type": kind}, {"name": "n", "type": "int"}]}, AT)
    ids = [field["id"] for field in metadata.fields(told["schemas"][0])]
    assert sorted(ids) == [1, 2, 3, 4, 5] and told["last-column-id"] == 5
