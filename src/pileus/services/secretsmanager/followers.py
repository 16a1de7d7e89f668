"""A replica in another account: created there, linked by the primary's account, and then changed at the primary alone.

"Cross-account replication", User Guide. The value is encrypted for the replica as the caller who changes the primary,
or as the role that was named when the two were linked.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, arn, identity
from pileus.kernel.access.attached import Membership
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target

from . import faults, secretsmanager
from .replication import fill
from .secrets import Secret, found, primary

Members = dict[str, Any]

IN_SYNC, PENDING, FAILED, DETACHED = "InSync", "Pending", "Failed", "Detached"


def begun(call: Call, primary_arn: str) -> dict[str, str]:
    """What a replica says of its primary before they are linked."""
    place = parsed(primary_arn)
    if place.account == call.account or (place.region, place.partition) != (call.region, call.partition):
        raise faults.parameter("The primary secret must be in another account, in the same Region and partition.")
    return {"PrimarySecretARN": primary_arn, "ReplicationStatus": PENDING}


def parsed(text: str) -> Any:
    try:
        return arn.parse(text)
    except ValueError:
        raise faults.parameter(f"{text} is not a valid ARN.") from None


@secretsmanager.operation(on=primary)
def associate_cross_account_replica(
    call: Call,
    secret: Secret,
    cross_account_replica_arn: str,
    replica_restriction: str = "SameOrg",
    replication_role_arn: str = "",
) -> Members:
    """Link a secret to its replica in another account, and fill that."""
    there, replica = replica_at(call, cross_account_replica_arn)
    if replica.source.get("PrimarySecretARN") != secret.arn(call):
        raise faults.request("The secret was not created as a cross-account replica of this primary secret.")
    action = "secretsmanager:AcceptCrossAccountReplication"
    authorize(call, action, Target(replica.arn(there), there.account, replica.policy))
    if replica_restriction == "SameOrg" and not same_organization(call, there):
        raise faults.request("The replica account is not in the same organization as the primary account.")
    if any(one["ReplicaSecretARN"] != cross_account_replica_arn for one in secret.followers):
        raise Fault("LimitExceededException", "A primary secret can have at most one cross-account replica.")
    role = {"ReplicationRoleARN": replication_role_arn} if replication_role_arn else {}
    secret.followers = [{"ReplicaSecretARN": cross_account_replica_arn, "ReplicationStatus": PENDING} | role]
    copy(call, secret, secret.followers[0], there, replica)
    secret.put(call)
    return linked(call, secret, cross_account_replica_arn) | {"ReplicationStatus": IN_SYNC}


def replica_at(call: Call, replica_arn: str) -> tuple[Call, Secret]:
    place = parsed(replica_arn)
    if (place.region, place.partition) != (call.region, call.partition):
        raise faults.parameter("The replica secret must be in the same Region and partition.")
    there = call.at(account=place.account)
    return there, found(there, replica_arn)


def same_organization(call: Call, there: Call) -> bool:
    own, other = Membership.get(call, call.account), Membership.get(call, there.account)
    return own is not None and other is not None and own.organization == other.organization


def linked(call: Call, secret: Secret, replica_arn: str) -> Members:
    return {"ARN": secret.arn(call), "CrossAccountReplicaARN": replica_arn}


@secretsmanager.operation(on=primary)
def disassociate_cross_account_replica(call: Call, secret: Secret, cross_account_replica_arn: str) -> Members:
    """Unlink a replica, which keeps what it has."""
    if not any(one["ReplicaSecretARN"] == cross_account_replica_arn for one in secret.followers):
        raise faults.request("The secret is not a cross-account replica of this primary secret.")
    secret.followers = []
    secret.put(call)
    try:
        there, replica = replica_at(call, cross_account_replica_arn)
    except Fault:
        return linked(call, secret, cross_account_replica_arn)
    replica.source = replica.source | {"ReplicationStatus": DETACHED}
    replica.put(there)
    return linked(call, secret, cross_account_replica_arn)


def lead(call: Call, secret: Secret) -> None:
    """Make the replica what the primary is; where that fails, both say why."""
    for one in secret.followers:
        if one["ReplicationStatus"] == DETACHED:
            continue
        try:
            there, replica = replica_at(call, one["ReplicaSecretARN"])
        except Fault as fault:
            one |= {"ReplicationStatus": FAILED, "StatusMessage": fault.message}
            continue
        try:
            with call.store.attempt():
                copy(call, secret, one, there, replica)
        except Fault as fault:
            failure = {"ReplicationStatus": FAILED, "StatusMessage": fault.message}
            one |= failure
            replica.source = replica.source | failure
            replica.put(there)
    secret.put(call)


def copy(call: Call, secret: Secret, link: dict[str, str], there: Call, replica: Secret) -> None:
    """Fill a replica, and say on both sides that it is in sync."""
    who = assumed(call, link["ReplicationRoleARN"]) if "ReplicationRoleARN" in link else call.principal
    fill(call.at(principal=who), secret, there.at(principal=who), replica, replica.key_id)
    replica.source = {"PrimarySecretARN": secret.arn(call), "ReplicationStatus": IN_SYNC}
    replica.changed = call.now
    replica.put(there)
    link["ReplicationStatus"] = IN_SYNC
    link.pop("StatusMessage", None)


def assumed(call: Call, role: str) -> identity.Principal:
    """The session of the role by which Secrets Manager replicates."""
    sts = call.aws("sts", principal=identity.service("secretsmanager.amazonaws.com"))
    key = sts.assume_role(role_arn=role, role_session_name="SecretsManager")["Credentials"]["AccessKeyId"]
    credential = identity.Credential.get(call, key)
    assert credential
    return credential.principal


def part(call: Call, replica: Secret) -> Members:
    """Make a replica a secret of its own, which the primary then says is detached."""
    place = replica.source["PrimarySecretARN"]
    replica.source = {}
    replica.put(call)
    there = call.at(account=parsed(place).account)
    try:
        lead = found(there, place)
    except Fault:
        return {"ARN": replica.arn(call)}
    own = replica.arn(call)
    lead.followers = [
        one | {"ReplicationStatus": DETACHED} if one["ReplicaSecretARN"] == own else one for one in lead.followers
    ]
    lead.put(there)
    return {"ARN": own}
