"""Who may use a snapshot beside its owner: the attribute `createVolumePermission`."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value, combination, missing

from . import encryption, public_access, sharing
from .announcing import SNAPSHOT, announced
from .sharing import ALL
from .snapshots import KIND, Snapshot, own

PERMISSION = "createVolumePermission"


@ec2.operation
def modify_snapshot_attribute(
    call: Call,
    snapshot_id: str,
    attribute: str = "",
    create_volume_permission: dict[str, Any] = {},
    group_names: list[str] = [],
    operation_type: str = "",
    user_ids: list[str] = [],
) -> None:
    """Share a snapshot with accounts or with everybody, or no longer."""
    if attribute not in ("", PERMISSION):
        raise bad_value("attribute", attribute)
    one = own(call, snapshot_id)
    added = grantees(create_volume_permission.get("Add", []))
    removed = grantees(create_volume_permission.get("Remove", []))
    if user_ids or group_names:
        (removed if operation_type == "remove" else added).extend([*user_ids, *group_names])
    if added and removed:
        raise combination("Permissions cannot be added and removed by one request.")
    if not added and not removed:
        raise missing("CreateVolumePermission")
    if added:
        _check(call, one, added)
    _share(call, one, added, removed)


def grantees(permissions: list[dict[str, str]]) -> list[str]:
    """Accounts, and `all` for the group of that name."""
    return [one.get("UserId") or one.get("Group", "") for one in permissions]


def _check(call: Call, one: Snapshot, added: list[str]) -> None:
    for grantee in added:
        if grantee != ALL and not (len(grantee) == 12 and grantee.isdigit()):
            raise Fault("InvalidParameterValue", f"Value ({grantee}) for parameter userId is invalid. Invalid user id")
    if ALL in added:
        public_access.check(public_access.blocked(call).snapshots, "snapshots")
        if one.seal.key:
            raise Fault("OperationNotPermitted", f"Encrypted snapshot {one.snapshot_id} cannot be made public.")
    if one.seal.key and one.seal.key == encryption.key_arn(call, encryption.MANAGED):
        text = "Encrypted snapshots with EBS default key cannot be shared"
        raise Fault("OperationNotPermitted", text)


def _share(call: Call, one: Snapshot, added: list[str], removed: list[str]) -> None:
    new = [grantee for grantee in dict.fromkeys(added) if grantee not in one.shared]
    sharing.withdraw(call, KIND, one.snapshot_id, removed)
    sharing.offer(call, KIND, one.snapshot_id, new)
    one.shared = [grantee for grantee in [*one.shared, *new] if grantee not in removed]
    one.put(call)
    for account in new:
        if account != ALL:
            _told(call, one, account)


def _told(call: Call, one: Snapshot, account: str) -> None:
    """The account that may use it now is told, in its own events."""
    told = {
        "event": "shareSnapshot",
        "result": "succeeded",
        "cause": "",
        "snapshot_id": one.arn(call),
        "source": call.account,
        "startTime": call.now,
        "endTime": call.now,
    }
    announced(call.at(account=account), SNAPSHOT, [one.arn(call)], told)


@ec2.operation
def describe_snapshot_attribute(call: Call, attribute: str, snapshot_id: str) -> Members:
    one = own(call, snapshot_id)
    if attribute == "productCodes":
        return {"SnapshotId": snapshot_id, "ProductCodes": []}
    if attribute != PERMISSION:
        raise bad_value("attribute", attribute)
    shared = [{"Group": ALL} if grantee == ALL else {"UserId": grantee} for grantee in one.shared]
    return {"SnapshotId": snapshot_id, "CreateVolumePermissions": shared}


@ec2.operation
def reset_snapshot_attribute(call: Call, attribute: str, snapshot_id: str) -> None:
    """Share it with nobody any more."""
    if attribute != PERMISSION:
        raise bad_value("attribute", attribute)
    one = own(call, snapshot_id)
    _share(call, one, [], list(one.shared))
