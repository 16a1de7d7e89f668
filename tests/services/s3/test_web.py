"""Browsers and plain HTTP clients: presigned addresses, CORS, forms."""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.config import Config

from pileus import LocalCloud
from pileus.testing.account import Account

from .conftest import put, read

VERSION_4 = Config(signature_version="s3v4")


def fetch(url: str, method: str = "GET", body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


# Presigned addresses


def issued(aws: Account, **options: Any) -> Any:
    """A client with keys that the cloud issued, so that signatures are verified."""
    import boto3

    keys = aws.client("sts").get_session_token()["Credentials"]
    return boto3.client(
        "s3",
        endpoint_url=aws.cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        **options,
    )


def test_presigned_addresses_work_and_expire(cloud: LocalCloud, aws: Account, bucket: str) -> None:
    s3 = issued(aws, config=VERSION_4)
    key = {"Bucket": bucket, "Key": "a b/ü"}
    assert fetch(s3.generate_presigned_url("put_object", Params=key, ExpiresIn=600), "PUT", b"sent")[0] == 200
    url = s3.generate_presigned_url("get_object", Params={**key, "ResponseContentType": "text/x"}, ExpiresIn=600)
    assert fetch(url) == (200, b"sent")
    status, answer = fetch(url.replace("text%2Fx", "text%2Fy"))
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in answer) == (403, True)
    cloud.clock.advance(601)
    status, answer = fetch(url)
    assert (status, b"<Message>Request has expired</Message>" in answer) == (403, True)


def test_a_presigned_address_of_version_2_works_more_than_once(aws: Account, bucket: str) -> None:
    s3 = aws.client("s3", config=Config(signature_version="s3"))
    put(s3, bucket, "k", b"again")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    assert "AWSAccessKeyId=" in url
    assert [fetch(url) for _ in range(3)] == [(200, b"again")] * 3


# CORS

RULE = {
    "AllowedMethods": ["GET", "PUT"],
    "AllowedOrigins": ["https://*.example.com"],
    "AllowedHeaders": ["x-amz-*", "content-type"],
    "ExposeHeaders": ["ETag"],
    "MaxAgeSeconds": 99,
}


def ask(cloud: LocalCloud, method: str, path: str, **headers: str) -> tuple[int, Any, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", cloud.server.port)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    return response.status, response.headers, response.read()


def test_a_preflight_is_answered_by_the_rules(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    def preflight(origin: str, method: str, headers: str = "") -> tuple[int, Any, bytes]:
        return ask(
            cloud,
            "OPTIONS",
            f"/{bucket}/k",
            Origin=origin,
            Access_Control_Request_Method=method,
            Access_Control_Request_Headers=headers,
        )

    nowhere = {"Origin": "https://a.example.com", "Access_Control_Request_Method": "PUT"}
    status, _, answer = ask(cloud, "OPTIONS", f"/{bucket}-not/k", **nowhere)
    assert (status, b"CORSResponse: Bucket not found" in answer) == (403, True)
    status, _, answer = preflight("https://a.example.com", "PUT")
    assert (status, b"CORS is not enabled for this bucket" in answer) == (403, True)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    status, headers, _ = preflight("https://a.example.com", "PUT", "Content-Type, X-Amz-Meta-A")
    assert status == 200
    assert headers["access-control-allow-origin"] == "https://a.example.com"
    assert headers["access-control-allow-methods"] == "GET, PUT"
    assert headers["access-control-allow-headers"] == "content-type, x-amz-meta-a"
    assert headers["access-control-max-age"] == "99"
    for wrong in (
        ("https://example.org", "PUT", ""),
        ("https://a.example.com", "DELETE", ""),
        ("https://a.example.com", "PUT", "x-other"),
    ):
        status, _, answer = preflight(*wrong)
        assert (status, b"<Code>AccessForbidden</Code>" in answer) == (403, True)
    assert ask(cloud, "OPTIONS", f"/{bucket}/k")[0] == 400


def test_responses_tell_pages_that_they_may_read(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    put(s3, bucket, "k", b"x")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [RULE]})
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.partition(f":{cloud.server.port}")[2]
    status, headers, body = ask(cloud, "GET", path, Origin="https://a.example.com")
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"x", "https://a.example.com")
    assert headers["access-control-expose-headers"] == "ETag"
    assert "access-control-allow-origin" not in ask(cloud, "GET", path, Origin="https://example.org")[1]
    assert "access-control-allow-origin" not in ask(cloud, "GET", path)[1]
    refused = ask(cloud, "GET", f"/{bucket}/k", Origin="https://a.example.com")
    assert (refused[0], refused[1]["access-control-allow-origin"]) == (403, "https://a.example.com")


# Forms


def send(url: str, fields: dict[str, str], content: bytes, filename: str = "cat.png") -> tuple[int, bytes]:
    mark = "----mark"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    body = "".join(parts).encode() + content + f"\r\n--{mark}--\r\n".encode()
    return fetch(url, "POST", body, **{"Content-Type": f"multipart/form-data; boundary={mark}"})


@pytest.mark.parametrize("config", [VERSION_4, Config(signature_version="s3")])
def test_a_form_with_a_policy_is_stored(aws: Account, bucket: str, config: Config) -> None:
    s3 = issued(aws, config=config)
    form = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        Fields={"x-amz-meta-a": "1", "success_action_status": "201"},
        Conditions=[{"x-amz-meta-a": "1"}, {"success_action_status": "201"}, ["content-length-range", 1, 500_000]],
    )
    content = b"\x89PNG\r\n--almost" * 20_000
    status, answer = send(form["url"], form["fields"], content)
    assert (status, b"<Key>up/cat.png</Key>" in answer) == (201, True)
    got = s3.get_object(Bucket=bucket, Key="up/cat.png")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (content, "image/png", {"a": "1"})
    status, answer = send(form["url"], form["fields"], b"")
    assert (status, b"<Code>EntityTooSmall</Code>" in answer) == (400, True)
    status, answer = send(form["url"], form["fields"], b"x" * 500_001)
    assert (status, b"<Code>EntityTooLarge</Code>" in answer) == (400, True)
    status, answer = send(form["url"], {**form["fields"], "acl": "private"}, content)
    assert (status, b"Extra input fields: acl" in answer) == (403, True)
    status, answer = send(form["url"], {**form["fields"], "x-amz-meta-a": "2"}, content)
    assert (status, b"Policy Condition failed" in answer) == (403, True)
    signature = "x-amz-signature" if "x-amz-signature" in form["fields"] else "signature"
    status, answer = send(form["url"], {**form["fields"], signature: "0" * 64}, content)
    assert (status, b"<Code>SignatureDoesNotMatch</Code>" in answer) == (403, True)


def test_a_form_expires(cloud: LocalCloud, aws: Account, bucket: str) -> None:
    s3 = issued(aws, config=VERSION_4)
    form = s3.generate_presigned_post(bucket, "k", ExpiresIn=60)
    assert send(form["url"], form["fields"], b"x")[0] == 204
    assert read(s3, bucket, "k") == b"x"
    cloud.clock.advance(90)
    status, answer = send(form["url"], form["fields"], b"x")
    assert (status, b"Policy expired" in answer) == (403, True)


LATER = "2999-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("no JSON", "InvalidPolicyDocument"),
        ({"expiration": LATER}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": 5}, "InvalidPolicyDocument"),
        ({"expiration": "2999-01-01T00:00:00", "conditions": []}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": [{}]}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": [["content-length-range", 0]]}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": [["content-length-range", -1, 9]]}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": [["ends-with", "$key", "k"]]}, "InvalidPolicyDocument"),
        ({"expiration": LATER, "conditions": [["eq", "$key", "other"]]}, "AccessDenied"),
        ({"expiration": LATER, "conditions": [["eq", "$key", "k"]]}, "AccessDenied"),  # says nothing of the bucket
    ],
)
def test_policies_of_forms_that_are_refused(
    cloud: LocalCloud, aws: Account, s3: Any, bucket: str, document: Any, code: str
) -> None:
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    fields = {"key": "k", "AWSAccessKeyId": aws.id, "signature": "x", "policy": policy}
    status, answer = send(f"{cloud.endpoint}/{bucket}", fields, b"x")
    assert (status, f"<Code>{code}</Code>".encode() in answer) == (403 if code == "AccessDenied" else 400, True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


def test_fields_of_forms_are_checked(cloud: LocalCloud, aws: Account, s3: Any, bucket: str) -> None:
    def post(**more: str) -> tuple[int, str]:
        given = {"key": "k", **{name.replace("_", "-"): value for name, value in more.items()}}
        conditions = [{"bucket": bucket}, *(["starts-with", f"${name}", ""] for name in given)]
        document = json.dumps({"expiration": LATER, "conditions": conditions})
        policy = base64.b64encode(document.encode()).decode()
        fields = {**given, "AWSAccessKeyId": aws.id, "signature": "x", "policy": policy}
        status, answer = send(f"{cloud.endpoint}/{bucket}", fields, b"x")
        return status, answer.decode()

    status, answer = post(key="")
    assert (status, "User key must have a length greater than 0." in answer) == (400, True)
    status, answer = post(acl="nonsense")
    assert (status, "<ArgumentName>x-amz-acl</ArgumentName>" in answer) == (400, True)
    status, answer = post(x_amz_storage_class="nonsense")
    assert (status, "<Code>InvalidStorageClass</Code>" in answer) == (400, True)
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    sealed = {"x_amz_server_side_encryption": "aws:kms", "x_amz_server_side_encryption_aws_kms_key_id": key}
    assert post(**sealed, x_amz_server_side_encryption_bucket_key_enabled="true")[0] == 204
    assert s3.head_object(Bucket=bucket, Key="k")["BucketKeyEnabled"] is True


def test_a_form_without_a_policy_is_nobodys(cloud: LocalCloud, s3: Any, bucket: str) -> None:
    url = f"{cloud.endpoint}/{bucket}"
    assert send(url, {"key": "k"}, b"x")[0] == 403
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Statement": [statement]}))
    assert send(url, {"key": "k"}, b"x")[0] == 204
    assert read(s3, bucket, "k") == b"x"
    assert send(url, {"name": "k"}, b"x")[0] == 400
