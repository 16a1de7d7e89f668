"""IAM users and keys, parameters and secrets: who may what."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.kernel.access.people import User, allow


@pytest.fixture
def arn(aws: Any) -> str:
    return str(aws.client("kms").create_key()["KeyMetadata"]["Arn"])


def test_under_the_default_policy_iam_decides(cloud: Any, aws: Any, arn: str, refused: Any) -> None:
    user = User(cloud, aws.id)
    kms = user.client("kms")
    with refused("AccessDeniedException", f"is not authorized to perform: kms:Encrypt on resource: {arn}"):
        kms.encrypt(KeyId=arn, Plaintext=b"x")
    user.grant(allow(["kms:Encrypt", "kms:Decrypt"], arn))
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    condition = {"StringEquals": {"kms:EncryptionContext:app": "orders"}}
    user.grant(allow("kms:Encrypt", arn, Condition=condition))
    kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"app": "orders"})
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=arn, Plaintext=b"x", EncryptionContext={"app": "bills"})


def test_where_the_key_policy_leaves_nothing_to_iam_iam_decides_nothing(
    cloud: Any, aws: Any, arn: str, refused: Any
) -> None:
    user, other = User(cloud, aws.id, allow("kms:*")), User(cloud, aws.id)
    kms = aws.client("kms")
    root = f"arn:aws:iam::{aws.id}:root"
    administer = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:Put*", "Resource": "*"}
    use = {"Effect": "Allow", "Principal": {"AWS": other.arn}, "Action": "kms:Encrypt", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [administer, use]}
    kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy))
    with refused("AccessDeniedException", "because no resource-based policy allows the kms:Encrypt action"):
        user.client("kms").encrypt(KeyId=arn, Plaintext=b"x")
    assert other.client("kms").encrypt(KeyId=arn, Plaintext=b"x")


def test_a_grant_is_enough_for_a_user_of_the_account(cloud: Any, aws: Any, arn: str, refused: Any) -> None:
    user = User(cloud, aws.id)
    aws.client("kms").create_grant(KeyId=arn, GranteePrincipal=user.arn, Operations=["Encrypt"])
    kms = user.client("kms")
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)


def test_re_encryption_wants_a_permission_on_each_key(cloud: Any, aws: Any, arn: str, refused: Any) -> None:
    kms = aws.client("kms")
    other = kms.create_key()["KeyMetadata"]["Arn"]
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    user = User(cloud, aws.id, allow("kms:ReEncryptFrom", arn))
    theirs = user.client("kms")
    with refused("AccessDeniedException", "kms:ReEncryptTo"):
        theirs.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)
    user.grant(allow("kms:ReEncryptFrom", arn), allow("kms:ReEncryptTo", other))
    assert theirs.re_encrypt(CiphertextBlob=blob, DestinationKeyId=other)["KeyId"] == other


def test_a_secure_string_wants_the_key_too(cloud: Any, aws: Any, arn: str, refused: Any) -> None:
    aws.client("ssm").put_parameter(Name="/a/b", Value="x", Type="SecureString", KeyId=arn)
    parameter = f"arn:aws:ssm:us-east-1:{aws.id}:parameter/a/b"
    user = User(cloud, aws.id, allow("ssm:GetParameter", parameter))
    ssm = user.client("ssm")
    assert ssm.get_parameter(Name="/a/b")
    with refused("AccessDeniedException", "kms:Decrypt"):
        ssm.get_parameter(Name="/a/b", WithDecryption=True)
    through = {"StringEquals": {"kms:ViaService": "ssm.us-east-1.amazonaws.com"}}
    user.grant(allow("ssm:GetParameter", parameter), allow("kms:Decrypt", arn, Condition=through))
    assert ssm.get_parameter(Name="/a/b", WithDecryption=True)["Parameter"]["Value"] == "x"
    with refused("AccessDeniedException"):
        ssm.get_parameter(Name="/a/c")
    with refused("AccessDeniedException"):
        ssm.put_parameter(Name="/a/b", Value="y", Overwrite=True)


def test_a_secret_under_the_managed_key_wants_the_secret_alone(cloud: Any, aws: Any, refused: Any) -> None:
    secret = aws.client("secretsmanager").create_secret(Name="s", SecretString="x")["ARN"]
    user = User(cloud, aws.id, allow("secretsmanager:GetSecretValue", secret))
    assert user.client("secretsmanager").get_secret_value(SecretId="s")["SecretString"] == "x"
    with refused("AccessDeniedException"):
        user.client("secretsmanager").delete_secret(SecretId="s")


def test_re_encryption_goes_from_one_account_to_another(cloud: Any, aws: Any, arn: str) -> None:
    guest, kms = cloud.account(), aws.client("kms")
    theirs = guest.client("kms")
    own = theirs.create_key()["KeyMetadata"]["Arn"]
    policy = json.loads(kms.get_key_policy(KeyId=arn)["Policy"])
    root = f"arn:aws:iam::{guest.id}:root"
    policy["Statement"].append(
        {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:ReEncrypt*", "Resource": "*"}
    )
    kms.put_key_policy(KeyId=arn, Policy=json.dumps(policy))
    blob = kms.encrypt(KeyId=arn, Plaintext=b"x")["CiphertextBlob"]
    taken = theirs.re_encrypt(CiphertextBlob=blob, DestinationKeyId=own[-36:])
    assert (taken["SourceKeyId"], taken["KeyId"]) == (arn, own)
    given = theirs.re_encrypt(CiphertextBlob=taken["CiphertextBlob"], DestinationKeyId=arn)
    assert (given["SourceKeyId"], given["KeyId"]) == (own, arn)
    assert kms.decrypt(CiphertextBlob=given["CiphertextBlob"])["Plaintext"] == b"x"


def test_conditions_on_aliases_grants_and_waiting_periods(cloud: Any, aws: Any, arn: str, refused: Any) -> None:
    root = aws.client("kms")
    root.create_alias(AliasName="alias/app/orders", TargetKeyId=arn)
    of_app = {"ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/app/*"}}
    encryption_only = {"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "DescribeKey"]}}
    long = {"NumericGreaterThanEquals": {"kms:ScheduleKeyDeletionPendingWindowInDays": "20"}}
    user = User(
        cloud,
        aws.id,
        allow("kms:Encrypt", Condition=of_app),
        allow("kms:CreateGrant", Condition=encryption_only),
        allow("kms:ScheduleKeyDeletion", Condition=long),
    )
    kms = user.client("kms")
    kms.encrypt(KeyId=arn, Plaintext=b"x")
    with refused("AccessDeniedException"):
        kms.encrypt(KeyId=root.create_key()["KeyMetadata"]["KeyId"], Plaintext=b"x")
    kms.create_grant(KeyId=arn, GranteePrincipal=user.arn, Operations=["Encrypt"])
    with refused("AccessDeniedException"):
        kms.create_grant(KeyId=arn, GranteePrincipal=user.arn, Operations=["Encrypt", "Decrypt"])
    root.delete_alias(AliasName="alias/app/orders")
    with refused("AccessDeniedException"):
        kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    kms.schedule_key_deletion(KeyId=arn, PendingWindowInDays=20)


def test_aliases_are_listed_by_those_whom_iam_lets_whatever_the_key_says(cloud: Any, aws: Any, arn: str) -> None:
    kms = aws.client("kms")
    kms.create_alias(AliasName="alias/one", TargetKeyId=arn)
    root = {"AWS": f"arn:aws:iam::{aws.id}:root"}
    administer = {"Effect": "Allow", "Principal": root, "Action": "kms:Put*", "Resource": "*"}
    kms.put_key_policy(KeyId=arn, Policy=json.dumps({"Version": "2012-10-17", "Statement": [administer]}))
    user = User(cloud, aws.id, allow("kms:ListAliases"))
    assert [one["AliasName"] for one in user.client("kms").list_aliases(KeyId=arn)["Aliases"]] == ["alias/one"]
