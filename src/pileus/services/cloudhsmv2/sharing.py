"""Shared backups: a policy lets other accounts see one, and make clusters of it."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.grammar import Malformed, check
from pileus.kernel.access.target import Target

from . import cloudhsmv2, faults
from .backups import Backup, backup_named, ready
from .clusters import owner_in

Members = dict[str, Any]


class Shared(Record, scope="cloud", key=("account", "region", "owner", "id")):
    """A backup that its policy shares with another account."""

    account: str
    region: str
    owner: str
    id: str


@cloudhsmv2.forget
def forget(call: Call) -> None:
    """What an account that is reset has shared, and what was shared with it."""
    for one in [one for one in Shared.scan(call) if call.account in (one.account, one.owner)]:
        one.delete(call)


def restorable(call: Call, identifier: str) -> Backup:
    """The backup that a cluster is to be made of: the account's own, or one that another lets it use."""
    owner = owner_in(identifier) or call.account
    backup = backup_named(call.at(account=owner), identifier)
    ready(backup)
    if owner != call.account:
        there = call.at(account=owner)
        try:
            authorize(call, "cloudhsm:CreateCluster", Target(backup.arn(there), owner, backup.policy))
        except Fault as denied:
            raise Fault("CloudHsmAccessDeniedException", denied.message) from None
    return backup


def shared_with(call: Call) -> list[tuple[Call, Backup]]:
    """The backups that others share with the account."""
    found = []
    for one in Shared.scan(call, call.account, call.region):
        there = call.at(account=one.owner)
        if backup := Backup.get(there, one.id):
            found.append((there, backup))
    return found


def held(call: Call, resource_arn: str = "") -> Backup:
    """The backup of an ARN: of the resources that may have a policy, backups alone can be shared now."""
    if ":backup/" not in resource_arn:
        raise faults.invalid("Resource policies are supported for backups.")
    return backup_named(call, resource_arn)


@cloudhsmv2.operation(on=held)
def put_resource_policy(call: Call, backup: Backup, policy: str = "") -> Members:
    ready(backup)
    try:
        document = check(policy, "resource")
    except Malformed as malformed:
        raise faults.invalid(f"The policy is not valid: {malformed.reason}") from None
    unshare(call, backup)
    backup.policy = policy
    backup.put(call)
    for account in accounts(document):
        if account != call.account:
            Shared(account, call.region, call.account, backup.id).put(call)
    return {"ResourceArn": backup.arn(call), "Policy": policy}


@cloudhsmv2.operation(on=held)
def get_resource_policy(call: Call, backup: Backup) -> Members:
    return {"Policy": backup.policy} if backup.policy else {}


@cloudhsmv2.operation(on=held)
def delete_resource_policy(call: Call, backup: Backup) -> Members:
    policy = backup.policy
    unshare(call, backup)
    backup.policy = ""
    backup.put(call)
    return {"ResourceArn": backup.arn(call)} | ({"Policy": policy} if policy else {})


def accounts(document: Members) -> set[str]:
    """The accounts that a policy names."""
    statements = document["Statement"]
    found: set[str] = set()
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        given = principal.get("AWS", []) if isinstance(principal, dict) else []
        names = [given] if isinstance(given, str) else given
        found |= {one.split(":")[4] if one.startswith("arn:") else one for one in names}
    return found - {"*"}


def unshare(call: Call, backup: Backup) -> None:
    """Forget with whom the present policy shares a backup."""
    if not backup.policy:
        return
    for account in accounts(json.loads(backup.policy)):
        if found := Shared.get(call, account, call.region, call.account, backup.id):
            found.delete(call)
