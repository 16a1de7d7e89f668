"""Signature Version 2: the S3 User Guide's examples, and botocore's signers as oracles."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest
from botocore.auth import HmacV1Auth, SigV2Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus.gateway import signing
from pileus.gateway.message import Headers, Request
from pileus.kernel.errors import Fault

from .signers import ACCESS_KEY, SECRET, altered, apply, received

BUCKET = "johnsmith"


def verify(request: Request, bucket: str = "") -> signing.Signed:
    signed = signing.parse(request)
    assert signed is not None
    assert signed.access_key == ACCESS_KEY
    signing.verify(signed, request, SECRET, bucket=bucket)
    return signed


def example(method: str, target: str, signature: str, **headers: str) -> Request:
    fields = {"host": f"{BUCKET}.s3.amazonaws.com"} | {name.replace("_", "-"): value for name, value in headers.items()}
    if signature:
        fields["authorization"] = f"AWS {ACCESS_KEY}:{signature}"
    return Request(method, target, Headers(fields.items()))


EXAMPLES = {
    "object get": example(
        "GET", "/photos/puppy.jpg", "bWq2s1WEIj+Ydj0vQ697zp+IXMU=", date="Tue, 27 Mar 2007 19:36:42 +0000"
    ),
    "object put": example(
        "PUT",
        "/photos/puppy.jpg",
        "MyyxeRY7whkBe+bq8fHCL/2kKUg=",
        content_type="image/jpeg",
        date="Tue, 27 Mar 2007 21:15:45 +0000",
    ),
    "list": example(
        "GET",
        "/?prefix=photos&max-keys=50&marker=puppy",
        "htDYFYduRNen8P9ZfE/s9SuKy0U=",
        date="Tue, 27 Mar 2007 19:42:41 +0000",
    ),
    "fetch": example("GET", "/?acl", "c2WLPFtWHVgbEmeEG93a4cG37dM=", date="Tue, 27 Mar 2007 19:44:46 +0000"),
    "query string": example(
        "GET",
        f"/photos/puppy.jpg?AWSAccessKeyId={ACCESS_KEY}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=1175139620",
        "",
    ),
}


@pytest.mark.parametrize("request_", EXAMPLES.values(), ids=EXAMPLES)
def test_examples_of_the_user_guide(request_: Request) -> None:
    signed = verify(request_, BUCKET)
    assert (signed.service, signed.region) == ("s3", "")
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        verify(request_, "other")
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        verify(altered(request_, method="HEAD"), BUCKET)


@pytest.mark.parametrize(
    "target", ["/b/k%20x", "/b?uploads&prefix=a", "/b/k?versionId=a%2Fb&response-content-type=text%2Fplain&x=1&acl"]
)
def test_the_header_as_botocore_signs_it(target: str) -> None:
    signer = HmacV1Auth(Credentials(ACCESS_KEY, SECRET, "a/token="))
    fields = [("X-Amz-Meta-B", " two  "), ("x-amz-meta-a", "1"), ("Content-Type", "text/plain")]
    request = apply(signer, "PUT", target, fields, b"body", host="localhost:4566")
    signed = verify(request)
    assert signed.token == "a/token="
    signing.check_time(signed, wall_now=time.time())
    for change in ({"x-amz-meta-a": "2"}, {"content-type": None}, {"x-amz-acl": "public-read"}):
        with pytest.raises(Fault, match="Check your key and signing method"):
            verify(altered(request, headers=change))


def test_urls_of_boto3() -> None:
    """In us-east-1 boto3 presigns S3's requests with version 2 unless it is configured otherwise."""
    client = boto3.client(
        "s3",
        region_name="us-east-1",
        endpoint_url="http://localhost:4566",
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET,
        aws_session_token="a/b+c=",
    )
    params: dict[str, Any] = {"Bucket": "b", "Key": "k +%/é", "ContentType": "text/plain", "ACL": "public-read"}
    url = client.generate_presigned_url("put_object", Params=params, ExpiresIn=60)
    assert "AWSAccessKeyId=" in url
    request = received("PUT", url, [("content-type", "text/plain")], b"any")
    signed = verify(request)
    assert (signed.token, signed.presigned) == ("a/b+c=", True)
    now = time.time()
    signing.check_time(signed, wall_now=now)
    with pytest.raises(Fault, match="Request has expired") as caught:
        signing.check_time(signed, wall_now=now + 61)
    assert caught.value.code == "AccessDenied"
    assert caught.value.members.keys() == {"Expires", "ServerTime"}
    with pytest.raises(Fault, match="Request has expired"):
        signing.check_time(signed, wall_now=now, age=1.0)
    with pytest.raises(Fault, match="SignatureDoesNotMatch"):
        verify(altered(request, target=request.target.replace("public-read", "private")))


def query_request(method: str, **params: str) -> Request:
    """A request of a query-protocol service, its parameters in the body or the query."""
    url = "http://sdb.example.test:4566/"
    unsigned = AWSRequest(method, url)
    values = {"Action": "Select", "SelectExpression": "select * from `a-b` where é = '1+2 ~'", **params}
    if method == "POST":
        unsigned.data = values
    else:
        unsigned.params = values
    SigV2Auth(Credentials(ACCESS_KEY, SECRET, "token")).add_auth(unsigned)
    form = urlencode(values)
    if method == "GET":
        return received("GET", f"{url}?{form}", [])
    return received("POST", url, [("content-type", "application/x-www-form-urlencoded; charset=utf-8")], form.encode())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_query_protocol(method: str) -> None:
    request = query_request(method)
    signed = verify(request)
    assert (signed.algorithm, signed.token, signed.presigned) == ("HmacSHA256", "token", False)
    signing.check_time(signed, wall_now=time.time())
    with pytest.raises(Fault, match="Signature expired"):
        signing.check_time(signed, wall_now=time.time() + 1000)
    tampered = altered(
        request,
        target=request.target.replace("Select", "Delete", 1),
        body=request.body.replace(b"Select", b"Delete", 1),
    )
    with pytest.raises(Fault, match=r"SignatureDoesNotMatch: .*Consult the service documentation"):
        verify(tampered)


@pytest.mark.parametrize("exchange", [("SignatureVersion=2", "SignatureVersion=1"), ("HmacSHA256", "HmacMD5")])
def test_other_versions_and_methods_are_refused(exchange: tuple[str, str]) -> None:
    request = query_request("GET")
    with pytest.raises(Fault, match=r"is not supported\. Use AWS Signature Version 4."):
        verify(altered(request, target=request.target.replace(*exchange)))


@pytest.mark.parametrize(
    ("target", "headers", "words"),
    [
        (
            "/",
            {"authorization": "AWS abc"},
            "InvalidArgument: AWS authorization header is invalid. Expected AwsAccessKeyId",
        ),
        (
            "/",
            {"authorization": "AWS a:b"},
            "AccessDenied: AWS authentication requires a valid Date or x-amz-date header",
        ),
        ("/?AWSAccessKeyId=a", {}, "AccessDenied: Query-string authentication requires the Signature, Expires and"),
        (
            "/?AWSAccessKeyId=a&Signature=b&Expires=x",
            {},
            "AccessDenied: Invalid date .should be seconds since epoch.: x",
        ),
        ("/?AWSAccessKeyId=a&Signature=b&SignatureVersion=2", {}, "MissingParameter"),
        ("/?AWSAccessKeyId=a&Signature=b&Expires=1", {"authorization": "AWS a:b"}, "Only one auth mechanism allowed"),
    ],
)
def test_malformed(target: str, headers: dict[str, str], words: str) -> None:
    with pytest.raises(Fault, match=words):
        signing.parse(Request("GET", target, Headers(headers.items())))
