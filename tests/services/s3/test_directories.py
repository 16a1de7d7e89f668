"""Directory buckets: sessions, what they cannot do, and what only they can."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
import uuid
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus.testing.account import Account

from .conftest import put, read

ZONE = "use1-az5"


@pytest.fixture(autouse=True)
def names_under_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """boto3 reaches a directory bucket at `BUCKET.localhost` only."""
    resolve = socket.getaddrinfo

    def resolving(host: Any, *arguments: Any, **options: Any) -> Any:
        local = isinstance(host, str) and host.endswith(".localhost")
        return resolve("127.0.0.1" if local else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolving)


PLAIN = Config(s3={"disable_s3_express_session_auth": True}, s3_disable_express_session_auth=True)
"""With an endpoint of the user's own boto3 wants a session even for a bucket that it is about to create."""


@pytest.fixture
def control(aws: Account) -> Any:
    return aws.client("s3", config=PLAIN)


def create(s3: Any, name: str = "", zone: str = ZONE) -> str:
    name = name or f"d{uuid.uuid4().hex[:12]}--{ZONE}--x-s3"
    s3.create_bucket(
        Bucket=name,
        CreateBucketConfiguration={
            "Location": {"Type": "AvailabilityZone", "Name": zone},
            "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"},
        },
    )
    return name


@pytest.fixture
def directory(control: Any) -> str:
    return create(control)


def test_it_is_created_by_way_of_a_session_too(aws: Account, refused: Any) -> None:
    for s3 in (aws.client("s3"), aws.client("s3")):  # sessions are a client's own
        name = create(s3)
        put(s3, name, "k", b"x")
        assert read(s3, name, "k") == b"x"
        absent = f"d{uuid.uuid4().hex[:12]}--{ZONE}--x-s3"
        with refused("NoSuchBucket"):
            put(s3, absent, "k")
        with refused("NoSuchBucket"):
            s3.create_session(Bucket=f"d{uuid.uuid4().hex[:12]}--nowhere-az1--x-s3")


def test_its_life(s3: Any, control: Any, aws: Account, refused: Any) -> None:
    name = create(control)
    found = s3.head_bucket(Bucket=name)
    assert (found["BucketLocationType"], found["BucketLocationName"]) == ("AvailabilityZone", ZONE)
    assert found["BucketArn"] == f"arn:aws:s3express:us-east-1:{aws.id}:bucket/{name}"
    others = sorted(create(control) for _ in range(3))
    first = s3.list_directory_buckets(MaxDirectoryBuckets=2)
    rest = s3.list_directory_buckets(ContinuationToken=first["ContinuationToken"])
    listed = [each["Name"] for page in (first, rest) for each in page["Buckets"]]
    assert listed == sorted([name, *others])
    assert s3.list_buckets()["Buckets"] == []
    with refused("BucketAlreadyOwnedByYou"):
        create(control, name)
    put(s3, name, "k", b"1")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=name)
    s3.delete_object(Bucket=name, Key="k")
    upload = s3.create_multipart_upload(Bucket=name, Key="k")["UploadId"]
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket=name)
    s3.abort_multipart_upload(Bucket=name, Key="k", UploadId=upload)
    s3.delete_bucket(Bucket=name)
    assert name not in [each["Name"] for each in s3.list_directory_buckets()["Buckets"]]


def test_an_sdk_that_wants_a_session_for_a_bucket_to_be_gets_one(s3: Any, refused: Any) -> None:
    name = create(s3)
    put(s3, name, "k", b"1")
    assert read(s3, name, "k") == b"1"
    nowhere = f"d{uuid.uuid4().hex[:12]}--{ZONE}--x-s3"
    with refused("NoSuchBucket"):
        s3.list_objects_v2(Bucket=nowhere)


def test_a_session_is_good_for_objects_alone(aws: Account, s3: Any, directory: str) -> None:
    """Whoever has one needs other permissions for the bucket itself."""
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": "s3express:CreateSession", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="sessions", PolicyDocument=document)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    put(reader, directory, "k", b"1")
    reader.delete_object(Bucket=directory, Key="k")
    for refuse in (
        lambda: reader.delete_bucket(Bucket=directory),
        lambda: reader.get_bucket_policy(Bucket=directory),
        lambda: create(reader),
    ):
        with pytest.raises(ClientError) as raised:
            refuse()
        assert raised.value.response["Error"]["Code"] == "AccessDenied"


@pytest.mark.parametrize("name", ["no-zone--x-s3", "b--use1-az9--x-s3"])
def test_names_that_cannot_be(control: Any, name: str, refused: Any) -> None:
    with refused("InvalidBucketName"):
        create(control, name, "use1-az9" if "az9" in name else ZONE)


def test_the_zone_is_the_one_of_the_name(control: Any, refused: Any) -> None:
    with refused("InvalidRequest"):
        create(control, f"zones--{ZONE}--x-s3", "use1-az4")


def test_objects(s3: Any, directory: str) -> None:
    told = put(s3, directory, "dir/k", b"content", Metadata={"a": "b"})
    head = s3.head_object(Bucket=directory, Key="dir/k")
    assert (head["StorageClass"], head["Metadata"]) == ("EXPRESS_ONEZONE", {"a": "b"})
    import hashlib

    assert told["ETag"].strip('"') != hashlib.md5(b"content").hexdigest()
    assert read(s3, directory, "dir/k") == b"content"
    s3.copy_object(Bucket=directory, Key="copy", CopySource=f"{directory}/dir/k")
    assert read(s3, directory, "copy") == b"content"
    listed = s3.list_objects_v2(Bucket=directory, Delimiter="/")
    assert [each["Prefix"] for each in listed["CommonPrefixes"]] == ["dir/"]
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=directory, Prefix="dir/")["Contents"]] == ["dir/k"]
    put(s3, directory, "once", b"1", IfNoneMatch="*")
    s3.delete_objects(Bucket=directory, Delete={"Objects": [{"Key": "copy"}, {"Key": "once"}]})
    assert s3.list_objects_v2(Bucket=directory)["KeyCount"] == 1


@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "DELETE"])
def test_nobody_in_particular_comes_in(aws: Account, s3: Any, directory: str, method: str) -> None:
    put(s3, directory, "k", b"content")
    data = b"other" if method == "PUT" else None
    request = urllib.request.Request(f"{aws.cloud.endpoint}/{directory}/k", data, method=method)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request)
    assert read(s3, directory, "k") == b"content"


def test_uploads_in_parts_have_consecutive_numbers(s3: Any, directory: str, refused: Any) -> None:
    target = {"Bucket": directory, "Key": "k"}
    target["UploadId"] = s3.create_multipart_upload(**target)["UploadId"]
    first = b"x" * 5 * 1024 * 1024
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**target, PartNumber=n, Body=body)["ETag"]}
        for n, body in ((1, first), (2, b"end"), (3, b"more"))
    ]
    with refused("InvalidPartOrder"):
        s3.complete_multipart_upload(**target, MultipartUpload={"Parts": [parts[0], parts[2]]})
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": parts[:2]})
    assert read(s3, directory, "k") == first + b"end"


def test_what_a_directory_bucket_cannot_do(s3: Any, directory: str, refused: Any) -> None:
    put(s3, directory, "k", b"1")
    for attempt in (
        lambda: s3.put_bucket_versioning(Bucket=directory, VersioningConfiguration={"Status": "Enabled"}),
        lambda: s3.get_bucket_acl(Bucket=directory),
        lambda: s3.put_bucket_website(Bucket=directory, WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}}),
        lambda: s3.list_objects(Bucket=directory),
        lambda: s3.list_object_versions(Bucket=directory),
        lambda: s3.put_object_tagging(Bucket=directory, Key="k", Tagging={"TagSet": []}),
        lambda: s3.get_object_acl(Bucket=directory, Key="k"),
        lambda: put(s3, directory, "k", b"1", Tagging="a=b"),
        lambda: put(s3, directory, "k", b"1", ACL="public-read"),
        lambda: s3.list_objects_v2(Bucket=directory, StartAfter="a"),
    ):
        with refused("NotImplemented"):
            attempt()
    with refused("InvalidStorageClass"):
        put(s3, directory, "k", b"1", StorageClass="STANDARD_IA")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=directory, Prefix="di")
    with refused("InvalidArgument"):
        s3.list_objects_v2(Bucket=directory, Delimiter="-")


def test_objects_grow_at_their_end(s3: Any, directory: str, bucket: str, refused: Any) -> None:
    first = put(s3, directory, "log", b"one ", WriteOffsetBytes=0)
    assert first["Size"] == 4
    told = put(s3, directory, "log", b"two ", WriteOffsetBytes=4)
    assert told["Size"] == 8 and told["ETag"] != first["ETag"]
    large = b"x" * 100_000
    put(s3, directory, "log", large, WriteOffsetBytes=8)
    assert read(s3, directory, "log") == b"one two " + large
    assert read(s3, directory, "log", Range="bytes=2-9") == b"e two xx"
    head = s3.head_object(Bucket=directory, Key="log", ChecksumMode="ENABLED")
    from awscrt.checksums import crc32

    assert head["ContentLength"] == 8 + len(large)
    if "ChecksumCRC32" in head:
        import base64

        assert base64.b64decode(head["ChecksumCRC32"]) == crc32(b"one two " + large).to_bytes(4, "big")
    for offset in (0, 4, 9, 8 + len(large) + 1):
        with refused("InvalidWriteOffset"):
            put(s3, directory, "log", b"x", WriteOffsetBytes=offset)
    with refused("InvalidWriteOffset"):
        put(s3, directory, "absent", b"x", WriteOffsetBytes=3)
    with refused("NotImplemented"):
        put(s3, bucket, "k", b"x", WriteOffsetBytes=0)
    end = 8 + len(large)
    for wrong in ({"Metadata": {"a": "b"}}, {"Body": b""}, {"ChecksumAlgorithm": "SHA256"}):
        with refused("InvalidRequest"):
            s3.put_object(**{"Bucket": directory, "Key": "log", "Body": b"x", "WriteOffsetBytes": end, **wrong})
    put(s3, directory, "log", b"anew")
    assert read(s3, directory, "log") == b"anew"


def test_objects_are_renamed(s3: Any, directory: str, bucket: str, refused: Any) -> None:
    put(s3, directory, "dir/a", b"a")
    put(s3, directory, "b", b"b")
    s3.rename_object(Bucket=directory, Key="dir/new", RenameSource=f"{directory}/dir/a", ClientToken="t")
    assert read(s3, directory, "dir/new") == b"a"
    with refused("NoSuchKey"):
        read(s3, directory, "dir/a")
    s3.rename_object(Bucket=directory, Key="dir/new", RenameSource=f"{directory}/dir/a", ClientToken="t")
    with refused("IdempotencyParameterMismatch"):
        s3.rename_object(Bucket=directory, Key="other", RenameSource=f"{directory}/dir/a", ClientToken="t")
    with refused("PreconditionFailed"):
        s3.rename_object(Bucket=directory, Key="b", RenameSource=f"/{directory}/dir/new", DestinationIfNoneMatch="*")
    with refused("PreconditionFailed"):
        s3.rename_object(Bucket=directory, Key="b", RenameSource=f"/{directory}/dir/new", SourceIfMatch='"x"')
    s3.rename_object(Bucket=directory, Key="b", RenameSource=f"/{directory}/dir/new")
    assert read(s3, directory, "b") == b"a"
    with refused("NoSuchKey"):
        s3.rename_object(Bucket=directory, Key="c", RenameSource=f"{directory}/nothing")
    put(s3, bucket, "k", b"1")
    with refused("MethodNotAllowed"):
        s3.rename_object(Bucket=bucket, Key="c", RenameSource=f"{bucket}/k")


def with_keys(aws: Account, session: dict[str, str]) -> Any:
    """A client that signs as for a general purpose bucket, with the keys of a session."""
    return boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
        config=PLAIN,
    )


def test_sessions_are_for_one_bucket_and_five_minutes(
    s3: Any, control: Any, aws: Account, directory: str, clock: Any, refused: Any
) -> None:
    put(s3, directory, "k", b"1")
    other = create(control)
    session = s3.create_session(Bucket=directory, SessionMode="ReadOnly")["Credentials"]
    assert 290 < session["Expiration"].timestamp() - clock.now() < 301
    reader = with_keys(aws, session)
    assert reader.get_object(Bucket=directory, Key="k")["Body"].read() == b"1"
    with refused("AccessDenied"):
        put(reader, directory, "k", b"2")
    with refused("AccessDenied"):
        reader.get_object(Bucket=other, Key="k")
    with refused("AccessDenied"):
        reader.list_buckets()
    clock.advance(301)
    with refused("ExpiredToken"):
        reader.get_object(Bucket=directory, Key="k")


def test_who_may_make_a_session_may_do_what_it_is_for(s3: Any, aws: Account, directory: str, refused: Any) -> None:
    import json

    iam = aws.client("iam")
    iam.create_user(UserName="u")
    key = iam.create_access_key(UserName="u")["AccessKey"]
    user = boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with refused("AccessDenied"):
        user.create_session(Bucket=directory)
    arn = f"arn:aws:s3express:us-east-1:{aws.id}:bucket/{directory}"
    one = {"Effect": "Allow", "Action": "s3express:CreateSession", "Resource": arn}
    only = one | {"Condition": {"StringEquals": {"s3express:SessionMode": "ReadOnly"}}}
    for statement, writes in ((only, False), (one, True)):
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document)
        user.create_session(Bucket=directory, SessionMode="ReadOnly")
        if writes:
            put(user, directory, "k", b"1")
        else:
            with refused("AccessDenied"):
                user.create_session(Bucket=directory, SessionMode="ReadWrite")
