"""Objects: what is put is got, with all that is said about it."""

from __future__ import annotations

import hashlib
import http.client
import os
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pileus import LocalCloud
from pileus.kernel import parcels
from pileus.testing.account import Account

from .conftest import put, read, refused


@pytest.mark.parametrize("size", [0, 1, parcels.MOST, parcels.MOST + 1, 65_519, 65_520, 65_521, 300_000, 3_200_017])
def test_what_is_put_is_got(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    etag = put(s3, bucket, "k", body)["ETag"]
    assert etag == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["ContentLength"], got["ETag"]) == (body, size, etag)


@pytest.mark.parametrize("size", [1000, 300_000])
@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        ("bytes=-7", -7, None),
        ("bytes=990-", 990, None),
        ("bytes=5-9999999", 5, None),
        ("bytes=-9999999", 0, None),
    ],
)
def test_a_range_is_a_part(s3: Any, bucket: str, size: int, wanted: str, start: int, stop: int | None) -> None:
    body = os.urandom(size)
    put(s3, bucket, "k", body)
    got = s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    content = got["Body"].read()
    assert content == body[start:stop]
    first = start % size
    assert got["ContentRange"] == f"bytes {first}-{first + len(content) - 1}/{size}"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206


def test_ranges_across_segments(s3: Any, bucket: str) -> None:
    body = os.urandom(200_000)
    put(s3, bucket, "k", body)
    for start, stop in [(65_519, 65_521), (65_520, 131_040), (65_520, 131_041), (0, 65_520), (131_039, 200_000)]:
        assert read(s3, bucket, "k", Range=f"bytes={start}-{stop - 1}") == body[start:stop]


def test_odd_ranges(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"0123456789")
    for wanted in ("bytes=10-", "bytes=10-20", "bytes=-0"):
        assert refused(s3.get_object, Bucket=bucket, Key="k", Range=wanted) == ("InvalidRange", 416)
    for wanted in ("bytes=5-2", "bytes=a-b", "lines=1-2", "bytes=0-1,3-4", "bytes=-"):
        assert read(s3, bucket, "k", Range=wanted) == b"0123456789"


def test_headers_and_metadata_come_back(s3: Any, bucket: str) -> None:
    expires = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    said = {
        "CacheControl": "max-age=60",
        "ContentDisposition": 'attachment; filename="a.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "ContentType": "text/plain; charset=utf-8",
        "Metadata": {"colour": "blue", "note": "plain"},
        "StorageClass": "STANDARD_IA",
        "WebsiteRedirectLocation": "/elsewhere",
        "Tagging": "a=1&b=two%20words",
    }
    put(s3, bucket, "k", b"x", Expires=expires, **said)
    for got in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        assert {name: got[name] for name in said if name != "Tagging"} == {
            name: value for name, value in said.items() if name != "Tagging"
        }
        assert got["ExpiresString"] == "Wed, 02 Jan 2030 03:04:05 GMT"
        assert got["AcceptRanges"] == "bytes"
        assert got["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    put(s3, bucket, "plain")
    assert s3.head_object(Bucket=bucket, Key="plain")["ContentType"] == "binary/octet-stream"


def test_a_response_is_told_what_to_say(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="image/png",
        ResponseContentDisposition="inline",
        ResponseCacheControl="no",
    )
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("image/png", "inline", "no")


def test_limits(s3: Any, bucket: str) -> None:
    assert refused(s3.put_object, Bucket=bucket, Key="é" * 513) == ("KeyTooLongError", 400)
    put(s3, bucket, "é" * 512)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Metadata={"a": "x" * 2048}) == ("MetadataTooLarge", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", StorageClass="COLD") == ("InvalidStorageClass", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Tagging="&".join(f"k{n}=v" for n in range(11)))[1] == 400
    assert refused(s3.put_object, Bucket=bucket, Key="k", Tagging="aws:x=1") == ("InvalidTag", 400)


def test_a_read_after_a_write_sees_it(s3: Any, bucket: str) -> None:
    for number in range(5):
        put(s3, bucket, "k", b"%d" % number)
        assert read(s3, bucket, "k") == b"%d" % number
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="k") == ("404", 404)


def test_content_md5(s3: Any, bucket: str) -> None:
    right = b64encode(hashlib.md5(b"hello").digest()).decode()
    put(s3, bucket, "k", b"hello", ContentMD5=right)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"hellO", ContentMD5=right) == ("BadDigest", 400)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"hello", ContentMD5="abc") == ("InvalidDigest", 400)
    assert read(s3, bucket, "k") == b"hello"


# Conditions


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = put(s3, bucket, "k", b"x")["ETag"]
    when = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = when - timedelta(hours=1), when + timedelta(hours=1)
    assert read(s3, bucket, "k", IfMatch=etag) == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag) == ("304", 304)
    assert read(s3, bucket, "k", IfNoneMatch='"other"') == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=when) == ("304", 304)
    assert read(s3, bucket, "k", IfModifiedSince=before) == b"x"
    assert refused(s3.head_object, Bucket=bucket, Key="k", IfUnmodifiedSince=before) == ("412", 412)
    assert read(s3, bucket, "k", IfUnmodifiedSince=after) == b"x"
    assert read(s3, bucket, "k", IfMatch=etag, IfUnmodifiedSince=before) == b"x"
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag, IfModifiedSince=before) == ("304", 304)


def test_conditional_writes(s3: Any, bucket: str) -> None:
    etag = put(s3, bucket, "k", b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, Bucket=bucket, Key="k", IfNoneMatch="*") == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Bucket=bucket, Key="k", IfMatch='"no"') == ("PreconditionFailed", 412)
    assert refused(s3.put_object, Bucket=bucket, Key="none", IfMatch=etag) == ("NoSuchKey", 404)
    put(s3, bucket, "k", b"2", IfMatch=etag)
    assert read(s3, bucket, "k") == b"2"
    assert refused(s3.put_object, Bucket=bucket, Key="k", IfNoneMatch='"x"') == ("NotImplemented", 501)


def test_conditional_deletes(s3: Any, bucket: str) -> None:
    etag = put(s3, bucket, "k", b"1")["ETag"]
    assert refused(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"no"') == ("PreconditionFailed", 412)
    s3.delete_object(Bucket=bucket, Key="k", IfMatch=etag)
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 404


# Deleting many


def test_many_are_deleted_at_once(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        put(s3, bucket, key)
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "not there"}]})
    assert [each["Key"] for each in answer["Deleted"]] == ["a", "b", "not there"]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["c"]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert "Deleted" not in answer
    too_many = {"Objects": [{"Key": f"{n}"} for n in range(1001)]}
    assert refused(s3.delete_objects, Bucket=bucket, Delete=too_many) == ("MalformedXML", 400)


# Tags


def test_tags_of_an_object(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", Tagging="a=1")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "1"}]
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "b", "Value": ""}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "b", "Value": ""}]
    twice = {"TagSet": [{"Key": "b", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=twice) == ("InvalidTag", 400)
    assert refused(put, s3=s3, bucket=bucket, key="k", Tagging="b=1&b=2") == ("InvalidArgument", 400)
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []


# Copies


def test_a_copy_keeps_what_is_not_replaced(s3: Any, bucket: str) -> None:
    body = os.urandom(100_000)
    put(
        s3,
        bucket,
        "a b/é",
        body,
        ContentType="text/plain",
        Metadata={"m": "1"},
        Tagging="t=1",
        StorageClass="ONEZONE_IA",
    )
    source = {"Bucket": bucket, "Key": "a b/é"}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert got["Body"].read() == body
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/plain", {"m": "1"}, 1)
    assert "StorageClass" not in got
    s3.copy_object(
        Bucket=bucket,
        Key="new",
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"n": "2"},
        TaggingDirective="REPLACE",
        Tagging="x=1&y=2",
    )
    got = s3.get_object(Bucket=bucket, Key="new")
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("binary/octet-stream", {"n": "2"}, 2)


def test_the_slash_of_a_source_may_be_encoded_too(s3: Any, bucket: str) -> None:
    """As Terraform does."""

    def encoded(request: Any, **_: Any) -> None:
        request.headers.replace_header("x-amz-copy-source", f"{bucket}%2Fa%2Fb")

    put(s3, bucket, "a/b", b"content")
    s3.meta.events.register("before-sign.s3.CopyObject", encoded)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/a/b")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"content"


def test_a_copy_onto_itself_must_change_something(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x", Metadata={"a": "1"})
    source = {"Bucket": bucket, "Key": "k"}
    assert refused(s3.copy_object, Bucket=bucket, Key="k", CopySource=source) == ("InvalidRequest", 400)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, StorageClass="GLACIER_IR")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER_IR"
    s3.copy_object(Bucket=bucket, Key="k", CopySource=source, MetadataDirective="REPLACE", Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {"b": "2"}


def test_conditions_on_the_source(s3: Any, bucket: str) -> None:
    etag = put(s3, bucket, "k", b"x")["ETag"]
    source = {"Bucket": bucket, "Key": "k"}
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source, CopySourceIfMatch=etag)
    for condition in ({"CopySourceIfMatch": '"no"'}, {"CopySourceIfNoneMatch": etag}):
        assert refused(s3.copy_object, Bucket=bucket, Key="c", CopySource=source, **condition) == (
            "PreconditionFailed",
            412,
        )
    missing = {"Bucket": bucket, "Key": "none"}
    assert refused(s3.copy_object, Bucket=bucket, Key="c", CopySource=missing) == ("NoSuchKey", 404)
    assert refused(s3.copy_object, Bucket=bucket, Key="c", CopySource="no-such-bucket-x/k") == ("NoSuchBucket", 404)


def test_attributes_are_those_that_are_asked_for(s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"hello", ChecksumAlgorithm="SHA256")
    got = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectSize", "StorageClass", "ObjectParts"]
    )
    assert (got["ETag"], got["ObjectSize"], got["StorageClass"]) == (hashlib.md5(b"hello").hexdigest(), 5, "STANDARD")
    assert got["Checksum"] == {
        "ChecksumSHA256": b64encode(hashlib.sha256(b"hello").digest()).decode(),
        "ChecksumType": "FULL_OBJECT",
    }
    assert "ObjectParts" not in got
    assert "Checksum" not in s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ETag"])


# The notes


def test_an_upload_that_succeeds_answers_200(s3: Any, bucket: str) -> None:
    assert put(s3, bucket, "k", b"x")["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_largest_put_is_5_gb(cloud: LocalCloud, aws: Account, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.putrequest("PUT", f"/{bucket}/k")
    connection.putheader(
        "authorization",
        f"AWS4-HMAC-SHA256 Credential={aws.id}/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
    )
    connection.putheader("x-amz-date", "20260101T000000Z")
    connection.putheader("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    connection.putheader("content-length", str(6 * 1024**3))
    connection.endheaders()
    response = connection.getresponse()
    answer = response.read().decode()
    assert response.status == 400
    assert "<Code>EntityTooLarge</Code>" in answer
    assert f"<ProposedSize>{6 * 1024**3}</ProposedSize><MaxSizeAllowed>{5 * 1024**3}</MaxSizeAllowed>" in answer


def test_an_object_is_key_value_version_metadata_and_subresources(s3: Any, versioned: str) -> None:
    version = put(s3, versioned, "k", b"value", Metadata={"about": "data"})["VersionId"]
    got = s3.get_object(Bucket=versioned, Key="k")
    assert (got["Body"].read(), got["VersionId"], got["Metadata"]) == (b"value", version, {"about": "data"})
    assert s3.get_object_acl(Bucket=versioned, Key="k")["Grants"][0]["Permission"] == "FULL_CONTROL"
