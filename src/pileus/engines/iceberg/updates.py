"""Commits: what they require of a table's metadata, and what they change in them.

The REST catalog specification, schemas `TableRequirement` and `TableUpdate`. Each function below is one update, with
the name of its action.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import metadata as tables
from .metadata import MAIN, Metadata, Refused

Update = dict[str, Any]
LAST = -1
"""Stands for what the same commit has added last."""


class Outdated(Exception):
    """The table is not any more what the commit takes it for."""


# Requirements

_REQUIRED = {
    "assert-table-uuid": ("uuid", "table-uuid"),
    "assert-last-assigned-field-id": ("last-assigned-field-id", "last-column-id"),
    "assert-current-schema-id": ("current-schema-id", "current-schema-id"),
    "assert-last-assigned-partition-id": ("last-assigned-partition-id", "last-partition-id"),
    "assert-default-spec-id": ("default-spec-id", "default-spec-id"),
    "assert-default-sort-order-id": ("default-sort-order-id", "default-sort-order-id"),
}


def require(requirements: list[dict[str, Any]], metadata: Metadata) -> None:
    """Raise where the metadata are not what a commit requires."""
    for each in requirements:
        kind = each.get("type", "")
        if kind == "assert-create":
            raise Outdated("Requirement failed: table already exists")
        if kind == "assert-ref-snapshot-id":
            name = each.get("ref", MAIN)
            found, wanted = metadata.get("refs", {}).get(name, {}).get("snapshot-id"), each.get("snapshot-id")
            if found != wanted:
                raise Outdated(f"Requirement failed: branch or tag {name} has changed: {wanted} != {found}")
            continue
        if kind not in _REQUIRED:
            raise Refused(f"Unknown requirement: {kind}")
        said, place = _REQUIRED[kind]
        if each.get(said) != metadata.get(place):
            raise Outdated(f"Requirement failed: {place} is {metadata.get(place)}, and not {each.get(said)}")


# Updates


def apply(metadata: Metadata, updates: list[Update], at: float) -> Metadata:
    """The metadata after a commit; those that are given stay as they are."""
    changing = Changing(metadata, int(at * 1000))
    for update in updates:
        action = update.get("action", "")
        if action not in ACTIONS:
            raise Refused(f"Unknown update: {action}")
        ACTIONS[action](changing, update)
    changing.now["last-updated-ms"] = max(changing.at, metadata["last-updated-ms"])
    return changing.now


class Changing:
    """Metadata on their way, and what was added last to each of their lists."""

    def __init__(self, before: Metadata, at: int) -> None:
        self.now: Metadata = {**before}
        self.at = at
        self.last: dict[str, int] = {}

    def meant(self, name: str, number: int) -> int:
        if number != LAST:
            return number
        if name not in self.last:
            raise Refused(f"Cannot set the last added {name}: nothing was added.")
        return self.last[name]

    def add(self, place: str, name: str, given: dict[str, Any]) -> None:
        """Add to a list what is not there yet under another number."""
        told = {key: value for key, value in given.items() if key != name}
        held = self.now.get(place, [])
        same = next((each for each in held if {k: v for k, v in each.items() if k != name} == told), None)
        if same is None:
            number = given.get(name, LAST)
            if number < 0 or any(each.get(name, 0) == number for each in held):
                number = max((each.get(name, 0) for each in held), default=-1) + 1
            same = told | {name: number}
            self.now[place] = [*held, same]
        self.last[name] = same[name]

    def drop(self, place: str, name: str, numbers: list[int]) -> None:
        self.now[place] = [each for each in self.now.get(place, []) if each.get(name) not in numbers]


def assign_uuid(it: Changing, update: Update) -> None:
    if update["uuid"] != it.now["table-uuid"]:
        raise Refused("Cannot reassign the UUID of a table.")


def upgrade_format_version(it: Changing, update: Update) -> None:
    version, held = update["format-version"], it.now["format-version"]
    if version < held or version > tables.NEWEST:
        raise Refused(f"Cannot change the format version from {held} to {version}.")
    it.now["format-version"] = version
    if version >= tables.NEWEST:
        it.now.setdefault("next-row-id", 0)


def add_schema(it: Changing, update: Update) -> None:
    schema = tables.checked(update["schema"])
    it.add("schemas", "schema-id", schema)
    highest = max((field["id"] for field in tables.fields(schema)), default=0)
    it.now["last-column-id"] = max(it.now["last-column-id"], highest, update.get("last-column-id", 0))


def set_current_schema(it: Changing, update: Update) -> None:
    number = it.meant("schema-id", update["schema-id"])
    tables.numbered(it.now["schemas"], "schema-id", number)
    it.now["current-schema-id"] = number


def add_spec(it: Changing, update: Update) -> None:
    last = it.now["last-partition-id"]
    spec = tables.checked_spec(update["spec"], tables.schema_of(it.now), last)
    it.add("partition-specs", "spec-id", spec)
    it.now["last-partition-id"] = max([last, *(field["field-id"] for field in spec["fields"])])


def set_default_spec(it: Changing, update: Update) -> None:
    number = it.meant("spec-id", update["spec-id"])
    tables.numbered(it.now["partition-specs"], "spec-id", number)
    it.now["default-spec-id"] = number


def add_sort_order(it: Changing, update: Update) -> None:
    it.add("sort-orders", "order-id", tables.checked_order(update["sort-order"], tables.schema_of(it.now)))


def set_default_sort_order(it: Changing, update: Update) -> None:
    number = it.meant("order-id", update["sort-order-id"])
    tables.numbered(it.now["sort-orders"], "order-id", number)
    it.now["default-sort-order-id"] = number


def add_snapshot(it: Changing, update: Update) -> None:
    snapshot = update["snapshot"]
    if tables.snapshot(it.now, snapshot["snapshot-id"]) is not None:
        raise Refused(f"Snapshot already exists for id: {snapshot['snapshot-id']}")
    sequence, last = snapshot.get("sequence-number", 0), it.now.get("last-sequence-number", 0)
    if it.now["format-version"] > 1 and sequence <= last and snapshot.get("parent-snapshot-id") is not None:
        raise Refused(f"Cannot add a snapshot with sequence number {sequence} older than the last one, {last}.")
    it.now["snapshots"] = [*it.now.get("snapshots", []), snapshot]
    it.now["last-sequence-number"] = max(last, sequence)
    it.at = max(it.at, snapshot["timestamp-ms"])
    if it.now["format-version"] >= tables.NEWEST:
        first = snapshot.get("first-row-id", it.now.get("next-row-id", 0))
        it.now["next-row-id"] = max(it.now.get("next-row-id", 0), first + snapshot.get("added-rows", 0))


def set_snapshot_ref(it: Changing, update: Update) -> None:
    name, number = update["ref-name"], update["snapshot-id"]
    if tables.snapshot(it.now, number) is None:
        raise Refused(f"Cannot set {name} to unknown snapshot: {number}")
    told = {key: value for key, value in update.items() if key not in ("action", "ref-name") and value is not None}
    it.now["refs"] = {**it.now.get("refs", {}), name: told}
    if name == MAIN:
        it.now["current-snapshot-id"] = number
        entry = {"snapshot-id": number, "timestamp-ms": it.at}
        it.now["snapshot-log"] = [*it.now.get("snapshot-log", []), entry]


def remove_snapshots(it: Changing, update: Update) -> None:
    gone = set(update["snapshot-ids"])
    for place in ("snapshots", "snapshot-log", "statistics", "partition-statistics"):
        it.now[place] = [each for each in it.now.get(place, []) if each["snapshot-id"] not in gone]
    for name, ref in list(it.now.get("refs", {}).items()):
        if ref["snapshot-id"] in gone:
            remove_snapshot_ref(it, {"ref-name": name})


def remove_snapshot_ref(it: Changing, update: Update) -> None:
    name = update["ref-name"]
    it.now["refs"] = {key: ref for key, ref in it.now.get("refs", {}).items() if key != name}
    if name == MAIN:
        it.now["current-snapshot-id"] = LAST


def set_location(it: Changing, update: Update) -> None:
    if update["location"].rstrip("/") != it.now["location"].rstrip("/"):
        raise Refused("The location of a table cannot be changed.")


def set_properties(it: Changing, update: Update) -> None:
    it.now["properties"] = {**it.now.get("properties", {}), **either(update, "updates", "updated")}


def remove_properties(it: Changing, update: Update) -> None:
    gone = either(update, "removals", "removed")
    it.now["properties"] = {key: value for key, value in it.now.get("properties", {}).items() if key not in gone}


def either(update: Update, name: str, older: str) -> Any:
    """A member that has had another name."""
    return update[name] if name in update else update[older]


def set_statistics(it: Changing, update: Update) -> None:
    told = update["statistics"]
    it.drop("statistics", "snapshot-id", [told["snapshot-id"]])
    it.now["statistics"].append(told)


def remove_statistics(it: Changing, update: Update) -> None:
    it.drop("statistics", "snapshot-id", [update["snapshot-id"]])


def set_partition_statistics(it: Changing, update: Update) -> None:
    told = update["partition-statistics"]
    it.drop("partition-statistics", "snapshot-id", [told["snapshot-id"]])
    it.now["partition-statistics"].append(told)


def remove_partition_statistics(it: Changing, update: Update) -> None:
    it.drop("partition-statistics", "snapshot-id", [update["snapshot-id"]])


def remove_partition_specs(it: Changing, update: Update) -> None:
    if it.now["default-spec-id"] in update["spec-ids"]:
        raise Refused("Cannot remove the default partition spec.")
    it.drop("partition-specs", "spec-id", update["spec-ids"])


def remove_schemas(it: Changing, update: Update) -> None:
    if it.now["current-schema-id"] in update["schema-ids"]:
        raise Refused("Cannot remove the current schema.")
    it.drop("schemas", "schema-id", update["schema-ids"])


ACTIONS: dict[str, Callable[[Changing, Update], None]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        assign_uuid,
        upgrade_format_version,
        add_schema,
        set_current_schema,
        add_spec,
        set_default_spec,
        add_sort_order,
        set_default_sort_order,
        add_snapshot,
        set_snapshot_ref,
        remove_snapshots,
        remove_snapshot_ref,
        set_location,
        set_properties,
        remove_properties,
        set_statistics,
        remove_statistics,
        set_partition_statistics,
        remove_partition_statistics,
        remove_partition_specs,
        remove_schemas,
    )
}
