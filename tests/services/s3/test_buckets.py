"""Buckets: names, Regions, ownership, emptiness."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from pileus import LocalCloud
from pileus.kernel.store.keys import pack, unpack
from pileus.testing.account import Account

from .conftest import fresh, put, refused

NO_REDIRECT = Config(retries={"max_attempts": 1})


@pytest.mark.parametrize(
    "name", ["ab", "-abc", "abc-", "a..b", "192.168.5.4", "xn--abc", "sthree-abc", "abc-s3alias", "a" * 64, "ab_c"]
)
def test_a_bad_name_is_refused(aws: Account, name: str) -> None:
    s3 = aws.client("s3", config=Config(parameter_validation=False))
    assert refused(s3.create_bucket, Bucket=name) == ("InvalidBucketName", 400)


def test_names_are_a_universal_namespace(cloud: LocalCloud, aws: Account, s3: Any) -> None:
    name = fresh()
    s3.create_bucket(Bucket=name)
    other = cloud.account().client("s3")
    assert refused(other.create_bucket, Bucket=name) == ("BucketAlreadyExists", 409)
    assert refused(other.head_bucket, Bucket=name) == ("403", 403)


def test_an_owner_may_create_a_bucket_again_in_us_east_1_alone(aws: Account) -> None:
    name = fresh()
    here = aws.client("s3")
    assert here.create_bucket(Bucket=name)["Location"] == f"/{name}"
    here.create_bucket(Bucket=name)
    there = aws.client("s3", "eu-west-1")
    other = fresh()
    constraint = {"LocationConstraint": "eu-west-1"}
    there.create_bucket(Bucket=other, CreateBucketConfiguration=constraint)
    assert refused(there.create_bucket, Bucket=other, CreateBucketConfiguration=constraint) == (
        "BucketAlreadyOwnedByYou",
        409,
    )


def test_a_region_creates_its_own_buckets_only(aws: Account) -> None:
    there, name = aws.client("s3", "eu-west-1"), fresh()
    made = there.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert made["Location"] == f"http://{name}.s3.amazonaws.com/"
    assert refused(there.create_bucket, Bucket=fresh())[0] == "IllegalLocationConstraintException"
    wrong = {"LocationConstraint": "eu-west-2"}
    assert refused(there.create_bucket, Bucket=fresh(), CreateBucketConfiguration=wrong) == (
        "IllegalLocationConstraintException",
        400,
    )
    for place in ("mars-1", "us-east-1", "us-gov-west-1", "cn-north-1"):
        nowhere = {"LocationConstraint": place}
        assert refused(aws.client("s3").create_bucket, Bucket=fresh(), CreateBucketConfiguration=nowhere) == (
            "InvalidLocationConstraint",
            400,
        )


def test_the_location_of_us_east_1_is_empty(aws: Account, s3: Any, bucket: str) -> None:
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    name = fresh()
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "EU"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "EU"
    assert aws.client("s3", "eu-west-1").head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


def test_a_new_bucket_cannot_be_public(s3: Any) -> None:
    """The public access block is on from the beginning."""
    wanted = {"ACL": "public-read", "ObjectOwnership": "ObjectWriter"}
    assert refused(s3.create_bucket, Bucket=fresh(), **wanted) == ("InvalidBucketAclWithBlockPublicAccessError", 400)
    assert refused(s3.create_bucket, Bucket=fresh(), ACL="public-read") == ("InvalidBucketAclWithObjectOwnership", 400)
    name = fresh()
    s3.create_bucket(Bucket=name, ACL="log-delivery-write", ObjectOwnership="ObjectWriter")
    assert len(s3.get_bucket_acl(Bucket=name)["Grants"]) == 3


def test_a_head_tells_the_region_even_to_those_who_may_not_look(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    assert s3.head_bucket(Bucket=bucket)["AccessPointAlias"] is False
    with pytest.raises(ClientError) as raised:
        cloud.account().client("s3").head_bucket(Bucket=bucket)
    told = raised.value.response["ResponseMetadata"]
    assert (told["HTTPStatusCode"], told["HTTPHeaders"]["x-amz-bucket-region"]) == (403, "us-east-1")


def test_an_endpoint_of_acceleration_is_for_buckets_that_have_it(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    import http.client

    def ask() -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
        host = f"{bucket}.s3-accelerate.amazonaws.com"
        connection.request("GET", "/k", headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read()

    put(s3, bucket, "k", b"fast")
    status, answer = ask()
    assert (status, b"S3 Transfer Acceleration is not configured on this bucket" in answer) == (400, True)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert ask()[0] == 403


def test_boto3_follows_the_redirection_to_another_region(aws: Account, s3: Any) -> None:
    name = fresh()
    aws.client("s3", "eu-west-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    put(s3, name, "there", b"found")
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "eu-west-1"


def test_the_wrong_region_is_told(aws: Account, cloud: LocalCloud) -> None:
    import http.client

    name = fresh()
    aws.client("s3", "eu-west-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    url = aws.client("s3").generate_presigned_url("list_objects_v2", Params={"Bucket": name})
    connection = http.client.HTTPConnection("localhost", cloud.server.port)
    connection.request("GET", url.partition(f":{cloud.server.port}")[2])
    response = connection.getresponse()
    body = response.read().decode()
    assert (response.status, response.headers["x-amz-bucket-region"]) == (301, "eu-west-1")
    assert "<Code>PermanentRedirect</Code>" in body
    assert f"<Bucket>{name}</Bucket>" in body
    host = f"{name}.s3.localhost:{cloud.server.port}"
    connection.request("GET", "/?" + url.partition("?")[2], headers={"Host": host})
    response = connection.getresponse()
    body = response.read().decode()
    assert response.status == 400
    assert "<Code>AuthorizationHeaderMalformed</Code>" in body
    assert "<Region>eu-west-1</Region>" in body


def test_buckets_are_listed_in_pages(cloud: LocalCloud) -> None:
    s3 = cloud.account().client("s3")
    names = sorted(fresh() for _ in range(5))
    for name in names:
        s3.create_bucket(Bucket=name)
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == names
    first = s3.list_buckets(MaxBuckets=3)
    assert [each["Name"] for each in first["Buckets"]] == names[:3]
    assert first["Buckets"][0]["BucketRegion"] == "us-east-1"
    rest = s3.list_buckets(MaxBuckets=3, ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for each in rest["Buckets"]] == names[3:]
    assert "ContinuationToken" not in rest
    some = s3.list_buckets(Prefix=names[2][:12])["Buckets"]
    assert names[2] in [each["Name"] for each in some]
    assert s3.list_buckets(BucketRegion="eu-west-3")["Buckets"] == []
    assert refused(s3.list_buckets, BucketRegion="mars") == ("InvalidArgument", 400)
    with pytest.raises(ClientError) as raised:
        s3.list_buckets(MaxBuckets=10_001)
    error = raised.value.response["Error"]
    assert (error["Code"], error["ArgumentName"]) == ("InvalidArgument", "max-buckets")
    assert error["Message"] == "Argument max-buckets must be an integer between 1 and 10000"


def test_lists_tell_the_region(s3: Any, bucket: str) -> None:
    for listing in (s3.list_objects, s3.list_objects_v2):
        assert listing(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "us-east-1"


def test_only_an_empty_bucket_is_deleted(s3: Any, versioned: str) -> None:
    put(s3, versioned, "a")
    assert refused(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=versioned, Key="a")
    assert refused(s3.delete_bucket, Bucket=versioned) == ("BucketNotEmpty", 409)
    listed = s3.list_object_versions(Bucket=versioned)
    for each in listed["Versions"] + listed["DeleteMarkers"]:
        s3.delete_object(Bucket=versioned, Key="a", VersionId=each["VersionId"])
    s3.create_multipart_upload(Bucket=versioned, Key="under way")
    s3.delete_bucket(Bucket=versioned)
    assert refused(s3.head_bucket, Bucket=versioned) == ("404", 404)
    assert refused(s3.list_objects_v2, Bucket=versioned) == ("NoSuchBucket", 404)


def test_the_expected_owner_is_checked(s3: Any, aws: Account, bucket: str) -> None:
    s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner=aws.id)
    assert refused(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="999999999999") == ("AccessDenied", 403)
    wrong = {"Bucket": bucket, "Key": "k", "ExpectedBucketOwner": "1"}
    assert refused(s3.put_object, **wrong) == ("InvalidBucketOwnerAWSAccountID", 400)


def test_errors_say_what_they_are_about(s3: Any, bucket: str) -> None:
    with pytest.raises(s3.exceptions.NoSuchKey) as raised:
        s3.get_object(Bucket=bucket, Key="nothing")
    assert raised.value.response["Error"]["Key"] == "nothing"
    with pytest.raises(s3.exceptions.NoSuchBucket) as raised:
        s3.list_objects(Bucket="no-such-bucket-here")
    assert raised.value.response["Error"]["BucketName"] == "no-such-bucket-here"


def test_a_bucket_answers_at_its_own_host(aws: Account, cloud: LocalCloud, bucket: str) -> None:
    import http.client

    put(aws.client("s3"), bucket, "a/b", b"virtual")
    virtual = aws.client("s3", config=Config(s3={"addressing_style": "virtual"}))
    url = virtual.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/b"})
    host, _, rest = url.removeprefix("http://").partition("/")
    assert host.startswith(bucket)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.request("GET", f"/{rest}", headers={"Host": host})
    assert connection.getresponse().read() == b"virtual"


def test_nothing_remains_of_a_bucket_that_is_deleted(
    clock: Any, cloud: LocalCloud, aws: Account, s3: Any, versioned: str
) -> None:
    """Not of the bucket itself, nor of what was noted about it, nor of what was in it."""

    def rows() -> int:
        def count() -> int:
            store = cloud.server.cloud.store
            start = pack(("", ""))
            whose = [unpack(key)[2:4] for key, _ in store.scan(start, start + b"\xff")]
            return sum(str(table).startswith("s3.") for table, *_ in whose)

        counted: int = cloud.do(count)
        return counted

    name = fresh()
    before = rows()
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ID": "x", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [rule]})
    s3.put_bucket_logging(
        Bucket=name, BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": name, "TargetPrefix": ""}}
    )
    s3.put_bucket_metrics_configuration(Bucket=name, Id="a", MetricsConfiguration={"Id": "a"})
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})
    made = s3.put_object(Bucket=name, Key="k", Body=b"x" * 100_000)
    s3.put_object_annotation(Bucket=name, Key="k", AnnotationName="a", AnnotationPayload=b"x")
    s3.delete_object(Bucket=name, Key="k", VersionId=made["VersionId"])
    s3.delete_bucket(Bucket=name)
    assert rows() == before
