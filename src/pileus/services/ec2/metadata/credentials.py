"""Credentials of the role in an instance's profile, renewed before they end.

On AWS they last for six hours; here for one, which any role allows.
"""

from __future__ import annotations

import json
from datetime import datetime

from pileus.kernel import Call, Fault, Record, identity
from pileus.services.ec2.describing import Members

from .tree import instant

AS_EC2 = identity.service("ec2.amazonaws.com")
AS_IAM = identity.service("iam.amazonaws.com")
RENEWED = 900.0
"""Seconds before the old ones end there are new ones."""
CANNOT = (
    "EC2 cannot assume the role {role}. Please see documentation at "
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc."
)


class RoleCredentials(Record, key=("instance_id",)):
    """What an instance has been given last."""

    instance_id: str
    role_arn: str
    expires: float
    sealed: bytes


def role_of(call: Call, profile_arn: str) -> str:
    """The ARN of the role in a profile; empty where there is none."""
    name = profile_arn.rpartition("/")[2]
    try:
        found = call.aws("iam", principal=AS_IAM).get_instance_profile(instance_profile_name=name)["InstanceProfile"]
    except Fault:
        return ""
    return str(found["Roles"][0]["Arn"]) if found.get("Roles") else ""


def current(call: Call, instance_id: str, role_arn: str) -> Members:
    """The credentials as the service shows them; or why there are none."""
    given = RoleCredentials.get(call, instance_id)
    if given is None or given.role_arn != role_arn or call.now > given.expires - RENEWED:
        try:
            given = renewed(call, instance_id, role_arn)
        except Fault:
            told = {"Code": "AssumeRoleUnauthorizedAccess", "Message": CANNOT.format(role=role_arn.rpartition("/")[2])}
            return told | {"LastUpdated": instant(call.now)}
    shown: Members = json.loads(call.cloud.master_key.open(given.sealed, instance_id.encode()))
    return shown


def renewed(call: Call, instance_id: str, role_arn: str) -> RoleCredentials:
    answer = call.aws("sts", principal=AS_EC2).assume_role(role_arn=role_arn, role_session_name=instance_id)
    keys = answer["Credentials"]
    expires = keys["Expiration"]
    expires = expires.timestamp() if isinstance(expires, datetime) else float(expires)
    shown = {
        "Code": "Success",
        "LastUpdated": instant(call.now),
        "Type": "AWS-HMAC",
        "AccessKeyId": keys["AccessKeyId"],
        "SecretAccessKey": keys["SecretAccessKey"],
        "Token": keys["SessionToken"],
        "Expiration": instant(expires),
    }
    sealed = call.cloud.master_key.seal(json.dumps(shown).encode(), instance_id.encode())
    return RoleCredentials(instance_id, role_arn, expires, sealed).put(call)
