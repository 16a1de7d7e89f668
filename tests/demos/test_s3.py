"""The study notes' account of S3, played through."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, refused

HOUR, DAY = 3600, 86_400


@pytest.fixture
def frozen(cloud: LocalCloud) -> Iterator[LocalCloud]:
    cloud.clock.freeze()
    yield cloud
    cloud.clock.resume()


@pytest.fixture
def s3(aws: Account) -> Any:
    return aws.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = fresh()
    s3.create_bucket(Bucket=name)
    return name


def body(s3: Any, bucket: str, key: str, **more: Any) -> bytes:
    content: bytes = s3.get_object(Bucket=bucket, Key=key, **more)["Body"].read()
    return content


def policy(bucket: str, **statement: Any) -> str:
    complete = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [complete | statement]})


def test_bucket_names_are_universal(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    """S3 is a universal namespace: nobody else can have a bucket of that name, in whichever Region."""
    other = cloud.account().client("s3", "eu-west-1")
    place = {"LocationConstraint": "eu-west-1"}
    assert refused(other.create_bucket, Bucket=bucket, CreateBucketConfiguration=place) == ("BucketAlreadyExists", 409)


def test_a_successful_upload_answers_200_and_an_object_may_be_empty(s3: Any, bucket: str) -> None:
    """Objects can be 0 bytes; when an upload is successful you receive an HTTP 200."""
    done = s3.put_object(Bucket=bucket, Key="empty")
    assert done["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert s3.head_object(Bucket=bucket, Key="empty")["ContentLength"] == 0


def test_what_was_written_is_read_at_once(s3: Any, bucket: str) -> None:
    """Read after write for new objects; and since December 2020, later than the notes, for overwrites and deletes."""
    for number in range(20):
        s3.put_object(Bucket=bucket, Key="k", Body=b"%d" % number)
        assert body(s3, bucket, "k") == b"%d" % number
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == len(b"%d" % number)
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.get_object, Bucket=bucket, Key="k") == ("NoSuchKey", 404)


def test_an_object_is_key_value_version_and_metadata(s3: Any, bucket: str) -> None:
    """Version ids allow for rolling back."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"one", Metadata={"author": "x"})["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"two")
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=first)["Metadata"] == {"author": "x"}
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k?versionId={first}")
    assert body(s3, bucket, "k") == b"one"


def test_glacier_takes_three_to_five_hours(frozen: LocalCloud, s3: Any, bucket: str) -> None:
    """S3 Glacier: very cheap, and takes 3-5 hours to retrieve data; Deep Archive: 12 hours."""
    for name, earliest, latest in (("GLACIER", 3 * HOUR, 5 * HOUR), ("DEEP_ARCHIVE", 11 * HOUR, 12 * HOUR)):
        s3.put_object(Bucket=bucket, Key=name, Body=b"frozen", StorageClass=name)
        assert refused(s3.get_object, Bucket=bucket, Key=name) == ("InvalidObjectState", 403)
        s3.restore_object(Bucket=bucket, Key=name, RestoreRequest={"Days": 1})
        frozen.clock.advance(earliest)
        assert refused(s3.get_object, Bucket=bucket, Key=name) == ("InvalidObjectState", 403)
        frozen.clock.advance(latest - earliest + 1)
        assert body(s3, bucket, name) == b"frozen"


def test_data_moves_to_cheaper_classes_by_itself(frozen: LocalCloud, s3: Any, bucket: str) -> None:
    """Lifecycle management moves data between the tiers, and removes it in the end."""
    moves = [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 60, "StorageClass": "GLACIER"}]
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Transitions": moves, "Expiration": {"Days": 365}}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=bucket, Key="k", Body=b"x" * 200_000)
    classes = []
    for days in (29, 3, 30):
        frozen.clock.advance(days * DAY)
        classes.append(s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"])
    assert classes == ["STANDARD", "STANDARD_IA", "GLACIER"]
    frozen.clock.advance(305 * DAY)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_by_default_only_the_owner_has_access(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    """Access control lists work per object; by default there is only access for the owner."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine")
    friend = cloud.account()
    assert refused(friend.client("s3").get_object, Bucket=bucket, Key="k") == ("AccessDenied", 403)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    me = friend.client("s3").list_buckets()["Owner"]["ID"]
    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'id="{me}"')
    assert body(friend.client("s3"), bucket, "k") == b"mine"


def test_uploads_without_the_encryption_header_are_denied(s3: Any, bucket: str) -> None:
    """To enforce encryption, a bucket policy denies PUTs that do not include x-amz-server-side-encryption."""
    missing = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, Condition=missing))
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x") == ("AccessDenied", 403)
    s3.put_object(Bucket=bucket, Key="s3-managed", Body=b"x", ServerSideEncryption="AES256")
    s3.put_object(Bucket=bucket, Key="kms-managed", Body=b"x", ServerSideEncryption="aws:kms")
    assert s3.head_object(Bucket=bucket, Key="kms-managed")["SSEKMSKeyId"].startswith("arn:aws:kms:")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["kms-managed", "s3-managed"]
    only_kms = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, Condition=only_kms))
    assert refused(s3.put_object, Bucket=bucket, Key="k", ServerSideEncryption="AES256") == ("AccessDenied", 403)


def test_the_three_kinds_of_encryption_at_rest(aws: Account, s3: Any, bucket: str) -> None:
    """S3 managed keys, KMS managed keys with an audit trail, and keys that users manage themselves."""
    key = os.urandom(32)
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": base64.b64encode(key).decode()}
    own["SSECustomerKeyMD5"] = base64.b64encode(hashlib.md5(key).digest()).decode()
    s3.put_object(Bucket=bucket, Key="own", Body=b"secret", **own)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="own")
    assert body(s3, bucket, "own", **own) == b"secret"
    kms = aws.client("kms")
    managed = kms.create_key()["KeyMetadata"]["KeyId"]
    s3.put_object(Bucket=bucket, Key="kms", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=managed)
    kms.disable_key(KeyId=managed)
    with pytest.raises(ClientError):
        s3.get_object(Bucket=bucket, Key="kms")
    s3.put_object(Bucket=bucket, Key="s3", Body=b"secret")
    assert s3.head_object(Bucket=bucket, Key="s3")["ServerSideEncryption"] == "AES256"


def test_one_bucket_may_use_the_resources_of_another(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    """Cross-origin resource sharing: a page of one bucket's site gets what another bucket allows it, and no more."""
    s3.put_object(Bucket=bucket, Key="font.woff", Body=b"font")
    site = f"http://{fresh()}.s3-website-us-east-1.amazonaws.com"
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": [site]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    url = urlsplit(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "font.woff"}))

    def allowed(origin: str) -> str | None:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
        connection.request("GET", f"{url.path}?{url.query}", headers={"Host": url.netloc, "Origin": origin})
        response = connection.getresponse()
        assert response.read() == b"font"
        return response.getheader("access-control-allow-origin")

    assert allowed(site) == site
    assert allowed("http://evil.example") is None


def test_a_site_without_a_server(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    """A bucket hosts a static website, which can be the custom origin of a distribution."""
    s3.put_bucket_website(
        Bucket=bucket,
        WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}},
    )
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>hello</h1>", ContentType="text/html")
    s3.put_object(Bucket=bucket, Key="error.html", Body=b"<h1>sorry</h1>", ContentType="text/html")
    s3.delete_public_access_block(Bucket=bucket)
    both = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    s3.put_bucket_policy(
        Bucket=bucket, Policy=policy(bucket, Effect="Allow", Action=["s3:GetObject", "s3:ListBucket"], Resource=both)
    )

    def visit(path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
        connection.request("GET", path, headers={"Host": f"{bucket}.s3-website-us-east-1.amazonaws.com"})
        response = connection.getresponse()
        return response.status, response.read()

    assert visit("/") == (200, b"<h1>hello</h1>")
    assert visit("/nowhere") == (404, b"<h1>sorry</h1>")
