"""Roles that S3 takes on to do what it was asked to do later: replication acts as the role of its configuration."""

from __future__ import annotations

from pileus.kernel import Call, Fault, arn, identity
from pileus.kernel.identity import Principal

from . import documents, events
from .buckets import Bucket

SESSION = "s3-replication"


def taken_on(call: Call, role_arn: str, by: str = events.S3_ITSELF, session: str = SESSION) -> Principal:
    """A session of the role, if that trusts S3. It needs no credentials: nobody but S3 itself acts by it."""
    from pileus.kernel.access.attached import Grants
    from pileus.kernel.access.enforcement import authorize
    from pileus.kernel.access.target import Target

    grants = Grants.by_arn(call, role_arn)
    role = arn.parse(role_arn)
    if grants is None:
        raise Fault("AccessDenied", f"S3 may not assume {role_arn}")
    target = Target(role_arn, role.account, grants.trust, explicit=True, trust=True, tags=grants.tags)
    authorize(call.at(principal=identity.service(by)), "sts:AssumeRole", target)
    name = role.resource.rpartition("/")[2]
    return Principal(
        "AssumedRole",
        role.account,
        f"arn:{call.partition}:sts::{role.account}:assumed-role/{name}/{session}",
        f"{grants.id}:{session}",
        session={"issuer": role_arn},
    )


def check(call: Call, action: str, bucket: Bucket, key: str = "") -> None:
    """Refuse what a role's policies do not allow, or in another account the bucket's policy."""
    from pileus.kernel.access.enforcement import authorize
    from pileus.kernel.access.target import Target

    policy = documents.load(call, bucket.room, "policy") or ""
    resource = f"{bucket.arn(call)}/{key}" if key else bucket.arn(call)
    authorize(call.at(account=bucket.owner), action, Target(resource, bucket.owner, policy))
