"""Reading by an Object Lambda access point: a function makes of an object what its caller sees."""

from __future__ import annotations

import io
import json
import textwrap
import zipfile
from importlib.util import find_spec
from typing import Any

import pytest

from pileus.testing.account import Account
from tests.services.s3.conftest import put

pytestmark = pytest.mark.skipif(find_spec("pileus.services.lambda_") is None, reason="Lambda is not built")

SOURCE = """
import json, os, re, urllib.request

def answer(event, body, **fields):
    context = event["getObjectContext"]
    headers = {
        "x-amz-request-route": context["outputRoute"],
        "x-amz-request-token": context["outputToken"],
        "authorization": "AWS4-HMAC-SHA256 Credential=%s/20260101/us-east-1/s3-object-lambda/aws4_request, "
                         "SignedHeaders=host, Signature=00" % os.environ.get("ACCOUNT"),
        "x-amz-date": "20260101T000000Z",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }
    url = os.environ["AWS_ENDPOINT_URL"] + "/WriteGetObjectResponse"
    request = urllib.request.Request(url, data=body, method="POST", headers=headers | fields)
    urllib.request.urlopen(request).read()

def handler(event, context):
    if "headObjectContext" in event:
        url = event["headObjectContext"]["inputS3Url"]
        if "/secret?" in url:
            return {"statusCode": 403, "errorCode": "NotForYou", "errorMessage": "no"}
        found = urllib.request.urlopen(urllib.request.Request(url, method="HEAD")).headers
        return {"statusCode": 200, "headers": {"Content-Length": found["content-length"], "Content-Type": "text/loud",
                                               "Last-Modified": found["last-modified"], "x-amz-meta-by": "function"}}
    if "listObjectsV2Context" in event:
        text = urllib.request.urlopen(event["listObjectsV2Context"]["inputS3Url"]).read().decode()
        text = re.sub("<Contents>((?!</Contents>).)*<Key>secret</Key>.*?</Contents>", "", text)
        text = text.replace("<KeyCount>3<", "<KeyCount>2<")
        return {"statusCode": 200, "listResultXml": text}
    if "listObjectsContext" in event:
        made = {"Key": "MADE UP", "Size": 1, "LastModified": "2026-01-01T00:00:00Z", "ETag": '"x"'}
        return {"statusCode": 200, "listBucketResult": {"Name": "b", "IsTruncated": False, "Contents": [made]}}
    key = event["userRequest"]["url"].rpartition("/")[2]
    if key == "broken":
        raise ValueError("broken")
    if key == "silent":
        return {}
    if key == "refused":
        answer(event, b"", **{"x-amz-fwd-status": "403", "x-amz-fwd-error-code": "NotForYou",
                              "x-amz-fwd-error-message": "no"})
        return {}
    original = urllib.request.urlopen(event["getObjectContext"]["inputS3Url"]).read()
    payload = event["configuration"]["payload"]
    answer(event, original.upper() + payload.encode(), **{"x-amz-fwd-header-content-type": "text/loud",
                                                          "x-amz-meta-by": "function"})
    return {}
"""


@pytest.fixture
def loud(control: Any, aws: Account, bucket: str) -> dict[str, str]:
    """An access point whose function raises its voice."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("app.py", textwrap.dedent(SOURCE))
    function = aws.client("lambda").create_function(
        FunctionName="loud",
        Runtime="python3.11",
        Handler="app.handler",
        Role=f"arn:aws:iam::{aws.id}:role/loud",
        Timeout=30,
        Code={"ZipFile": data.getvalue()},
        Environment={"Variables": {"ACCOUNT": aws.id}},
    )["FunctionArn"]
    base = control.create_access_point(AccountId=aws.id, Name="base", Bucket=bucket)["AccessPointArn"]
    transform = {"AwsLambda": {"FunctionArn": function, "FunctionPayload": "!"}}
    configuration = {
        "SupportingAccessPoint": base,
        "TransformationConfigurations": [{"Actions": ["GetObject"], "ContentTransformation": transform}],
    }
    made = control.create_access_point_for_object_lambda(AccountId=aws.id, Name="loud", Configuration=configuration)
    return {"bucket": bucket, "alias": made["Alias"]["Value"], "arn": made["ObjectLambdaAccessPointArn"]}


def test_a_function_makes_what_is_read(aws: Account, loud: dict[str, str], refused: Any) -> None:
    s3 = aws.client("s3")
    for key in ("quiet", "broken", "silent", "refused"):
        put(s3, loud["bucket"], key, b"hello " * 20_000 if key == "quiet" else b"1")
    answer = s3.get_object(Bucket=loud["alias"], Key="quiet")
    assert answer["Body"].read() == b"HELLO " * 20_000 + b"!"
    assert (answer["ContentType"], answer["Metadata"]) == ("text/loud", {"by": "function"})
    assert s3.get_object(Bucket=loud["arn"], Key="quiet")["ContentLength"] == 120_001
    assert s3.head_object(Bucket=loud["alias"], Key="quiet")["ContentLength"] == 120_000
    assert s3.list_objects_v2(Bucket=loud["alias"])["KeyCount"] == 4
    with refused("LambdaRuntimeError"):
        s3.get_object(Bucket=loud["alias"], Key="broken")
    with refused("LambdaResponseNotReceived"):
        s3.get_object(Bucket=loud["alias"], Key="silent")
    with refused("NotForYou"):
        s3.get_object(Bucket=loud["alias"], Key="refused")


def test_only_what_is_asked_is_answered(aws: Account, refused: Any) -> None:
    from botocore.config import Config

    s3 = aws.client("s3", config=Config(inject_host_prefix=False))
    with refused("InvalidRequest", "token"):
        s3.write_get_object_response(RequestRoute="io-cell1-x", RequestToken="x", Body=b"1")


def test_a_function_makes_what_is_told_and_listed(
    control: Any, aws: Account, loud: dict[str, str], refused: Any
) -> None:
    s3, named = aws.client("s3"), {"AccountId": aws.id, "Name": "loud"}
    told = control.get_access_point_configuration_for_object_lambda(**named)["Configuration"]
    told["TransformationConfigurations"][0]["Actions"] = ["GetObject", "HeadObject", "ListObjects", "ListObjectsV2"]
    control.put_access_point_configuration_for_object_lambda(**named, Configuration=json.loads(json.dumps(told)))
    for key in ("a/1", "a/2", "secret"):
        put(s3, loud["bucket"], key, b"12345")
    head = s3.head_object(Bucket=loud["alias"], Key="a/1")
    assert (head["ContentLength"], head["Metadata"], head["ContentType"]) == (5, {"by": "function"}, "text/loud")
    with refused("403"):
        s3.head_object(Bucket=loud["alias"], Key="secret")
    listed = s3.list_objects_v2(Bucket=loud["alias"])
    assert [(each["Key"], each["Size"]) for each in listed["Contents"]] == [("a/1", 5), ("a/2", 5)]
    assert listed["KeyCount"] == 2 and listed["Contents"][0]["LastModified"].year >= 2026
    folders = s3.list_objects_v2(Bucket=loud["alias"], Prefix="a/", Delimiter="/")
    assert [each["Key"] for each in folders["Contents"]] == ["a/1", "a/2"]
    first = s3.list_objects(Bucket=loud["alias"], MaxKeys=1)
    assert [each["Key"] for each in first["Contents"]] == ["MADE UP"] and first["IsTruncated"] is False
