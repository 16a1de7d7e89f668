"""Encryption: the bytes on the disk are not the bytes of the object."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

import pileus
from pileus.testing.account import Account

from .conftest import put, read, refused

KEY = os.urandom(32)
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
OTHER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": os.urandom(32)}


def test_the_bytes_on_the_disk_are_encrypted(tmp_path: Path) -> None:
    body = b"plain to see " * 20_000
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        s3.create_bucket(Bucket="encrypted-bucket")
        put(s3, "encrypted-bucket", "small", body[:1000])
        put(s3, "encrypted-bucket", "large", body)
        put(s3, "encrypted-bucket", "customer", body, **CUSTOMER)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len([path for path in files if "blobs" in path.parts]) == 2
    assert not any(b"plain to see plain" in path.read_bytes() for path in files)
    with pileus.cloud(data=tmp_path, sockets=True) as cloud:
        s3 = cloud.account("111122223333").client("s3")
        assert read(s3, "encrypted-bucket", "small") == body[:1000]
        assert read(s3, "encrypted-bucket", "large") == body


@pytest.mark.parametrize("size", [5, 200_000])
def test_a_customers_key_is_needed_to_read(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    done = put(s3, bucket, "k", body, **CUSTOMER)
    assert done["ETag"] != f'"{hashlib.md5(body).hexdigest()}"'
    assert done["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(KEY).digest()).decode()
    assert read(s3, bucket, "k", **CUSTOMER) == body
    assert read(s3, bucket, "k", Range="bytes=2-3", **CUSTOMER) == body[2:4]
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("InvalidRequest", 400)
    assert refused(s3.get_object, Bucket=bucket, Key="k", **OTHER) == ("AccessDenied", 403)
    assert refused(s3.head_object, Bucket=bucket, Key="k") == ("400", 400)
    put(s3, bucket, "plain", body)
    assert refused(s3.get_object, Bucket=bucket, Key="plain", **CUSTOMER) == ("InvalidRequest", 400)


def test_a_copy_may_change_the_key(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"secret", **CUSTOMER)
    of_source = {f"CopySource{name}": value for name, value in CUSTOMER.items()}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"}, **of_source, **OTHER)
    assert read(s3, bucket, "copy", **OTHER) == b"secret"
    s3.copy_object(Bucket=bucket, Key="open", CopySource={"Bucket": bucket, "Key": "k"}, **of_source)
    assert read(s3, bucket, "open") == b"secret"


def test_an_upload_in_parts_with_a_customers_key(s3: Any, bucket: str) -> None:
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload, **CUSTOMER)["UploadId"]
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x") == ("InvalidRequest", 400)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"x", **OTHER) == ("InvalidRequest", 400)
    etag = s3.upload_part(**upload, PartNumber=1, Body=b"x" * 70_000, **CUSTOMER)["ETag"]
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **CUSTOMER)
    assert read(s3, bucket, "k", **CUSTOMER) == b"x" * 70_000


def test_odd_keys(s3: Any, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="k", SSECustomerAlgorithm="AES256", SSECustomerKey=b"short") == (
        "InvalidArgument",
        400,
    )
    assert refused(s3.put_object, Bucket=bucket, Key="k", ServerSideEncryption="AES256", **CUSTOMER) == (
        "InvalidArgument",
        400,
    )
    assert refused(s3.put_object, Bucket=bucket, Key="k", SSEKMSKeyId="alias/x") == ("InvalidArgument", 400)


def test_the_default_encryption_of_a_bucket(s3: Any, bucket: str) -> None:
    def default() -> Any:
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]

    assert default()["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert default() == rule
    s3.delete_bucket_encryption(Bucket=bucket)
    assert default()["BucketKeyEnabled"] is False
    wrong = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "x"}}
    assert refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [wrong]}) == (
        "InvalidArgument",
        400,
    )


def test_customers_keys_may_be_blocked(s3: Any, bucket: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
        "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert refused(s3.put_object, Bucket=bucket, Key="k", **CUSTOMER) == ("AccessDenied", 403)
    put(s3, bucket, "k")


@pytest.mark.parametrize("size", [10, 200_000])
def test_keys_of_kms(aws: Account, s3: Any, bucket: str, size: int) -> None:
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    body = os.urandom(size)
    for text in (b"no json", b"[1]", b'{"a": 1}'):
        told = {"ServerSideEncryption": "aws:kms", "SSEKMSEncryptionContext": base64.b64encode(text).decode()}
        assert refused(put, s3=s3, bucket=bucket, key="k", **told) == ("InvalidArgument", 400)
    done = put(s3, bucket, "k", body, ServerSideEncryption="aws:kms", SSEKMSKeyId=key, BucketKeyEnabled=True)
    assert (done["ServerSideEncryption"], done["SSEKMSKeyId"], done["BucketKeyEnabled"]) == ("aws:kms", key, True)
    assert done["ETag"] != f'"{hashlib.md5(body).hexdigest()}"'
    assert read(s3, bucket, "k") == body
    kms.disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("KMS.DisabledException", 400)
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}, "BucketKeyEnabled": True}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    put(s3, bucket, "default", body)
    head = s3.head_object(Bucket=bucket, Key="default")
    assert (head["ServerSideEncryption"], head["BucketKeyEnabled"]) == ("aws:kms", True)
    put(s3, bucket, "plain", body, ServerSideEncryption="AES256")
    assert s3.head_object(Bucket=bucket, Key="plain")["ServerSideEncryption"] == "AES256"
