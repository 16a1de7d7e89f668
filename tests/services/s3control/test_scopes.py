"""Access points for directory buckets: sessions by them, and scopes that limit what they reach."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest

import pileus
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put, read
from tests.services.s3.test_directories import PLAIN, ZONE, create

from .conftest import control_of


@pytest.fixture
def directory(aws: Account) -> str:
    s3 = aws.client("s3", config=PLAIN)
    name = create(s3)
    objects = aws.client("s3")
    for key in ("in/a", "in/b", "out/c"):
        put(objects, name, key, key.encode())
    return name


def named() -> str:
    return f"p{uuid.uuid4().hex[:10]}--{ZONE}--xa-s3"


def test_its_life(control: Any, aws: Account, directory: str, bucket: str, refused: Any) -> None:
    mine, name = {"AccountId": aws.id}, named()
    with refused("InvalidRequest"):
        control.create_access_point(**mine, Name=name, Bucket=bucket)
    with refused("InvalidRequest"):
        control.create_access_point(**mine, Name="plain", Bucket=directory)
    scope = {"Prefixes": ["in/"], "Permissions": ["GetObject", "ListBucket"]}
    made = control.create_access_point(**mine, Name=name, Bucket=directory, Scope=scope)
    assert made["AccessPointArn"] == f"arn:aws:s3express:us-east-1:{aws.id}:accesspoint/{name}"
    assert made["Alias"] == name
    assert control.get_access_point_scope(**mine, Name=name)["Scope"] == scope
    control.create_access_point(**mine, Name="plain", Bucket=bucket)
    listed = control.list_access_points_for_directory_buckets(**mine, DirectoryBucket=directory)["AccessPointList"]
    assert [(each["Name"], each["Bucket"]) for each in listed] == [(name, directory)]
    plain = control.list_access_points(**mine)["AccessPointList"]
    assert [each["Name"] for each in plain] == ["plain"]
    with refused("InvalidRequest"):
        control.put_access_point_scope(**mine, Name="plain", Scope=scope)
    with refused("InvalidRequest"):
        control.put_access_point_scope(**mine, Name=name, Scope={"Prefixes": ["x" * 128, "y" * 128]})
    with refused("MalformedXML"):
        control.put_access_point_scope(**mine, Name=name, Scope={})
    control.delete_access_point_scope(**mine, Name=name)
    assert control.get_access_point_scope(**mine, Name=name)["Scope"] == {}
    control.delete_access_point(**mine, Name=name)
    with refused("NoSuchAccessPoint"):
        control.get_access_point_scope(**mine, Name=name)


def test_a_scope_limits_what_a_point_reaches(control: Any, aws: Account, directory: str, refused: Any) -> None:
    s3, name = aws.client("s3"), named()
    mine = {"AccountId": aws.id, "Name": name}
    control.create_access_point(**mine, Bucket=directory)
    assert read(s3, name, "out/c") == b"out/c"  # with a session that boto3 makes by the point
    put(s3, name, "out/d", b"1")
    session = s3.create_session(Bucket=name)["Credentials"]
    keys = {
        "aws_access_key_id": session["AccessKeyId"],
        "aws_secret_access_key": session["SecretAccessKey"],
        "aws_session_token": session["SessionToken"],
    }
    by_point = boto3.client("s3", endpoint_url=aws.cloud.endpoint, region_name="us-east-1", config=PLAIN, **keys)
    assert read(by_point, name, "out/c") == b"out/c"
    with refused("AccessDenied"):  # its session is not for the bucket
        read(by_point, directory, "out/c")

    scope = {"Prefixes": ["in/"], "Permissions": ["GetObject", "ListBucket", "DeleteObject"]}
    control.put_access_point_scope(**mine, Scope=scope)
    assert read(s3, name, "in/a") == b"in/a"
    assert s3.head_object(Bucket=name, Key="in/a")["ContentLength"] == 4
    listed = s3.list_objects_v2(Bucket=name, Prefix="in/")["Contents"]
    assert [each["Key"] for each in listed] == ["in/a", "in/b"]
    for attempt in (
        lambda: read(s3, name, "out/c"),
        lambda: put(s3, name, "in/new", b"1"),
        lambda: s3.list_objects_v2(Bucket=name),
        lambda: s3.get_object_attributes(Bucket=name, Key="in/a", ObjectAttributes=["ObjectSize"]),
        lambda: s3.delete_object(Bucket=name, Key="out/c"),
        lambda: s3.rename_object(Bucket=name, Key="in/x", RenameSource=f"{name}/in/a"),
    ):
        with refused("AccessDenied"):
            attempt()
    deleted = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "in/b"}, {"Key": "out/c"}]})
    assert [each["Key"] for each in deleted["Deleted"]] == ["in/b"]
    assert [(each["Key"], each["Code"]) for each in deleted["Errors"]] == [("out/c", "AccessDenied")]
    control.put_access_point_scope(**mine, Scope={"Prefixes": ["in/", "copies/"]})
    s3.copy_object(Bucket=name, Key="copies/a", CopySource=f"{name}/in/a")
    with refused("AccessDenied"):
        s3.copy_object(Bucket=name, Key="copies/c", CopySource=f"{name}/out/c")
    s3.rename_object(Bucket=name, Key="in/renamed", RenameSource=f"{name}/in/a")
    assert read(s3, directory, "in/renamed") == b"in/a"


def test_other_accounts_come_by_the_points_policy_and_the_buckets(
    control: Any, aws: Account, directory: str, cloud: pileus.LocalCloud, refused: Any
) -> None:
    s3, name, friend = aws.client("s3", config=PLAIN), named(), cloud.account()
    made = control.create_access_point(AccountId=aws.id, Name=name, Bucket=directory)
    theirs = friend.client("s3")
    bucket_arn = f"arn:aws:s3express:us-east-1:{aws.id}:bucket/{directory}"

    def statement(resource: str) -> str:
        one = {"Effect": "Allow", "Principal": {"AWS": friend.id}, "Action": "s3express:CreateSession"}
        return json.dumps({"Version": "2012-10-17", "Statement": [one | {"Resource": resource}]})

    with refused("AccessDenied"):
        theirs.create_session(Bucket=name)
    policy = statement(made["AccessPointArn"])
    control.put_access_point_policy(AccountId=aws.id, Name=name, Policy=policy)
    assert control.get_access_point_policy(AccountId=aws.id, Name=name)["Policy"] == policy
    with refused("AccessDenied"):
        theirs.create_session(Bucket=name)
    s3.put_bucket_policy(Bucket=directory, Policy=statement(bucket_arn))
    assert read(theirs, name, "in/a") == b"in/a"
    put(theirs, directory, "in/theirs", b"1")  # the bucket's policy lets them in directly, too
    assert read(theirs, directory, "in/theirs") == b"1"
    with refused("AccessDenied"):
        control_of(friend).get_access_point_scope(AccountId=aws.id, Name=name)


def test_a_session_says_how_its_objects_are_encrypted(aws: Account, directory: str, refused: Any) -> None:
    s3 = aws.client("s3", config=PLAIN)
    assert s3.create_session(Bucket=directory)["ServerSideEncryption"] == "AES256"
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    with refused("InvalidArgument"):
        s3.create_session(Bucket=directory, ServerSideEncryption="aws:kms:dsse")
    with refused("InvalidRequest"):
        s3.create_session(Bucket=directory, ServerSideEncryption="aws:kms", SSEKMSKeyId=key, BucketKeyEnabled=False)
    made = s3.create_session(Bucket=directory, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    assert (made["ServerSideEncryption"], made["SSEKMSKeyId"]) == ("aws:kms", key)
    assert made["BucketKeyEnabled"] is True
    session = made["Credentials"]
    within = boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        config=PLAIN,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    put(within, directory, "secret", b"1")
    head = s3.head_object(Bucket=directory, Key="secret")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)
    with refused("InvalidRequest"):
        put(within, directory, "secret", b"1", ServerSideEncryption="AES256")
    assert read(within, directory, "secret") == b"1"


def test_buckets_of_a_region(control: Any, aws: Account, directory: str, bucket: str, refused: Any) -> None:
    abroad = fresh()
    aws.client("s3", "eu-west-1").create_bucket(
        Bucket=abroad, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    aws.client("s3").delete_public_access_block(Bucket=bucket)
    found = control.list_regional_buckets(AccountId=aws.id)["RegionalBucketList"]
    assert [(each["Bucket"], each["PublicAccessBlockEnabled"]) for each in found] == [(bucket, False)]
    there = control_of(aws, "eu-west-1").list_regional_buckets(AccountId=aws.id, MaxResults=1)["RegionalBucketList"]
    assert [(each["Bucket"], each["PublicAccessBlockEnabled"]) for each in there] == [(abroad, True)]
    with refused("NotImplemented"):
        control.list_regional_buckets(AccountId=aws.id, OutpostId="op-01ac5d28a6a232904")
