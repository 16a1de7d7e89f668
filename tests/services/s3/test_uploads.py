"""Multipart uploads."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import put, read, refused

MB = 1024 * 1024
FIRST, LAST = os.urandom(5 * MB), os.urandom(100)


@pytest.fixture
def upload(s3: Any, bucket: str) -> dict[str, str]:
    answer = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1"
    )
    return {"Bucket": bucket, "Key": "k", "UploadId": answer["UploadId"]}


def send(s3: Any, upload: dict[str, str], number: int, body: bytes) -> dict[str, Any]:
    return {"PartNumber": number, "ETag": s3.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}


def complete(s3: Any, upload: dict[str, str], *parts: dict[str, Any], **members: Any) -> Any:
    return s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": list(parts)}, **members)


def test_parts_become_one_object(s3: Any, upload: dict[str, str]) -> None:
    parts = [send(s3, upload, 2, FIRST), send(s3, upload, 7, LAST)]
    done = complete(s3, upload, *parts)
    digests = hashlib.md5(FIRST).digest() + hashlib.md5(LAST).digest()
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-2"'
    assert done["Location"].endswith(f"/{upload['Bucket']}/k")
    got = s3.get_object(Bucket=upload["Bucket"], Key="k")
    assert got["Body"].read() == FIRST + LAST
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/x", {"m": "1"}, 1)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=upload["Bucket"])


def test_an_object_is_as_old_as_its_upload(cloud: LocalCloud, clock: Any, s3: Any, bucket: str) -> None:
    upload = {**(one := {"Bucket": bucket, "Key": "k"}), "UploadId": s3.create_multipart_upload(**one)["UploadId"]}
    begun = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["Initiated"]
    cloud.clock.advance(3600)
    complete(s3, upload, send(s3, upload, 1, LAST))
    assert s3.head_object(**one)["LastModified"] == begun


def test_completing_again_answers_the_same(s3: Any, upload: dict[str, str]) -> None:
    part = send(s3, upload, 1, LAST)
    done = complete(s3, upload, part)
    assert complete(s3, upload, part)["ETag"] == done["ETag"]
    put(s3, upload["Bucket"], "k", b"another")
    assert refused(complete, s3=s3, upload=upload) == ("NoSuchUpload", 404)


def test_a_part_is_read_by_its_number(s3: Any, upload: dict[str, str]) -> None:
    complete(s3, upload, send(s3, upload, 3, FIRST), send(s3, upload, 9, LAST))
    got = s3.get_object(Bucket=upload["Bucket"], Key="k", PartNumber=2)
    assert (got["Body"].read(), got["PartsCount"]) == (LAST, 2)
    assert got["ContentRange"] == f"bytes {5 * MB}-{5 * MB + 99}/{5 * MB + 100}"
    head = s3.head_object(Bucket=upload["Bucket"], Key="k", PartNumber=1)
    assert (head["ContentLength"], head["PartsCount"]) == (5 * MB, 2)
    assert refused(s3.get_object, Bucket=upload["Bucket"], Key="k", PartNumber=3) == ("InvalidPartNumber", 416)
    across = read(s3, upload["Bucket"], "k", Range=f"bytes={5 * MB - 10}-{5 * MB + 9}")
    assert across == FIRST[-10:] + LAST[:10]


def test_a_part_may_be_sent_again(s3: Any, upload: dict[str, str]) -> None:
    old = send(s3, upload, 1, b"old")
    new = send(s3, upload, 1, b"new")
    assert refused(complete, s3=s3, upload=upload)[0] == "MalformedXML"
    with pytest.raises(s3.exceptions.ClientError, match="InvalidPart"):
        complete(s3, upload, old)
    complete(s3, upload, new)
    assert read(s3, upload["Bucket"], "k") == b"new"


def test_parts_are_at_least_five_megabytes_but_the_last(s3: Any, upload: dict[str, str]) -> None:
    parts = [send(s3, upload, 1, FIRST[:-1]), send(s3, upload, 2, LAST)]
    with pytest.raises(s3.exceptions.ClientError, match="EntityTooSmall"):
        complete(s3, upload, *parts)
    assert [each["Size"] for each in s3.list_parts(**upload)["Parts"]] == [5 * MB - 1, 100]


def test_parts_are_named_in_order(s3: Any, upload: dict[str, str]) -> None:
    parts = [send(s3, upload, 1, FIRST), send(s3, upload, 2, LAST)]
    with pytest.raises(s3.exceptions.ClientError, match="InvalidPartOrder"):
        complete(s3, upload, *reversed(parts))


def test_part_numbers_go_to_ten_thousand(s3: Any, upload: dict[str, str]) -> None:
    send(s3, upload, 10_000, b"x")
    for number in (0, 10_001):
        assert refused(s3.upload_part, **upload, PartNumber=number, Body=b"") == ("InvalidArgument", 400)
        elsewhere = {**upload, "UploadId": "none"}
        assert refused(s3.upload_part, **elsewhere, PartNumber=number, Body=b"") == ("InvalidArgument", 400)


def test_an_upload_is_completed_with_one_part_at_least(s3: Any, upload: dict[str, str]) -> None:
    with pytest.raises(ClientError, match="You must specify at least one part"):
        s3.complete_multipart_upload(**upload)
    empty: dict[str, Any] = {"Parts": []}
    assert refused(s3.complete_multipart_upload, **upload, MultipartUpload=empty) == ("MalformedXML", 400)


def test_a_user_who_begins_an_upload_is_named(aws: Account, s3: Any, bucket: str) -> None:
    import boto3

    iam = aws.client("iam")
    arn = iam.create_user(UserName="u")["User"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
    key = iam.create_access_key(UserName="u")["AccessKey"]
    users = boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    upload = users.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    owner = s3.list_buckets()["Owner"]["ID"]
    listed = s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]
    parts = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    for each in (listed, parts):
        assert (each["Initiator"]["ID"], each["Owner"]["ID"]) == (arn, owner)


def test_what_was_announced_of_parts_must_come_with_them(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3", config=Config(request_checksum_calculation="when_required"))
    one = {"Bucket": bucket, "Key": "k"}
    upload = {**one, "UploadId": s3.create_multipart_upload(**one, ChecksumAlgorithm="SHA256")["UploadId"]}
    words = "expected checksum Type: sha256, actual checksum Type: null"
    with pytest.raises(ClientError, match=words):
        s3.upload_part(**upload, PartNumber=1, Body=b"x")
    assert "ChecksumSHA256" in s3.upload_part(**upload, PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256")
    silent = {**one, "UploadId": s3.create_multipart_upload(**one)["UploadId"]}
    assert not [name for name in s3.upload_part(**silent, PartNumber=1, Body=b"x") if name.startswith("Checksum")]


def test_parts_are_listed_in_pages(s3: Any, upload: dict[str, str]) -> None:
    for number in (4, 1, 3):
        send(s3, upload, number, b"%d" % number)
    page = s3.list_parts(**upload, MaxParts=2)
    assert ([each["PartNumber"] for each in page["Parts"]], page["IsTruncated"]) == ([1, 3], True)
    rest = s3.list_parts(**upload, PartNumberMarker=page["NextPartNumberMarker"])
    assert ([each["PartNumber"] for each in rest["Parts"]], rest["IsTruncated"]) == ([4], False)


def test_an_aborted_upload_is_gone(s3: Any, upload: dict[str, str]) -> None:
    send(s3, upload, 1, FIRST)
    s3.abort_multipart_upload(**upload)
    assert refused(s3.abort_multipart_upload, **upload) == ("NoSuchUpload", 404)
    assert refused(s3.upload_part, **upload, PartNumber=1, Body=b"") == ("NoSuchUpload", 404)
    assert refused(s3.list_parts, **upload) == ("NoSuchUpload", 404)


def test_parts_are_copied(s3: Any, upload: dict[str, str]) -> None:
    bucket = upload["Bucket"]
    put(s3, bucket, "source", FIRST + LAST)
    source = {"Bucket": bucket, "Key": "source"}
    whole = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)["CopyPartResult"]["ETag"]
    some = s3.upload_part_copy(**upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19")
    parts = [{"PartNumber": 1, "ETag": whole}, {"PartNumber": 2, "ETag": some["CopyPartResult"]["ETag"]}]
    complete(s3, upload, *parts)
    assert read(s3, bucket, "k") == FIRST + LAST + FIRST[10:20]
    wrong = {"PartNumber": 1, "CopySource": source}
    assert refused(s3.upload_part_copy, **upload, **wrong, CopySourceRange="bytes=0-9999999")[1] == 404


def test_conditions_and_sizes_of_the_whole(s3: Any, upload: dict[str, str]) -> None:
    part = send(s3, upload, 1, LAST)
    with pytest.raises(s3.exceptions.ClientError, match="InvalidRequest"):
        complete(s3, upload, part, MpuObjectSize=99)
    put(s3, upload["Bucket"], "k", b"first")
    with pytest.raises(s3.exceptions.ClientError, match="PreconditionFailed"):
        complete(s3, upload, part, IfNoneMatch="*")
    complete(s3, upload, part, MpuObjectSize=100)


def test_a_composite_checksum_wants_those_of_the_parts(s3: Any, bucket: str) -> None:
    answer = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    upload = {"Bucket": bucket, "Key": "k", "UploadId": answer["UploadId"]}
    sent = s3.upload_part(**upload, PartNumber=1, Body=LAST, ChecksumAlgorithm="SHA256")
    with pytest.raises(s3.exceptions.ClientError, match="InvalidRequest"):
        complete(s3, upload, {"PartNumber": 1, "ETag": sent["ETag"]})
    done = complete(s3, upload, {"PartNumber": 1, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]})
    assert (done["ChecksumType"], done["ChecksumSHA256"][-2:]) == ("COMPOSITE", "-1")
    shown = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])["ObjectParts"]
    assert shown["Parts"] == [{"PartNumber": 1, "Size": 100, "ChecksumSHA256": sent["ChecksumSHA256"]}]
    assert refused(
        s3.create_multipart_upload, Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256", ChecksumType="FULL_OBJECT"
    ) == ("InvalidRequest", 400)
