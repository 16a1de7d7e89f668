"""HTTP bindings, and the quirks of S3."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.handlers import parse_get_bucket_location

from pileus.gateway.message import Headers, Request
from pileus.gateway.protocols import named
from pileus.kernel.errors import Fault
from pileus.models import load

S3 = load("s3")
XML = named("rest-xml")


def decode(service: str, operation: str, target: str = "/", *fields: tuple[str, str], **labels: str) -> Any:
    model = load(service)
    described = model.operation(operation)
    request = Request(described.method, target, Headers(fields))
    return named(str(model.metadata["protocol"])).decode(described, request, labels)


def encode(operation: str, result: dict[str, Any]) -> tuple[dict[str, str], str]:
    response = XML.encode(S3.operation(operation), result, "request-1")
    assert isinstance(response.body, bytes)
    return dict(response.headers), response.body.decode()


def test_labels_are_decoded_here() -> None:
    decoded = decode("s3", "GetObject", "/", Bucket="b", Key="a%2Fb/c%20d+e/%C3%A9")
    assert decoded == {"Bucket": "b", "Key": "a/b/c d+e/é"}


def test_labels_that_are_no_utf8_are_refused() -> None:
    with pytest.raises(Fault, match="InvalidURI"):
        decode("s3", "GetObject", "/", Bucket="b", Key="%ff")


def test_query_parameters() -> None:
    decoded = decode("s3", "ListObjectsV2", "/b?list-type=2&prefix=a%2Bb+c&max-keys=7&fetch-owner=true", Bucket="b")
    assert decoded == {"Bucket": "b", "Prefix": "a+b c", "MaxKeys": 7, "FetchOwner": True}


def test_what_stood_in_the_query_before_an_operation_moved_is_found_there() -> None:
    described = load("sesv2").operation("ListContacts")
    request = Request("GET", "/v2/email/contact-lists/l/contacts?PageSize=7&NextToken=a%2Bb&other=1", Headers(()))
    decoded = named("rest-json").decode(described, request, {"ContactListName": "l"})
    assert decoded == {"ContactListName": "l", "PageSize": 7, "NextToken": "a+b"}
    with pytest.raises(Fault, match="SerializationException"):
        request = Request("GET", "/v2/email/contact-lists/l/contacts?PageSize=x", Headers(()))
        named("rest-json").decode(described, request, {"ContactListName": "l"})


def test_s3_names_the_argument_that_is_wrong() -> None:
    with pytest.raises(Fault) as caught:
        decode("s3", "ListObjectsV2", "/b?max-keys=many", Bucket="b")
    fault = caught.value
    assert (fault.code, fault.status) == ("InvalidArgument", 400)
    assert fault.members == {"ArgumentName": "max-keys", "ArgumentValue": "many"}


def test_a_map_of_query_parameters_has_those_without_a_member() -> None:
    target = "/restapis?mode=import&failonwarnings=true&basepath=prepend&X-Amz-Signature=abc"
    decoded = decode("apigateway", "ImportRestApi", target)
    assert decoded == {"failOnWarnings": True, "parameters": {"basepath": "prepend"}, "body": b""}


def test_metadata() -> None:
    fields = [("x-amz-meta-colour", "red"), ("x-amz-meta-name", "é".encode().decode("latin-1")), ("x-other", "x")]
    decoded = decode("s3", "PutObject", "/b/k", *fields, Bucket="b", Key="k")
    assert decoded["Metadata"] == {"colour": "red", "name": "é"}


def test_lists_in_headers() -> None:
    for fields in (
        [("x-amz-object-attributes", "ETag, ObjectSize,Checksum")],
        [("x-amz-object-attributes", "ETag"), ("x-amz-object-attributes", "ObjectSize,Checksum")],
    ):
        decoded = decode("s3", "GetObjectAttributes", "/", *fields, Bucket="b", Key="k")
        assert decoded["ObjectAttributes"] == ["ETag", "ObjectSize", "Checksum"]


def test_quoted_strings_in_lists_in_headers() -> None:
    decoded = decode(
        "entityresolution", "BatchDeleteUniqueId", "/", ("uniqueids", r'"b,c", "\"def\"", a'), workflowName="w"
    )
    assert decoded["uniqueIds"] == ["b,c", '"def"', "a"]


def test_json_values_in_headers() -> None:
    text = b64encode(b'{"a": [1, null]}').decode()
    decoded = decode("lex-runtime", "PostContent", "/", ("x-amz-lex-session-attributes", text), botName="b")
    assert decoded["sessionAttributes"] == {"a": [1, None]}
    with pytest.raises(Fault, match="SerializationException"):
        decode("lex-runtime", "PostContent", "/", ("x-amz-lex-session-attributes", "{}"), botName="b")


def test_timestamps_in_headers() -> None:
    when = "Wed, 21 Oct 2015 07:28:00 GMT"
    decoded = decode("s3", "GetObject", "/", ("if-modified-since", when), Bucket="b", Key="k")
    assert decoded["IfModifiedSince"] == datetime(2015, 10, 21, 7, 28, tzinfo=UTC).timestamp()


def test_a_stream_is_passed_on() -> None:
    stream: Any = object()
    request = Request("PUT", "/b/k", Headers([("content-encoding", "gzip")]))
    request.stream = stream
    decoded = XML.decode(S3.operation("PutObject"), request, {"Bucket": "b", "Key": "k"})
    assert decoded == {"Bucket": "b", "Key": "k", "ContentEncoding": "gzip", "Body": stream}


def test_idempotency_tokens_are_filled() -> None:
    tokens = {decode("accessanalyzer", "DeleteAnalyzer", analyzerName="a")["clientToken"] for _ in range(2)}
    assert len(tokens) == 2
    given = decode("accessanalyzer", "DeleteAnalyzer", "/?clientToken=mine", analyzerName="a")
    assert given["clientToken"] == "mine"


# Responses


def test_streaming_blobs_go_out_as_they_are() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"

    source = chunks()
    response = XML.encode(S3.operation("GetObject"), {"Body": source, "ContentLength": 3, "ETag": '"e"'}, "request-1")
    assert response.body is source
    assert dict(response.headers) == {
        "x-amz-request-id": "request-1",
        "x-amz-id-2": b64encode(b"request-1").decode(),
        "Server": "AmazonS3",
        "Content-Length": "3",
        "ETag": '"e"',
        "Content-Type": "application/octet-stream",
    }


def test_an_operation_says_the_content_type() -> None:
    headers, body = encode("GetObject", {"Body": "text", "ContentType": "text/plain"})
    assert (headers["Content-Type"], body) == ("text/plain", "text")


@pytest.mark.parametrize("evil", ["a\r\nSet-Cookie: x=y", "a\nb", "a\x00b"])
def test_no_member_makes_another_header(evil: str) -> None:
    result = {"ContentDisposition": evil, "Metadata": {"a": evil, evil: "b"}}
    response = XML.encode(S3.operation("GetObject"), result, "r")
    for name, value in response.headers:
        assert (name + value).isprintable()


def test_other_letters_in_headers() -> None:
    headers, _ = encode("GetObject", {"ContentDisposition": "é", "Metadata": {"a": "é"}})
    assert headers["Content-Disposition"].encode("latin-1").decode() == "é"
    assert headers["x-amz-meta-a"] == "=?UTF-8?B?w6k=?="


def test_s3_documents_have_their_own_roots() -> None:
    _, body = encode("ListBuckets", {"Buckets": [{"Name": "b", "CreationDate": 1700000000}]})
    assert body == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Buckets><Bucket><Name>b</Name>'
        "<CreationDate>2023-11-14T22:13:20.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
    )
    assert "<ListBucketResult xmlns=" in encode("ListObjectsV2", {"KeyCount": 0})[1]
    assert "<Retention xmlns=" in encode("GetObjectRetention", {"Retention": {"Mode": "GOVERNANCE"}})[1]


def test_the_root_table_names_shapes_that_are_there() -> None:
    from pileus.gateway.protocols.rest_xml import NAMESPACES, S3_ROOTS

    outputs = {S3.operation(name).output for name in S3.operation_names}
    assert {shape.name for shape in outputs if shape} >= S3_ROOTS.keys()
    assert all(load(service).metadata["protocol"] == "rest-xml" for service in NAMESPACES)


@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_get_bucket_location(region: str | None) -> None:
    _, body = encode("GetBucketLocation", {"LocationConstraint": region})

    class Received:
        content = body.encode()
        raw = content

    parsed: dict[str, Any] = {}
    parse_get_bucket_location(parsed, Received())
    assert parsed["LocationConstraint"] == region


def test_grantees_have_their_type_as_an_attribute() -> None:
    grant = {"Grantee": {"ID": "x", "Type": "CanonicalUser"}, "Permission": "READ"}
    _, body = encode("GetBucketAcl", {"Grants": [grant]})
    assert (
        '<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>x</ID></Grantee>'
    ) in body


def test_nothing_in_the_body_of_no_content() -> None:
    response = named("rest-json").encode(load("lambda").operation("DeleteFunctionConcurrency"), {}, "r")
    assert (response.status, response.body) == (204, b"")
    assert XML.encode(S3.operation("DeleteBucket"), {}, "r").status == 204


def test_the_status_is_a_member() -> None:
    response = named("rest-json").encode(load("lambda").operation("Invoke"), {"StatusCode": 202}, "r")
    assert (response.status, response.body) == (202, b"")


def test_documents() -> None:
    operation = load("bedrock-runtime").operation("Converse")
    result = {
        "output": {"message": {"role": "assistant", "content": []}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
        "additionalModelResponseFields": {"x": [1, None, {"y": "z"}]},
    }
    response = named("rest-json").encode(operation, result, "r")
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == result
    request = Request("POST", "/", Headers(), b'{"additionalModelRequestFields":{"k":null,"l":[1.5]},"messages":[]}')
    decoded = named("rest-json").decode(load("bedrock-runtime").operation("Converse"), request, {"modelId": "m"})
    assert decoded == {"modelId": "m", "messages": [], "additionalModelRequestFields": {"k": None, "l": [1.5]}}
