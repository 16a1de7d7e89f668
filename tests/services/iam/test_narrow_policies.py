"""Policies that name the one thing that a call is about, as AWS's own examples do, let that call through."""

from __future__ import annotations

from typing import Any

import pytest

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, refused, user_with_key

SELF = "arn:aws:iam::*:user/${aws:username}"
ISSUER = "https://token.example.com/tenant"


@pytest.mark.parametrize(
    ("statement", "operation", "arguments", "others"),
    [
        (
            allow("iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/${aws:username}"),
            "create_virtual_mfa_device",
            {"VirtualMFADeviceName": "bob"},
            {"VirtualMFADeviceName": "alice"},
        ),
        (
            allow(
                "iam:CreateServiceLinkedRole",
                "arn:aws:iam::*:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup",
                Condition={"StringLike": {"iam:AWSServiceName": "backup.amazonaws.com"}},
            ),
            "create_service_linked_role",
            {"AWSServiceName": "backup.amazonaws.com"},
            {"AWSServiceName": "batch.amazonaws.com"},
        ),
        (
            allow("iam:CreateOpenIDConnectProvider", "arn:aws:iam::*:oidc-provider/token.example.com/*"),
            "create_open_id_connect_provider",
            {"Url": ISSUER, "ThumbprintList": ["a" * 40]},
            {"Url": "https://other.example.com", "ThumbprintList": ["a" * 40]},
        ),
        (
            allow("iam:GenerateServiceLastAccessedDetails", SELF),
            "generate_service_last_accessed_details",
            {"Arn": "arn:aws:iam::ACCOUNT:user/bob"},
            {"Arn": "arn:aws:iam::ACCOUNT:user/alice"},
        ),
    ],
    ids=["device", "linked-role", "issuer", "last-accessed"],
)
def test_what_a_call_is_about_may_be_named(
    iam: Any,
    aws: Account,
    cloud: LocalCloud,
    statement: dict[str, Any],
    operation: str,
    arguments: dict[str, Any],
    others: dict[str, Any],
) -> None:
    iam.create_user(UserName="alice")
    bob = acting(cloud, user_with_key(iam, "bob", statement), "iam")

    def told(given: dict[str, Any]) -> dict[str, Any]:
        return {name: value.replace("ACCOUNT", aws.id) if name == "Arn" else value for name, value in given.items()}

    with refused("AccessDenied"):
        getattr(bob, operation)(**told(others))
    getattr(bob, operation)(**told(arguments))


def test_users_may_see_when_their_own_keys_were_used(iam: Any, cloud: LocalCloud) -> None:
    key = user_with_key(iam, "bob", allow("iam:GetAccessKeyLastUsed", SELF))
    others = user_with_key(iam, "alice")
    bob = acting(cloud, key, "iam")
    assert bob.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"] == "bob"
    with refused("AccessDenied"):
        bob.get_access_key_last_used(AccessKeyId=others["AccessKeyId"])
