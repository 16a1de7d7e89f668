"""Backups: copies of a cluster's tokens, made every day and before an HSM goes, kept as long as the cluster says.

They are kept in the store, sealed under the master key; what is in the tokens is encrypted under its owners' PINs too.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, regions
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import cloudhsmv2, faults
from .clusters import ACTIVE, INITIALIZED, Cluster, checked, engine, new_id

Members = dict[str, Any]

DAY = 86400.0
READY = "READY"
PENDING = "PENDING_DELETION"
RESTORABLE = 7 * DAY


@resource_type(
    cloudhsmv2, "BackupId", create="CopyBackupToRegion", read="DescribeBackups", update="ModifyBackupAttributes",
    list="DescribeBackups", delete="DeleteBackup", missing="CloudHsmResourceNotFoundException",
)  # fmt: skip
class Backup(Record, arn="arn:{partition}:cloudhsm:{region}:{account}:backup/{id}", kw_only=True):
    id: str
    cluster: str
    created: float
    content: bytes
    """The tokens, sealed."""
    hsm_type: str
    mode: str
    certificate: str
    anchor: str
    retention: Members
    state: str = READY
    forever: bool = False
    copied: float | None = None
    source_region: str = ""
    source_backup: str = ""
    source_cluster: str = ""
    deleted: float | None = None
    """When it goes for good."""
    tags: dict[str, str] = {}
    policy: str = ""

    def arn(self, call: Call) -> str:
        return call.arn(f"backup/{self.id}", "cloudhsm")

    def resource_policy(self, call: Call) -> str:
        return self.policy

    def tokens(self, call: Call) -> bytes:
        return call.cloud.master_key.open(self.content, about(self.id))

    def shown(self, call: Call) -> Members:
        told = {
            "BackupId": self.id,
            "BackupArn": self.arn(call),
            "BackupState": self.state,
            "ClusterId": self.cluster,
            "CreateTimestamp": self.created,
            "CopyTimestamp": self.copied,
            "NeverExpires": self.forever,
            "SourceRegion": self.source_region or None,
            "SourceBackup": self.source_backup or None,
            "SourceCluster": self.source_cluster or None,
            "DeleteTimestamp": self.deleted,
            "TagList": tagging.as_list(self.tags),
            "HsmType": self.hsm_type,
            "Mode": self.mode,
        }
        return {member: value for member, value in told.items() if value is not None}


def about(backup: str) -> bytes:
    return f"cloudhsm:{backup}".encode()


def backup_named(call: Call, backup_id: str) -> Backup:
    backup = Backup.get(call, backup_id.rpartition("/")[2])
    if backup is None:
        raise faults.missing(backup_id)
    return backup


def back_up(call: Call, cluster: Cluster) -> Backup:
    """Copy a cluster's tokens."""
    identifier = new_id("backup")
    backup = Backup(
        id=identifier,
        cluster=cluster.id,
        created=call.now,
        content=call.cloud.master_key.seal(engine(call).packed(cluster.id), about(identifier)),
        hsm_type=cluster.hsm_type,
        mode=cluster.mode,
        certificate=cluster.certificate,
        anchor=cluster.anchor,
        retention=cluster.retention,
    ).put(call)
    await_end(call, backup)
    return backup


def await_end(call: Call, backup: Backup) -> None:
    expire.later(call, due=backup.created + int(backup.retention["Value"]) * DAY, backup=backup.id)


@cloudhsmv2.task
def daily(call: Call, cluster: str, due_at: float) -> None:
    """Back a cluster up as long as it is there, and has HSMs."""
    found = Cluster.get(call, cluster)
    if found is None or found.daily != due_at or found.state not in (INITIALIZED, ACTIVE) or not found.hsms:
        return
    if found.state == ACTIVE:
        back_up(call, found)
    await_backup(call, found)


def await_backup(call: Call, cluster: Cluster) -> None:
    """Enqueue the next backup, in place of the one that may be waiting."""
    cluster.daily = call.now + DAY
    cluster.put(call)
    daily.later(call, due=cluster.daily, cluster=cluster.id, due_at=cluster.daily)


@cloudhsmv2.task
def expire(call: Call, backup: str) -> None:
    """A backup has been kept long enough, unless it never expires."""
    from .sharing import unshare

    found = Backup.get(call, backup)
    if found and found.state == READY and not found.forever:
        unshare(call, found)
        found.delete(call)


FILTERS = {
    "backupIds": lambda backup, values: backup.id in values,
    "sourceBackupIds": lambda backup, values: backup.source_backup in values,
    "clusterIds": lambda backup, values: backup.cluster in values,
    "states": lambda backup, values: backup.state in values,
    "neverExpires": lambda backup, values: str(backup.forever).lower() in values,
}


@cloudhsmv2.operation
def describe_backups(
    call: Call,
    filters: dict[str, list[str]] = {},
    shared: bool = False,
    sort_ascending: bool = False,
    next_token: str = "",
    max_results: int = 50,
) -> Members:
    """The account's backups, or those that others share with it, the latest first."""
    from pileus.kernel import paging

    from .sharing import shared_with

    if unknown := filters.keys() - FILTERS.keys():
        raise faults.invalid(f"The filter {min(unknown)} is not known.")
    every = shared_with(call) if shared else [(call, backup) for backup in Backup.scan(call)]
    found = [(at, one) for at, one in every if all(FILTERS[name](one, values) for name, values in filters.items())]
    found.sort(key=lambda one: (one[1].created, one[1].id), reverse=not sort_ascending)
    start = paging.opened(call, next_token, faults.invalid("The NextToken is not valid.")) if next_token else 0
    stop = start + max_results
    more = paging.sealed(call, stop) if stop < len(found) else None
    return {"Backups": [one.shown(at) for at, one in found[start:stop]], "NextToken": more}


@cloudhsmv2.operation(on=backup_named)
def modify_backup_attributes(call: Call, backup: Backup, never_expires: bool) -> Members:
    """Keep a backup for ever, or no longer than the others."""
    ready(backup)
    backup.forever = never_expires
    backup.put(call)
    if not never_expires:
        await_end(call, backup)
    return {"Backup": backup.shown(call)}


def ready(backup: Backup) -> None:
    if backup.state != READY:
        raise faults.invalid(f"Backup {backup.id} is in the state {backup.state}.")


@cloudhsmv2.operation(on=backup_named)
def delete_backup(call: Call, backup: Backup) -> Members:
    """Delete a backup; it can be restored for seven days."""
    ready(backup)
    backup.state = PENDING
    backup.deleted = call.now + RESTORABLE
    backup.put(call)
    remove_backup.later(call, due=backup.deleted, backup=backup.id)
    return {"Backup": backup.shown(call)}


@cloudhsmv2.operation(on=backup_named)
def restore_backup(call: Call, backup: Backup) -> Members:
    """Keep a deleted backup after all."""
    if backup.state != PENDING:
        raise faults.invalid(f"Backup {backup.id} is in the state {backup.state}.")
    backup.state, backup.deleted = READY, None
    backup.put(call)
    return {"Backup": backup.shown(call)}


@cloudhsmv2.task
def remove_backup(call: Call, backup: str) -> None:
    from .sharing import unshare

    found = Backup.get(call, backup)
    if found and found.deleted is not None and found.deleted <= call.now:
        unshare(call, found)
        found.delete(call)


@cloudhsmv2.operation(on=backup_named)
def copy_backup_to_region(
    call: Call, backup: Backup, destination_region: str, tag_list: list[Members] | None = None
) -> Members:
    """Copy a backup to another Region, with its tags unless others are given."""
    ready(backup)
    if not regions.is_region(destination_region) or destination_region == call.region:
        raise faults.invalid(f"{destination_region} is not another Region.")
    there = call.at(region=destination_region)
    identifier = new_id("backup")
    copy = Backup(
        id=identifier,
        cluster=backup.cluster,
        created=backup.created,
        content=call.cloud.master_key.seal(backup.tokens(call), about(identifier)),
        hsm_type=backup.hsm_type,
        mode=backup.mode,
        certificate=backup.certificate,
        anchor=backup.anchor,
        retention=backup.retention,
        copied=call.now,
        source_region=call.region,
        source_backup=backup.id,
        source_cluster=backup.cluster,
        tags=backup.tags if tag_list is None else checked(tagging.as_map(tag_list)),
    ).put(there)
    await_end(there, copy)
    return {
        "DestinationBackup": {
            "CreateTimestamp": copy.created,
            "SourceRegion": call.region,
            "SourceBackup": backup.id,
            "SourceCluster": backup.cluster,
        }
    }
