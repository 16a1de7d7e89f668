"""Tables: what one is, and finding it."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Self

import msgspec

from pileus.kernel import Call, Record, names
from pileus.kernel.resource_type import resource_type
from pileus.kernel.store.keys import pack

from . import dynamodb, faults
from .keys import END, Keys

PURGED_AT_ONCE = 1000
THROTTLE = "pileus:throttle"
"""The tag with which a table asks for its throughput to be enforced."""

Members = dict[str, Any]


class Index(msgspec.Struct, kw_only=True):
    """A secondary index of a table."""

    name: str
    keys: list[dict[str, str]]
    projection: Members
    local: bool = False
    throughput: dict[str, int] = {}
    on_demand: dict[str, int] = {}
    warm: dict[str, int] = {}
    status: str = "ACTIVE"
    backfilling: bool = False
    box: str = ""
    """Where its entries lie; an index of the same name that is made later has another."""

    @property
    def kind(self) -> str:
        return self.projection["ProjectionType"]  # type: ignore[no-any-return]


class IndexKeys(Keys):
    """An index as reading and writing items know it."""

    __slots__ = ("all", "index", "kept", "local", "name", "prefix", "readable")

    def __init__(self, table: Table, index: Index) -> None:
        super().__init__(index.keys, table.attributes)
        self.index = index
        self.name = index.name
        self.local = index.local
        self.readable = index.status in ("ACTIVE", "UPDATING")
        self.prefix = _under(table.account, table.region, "Entry", f"{table.box}.{index.box}")
        self.all = index.kind == "ALL"
        own = {part["AttributeName"] for part in table.keys}
        self.kept = own | {*self.names} | {*index.projection.get("NonKeyAttributes", ())}
        """The attributes that are projected, if not all are."""


class Table(Record, arn="table/{name}", cfn="AWS::DynamoDB::Table", kw_only=True, dict=True):
    """A table as its owner configured it. Those that `Table.named` finds are shared: they are only read."""

    name: str
    id: str
    account: str
    region: str
    box: str
    """Where its items lie."""
    created: float
    attributes: dict[str, str]
    keys: list[dict[str, str]]
    indexes: list[Index] = []
    status: str = "CREATING"
    billing: str = "PROVISIONED"
    billed_since: float = 0.0
    """When it became pay-per-request, if it is."""
    throughput: Members = {}
    throughput_changes: Members = {}
    on_demand: dict[str, int] = {}
    warm: dict[str, int] = {}
    view: str = ""
    """What its stream shows of items, or nothing if it has no stream."""
    label: str = ""
    """The latest stream's, which stays to be read when it is disabled."""
    encryption: Members = {}
    tags: dict[str, str] = {}
    table_class: str = ""
    protected: bool = False
    ttl: str = ""
    ttl_status: str = "DISABLED"
    policy: str = ""
    policy_revision: str = ""
    recovery_since: float = 0.0
    """When point-in-time recovery was switched on, if it is."""
    recovery_days: int = 35
    restored: Members = {}
    filling: bool = False
    """Whether it is being filled, by a restore or an import, and not to be used until that is done."""
    holders: int = 0
    """How many copies of it are being made, for which its changes are kept."""
    barrier: float = 0.0
    """The moment of the latest of those copies: what changes at that very moment does so later."""
    group: str = ""
    """The version of the global table that it belongs to, if it does."""
    peers: list[str] = []
    """The other Regions of its global table; `ACCOUNT/REGION` where it is one of several accounts."""
    settings: str = ""
    """GlobalTableSettingsReplicationMode, where that was said."""
    strong: bool = False
    """Whether those are written together with it."""
    disassociation_protected: bool = False
    destinations: list[Members] = []
    """Streams of Kinesis that are told of changes: `arn`, `status`, `precision`."""
    vectors: list[Members] = []
    """Vector indexes, as `vectors.VectorIndex` has them."""
    insights: dict[str, Members] = {}
    """Contributor insights by index, those of the table under an empty name."""

    @classmethod
    def named(cls, call: Call, table_name: str) -> Self:
        """The table of a name or an ARN, for operations on items."""
        raw = call.store.get(_path(call.account, call.region, table_name))
        table: Self | None = None if raw is None else _shared(raw)
        if table is None or table.status in ("CREATING", "DELETING"):
            raise faults.not_there()
        return table

    @classmethod
    def of(cls, call: Call, table_name: str) -> Self:
        """The table of a name or an ARN, for operations on tables, which may change it."""
        name = short(table_name)
        table = cls.get(call, name)
        if table is None:
            raise faults.no_table(name)
        return table

    def resource_policy(self, call: Call) -> str:
        return self.policy

    @property
    def stream_arn_of(self) -> str:
        return f"table/{self.name}/stream/{self.label}"

    # What the operations on items know of it

    @cached_property
    def schema(self) -> Keys:
        return Keys(self.keys, self.attributes)

    @cached_property
    def prefix(self) -> bytes:
        return _under(self.account, self.region, "Item", self.box)

    @cached_property
    def entries(self) -> list[IndexKeys]:
        return [IndexKeys(self, index) for index in self.indexes]

    @cached_property
    def watched(self) -> bool:
        """Whether anybody must be told of changes: other Regions, indexes, a stream, expiry, recovery."""
        return bool(
            self.group
            or self.indexes
            or self.view
            or self.ttl
            or self.recovery_since
            or self.holders
            or self.streaming
            or self.vectors
        )

    @cached_property
    def streaming(self) -> bool:
        """Whether a stream of Kinesis is told of changes."""
        return any(one["status"] in ("ACTIVE", "UPDATING") for one in self.destinations)

    @cached_property
    def throttled(self) -> bool:
        """Whether its throughput is enforced, however the cloud was started."""
        return self.tags.get(THROTTLE) == "true"

    @cached_property
    def local(self) -> bool:
        return any(index.local for index in self.indexes)

    def index(self, name: str) -> IndexKeys:
        """The index of that name, for a query or a scan."""
        for entries in self.entries:
            if entries.name == name:
                if not entries.readable:
                    raise faults.invalid(f"Cannot read from backfilling global secondary index: {name}")
                return entries
        raise faults.invalid(f"The table does not have the specified index: {name}")


@lru_cache(maxsize=1024)
def _path(account: str, region: str, name: str) -> bytes:
    return Table.layout.prefix(account, region) + pack((short(name),))


@lru_cache(maxsize=1024)
def _shared(raw: bytes) -> Any:
    return Table.layout.decoder.decode(raw)


resource_type(
    dynamodb,
    "TableName",
    create="CreateTable",
    read="DescribeTable",
    update="UpdateTable",
    list="ListTables",
    delete="DeleteTable",
    missing=("ResourceNotFoundException", "Requested resource not found: Table: {} not found"),
)(Table)


@lru_cache(maxsize=4096)
def _under(account: str, region: str, kind: str, box: str) -> bytes:
    return pack((account, region, f"dynamodb.{kind}", box))


def under(call: Call, kind: str, box: str) -> bytes:
    """What the keys of a table's items begin with, or of an index's entries."""
    return _under(call.account, call.region, kind, box)


def below(arn: str, kind: str) -> tuple[str, str] | None:
    """The table and the id that an ARN names which ends with `table/NAME/KIND/ID`; None if it is no such ARN."""
    parts = arn.split(":", 5)
    path = parts[5].split("/") if len(parts) == 6 else []
    return (path[1], path[3]) if len(path) == 4 and path[2] == kind else None


def short(name: str) -> str:
    """The name in an ARN of a table, of its index, stream or backup; or the name that it is."""
    return name.split("/")[1] if name.startswith("arn:") and "/" in name else name


@dynamodb.task
def purge(call: Call, kind: str, box: str) -> None:
    """Remove what is left of a table or an index, a thousand at a time, so that nobody has to wait for long."""
    prefix = under(call, kind, box)
    rows = list(call.store.scan(prefix, prefix + END, limit=PURGED_AT_ONCE))
    for path, _ in rows:
        call.store.delete(path)
    if len(rows) == PURGED_AT_ONCE:
        purge.later(call, kind=kind, box=box)


def new_box() -> str:
    return names.token(8)
