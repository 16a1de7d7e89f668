"""Global tables of several accounts: an account makes a replica of another account's table, if that lets it.

Each replica is in an account and a Region of its own, has the settings of the others, and is deleted where it is. The
source says that its settings are replicated (GlobalTableSettingsReplicationMode), and by its resource policy who may
associate replicas with it.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from . import faults
from .groups import NEW_VERSION, Group, group_of, join, settle
from .tables import Table, short

ENABLED, DISABLED = "ENABLED", "DISABLED"


def choose(table: Table, mode: str) -> None:
    """Let other accounts make replicas of a table, or not."""
    if table.group:
        raise faults.invalid("GlobalTableSettingsReplicationMode can only be changed for a table without replicas")
    if mode not in (ENABLED, DISABLED):
        raise faults.invalid("GlobalTableSettingsReplicationMode must be ENABLED or DISABLED")
    table.settings = mode if mode == ENABLED else ""


def associate(call: Call, name: str, source_arn: str, mode: str, *, defined: bool) -> Table:
    """The new replica of another account's table."""
    if mode != ENABLED or not source_arn:
        raise faults.invalid(
            "GlobalTableSettingsReplicationMode must be ENABLED, and GlobalTableSourceArn must be specified, to create "
            "a replica of a multi-account global table"
        )
    if defined:
        raise faults.invalid("Keys and indexes cannot be specified when GlobalTableSourceArn is")
    parts = source_arn.split(":", 5)
    if len(parts) != 6 or short(source_arn) != name:
        raise faults.invalid("The replica must have the name of its source table")
    there = call.at(account=parts[4], region=parts[3])
    source = Table.get(there, name)
    if source is None:
        raise faults.no_table(source_arn)
    authorize(call, "dynamodb:AssociateTableReplica", Target(source.arn(there), there.account, source.policy))
    if Table.get(call, name):
        raise faults.in_use(f"Table already exists: {name}")
    member = f"{call.account}/{call.region}"
    group = group_for(there, source)
    check(group, source, member)
    group.members[member] = {"status": "CREATING"}
    join(there, source, member, {})
    settle(there, group)
    replica = Table.get(call, name)
    assert replica is not None
    return replica


def group_for(call: Call, source: Table) -> Group:
    from .replicas import watch

    found = group_of(call, source)
    if found is None:
        watch(call, source)
        source.put(call)
        own = {f"{source.account}/{source.region}": {"status": "ACTIVE"}}
        found = Group(name=source.name, version=NEW_VERSION, created=call.now, members=own)
    return found


def check(group: Group, source: Table, member: str) -> None:
    if source.settings != ENABLED:
        raise faults.invalid("GlobalTableSettingsReplicationMode must be ENABLED for the source table")
    if not group.several:
        raise faults.invalid("The source table is part of a global table of a single account")
    account, _, region = member.partition("/")
    for other in group.members:
        if account in other.split("/") or region in other.split("/"):
            raise faults.invalid("Each replica must be in an account and a Region that has no other")
