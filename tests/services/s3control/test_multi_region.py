"""Multi-Region access points, and Object Lambda access points as far as they are set up."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest
from botocore.awsrequest import AWSRequest
from botocore.compat import HAS_CRT
from botocore.credentials import Credentials

import pileus
from pileus.testing.account import Account
from tests.services.s3.conftest import fresh, put

from .conftest import control_of


@pytest.fixture
def buckets(aws: Account) -> dict[str, str]:
    """One in each of two Regions, each with an object that says where it is."""
    names = {}
    for region in ("us-east-1", "eu-west-1"):
        s3 = aws.client("s3", region)
        names[region] = fresh()
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=names[region], **place)
        put(s3, names[region], "where", region.encode())
    return names


def made(aws: Account, clock: Any, buckets: dict[str, str], name: str = "everywhere") -> tuple[Any, dict[str, Any]]:
    control = control_of(aws, "us-west-2")
    details = {"Name": name, "Regions": [{"Bucket": bucket} for bucket in buckets.values()]}
    token = control.create_multi_region_access_point(AccountId=aws.id, ClientToken=f"t-{name}", Details=details)
    asked = {"AccountId": aws.id, "RequestTokenARN": token["RequestTokenARN"]}
    told = control.describe_multi_region_access_point_operation(**asked)["AsyncOperation"]
    assert (told["RequestStatus"], told["Operation"]) == ("INPROGRESS", "CreateMultiRegionAccessPoint")
    again = control.create_multi_region_access_point(AccountId=aws.id, ClientToken=f"t-{name}", Details=details)
    assert again["RequestTokenARN"] == token["RequestTokenARN"]
    clock.advance(60)
    told = control.describe_multi_region_access_point_operation(**asked)["AsyncOperation"]
    assert told["RequestStatus"] == "SUCCEEDED"
    return control, control.get_multi_region_access_point(AccountId=aws.id, Name=name)["AccessPoint"]


def get(cloud: pileus.LocalCloud, aws: Account, alias: str, key: str) -> tuple[int, bytes]:
    """Ask for an object as SDKs do, at the point's own host, signed for all Regions."""
    from botocore.crt.auth import CrtS3SigV4AsymAuth

    host = f"{alias}.accesspoint.s3-global.amazonaws.com"
    request = AWSRequest("GET", f"http://{host}/{key}")
    request.context["signing"] = {}
    CrtS3SigV4AsymAuth(Credentials(aws.id, "test"), "s3", "*").add_auth(request)
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    fields = {name: value for name, value in request.headers.items() if name.lower() != "host"}
    connection.request("GET", f"/{key}", headers=fields | {"Host": host})
    response = connection.getresponse()
    return response.status, response.read()


@pytest.mark.skipif(not HAS_CRT, reason="signing for several Regions needs awscrt")
def test_one_name_for_several_regions(aws: Account, clock: Any, cloud: pileus.LocalCloud, buckets: Any) -> None:
    control, point = made(aws, clock, buckets)
    assert point["Status"] == "READY" and point["Alias"].endswith(".mrap")
    assert {each["Region"]: each["Bucket"] for each in point["Regions"]} == buckets
    assert get(cloud, aws, point["Alias"], "where") == (200, b"us-east-1")
    arn = f"arn:aws:s3::{aws.id}:accesspoint/{point['Alias']}"
    routes = control.get_multi_region_access_point_routes(AccountId=aws.id, Mrap=arn)
    assert [route["TrafficDialPercentage"] for route in routes["Routes"]] == [100, 100]
    off = [{"Region": "us-east-1", "Bucket": buckets["us-east-1"], "TrafficDialPercentage": 0}]
    control.submit_multi_region_access_point_routes(AccountId=aws.id, Mrap=arn, RouteUpdates=off)
    assert get(cloud, aws, point["Alias"], "where") == (200, b"eu-west-1")
    listed = control.list_multi_region_access_points(AccountId=aws.id)["AccessPoints"]
    assert [each["Name"] for each in listed] == ["everywhere"]
    control.delete_multi_region_access_point(AccountId=aws.id, ClientToken="d", Details={"Name": "everywhere"})
    assert (
        control.get_multi_region_access_point(AccountId=aws.id, Name="everywhere")["AccessPoint"]["Status"]
        == "DELETING"
    )
    clock.advance(60)
    assert control.list_multi_region_access_points(AccountId=aws.id)["AccessPoints"] == []
    assert get(cloud, aws, point["Alias"], "where")[0] == 404


def test_policies_are_proposed_and_then_established(aws: Account, clock: Any, buckets: Any, refused: Any) -> None:
    control, point = made(aws, clock, buckets)
    arn = f"arn:aws:s3::{aws.id}:accesspoint/{point['Alias']}"
    one = {"Effect": "Deny", "Principal": {"AWS": aws.id}, "Action": "s3:DeleteObject", "Resource": f"{arn}/object/*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [one]})
    details = {"Name": "everywhere", "Policy": policy}
    control.put_multi_region_access_point_policy(AccountId=aws.id, ClientToken="p", Details=details)
    named = {"AccountId": aws.id, "Name": "everywhere"}
    assert control.get_multi_region_access_point_policy(**named)["Policy"] == {"Proposed": {"Policy": policy}}
    clock.advance(60)
    assert control.get_multi_region_access_point_policy(**named)["Policy"]["Established"] == {"Policy": policy}
    assert control.get_multi_region_access_point_policy_status(**named)["Established"]["IsPublic"] is False
    with refused("NoSuchMultiRegionAccessPoint"):
        control.get_multi_region_access_point(AccountId=aws.id, Name="nowhere")


def test_what_routes_can_be(aws: Account, clock: Any, buckets: Any, refused: Any) -> None:
    control, point = made(aws, clock, buckets)
    arn = f"arn:aws:s3::{aws.id}:accesspoint/{point['Alias']}"
    off = [{"Region": region, "TrafficDialPercentage": 0} for region in buckets]
    for wrong in (off, [{"Region": "ap-south-1", "TrafficDialPercentage": 100}]):
        with refused("InvalidRequest"):
            control.submit_multi_region_access_point_routes(AccountId=aws.id, Mrap=arn, RouteUpdates=wrong)
    twice = {"Name": "twice", "Regions": [{"Bucket": buckets["us-east-1"]}] * 2}
    with refused("InvalidRequest"):
        control.create_multi_region_access_point(AccountId=aws.id, ClientToken="x", Details=twice)


def test_object_lambda_points_are_set_up(control: Any, aws: Account, bucket: str, refused: Any) -> None:
    base = control.create_access_point(AccountId=aws.id, Name="base", Bucket=bucket)["AccessPointArn"]
    function = f"arn:aws:lambda:us-east-1:{aws.id}:function:f"
    configuration = {
        "SupportingAccessPoint": base,
        "TransformationConfigurations": [
            {"Actions": ["GetObject"], "ContentTransformation": {"AwsLambda": {"FunctionArn": function}}}
        ],
    }
    named = {"AccountId": aws.id, "Name": "upper"}
    point = control.create_access_point_for_object_lambda(**named, Configuration=configuration)
    assert point["ObjectLambdaAccessPointArn"] == f"arn:aws:s3-object-lambda:us-east-1:{aws.id}:accesspoint/upper"
    told = control.get_access_point_configuration_for_object_lambda(**named)["Configuration"]
    assert told["TransformationConfigurations"][0]["Actions"] == ["GetObject"]
    assert control.get_access_point_for_object_lambda(**named)["Alias"] == point["Alias"]
    listed = control.list_access_points_for_object_lambda(AccountId=aws.id)["ObjectLambdaAccessPointList"]
    assert [each["Name"] for each in listed] == ["upper"]
    wrong = configuration | {"SupportingAccessPoint": base + "x"}
    with refused("InvalidRequest"):
        control.put_access_point_configuration_for_object_lambda(**named, Configuration=wrong)
    control.delete_access_point_for_object_lambda(**named)
    with refused("NoSuchAccessPoint"):
        control.get_access_point_for_object_lambda(**named)
