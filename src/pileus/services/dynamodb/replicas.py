"""Replicas of a table in other Regions (version 2019.11.21): the part of UpdateTable that is about them.

Developer Guide, "Global tables: multi-Region replication": with strong consistency there are three Regions of one set,
of which one may be a witness that holds no table; all of them come and go together.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, regions

from . import faults
from .deleting import vanish
from .describing import measured
from .groups import NEW_VERSION, Group, group_of, join, leave, settle
from .replication import shipped
from .tables import Members, Table

SETS = (
    {"us-east-1", "us-east-2", "us-west-2"},
    {"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
    {"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
)
"""The Regions among which there is strong consistency."""
OVERRIDES = (
    "KMSMasterKeyId",
    "ProvisionedThroughputOverride",
    "OnDemandThroughputOverride",
    "GlobalSecondaryIndexes",
    "TableClassOverride",
)


def update_replicas(
    call: Call, table: Table, updates: list[Members], witnesses: list[Members], consistency: str
) -> None:
    """Create, change, delete and disassociate replicas."""
    group = group_of(call, table) or Group(
        name=table.name, version=NEW_VERSION, created=call.now, members={table.region: {"status": "ACTIVE"}}
    )
    new = len(group.members) == 1
    if group.several:
        raise faults.invalid(
            "Replicas of a multi-account global table are created, changed and deleted in their accounts"
        )
    if group.version != NEW_VERSION:
        raise faults.invalid(f"Table {table.name} is part of a global table of version {group.version}")
    if consistency and not new:
        raise faults.invalid("MultiRegionConsistency can only be specified when a global table is created")
    if consistency == "STRONG":
        check_strong(call, table, updates, witnesses)
        group.strong = True
    elif witnesses and not group.strong:
        raise faults.invalid("Witnesses are only supported for global tables with MultiRegionConsistency of STRONG")
    for update in updates:
        if len(update) != 1:
            raise faults.bad_parameter("One of ReplicaUpdate Create, Update, Delete or Disassociate must be specified")
        ((kind, given),) = update.items()
        ACTS[kind](call, table, group, given)
    for update in witnesses:
        ((kind, given),) = update.items()
        group.witness = given["RegionName"] if kind == "Create" else ""
    check_still_strong(group)
    if table.region in group.members:
        watch(call, table)
        table.put(call)
        settle(call, group)
        again = Table.get(call, table.name)
        assert again is not None
        table.group, table.peers, table.strong = again.group, again.peers, again.strong


def watch(call: Call, table: Table) -> None:
    """Replication has a stream of both images; a table that has none gets one."""
    from .streams import opened

    if table.view not in ("", "NEW_AND_OLD_IMAGES"):
        raise faults.bad_parameter(
            f"Table {table.name} must have streams enabled with StreamViewType NEW_AND_OLD_IMAGES"
        )
    if not table.view:
        table.view = "NEW_AND_OLD_IMAGES"
        table.label = opened(call, table)


def create(call: Call, table: Table, group: Group, given: Members) -> None:
    region = given["RegionName"]
    if not regions.is_region(region):
        raise faults.bad_parameter(f"Invalid region name: {region}")
    if region in group.members or Table.get(call.at(region=region), table.name):
        raise faults.invalid(
            f"Failed to create a the new replica of table with name: '{table.name}' because one or more replicas "
            "already existed as tables."
        )
    if group.strong and len(group.members) + bool(group.witness) >= 3:
        raise faults.invalid("Replicas cannot be added to a global table with MultiRegionConsistency of STRONG")
    watch(call, table)
    group.members[region] = {"status": "CREATING"} | {name: given[name] for name in OVERRIDES if name in given}
    join(call, table, region, given)


def change(call: Call, table: Table, group: Group, given: Members) -> None:
    region = given["RegionName"]
    member = group.members.get(region)
    there = call.at(region=region)
    replica = Table.get(there, table.name)
    if member is None or replica is None:
        raise not_part()
    member |= {name: given[name] for name in OVERRIDES if name in given}
    if replica.throughput:
        replica.throughput = replica.throughput | given.get("ProvisionedThroughputOverride", {})
    replica.on_demand = replica.on_demand | given.get("OnDemandThroughputOverride", {})
    replica.table_class = given.get("TableClassOverride", replica.table_class)
    if key := given.get("KMSMasterKeyId"):
        from .creating import encryption

        replica.encryption = encryption(there, {"Enabled": True, "KMSMasterKeyId": key})
    replica.put(there)


def delete(call: Call, table: Table, group: Group, given: Members) -> None:
    region = given["RegionName"]
    there = call.at(region=region)
    replica = Table.get(there, table.name)
    if region not in group.members or region == table.region or replica is None:
        raise not_part()
    if replica.protected:
        raise faults.invalid(
            "Resource cannot be deleted as it is currently protected against deletion. "
            "Disable deletion protection first."
        )
    replica.status = "DELETING"
    replica.put(there)
    group.members[region]["status"] = "DELETING"
    vanish.later(there, name=table.name)


def disassociate(call: Call, table: Table, group: Group, given: Members) -> None:
    if given["RegionName"] != table.region or table.region not in group.members or len(group.members) < 2:
        raise not_part()
    if table.disassociation_protected:
        raise faults.invalid(f"Disassociation protection is enabled for table {table.name}")
    for peer in table.peers:
        while shipped(call, table.name, table.box, peer):
            pass
    leave(call, table)
    group.members.pop(table.region)


ACTS: dict[str, Any] = {"Create": create, "Update": change, "Delete": delete, "Disassociate": disassociate}


def not_part() -> Exception:
    return faults.invalid(
        "Replica specified in the Replica Update or Replica Delete action of the request was not found"
    )


def check_strong(call: Call, table: Table, updates: list[Members], witnesses: list[Members]) -> None:
    replicas = [update["Create"]["RegionName"] for update in updates if "Create" in update]
    others = [update["Create"]["RegionName"] for update in witnesses if "Create" in update]
    places = [table.region, *replicas, *others]
    if len({*places}) != 3 or len(places) != 3 or not replicas:
        raise faults.invalid(
            "A global table with MultiRegionConsistency of STRONG must have exactly three Regions: "
            "three replicas, or two replicas and one witness"
        )
    if not any(one.issuperset(places) for one in SETS):
        raise faults.invalid("All Regions of a global table with MultiRegionConsistency of STRONG must be in one set")
    if measured(call, table.prefix)[0]:
        raise faults.invalid("MultiRegionConsistency of STRONG can only be chosen for a table that is empty")
    if table.ttl or table.local:
        raise faults.invalid(
            "Time to Live and local secondary indexes are not supported with MultiRegionConsistency of STRONG"
        )


def check_still_strong(group: Group) -> None:
    there = [one for one in group.members.values() if one["status"] != "DELETING"]
    if group.strong and len(there) + bool(group.witness) not in (1, 3):
        raise faults.invalid(
            "All but one replica, and the witness, must be removed together from a global table with "
            "MultiRegionConsistency of STRONG"
        )
