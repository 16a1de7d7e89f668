"""MFA delete, access by tags, event holds, namespaces, and encryption that is changed in place."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from pileus import LocalCloud
from pileus.kernel.mfa import totp
from pileus.testing.account import Account

from .conftest import DAY, fresh, put, read, refused


class Device:
    """A virtual MFA device of the account's root."""

    def __init__(self, aws: Account, cloud: LocalCloud) -> None:
        made = aws.client("iam").create_virtual_mfa_device(VirtualMFADeviceName="root")["VirtualMFADevice"]
        self.cloud = cloud
        self.serial = made["SerialNumber"]
        self.seed = base64.b32decode(made["Base32StringSeed"])
        self.assign(aws)

    def assign(self, aws: Account) -> None:
        """The root's devices are assigned in the console; so this is done from behind."""
        from pileus.kernel.mfa import Device as Record

        def work() -> None:
            call = self.cloud.server.cloud.call("iam", account=aws.id)
            found = Record.get(call, self.serial)
            assert found is not None
            found.holder, found.enabled = aws.id, call.now
            found.put(call)

        self.cloud.do(work)

    def code(self) -> str:
        self.cloud.clock.advance(60)
        return f"{self.serial} {totp(self.seed, int(self.cloud.clock.now()) // 30)}"


def test_versions_go_only_with_a_code(clock: Any, cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    device = Device(aws, cloud)
    wanted = {"Status": "Enabled", "MFADelete": "Enabled"}
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=wanted) == ("AccessDenied", 403)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration=wanted, MFA=device.code())
    got = s3.get_bucket_versioning(Bucket=bucket)
    assert (got["Status"], got["MFADelete"]) == ("Enabled", "Enabled")
    version = put(s3, bucket, "a", b"x")["VersionId"]
    s3.delete_object(Bucket=bucket, Key="a")  # only a delete marker
    assert refused(s3.delete_object, Bucket=bucket, Key="a", VersionId=version) == ("AccessDenied", 403)
    both = {"Objects": [{"Key": "a", "VersionId": version}]}
    assert refused(s3.delete_objects, Bucket=bucket, Delete=both) == ("AccessDenied", 403)
    assert refused(s3.delete_object, Bucket=bucket, Key="a", VersionId=version, MFA=f"{device.serial} 000000") == (
        "AccessDenied",
        403,
    )
    code = device.code()
    s3.delete_object(Bucket=bucket, Key="a", VersionId=version, MFA=code)
    assert refused(s3.delete_object, Bucket=bucket, Key="a", VersionId=version, MFA=code) == ("AccessDenied", 403)
    suspended = {"Status": "Suspended"}
    assert refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=suspended)[1] == 403
    rules = {"Rules": [{"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    assert refused(s3.put_bucket_lifecycle_configuration, Bucket=bucket, LifecycleConfiguration=rules) == (
        "InvalidBucketState",
        409,
    )
    s3.put_bucket_versioning(
        Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"}, MFA=device.code()
    )
    assert s3.get_bucket_versioning(Bucket=bucket)["MFADelete"] == "Disabled"


def user(aws: Account, *statements: dict[str, Any]) -> Any:
    """S3 as a user with a policy of its own."""
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    keys = iam.create_access_key(UserName="reader")["AccessKey"]
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=document)
    return boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
    )


def test_tags_of_objects_in_policies(aws: Account, s3: Any, bucket: str) -> None:
    everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    secret = {"StringEquals": {"s3:ExistingObjectTag/level": "secret"}}
    hidden = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*", "Condition": secret}
    asked = {"ForAnyValue:StringEquals": {"s3:RequestObjectTagKeys": "level"}}
    fixed = {"Effect": "Deny", "Action": "s3:PutObject*", "Resource": "*", "Condition": asked}
    reader = user(aws, everything, hidden, fixed)
    put(s3, bucket, "open", b"x", Tagging="level=public")
    put(s3, bucket, "closed", b"x", Tagging="level=secret")
    assert read(reader, bucket, "open") == b"x"
    assert refused(reader.get_object, Bucket=bucket, Key="closed") == ("AccessDenied", 403)
    assert refused(reader.put_object, Bucket=bucket, Key="new", Tagging="level=public") == ("AccessDenied", 403)
    put(reader, bucket, "new", Tagging="other=1")


def test_a_website_is_deleted_by_an_action_of_its_own(aws: Account, s3: Any, bucket: str) -> None:
    cleaner = user(aws, {"Effect": "Allow", "Action": "s3:DeleteBucketWebsite", "Resource": f"arn:aws:s3:::{bucket}"})
    site = {"IndexDocument": {"Suffix": "index.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    assert refused(cleaner.put_bucket_website, Bucket=bucket, WebsiteConfiguration=site) == ("AccessDenied", 403)
    cleaner.delete_bucket_website(Bucket=bucket)
    assert refused(s3.get_bucket_website, Bucket=bucket)[0] == "NoSuchWebsiteConfiguration"


def test_a_policy_says_where_buckets_may_be(aws: Account) -> None:
    there = {"StringEquals": {"s3:LocationConstraint": "eu-west-1"}}
    s3 = user(aws, {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*", "Condition": there})
    assert refused(s3.create_bucket, Bucket=fresh()) == ("AccessDenied", 403)
    elsewhere = {"LocationConstraint": "eu-west-2"}
    assert refused(s3.create_bucket, Bucket=fresh(), CreateBucketConfiguration=elsewhere) == ("AccessDenied", 403)
    s3.create_bucket(Bucket=fresh(), CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert refused(s3.create_bucket, Bucket=fresh(), CreateBucketConfiguration=elsewhere) == ("AccessDenied", 403)


@pytest.mark.parametrize(
    "more", [{"ObjectOwnership": "ObjectWriter"}, {"ObjectLockEnabledForBucket": True}, {"ACL": "log-delivery-write"}]
)
def test_whoever_may_create_a_bucket_may_not_say_all_of_it(aws: Account, more: dict[str, Any]) -> None:
    s3 = user(aws, {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"})
    s3.create_bucket(Bucket=fresh(), ACL="private", ObjectLockEnabledForBucket=False)
    assert refused(s3.create_bucket, Bucket=fresh(), **more) == ("AccessDenied", 403)


def test_a_policy_says_for_how_long_objects_are_locked(cloud: LocalCloud, aws: Account, s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    put(s3, bucket, "k")
    long = {"NumericGreaterThan": {"s3:object-lock-remaining-retention-days": "10"}}
    held = {"StringEquals": {"s3:object-lock-legal-hold": "ON"}}
    writer = user(
        aws,
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:PutObjectRetention", "Resource": "*", "Condition": long},
        {"Effect": "Deny", "Action": "s3:PutObjectLegalHold", "Resource": "*", "Condition": held},
    )

    def until(days: int) -> dict[str, Any]:
        return {"Mode": "GOVERNANCE", "RetainUntilDate": cloud.clock.now() + days * DAY}

    writer.put_object_retention(Bucket=bucket, Key="k", Retention=until(9))
    assert refused(writer.put_object_retention, Bucket=bucket, Key="k", Retention=until(12)) == ("AccessDenied", 403)
    assert refused(writer.put_object_legal_hold, Bucket=bucket, Key="k", LegalHold={"Status": "ON"})[1] == 403
    writer.put_object_legal_hold(Bucket=bucket, Key="k", LegalHold={"Status": "OFF"})


def test_a_policy_wants_writes_to_be_conditional(s3: Any, aws: Account, bucket: str) -> None:
    """Parts of an upload need no condition; only what makes an object does."""
    unconditional = {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}}
    writer = user(
        aws,
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*", "Condition": unconditional},
    )
    assert refused(writer.put_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    writer.put_object(Bucket=bucket, Key="k", IfNoneMatch="*")
    upload = {
        "Bucket": bucket,
        "Key": "m",
        "UploadId": writer.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"],
    }
    part = {"PartNumber": 1, "ETag": writer.upload_part(**upload, PartNumber=1, Body=b"x")["ETag"]}
    parts = {"Parts": [part]}
    assert refused(writer.complete_multipart_upload, **upload, MultipartUpload=parts) == ("AccessDenied", 403)
    writer.complete_multipart_upload(**upload, MultipartUpload=parts, IfNoneMatch="*")


def test_tags_of_buckets_count_once_that_is_enabled(aws: Account, s3: Any, bucket: str) -> None:
    red = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    reader = user(aws, {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*", "Condition": red})
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "team", "Value": "red"}]})
    assert s3.get_bucket_abac(Bucket=bucket)["AbacStatus"] == {"Status": "Disabled"}
    assert refused(reader.list_objects_v2, Bucket=bucket) == ("AccessDenied", 403)
    s3.put_bucket_abac(Bucket=bucket, AbacStatus={"Status": "Enabled"})
    assert reader.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert refused(s3.delete_bucket_tagging, Bucket=bucket)[0] == "InvalidRequest"


def test_an_event_starts_the_retention(clock: Any, cloud: LocalCloud, s3: Any) -> None:
    bucket = fresh()
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    version = put(s3, bucket, "a", b"x", ObjectLockEventHold="ON", ObjectLockEventHoldDurationDays=10)["VersionId"]
    head = s3.head_object(Bucket=bucket, Key="a")
    assert (head["ObjectLockEventHold"], head["ObjectLockEventHoldDurationDays"]) == ("ON", 10)
    cloud.clock.advance(100 * DAY)
    assert refused(s3.delete_object, Bucket=bucket, Key="a", VersionId=version) == ("AccessDenied", 403)
    retention = s3.get_object_retention(Bucket=bucket, Key="a")["Retention"]
    assert (retention["EventHold"], retention["EventHoldDuration"]) == ("ON", {"Days": 10})
    s3.put_object_retention(Bucket=bucket, Key="a", Retention={"EventHold": "OFF"})
    cloud.clock.advance(9 * DAY)
    assert refused(s3.delete_object, Bucket=bucket, Key="a", VersionId=version) == ("AccessDenied", 403)
    cloud.clock.advance(2 * DAY)
    s3.delete_object(Bucket=bucket, Key="a", VersionId=version)


def test_an_accounts_own_names(aws: Account, s3: Any) -> None:
    own = f"mine-{aws.id}-us-east-1-an"
    assert refused(s3.create_bucket, Bucket=own) == ("InvalidBucketName", 400)
    assert refused(s3.create_bucket, Bucket="mine-111122223333-us-east-1-an", BucketNamespace="account-regional") == (
        "InvalidBucketName",
        400,
    )
    assert refused(s3.create_bucket, Bucket=fresh(), BucketNamespace="account-regional")[0] == "InvalidBucketName"
    s3.create_bucket(Bucket=own, BucketNamespace="account-regional")


@pytest.mark.parametrize("size", [10, 200_000])
def test_encryption_changes_in_place(aws: Account, s3: Any, bucket: str, size: int) -> None:
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    put(s3, bucket, "a", b"x" * size)
    before = s3.head_object(Bucket=bucket, Key="a")
    for wrong in ("alias/" + "a" * 20, key.rpartition("/")[2]):
        asked = {"SSEKMS": {"KMSKeyArn": wrong}}
        assert refused(s3.update_object_encryption, Bucket=bucket, Key="a", ObjectEncryption=asked)[1] == 400
    s3.update_object_encryption(Bucket=bucket, Key="a", ObjectEncryption={"SSEKMS": {"KMSKeyArn": key}})
    after = s3.head_object(Bucket=bucket, Key="a")
    assert (after["ServerSideEncryption"], after["SSEKMSKeyId"]) == ("aws:kms", key)
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    assert read(s3, bucket, "a") == b"x" * size
    aws.client("kms").disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket=bucket, Key="a")[1] == 400
    put(s3, bucket, "c", b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32)
    assert refused(
        s3.update_object_encryption, Bucket=bucket, Key="c", ObjectEncryption={"SSEKMS": {"KMSKeyArn": key}}
    ) == ("InvalidRequest", 400)
