"""GetDataAccess: credentials for what somebody has been granted, and for nothing else.

They are a session of the location's role, which STS narrows by a session policy to the scope of the grant that is
closest to what was asked for, or to just that.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, names, roles
from pileus.kernel.identity import Credential
from pileus.services.s3.abac import GRANTED
from pileus.services.s3.access_grants import Instance, address
from pileus.services.s3.faults import denied, fault

from . import s3control
from .grants import IAM, Grant, caller
from .grants_instances import bucket_of, instance, itself, reachable
from .grants_locations import Location

HOUR = 3600
READING = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:GetObjectVersionAcl")
PARTS = "s3:ListMultipartUploadParts"
WRITING = (
    "s3:PutObject",
    "s3:PutObjectAcl",
    "s3:PutObjectVersionAcl",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:AbortMultipartUpload",
)
"""What the permissions stand for ("Register a location", S3 User Guide, which says so of the role)."""


@s3control.operation(on=instance, honours=["AuditContext"])
def get_data_access(
    call: Call,
    found: Instance,
    target: str,
    permission: str,
    duration_seconds: int = HOUR,
    privilege: str = "Default",
    target_type: str = "",
    instance_scope: str = "SELF",
) -> dict[str, Any]:
    """Credentials for data that the caller has been granted. What their audit context says is in the trail."""
    one = target_type == "Object"
    stem = target if one else target.removesuffix("*")
    if stem == f"s3://{bucket_of(target)}":
        stem += "/"
    for there in reachable(call, instance_scope):
        if grant := closest(there, caller(call), stem, one, permission):
            path, single = (stem, one) if privilege == "Minimal" else (grant.stem, grant.one)
            policy = session_policy(there, path, single, permission)
            return {
                "Credentials": credentials(there, grant, policy, duration_seconds),
                "MatchedGrantTarget": path if single else f"{path}*",
                "Grantee": {"GranteeType": grant.kind, "GranteeIdentifier": grant.grantee},
                "MatchedInstanceArn": address(there),
            }
    raise denied(f"You do not have {permission} permissions to the requested S3 Prefix: {target}")


def closest(call: Call, who: str, stem: str, one: bool, permission: str) -> Grant | None:
    """The narrowest grant that lets somebody do this with a target.

    In the order of their paths, backwards from the target, what begins like it comes the nearest first.
    """
    bucket = f"s3://{bucket_of(stem)}/"
    for grant in Grant.scan(call, IAM, who, index="by_grantee", since=(bucket,), upto=(stem,), reverse=True):
        covers = stem == grant.stem and one if grant.one else stem.startswith(grant.stem)
        if covers and grant.permission in (permission, "READWRITE") and not grant.application:
            return grant
    return None


def credentials(call: Call, grant: Grant, policy: str, seconds: int) -> dict[str, Any]:
    """A session of the location's role, within the policy, that says which instance has given it."""
    from pileus.kernel.access.attached import Grants

    location = Location.get(call, grant.location)
    assert location is not None, f"a grant refers to a location that is not there: {grant.location}"
    name = f"access-grants-{names.uuid4()}"
    if Grants.by_arn(call, location.role) is None and not call.cloud.strict:
        made = improvised(call, location.role, name, policy, seconds)
    else:
        made = assumed(call, location.role, name, policy, seconds)
    made.principal.session[GRANTED] = address(call)
    made.put(call)
    return {
        "AccessKeyId": made.access_key_id,
        "SecretAccessKey": made.secret,
        "SessionToken": made.token,
        "Expiration": made.expires,
    }


def assumed(call: Call, role: str, name: str, policy: str, seconds: int) -> Credential:
    """What STS gives for the role."""
    try:
        answer = call.aws("sts", principal=itself(call)).assume_role(
            role_arn=role, role_session_name=name, policy=policy, duration_seconds=seconds
        )
    except Fault as refusal:
        raise fault(*refusals(refusal)) from None
    found = Credential.get(call, answer["Credentials"]["AccessKeyId"])
    assert found is not None, "STS has given a key that is not there"
    return found


def refusals(refusal: Fault) -> tuple[str, str, int]:
    """What STS does not do, in S3's words."""
    if refusal.code == "AccessDenied":
        return "StsNotAuthorizedError", str(refusal), 403
    if refusal.code == "PackedPolicyTooLargeException":
        return "StsPackedPolicyTooLargeError", str(refusal), 400
    return "StsValidationError", str(refusal), 400


def improvised(call: Call, role: str, name: str, policy: str, seconds: int) -> Credential:
    """The same for a role that nobody has created (see STS)."""
    principal = roles.improvised(call, role, name)
    principal.session["policy"] = policy
    return Credential(
        access_key_id=principal.access_key_id,
        secret=names.token(40),
        principal=principal,
        token=names.token(128),
        expires=call.now + seconds,
    )


def session_policy(call: Call, stem: str, one: bool, permission: str) -> str:
    """What a session may do with a path: with its objects, and with its bucket as far as the path goes."""
    bucket, _, key = stem.removeprefix("s3://").partition("/")
    literal = "".join(f"${{{sign}}}" if sign in "*?$" else sign for sign in key) + ("" if one else "*")
    arn = f"arn:{call.partition}:s3:::{bucket}"
    own = {"StringEquals": {"aws:ResourceAccount": call.account}}
    reads, writes = permission != "WRITE", permission != "READ"
    does = [*((*READING, PARTS) if reads else ()), *(WRITING if writes else ())]
    keys = ["kms:Decrypt", *(["kms:GenerateDataKey"] if writes else [])]
    statements: list[dict[str, Any]] = [
        {"Effect": "Allow", "Action": does, "Resource": f"{arn}/{literal}", "Condition": own},
        {"Effect": "Allow", "Action": keys, "Resource": "*"},
    ]
    if reads:
        within = own if literal == "*" else {**own, "StringLike": {"s3:prefix": literal}}
        statements.append({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn, "Condition": within})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
