"""Tables: what one is, finding it, describing, listing and deleting it."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Self

import msgspec

from pileus.kernel import Call, Record, names
from pileus.kernel.resource_type import resource_type
from pileus.kernel.store.keys import pack

from . import dynamodb, faults
from .keys import END, Keys

MOST_LISTED = 100
PURGED_AT_ONCE = 1000
THROTTLE = "pileus:throttle"
"""The tag with which a table asks for its throughput to be enforced."""
COUNTED = 2000
"""So many items of a table or an index are counted; beyond, their number is estimated from how thick they lie."""

Members = dict[str, Any]
UNPROVISIONED = {"NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0}


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
    group: str = ""
    """The version of the global table that it belongs to, if it does."""
    peers: list[str] = []
    """The other Regions of its global table."""
    strong: bool = False
    """Whether those are written together with it."""
    disassociation_protected: bool = False
    destinations: list[Members] = []
    """Streams of Kinesis that are told of changes: `arn`, `status`, `precision`."""
    insights: dict[str, Members] = {}
    """Contributor insights by index, those of the table under an empty name."""

    @classmethod
    def named(cls, call: Call, table_name: str) -> Self:
        """The table of a name or an ARN, for operations on items."""
        path = cls.layout.prefix(call.account, call.region) + pack((short(table_name),))
        raw = call.store.get(path)
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
        """Whether anybody must be told of changes: indexes, a stream, expiry, recovery."""
        return bool(self.indexes or self.view or self.ttl or self.recovery_since or self.streaming)

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


def short(name: str) -> str:
    """The name in an ARN of a table, of its index, stream or backup; or the name that it is."""
    return name.split("/")[1] if name.startswith("arn:") and "/" in name else name


# Describing


@dynamodb.operation(on=Table.of)
def describe_table(call: Call, table: Table) -> dict[str, Any]:
    """Everything about a table; its size is exact while it is small, and estimated when it is not."""
    return {"Table": description(call, table)}


def description(call: Call, table: Table) -> Members:
    items, size = measured(call, under(call, "Item", table.box))
    told: Members = {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in table.attributes.items()
        ],
        "TableName": table.name,
        "KeySchema": table.keys,
        "TableStatus": table.status,
        "CreationDateTime": table.created,
        "ProvisionedThroughput": UNPROVISIONED | table.throughput_changes | table.throughput,
        "TableSizeBytes": size,
        "ItemCount": items,
        "TableArn": table.arn(call),
        "TableId": table.id,
        "DeletionProtectionEnabled": table.protected,
        "WarmThroughput": warm(table.warm, table.throughput, table.billing) | {"Status": "ACTIVE"},
    }
    if table.billed_since:
        told["BillingModeSummary"] = {
            "BillingMode": table.billing,
            "LastUpdateToPayPerRequestDateTime": table.billed_since,
        }
    elif table.billing == "PAY_PER_REQUEST":
        told["BillingModeSummary"] = {"BillingMode": table.billing}
    return told | options(call, table) | described_indexes(call, table)


def options(call: Call, table: Table) -> Members:
    """What is told of a table only if it has been asked for."""
    told: Members = {}
    if table.label:
        told["LatestStreamLabel"] = table.label
        told["LatestStreamArn"] = call.arn(table.stream_arn_of, "dynamodb")
    if table.view:
        told["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": table.view}
    if table.encryption:
        told["SSEDescription"] = table.encryption
    if table.table_class:
        told["TableClassSummary"] = {"TableClass": table.table_class}
    if table.on_demand:
        told["OnDemandThroughput"] = table.on_demand
    if table.restored:
        told["RestoreSummary"] = table.restored
    if table.group:
        from .groups import told_of

        told |= told_of(call, table)
    return told


def described_indexes(call: Call, table: Table) -> Members:
    told: Members = {}
    local = [described_index(call, table, index) for index in table.indexes if index.local]
    others = [described_index(call, table, index) for index in table.indexes if not index.local]
    if local:
        told["LocalSecondaryIndexes"] = local
    if others:
        told["GlobalSecondaryIndexes"] = others
    return told


def described_index(call: Call, table: Table, index: Index) -> Members:
    items, size = measured(call, under(call, "Entry", f"{table.box}.{index.box}"))
    told: Members = {
        "IndexName": index.name,
        "KeySchema": index.keys,
        "Projection": index.projection,
        "IndexSizeBytes": size,
        "ItemCount": items,
        "IndexArn": f"{table.arn(call)}/index/{index.name}",
    }
    if index.local:
        return told
    told["IndexStatus"] = index.status
    told["ProvisionedThroughput"] = UNPROVISIONED | index.throughput
    told["WarmThroughput"] = warm(index.warm, index.throughput, table.billing) | {"Status": "ACTIVE"}
    if index.backfilling:
        told["Backfilling"] = True
    if index.on_demand:
        told["OnDemandThroughput"] = index.on_demand
    return told


def warm(asked: dict[str, int], throughput: Members, billing: str) -> Members:
    """A new table can take 12,000 reads and 4,000 writes a second on demand, or what is provisioned."""
    if billing == "PAY_PER_REQUEST":
        return {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000} | asked
    reads, writes = throughput.get("ReadCapacityUnits", 0), throughput.get("WriteCapacityUnits", 0)
    return {"ReadUnitsPerSecond": reads, "WriteUnitsPerSecond": writes} | asked


def measured(call: Call, prefix: bytes) -> tuple[int, int]:
    """How many items there are under a prefix, and how large they are together."""
    items = size = 0
    last = b""
    for path, value in call.store.scan(prefix, prefix + END, limit=COUNTED):
        items += 1
        size += int.from_bytes(value[:4], "big")
        last = path
    if items < COUNTED:
        return items, size
    passed = int.from_bytes(last[len(prefix) : len(prefix) + 4], "big") + 1
    return items * (1 << 32) // passed, size * (1 << 32) // passed


@dynamodb.operation
def list_tables(call: Call, exclusive_start_table_name: str = "", limit: int = MOST_LISTED) -> dict[str, Any]:
    """Names of the account's tables in this Region."""
    above = (exclusive_start_table_name,) if exclusive_start_table_name else None
    found = [table.name for table in Table.scan(call, above=above, limit=limit + 1)]
    if len(found) > limit:
        return {"TableNames": found[:limit], "LastEvaluatedTableName": found[limit - 1]}
    return {"TableNames": found}


# Deleting


@dynamodb.operation(on=Table.of)
def delete_table(call: Call, table: Table) -> dict[str, Any]:
    """Delete a table and what is in it."""
    if table.status in ("CREATING", "UPDATING", "DELETING"):
        doing = {"CREATING": "created", "UPDATING": "updated", "DELETING": "deleted"}[table.status]
        raise faults.in_use(f"Attempt to change a resource which is still in use: Table is being {doing}: {table.name}")
    if table.protected:
        raise faults.invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    told = description(call, table)
    table.status = "DELETING"
    table.put(call)
    vanish.later(call, name=table.name)
    kept = ("TableName", "ProvisionedThroughput", "TableSizeBytes", "ItemCount", "TableArn", "TableId")
    return {"TableDescription": {name: told[name] for name in kept} | {"TableStatus": "DELETING"}}


@dynamodb.task
def vanish(call: Call, name: str) -> None:
    """The table is gone: its name is free, and what was in it is purged."""
    if table := Table.get(call, name):
        if table.view:
            from .streams import closed

            closed(call, table)
        if table.group:
            from .groups import leave

            leave(call, table)
        table.delete(call)
        boxes = [("Item", table.box), *(("Entry", f"{table.box}.{index.box}") for index in table.indexes)]
        boxes += [(kind, table.box) for kind in ("Expiry", "Change", "Stamp", "Telling")]
        for kind, box in boxes + [("Outgoing", f"{table.box}.{peer}") for peer in table.peers]:
            purge.later(call, kind=kind, box=box)


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


@dynamodb.operation
def describe_limits(call: Call) -> dict[str, Any]:
    """The account's quotas, which are those of a new account."""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }


@dynamodb.operation(action="dynamodb:DescribeEndpoints")
def describe_endpoints(call: Call) -> dict[str, Any]:
    """The address by which the caller reached the cloud."""
    return {"Endpoints": [{"Address": call.endpoint.partition("://")[2], "CachePeriodInMinutes": 1440}]}
