"""Global tables as groups: which tables belong together, and how one joins and leaves.

Both versions of the API work on them: `replicas` is that of 2019, through UpdateTable; `global_tables` that of 2017.
A group lies in the account, and its tables each know their peers. One of several accounts (`accounts`) lies in each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.kernel import Call, Record, names

from . import dynamodb, vectors
from .keys import END
from .replication import AT_ONCE, OLD_VERSION, located, send
from .tables import Members, Table, new_box

NEW_VERSION = "2019.11.21"


class Group(Record, scope="account"):
    """A global table."""

    name: str
    version: str
    created: float
    members: dict[str, Members]
    """By Region, or by `ACCOUNT/REGION`: `status`, and what the replica there overrides, in wire names."""
    strong: bool = False
    witness: str = ""

    @property
    def status(self) -> str:
        return "ACTIVE" if all(one["status"] == "ACTIVE" for one in self.members.values()) else "UPDATING"

    @property
    def several(self) -> bool:
        """Whether its tables are in several accounts."""
        return any("/" in member for member in self.members)

    def own(self, table: Table) -> str:
        """The member that a table is."""
        absolute = f"{table.account}/{table.region}"
        return absolute if absolute in self.members else table.region

    def everywhere(self, call: Call) -> list[Call]:
        """Calls that look at the accounts in which the group lies."""
        found = {located(call, member).account: located(call, member) for member in self.members}
        return list(found.values()) or [call]

    def keep(self, call: Call) -> None:
        for there in self.everywhere(call):
            self.put(there)


def group_of(call: Call, table: Table) -> Group | None:
    return Group.get(call, table.name) if table.group else None


def tables(call: Call, group: Group) -> Iterator[tuple[Call, Table]]:
    """The tables of a group that there are, each with a call that looks at its Region."""
    for member in group.members:
        there = located(call, member)
        if (table := Table.get(there, group.name)) and table.group:
            yield there, table


def peers(call: Call, table: Table) -> Iterator[tuple[Call, Table]]:
    """The other tables of a table's group."""
    for member in table.peers:
        there = located(call, member)
        if peer := Table.get(there, table.name):
            yield there, peer


def settle(call: Call, group: Group) -> None:
    """Store a group, and tell its tables of each other; one that is alone is a group no longer."""
    alone = len(group.members) < 2
    for member in group.members:
        there = located(call, member)
        if table := Table.get(there, group.name):
            table.group = "" if alone else group.version
            table.strong = group.strong and not alone
            table.peers = [] if alone else [other for other in group.members if other != member]
            table.put(there)
    if alone and group.version == NEW_VERSION:
        for there in group.everywhere(call):
            group.delete(there)
    else:
        group.keep(call)


def leave(call: Call, table: Table) -> None:
    """A table is not of its group any more: it is deleted, or goes its own way."""
    if group := group_of(call, table):
        if group.several:
            group.delete(call)
        group.members.pop(group.own(table), None)
        table.group, table.peers, table.strong = "", [], False
        settle(call, group)


def join(call: Call, source: Table, member: str, given: Members) -> Table:
    """Make a replica of a table elsewhere, and fill it in the background."""
    from .creating import encryption
    from .streams import opened

    there = located(call, member)
    throughput = dict(source.throughput)
    if throughput and (override := given.get("ProvisionedThroughputOverride")):
        throughput |= override
    replica = msgspec.structs.replace(
        source,
        id=names.uuid4(),
        account=there.account,
        region=there.region,
        box=new_box(),
        created=call.now,
        status="CREATING",
        indexes=[msgspec.structs.replace(index, box=new_box()) for index in source.indexes],
        throughput=throughput,
        on_demand=source.on_demand | given.get("OnDemandThroughputOverride", {}),
        table_class=given.get("TableClassOverride", source.table_class),
        encryption=replica_encryption(there, source, given, encryption),
        tags={},
        protected=False,
        policy="",
        policy_revision="",
        recovery_since=0.0,
        restored={},
        destinations=[],
        vectors=vectors.copies(source.vectors),
        insights={},
        label="",
    )
    if replica.view:
        replica.label = opened(there, replica)
    replica.put(there)
    fill_replica.later(call, name=source.name, box=source.box, peer=member, after=b"")
    return replica


def replica_encryption(there: Call, source: Table, given: Members, encryption: Any) -> Members:
    if key := given.get("KMSMasterKeyId"):
        return encryption(there, {"Enabled": True, "KMSMasterKeyId": key})  # type: ignore[no-any-return]
    return encryption(there, {"Enabled": True}) if source.encryption else {}


@dynamodb.task
def fill_replica(call: Call, name: str, box: str, peer: str, after: bytes) -> None:
    """Bring a new replica what the table has already, some items at a time; what is written meanwhile is later."""
    table, group = Table.get(call, name), Group.get(call, name)
    if table is None or table.box != box or group is None or peer not in group.members:
        return
    rows = list(call.store.scan(table.prefix + after, table.prefix + END, limit=AT_ONCE))
    for path, _ in rows:
        send(call, table, peer, path[len(table.prefix) :])
    if len(rows) == AT_ONCE:
        onward = rows[-1][0][len(table.prefix) :] + b"\0"
        fill_replica.later(call, name=name, box=box, peer=peer, after=onward)
        return
    there = located(call, peer)
    if replica := Table.get(there, name):
        replica.status = "ACTIVE"
        replica.put(there)
    group.members[peer]["status"] = "ACTIVE"
    group.keep(call)


def described(call: Call, group: Group, place: str) -> Members:
    """A member of a group, as ReplicaDescription."""
    member = group.members[place]
    there = located(call, place)
    told: Members = {"RegionName": there.region, "ReplicaStatus": member["status"]}
    table = Table.get(there, group.name)
    if group.version == OLD_VERSION:
        return told
    told["ReplicaArn"] = there.arn(f"table/{group.name}", "dynamodb")
    told["GlobalTableSettingsReplicationMode"] = mode(group)
    if table is None:
        return told
    for name in ("KMSMasterKeyId", "ProvisionedThroughputOverride", "OnDemandThroughputOverride"):
        if name in member:
            told[name] = member[name]
    if indexes := member.get("GlobalSecondaryIndexes"):
        told["GlobalSecondaryIndexes"] = indexes
    if table.table_class:
        told["ReplicaTableClassSummary"] = {"TableClass": table.table_class}
    return told


def mode(group: Group) -> str:
    """Whether a replica's settings are those of the others, or may differ from them."""
    return "ENABLED" if group.several else "ENABLED_WITH_OVERRIDES"


def told_of(call: Call, table: Table) -> Members:
    """What DescribeTable tells of a table's group."""
    group = group_of(call, table)
    if group is None:
        return {}
    told: Members = {"GlobalTableVersion": group.version}
    if group.version == NEW_VERSION:
        told["GlobalTableSettingsReplicationMode"] = mode(group)
        own = group.own(table)
        told["Replicas"] = [described(call, group, member) for member in group.members if member != own]
        told["MultiRegionConsistency"] = "STRONG" if group.strong else "EVENTUAL"
        if group.witness:
            told["GlobalTableWitnesses"] = [{"RegionName": group.witness, "WitnessStatus": "ACTIVE"}]
    return told
