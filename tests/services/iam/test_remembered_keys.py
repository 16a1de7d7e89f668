"""What lies under a key of KMS needs the key each time, whoever was let in the last time, and however it is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account

from .asking import acting, allow, document, user_with_key
from .test_remembered import Ask, deny, everybody

MAKERS: dict[str, Callable[[Account, Any, str], Ask]] = {}


def maker(function: Callable[[Account, Any, str], Ask]) -> Callable[[Account, Any, str], Ask]:
    MAKERS[function.__name__] = function
    return function


@maker
def an_object(aws: Account, client: Any, key: str) -> Ask:
    name = f"sealed-{aws.id}"
    aws.client("s3").create_bucket(Bucket=name)
    aws.client("s3").put_object(Bucket=name, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    return lambda: client("s3").get_object(Bucket=name, Key="k")["Body"].read()


@maker
def an_object_under_a_bucket_key(aws: Account, client: Any, key: str) -> Ask:
    name = f"keyed-{aws.id}"
    aws.client("s3").create_bucket(Bucket=name)
    aws.client("s3").put_object(
        Bucket=name, Key="k", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key, BucketKeyEnabled=True
    )
    return lambda: client("s3").get_object(Bucket=name, Key="k")["Body"].read()


@maker
def a_new_object(aws: Account, client: Any, key: str) -> Ask:
    name = f"new-{aws.id}"
    aws.client("s3").create_bucket(Bucket=name)
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    return lambda: client("s3").put_object(Bucket=name, Key="k", Body=b"x", **sealed)


@maker
def a_secret(aws: Account, client: Any, key: str) -> Ask:
    aws.client("secretsmanager").create_secret(Name="s", SecretString="x", KmsKeyId=key)
    return lambda: client("secretsmanager").get_secret_value(SecretId="s")


@maker
def a_parameter(aws: Account, client: Any, key: str) -> Ask:
    aws.client("ssm").put_parameter(Name="p", Value="x", Type="SecureString", KeyId=key)
    return lambda: client("ssm").get_parameter(Name="p", WithDecryption=True)


@maker
def a_notice(aws: Account, client: Any, key: str) -> Ask:
    arn = aws.client("sns").create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    return lambda: client("sns").publish(TopicArn=arn, Message="x")


@maker
def a_ciphertext(aws: Account, client: Any, key: str) -> Ask:
    blob = aws.client("kms").encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    return lambda: client("kms").decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize("kind", MAKERS)
def test_the_key_is_asked_for_each_time(kind: str, iam: Any, aws: Account, cloud: LocalCloud) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    credentials = user_with_key(iam, "alice", allow("*"))
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:
        return clients.setdefault(service, acting(cloud, credentials, service))

    ask = MAKERS[kind](aws, client, key)

    def allowed() -> bool:
        try:
            ask()
        except ClientError as error:
            if "KMS" in f"{error}" or "kms" in f"{error}" or "isabled" in f"{error}":
                return False
            raise
        return True

    whole = everybody(allow("kms:*"), {"AWS": f"arn:aws:iam::{aws.id}:root"})
    user = iam.get_user(UserName="alice")["User"]["Arn"]
    uses = everybody(deny(["kms:Decrypt", "kms:GenerateDataKey*"]), {"AWS": user})
    assert [allowed() for _ in range(3)] == [True] * 3
    kms.put_key_policy(KeyId=key, Policy=document(whole, uses))
    assert not allowed()
    kms.put_key_policy(KeyId=key, Policy=document(whole))
    assert [allowed() for _ in range(2)] == [True] * 2
    iam.put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=document(deny("kms:*", key)))
    assert not allowed()
    iam.delete_user_policy(UserName="alice", PolicyName="no")
    assert [allowed() for _ in range(2)] == [True] * 2
    kms.disable_key(KeyId=key)
    assert not allowed()
    kms.enable_key(KeyId=key)
    assert allowed()
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert not allowed()
