"""Access points: other names of a bucket, whose policies are decided together with its own."""

from __future__ import annotations

import http.client
import json
import socket
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

import pileus
from pileus.kernel.call import Passage
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put, read

from .conftest import control_of

OPEN = {"BlockPublicAcls": False, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False}


def statement(action: Any, resource: Any, principal: Any = "*", effect: str = "Allow", **more: Any) -> str:
    who = principal if principal == "*" else {"AWS": principal}
    one = {"Effect": effect, "Principal": who, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [one]})


@pytest.fixture
def point(control: Any, aws: Account, bucket: str) -> dict[str, Any]:
    name = f"point-{uuid.uuid4().hex[:10]}"
    made = control.create_access_point(AccountId=aws.id, Name=name, Bucket=bucket)
    return {"name": name, "arn": made["AccessPointArn"], "alias": made["Alias"], "bucket": bucket}


def test_its_life(control: Any, aws: Account, bucket: str, refused: Any) -> None:
    made = control.create_access_point(
        AccountId=aws.id, Name="my-point", Bucket=bucket, Tags=[{"Key": "team", "Value": "a"}]
    )
    assert made["AccessPointArn"] == f"arn:aws:s3:us-east-1:{aws.id}:accesspoint/my-point"
    assert made["Alias"].startswith("my-point-") and made["Alias"].endswith("-s3alias")
    found = control.get_access_point(AccountId=aws.id, Name="my-point")
    assert (found["Name"], found["Bucket"], found["NetworkOrigin"]) == ("my-point", bucket, "Internet")
    assert all(found["PublicAccessBlockConfiguration"].values())
    assert found["Endpoints"]["dualstack"] == "s3-accesspoint.dualstack.us-east-1.amazonaws.com"
    assert found["BucketAccountId"] == aws.id
    with refused("AccessPointAlreadyOwnedByYou"):
        control.create_access_point(AccountId=aws.id, Name="my-point", Bucket=bucket)
    for number in range(3):
        vpc = {"VpcConfiguration": {"VpcId": "vpc-1"}}
        control.create_access_point(AccountId=aws.id, Name=f"more-{number}", Bucket=bucket, **vpc)
    pages = control.get_paginator("list_access_points") if control.can_paginate("list_access_points") else None
    first = control.list_access_points(AccountId=aws.id, Bucket=bucket, MaxResults=2)
    rest = control.list_access_points(AccountId=aws.id, Bucket=bucket, NextToken=first["NextToken"])
    names = [each["Name"] for page in (first, rest) for each in page["AccessPointList"]]
    assert names == ["more-0", "more-1", "more-2", "my-point"]
    assert first["AccessPointList"][0]["NetworkOrigin"] == "VPC"
    assert pages is None or len(list(pages.paginate(AccountId=aws.id))) == 1
    assert control.list_access_points(AccountId=aws.id, Bucket=fresh())["AccessPointList"] == []
    arn = {"AccountId": aws.id, "ResourceArn": made["AccessPointArn"]}
    control.tag_resource(**arn, Tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    control.untag_resource(**arn, TagKeys=["cost"])
    assert control.list_tags_for_resource(**arn)["Tags"] == [{"Key": "team", "Value": "b"}]
    control.delete_access_point(AccountId=aws.id, Name="my-point")
    with refused("NoSuchAccessPoint"):
        control.get_access_point(AccountId=aws.id, Name="my-point")
    with refused("NoSuchBucket"):
        aws.client("s3").list_objects_v2(Bucket=made["Alias"])


def test_what_can_be_none(control: Any, aws: Account, bucket: str, cloud: pileus.LocalCloud, refused: Any) -> None:
    for name in ("Upper", "-begins", "ends-", "with.dot", "a" * 51, "x-s3alias"):
        with refused("InvalidRequest"):
            control.create_access_point(AccountId=aws.id, Name=name, Bucket=bucket)
    with refused("NoSuchBucket"):
        control.create_access_point(AccountId=aws.id, Name="point", Bucket=fresh())
    with refused("NoSuchBucket"):
        control_of(aws, "eu-west-1").create_access_point(AccountId=aws.id, Name="point", Bucket=bucket)
    other = cloud.account()
    with refused("AccessDenied"):
        control_of(other).create_access_point(AccountId=other.id, Name="point", Bucket=bucket)
    with refused("AccessDenied"):
        control_of(other).list_access_points(AccountId=aws.id)


def test_objects_by_alias_arn_and_host(aws: Account, point: dict[str, Any], cloud: pileus.LocalCloud) -> None:
    s3 = aws.client("s3")
    put(s3, point["alias"], "dir/by alias", b"1")
    put(s3, point["arn"], "dir/by arn", b"2")  # which boto3 makes a host of
    assert read(s3, point["bucket"], "dir/by alias") == b"1"
    assert read(s3, point["alias"], "dir/by arn") == b"2"
    assert read(s3, point["arn"], "dir/by alias", Range="bytes=0-0") == b"1"
    listed = s3.list_objects_v2(Bucket=point["alias"], Prefix="dir/")["Contents"]
    assert [each["Key"] for each in listed] == ["dir/by alias", "dir/by arn"]
    source = f"{point['arn']}/object/dir/by arn"
    s3.copy_object(Bucket=point["alias"], Key="copy", CopySource=source)
    assert read(s3, point["bucket"], "copy") == b"2"
    upload = s3.create_multipart_upload(Bucket=point["alias"], Key="parts")["UploadId"]
    target = {"Bucket": point["alias"], "Key": "parts", "UploadId": upload}
    etag = s3.upload_part(**target, PartNumber=1, Body=b"part")["ETag"]
    s3.complete_multipart_upload(**target, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
    assert read(s3, point["bucket"], "parts") == b"part"
    deleted = s3.delete_objects(Bucket=point["arn"], Delete={"Objects": [{"Key": "copy"}, {"Key": "parts"}]})
    assert len(deleted["Deleted"]) == 2
    assert s3.head_bucket(Bucket=point["alias"])["BucketRegion"] == "us-east-1"
    host = f"{point['name']}-{aws.id}.s3-accesspoint.us-east-1.amazonaws.com"
    url = aws.session().client("s3", endpoint_url=f"https://{host}", config=Config(s3={"addressing_style": "path"}))
    signed = url.generate_presigned_url("get_object", {"Bucket": "x", "Key": "y"}).replace(f"https://{host}", "")
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.request("GET", signed.replace("/x/y", "/dir/by%20alias"), headers={"Host": host})
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"1")


def test_settings_of_the_bucket_are_not_changed_by_one(aws: Account, point: dict[str, Any], refused: Any) -> None:
    s3 = aws.client("s3")
    with refused("MethodNotAllowed"):
        s3.put_bucket_versioning(Bucket=point["alias"], VersioningConfiguration={"Status": "Enabled"})
    with refused("MethodNotAllowed"):
        s3.delete_bucket(Bucket=point["alias"])


def test_policies(control: Any, aws: Account, point: dict[str, Any], refused: Any) -> None:
    named = {"AccountId": aws.id, "Name": point["name"]}
    with refused("NoSuchAccessPointPolicy"):
        control.get_access_point_policy(**named)
    objects = f"{point['arn']}/object/*"
    with refused("AccessDenied"):  # BlockPublicPolicy is on by default
        control.put_access_point_policy(**named, Policy=statement("s3:GetObject", objects))
    with refused("MalformedPolicy", "invalid resource"):
        control.put_access_point_policy(
            **named, Policy=statement("s3:GetObject", f"arn:aws:s3:::{point['bucket']}/*", aws.id)
        )
    policy = statement("s3:GetObject", objects, aws.id)
    control.put_access_point_policy(**named, Policy=policy)
    assert control.get_access_point_policy(**named)["Policy"] == policy
    assert control.get_access_point_policy_status(**named)["PolicyStatus"]["IsPublic"] is False
    control.delete_access_point_policy(**named)
    with refused("NoSuchAccessPointPolicy"):
        control.get_access_point_policy_status(**named)


def user(aws: Account, allowed: Any) -> Any:
    """An S3 client of a user who may do what a policy says."""
    iam = aws.client("iam")
    name = f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **one} for one in allowed]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )


def test_a_user_needs_the_point_and_the_bucket(aws: Account, point: dict[str, Any], refused: Any) -> None:
    s3 = aws.client("s3")
    put(s3, point["bucket"], "k", b"1")
    on_point = {"Action": "s3:GetObject", "Resource": f"{point['arn']}/object/*"}
    on_bucket = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{point['bucket']}/*"}
    with refused("AccessDenied"):
        read(user(aws, [on_point]), point["alias"], "k")
    with refused("AccessDenied"):
        read(user(aws, [on_bucket]), point["alias"], "k")
    assert read(user(aws, [on_point, on_bucket]), point["alias"], "k") == b"1"
    narrowed = on_bucket | {"Condition": {"StringEquals": {"s3:DataAccessPointAccount": aws.id}}}
    by_point = user(aws, [on_point, narrowed])
    assert read(by_point, point["arn"], "k") == b"1"
    with refused("AccessDenied"):
        read(by_point, point["bucket"], "k")


def test_the_bucket_delegates_to_its_accounts_points(
    control: Any, aws: Account, point: dict[str, Any], cloud: pileus.LocalCloud, refused: Any
) -> None:
    """ "Delegating access control to access points", S3 User Guide."""
    s3, friend = aws.client("s3"), cloud.account()
    theirs = friend.client("s3")
    put(s3, point["bucket"], "k", b"1")
    named = {"AccountId": aws.id, "Name": point["name"]}
    control.put_access_point_policy(**named, Policy=statement("s3:GetObject", f"{point['arn']}/object/k", friend.id))
    with refused("AccessDenied"):
        read(theirs, point["alias"], "k")
    delegates = statement(
        "s3:*",
        [f"arn:aws:s3:::{point['bucket']}", f"arn:aws:s3:::{point['bucket']}/*"],
        Condition={"StringEquals": {"s3:DataAccessPointAccount": aws.id}},
    )
    s3.put_bucket_policy(Bucket=point["bucket"], Policy=delegates)
    assert read(theirs, point["alias"], "k") == b"1"
    assert read(theirs, point["arn"], "k") == b"1"
    for attempt in (
        lambda: read(theirs, point["bucket"], "k"),
        lambda: read(theirs, point["alias"], "other"),
        lambda: put(theirs, point["alias"], "k", b"2"),
    ):
        with refused("AccessDenied"):
            attempt()


def test_a_deny_binds_the_root_too(control: Any, aws: Account, point: dict[str, Any], refused: Any) -> None:
    s3 = aws.client("s3")
    put(s3, point["bucket"], "k", b"1")
    policy = statement("s3:DeleteObject", f"{point['arn']}/object/*", aws.id, "Deny")
    control.put_access_point_policy(AccountId=aws.id, Name=point["name"], Policy=policy)
    with refused("AccessDenied"):
        s3.delete_object(Bucket=point["alias"], Key="k")
    told = s3.delete_objects(Bucket=point["alias"], Delete={"Objects": [{"Key": "k"}]})
    assert told["Errors"][0]["Code"] == "AccessDenied"
    s3.delete_object(Bucket=point["bucket"], Key="k")


def anonymous(cloud: pileus.LocalCloud, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.request("GET", path)
    return connection.getresponse().status


def test_nobody_in_particular(control: Any, aws: Account, bucket: str, cloud: pileus.LocalCloud) -> None:
    s3 = aws.client("s3")
    put(s3, bucket, "k", b"1")
    made = control.create_access_point(
        AccountId=aws.id, Name="open", Bucket=bucket, PublicAccessBlockConfiguration=OPEN
    )
    path = f"/{made['Alias']}/k"
    assert anonymous(cloud, path) == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=bucket, Policy=statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    assert anonymous(cloud, f"/{bucket}/k") == 200
    assert anonymous(cloud, path) == 403
    policy = statement("s3:GetObject", f"{made['AccessPointArn']}/object/*")
    control.put_access_point_policy(AccountId=aws.id, Name="open", Policy=policy)
    assert anonymous(cloud, path) == 200


def test_a_point_of_a_vpc_answers_what_comes_out_of_it(
    control: Any, aws: Account, bucket: str, cloud: pileus.LocalCloud, refused: Callable[..., Any]
) -> None:
    vpc = {"VpcConfiguration": {"VpcId": "vpc-12345678"}}
    made = control.create_access_point(AccountId=aws.id, Name="inside", Bucket=bucket, **vpc)
    s3 = aws.client("s3")
    put(s3, bucket, "k", b"1")
    with refused("AccessDenied"):
        s3.list_objects_v2(Bucket=made["Alias"])
    signed = s3.generate_presigned_url("get_object", {"Bucket": made["Alias"], "Key": "k"})
    for network, status in (("vpc-12345678", 200), ("vpc-87654321", 403)):
        door = socket.create_server(("127.0.0.1", 0))
        door.setblocking(False)
        way = Passage("vpce-1", network)
        close = cloud.do(lambda door=door, way=way: cloud.server.cloud.listen(door, lambda: way))
        connection = http.client.HTTPConnection("127.0.0.1", door.getsockname()[1], timeout=20)
        connection.request("GET", signed.partition(aws.cloud.endpoint)[2], headers={"Host": host_of(aws)})
        assert connection.getresponse().status == status
        connection.close()
        cloud.do(close)


def host_of(aws: Account) -> str:
    return aws.cloud.endpoint.partition("//")[2]


def test_the_accounts_block_is_over_those_of_its_buckets(
    control: Any, aws: Account, bucket: str, cloud: pileus.LocalCloud, refused: Any
) -> None:
    s3 = aws.client("s3")
    with refused("NoSuchPublicAccessBlockConfiguration"):
        control.get_public_access_block(AccountId=aws.id)
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=OPEN)
    put(s3, bucket, "k", b"1")
    policy = statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert anonymous(cloud, f"/{bucket}/k") == 200
    some = OPEN | {"RestrictPublicBuckets": True}
    control.put_public_access_block(AccountId=aws.id, PublicAccessBlockConfiguration=some)
    assert control.get_public_access_block(AccountId=aws.id)["PublicAccessBlockConfiguration"] == some
    assert anonymous(cloud, f"/{bucket}/k") == 403
    every = dict.fromkeys(OPEN, True)
    control.put_public_access_block(AccountId=aws.id, PublicAccessBlockConfiguration=every)
    with refused("AccessDenied"):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    )
    with refused("AccessDenied"):
        put(s3, bucket, "k", b"1", ACL="public-read")
    control.delete_public_access_block(AccountId=aws.id)
    assert anonymous(cloud, f"/{bucket}/k") == 200


def test_buckets_have_their_tags_here_too(
    control: Any, aws: Account, bucket: str, cloud: pileus.LocalCloud, refused: Any
) -> None:
    named = {"AccountId": aws.id, "ResourceArn": f"arn:aws:s3:::{bucket}"}
    control.tag_resource(**named, Tags=[{"Key": "team", "Value": "a"}, {"Key": "cost", "Value": "1"}])
    tags = aws.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "a", "cost": "1"}
    control.untag_resource(**named, TagKeys=["cost"])
    assert control.list_tags_for_resource(**named)["Tags"] == [{"Key": "team", "Value": "a"}]
    with refused("NoSuchBucket"):
        control.list_tags_for_resource(AccountId=aws.id, ResourceArn=f"arn:aws:s3:::{fresh()}")
    other = cloud.account()
    with refused("AccessDenied"):
        control_of(other).list_tags_for_resource(AccountId=other.id, ResourceArn=named["ResourceArn"])


def test_a_bucket_with_a_point_stays(control: Any, aws: Account, point: dict[str, Any], refused: Any) -> None:
    s3 = aws.client("s3")
    with refused("BucketHasAccessPointsAttached"):
        s3.delete_bucket(Bucket=point["bucket"])
    control.delete_access_point(AccountId=aws.id, Name=point["name"])
    s3.delete_bucket(Bucket=point["bucket"])


def test_the_head_of_an_alias_says_so(aws: Account, point: dict[str, Any]) -> None:
    assert aws.client("s3").head_bucket(Bucket=point["alias"])["AccessPointAlias"] is True
