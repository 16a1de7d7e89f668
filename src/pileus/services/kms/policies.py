"""Key policies: validated, with the lockout safety check, and the default one that lets the account's root in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.enforcement import check as check_access
from pileus.kernel.access.grammar import Malformed
from pileus.kernel.access.grammar import check as check_grammar
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target

if TYPE_CHECKING:
    from .keys import Key

LONGEST = 32 * 1024
NAME = "default"
"""The only policy that a key can have."""


def default(call: Call) -> str:
    """The policy that leaves it to IAM who may do what ("Default key policy")."""
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": root(call)},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}, indent=2)


CALLERS = {"ebs": "ec2"}
"""Which service calls on behalf of a key's, where it is another one."""


def managed(call: Call, service: str) -> str:
    """The policy of an AWS managed key: for everybody in the account, through its service alone."""
    through: dict[str, Any] = {
        "Sid": f"Allow access through {service} for all principals in the account that are authorized to use {service}",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [
            "kms:Encrypt",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKey*",
            "kms:CreateGrant",
            "kms:DescribeKey",
        ],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "kms:CallerAccount": call.account,
                "kms:ViaService": f"{CALLERS.get(service, service)}.{call.region}.amazonaws.com",
            }
        },
    }
    direct: dict[str, Any] = {
        "Sid": "Allow direct access to key metadata to the account",
        "Effect": "Allow",
        "Principal": {"AWS": root(call)},
        "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
        "Resource": "*",
    }
    policy = {"Version": "2012-10-17", "Id": f"auto-{service}-1", "Statement": [through, direct]}
    return json.dumps(policy, separators=(",", ":"))


def root(call: Call) -> str:
    return f"arn:{call.partition}:iam::{call.account}:root"


def checked(call: Call, key: Key, text: str, *, bypass: bool) -> str:
    """A policy that may become the key's; unless `bypass`, its maker must be able to put another one."""
    if len(text.encode()) > LONGEST:
        raise Fault("LimitExceededException", f"Policy exceeds the limit of {LONGEST} bytes.")
    try:
        check_grammar(text, "resource")
    except Malformed as malformed:
        raise Fault("MalformedPolicyDocumentException", malformed.reason) from None
    if not bypass:
        check_lockout(call, key, text)
    return text


def check_lockout(call: Call, key: Key, text: str) -> None:
    target = Target(key.arn(call), call.account, text, explicit=True, tags=key.tags)
    try:
        check_access(call, standing(call), None, "kms:PutKeyPolicy", target, {})
    except Fault:
        raise Fault(
            "MalformedPolicyDocumentException",
            "The new key policy will not allow you to update the key policy in the future.",
        ) from None
