"""Errors as clients read them: code, message, status, members, in each protocol's spelling."""

from __future__ import annotations

import json
from typing import Any

import cbor2
import pytest
from botocore.parsers import create_parser

from pileus.gateway.message import Response
from pileus.gateway.protocols import named
from pileus.kernel.errors import Fault, Unfinished
from pileus.models import Model, load, query_form

from .clients import parsed

MODELS = {
    "json": load("dynamodb"),
    "query": load("iam"),
    "ec2": load("ec2"),
    "rest-json": load("lambda"),
    "rest-xml": load("route53"),
    "smithy-rpc-v2-cbor": load("acm-pca"),
}


def told(protocol: str, fault: Fault, model: Model | None = None) -> tuple[int, dict[str, Any], Response]:
    """The status, botocore's `Error`, and the response itself."""
    response = named(protocol).encode_error(model or MODELS[protocol], None, fault, "request-1")
    return response.status, parsed(protocol, response, None)["Error"], response


SPELLED = [
    ("SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure"),
    ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure"),
    ("ExpiredToken", "ExpiredTokenException", "ExpiredToken", "ExpiredToken"),
    ("IncompleteSignature", "IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature"),
    (
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "MissingAuthenticationToken",
        "MissingAuthenticationToken",
    ),
    ("AccessDenied", "AccessDeniedException", "AccessDenied", "UnauthorizedOperation"),
    ("Throttling", "ThrottlingException", "Throttling", "RequestLimitExceeded"),
    ("ValidationError", "ValidationException", "ValidationError", "ValidationError"),
    ("InvalidAction", "UnknownOperationException", "InvalidAction", "InvalidAction"),
]


@pytest.mark.parametrize(("canonical", "in_json", "in_query", "in_ec2"), SPELLED)
def test_common_codes_are_spelled_by_protocol(canonical: str, in_json: str, in_query: str, in_ec2: str) -> None:
    spelled = {"query": in_query, "rest-xml": in_query, "ec2": in_ec2}
    for protocol in MODELS:
        _, error, _ = told(protocol, Fault(canonical, "No."))
        assert error == error | {"Code": spelled.get(protocol, in_json), "Message": "No."}


@pytest.mark.parametrize(
    ("canonical", "code", "status"),
    [
        ("InvalidClientTokenId", "InvalidAccessKeyId", 403),
        ("SignatureDoesNotMatch", "SignatureDoesNotMatch", 403),
        ("AccessDenied", "AccessDenied", 403),
        ("InternalFailure", "InternalError", 500),
        ("Throttling", "SlowDown", 503),
        ("ExpiredToken", "ExpiredToken", 400),
        ("RequestExpired", "AccessDenied", 403),
        ("NoSuchKey", "NoSuchKey", 404),
        ("NoSuchBucket", "NoSuchBucket", 404),
    ],
)
def test_s3_has_its_own(canonical: str, code: str, status: int) -> None:
    assert told("rest-xml", Fault(canonical, "No."), load("s3"))[:2] == (status, {"Code": code, "Message": "No."})


@pytest.mark.parametrize(
    ("protocol", "code", "status"),
    [
        ("json", "AccessDenied", 400),
        ("json", "InternalFailure", 500),
        ("json", "ResourceNotFoundException", 400),
        ("rest-json", "AccessDenied", 403),
        ("rest-json", "ResourceNotFoundException", 404),
        ("query", "NoSuchEntityException", 404),
        ("query", "AccessDenied", 403),
        ("rest-xml", "NoSuchHostedZone", 404),
        ("ec2", "SignatureDoesNotMatch", 401),
        ("ec2", "AccessDenied", 403),
    ],
)
def test_statuses(protocol: str, code: str, status: int) -> None:
    assert told(protocol, Fault(code))[0] == status


@pytest.mark.parametrize("protocol", MODELS)
def test_a_status_that_is_given_holds(protocol: str) -> None:
    status, error, _ = told(protocol, Fault("Peculiar.Code", "Odd", status=418))
    assert (status, error["Code"], error["Message"]) == (418, "Peculiar.Code", "Odd")
    status, error, _ = told(protocol, Unfinished("GetThing is not built"))
    assert (status, error["Code"]) == (501, "NotImplemented")


@pytest.mark.parametrize("protocol", [name for name in MODELS if name != "ec2"])
def test_an_unknown_code_without_a_status_is_our_bug(protocol: str) -> None:
    with pytest.raises(LookupError, match="Peculiar"):
        told(protocol, Fault("Peculiar.Code", "Odd"))


def test_codes_that_no_model_lists_are_ec2s_own_with_status_400() -> None:
    status, error, _ = told("ec2", Fault("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist"))
    assert (status, error["Code"]) == (400, "InvalidVpcID.NotFound")


@pytest.mark.parametrize("protocol", ["json", "rest-json", "query"])
def test_a_member_that_the_error_does_not_have_is_our_bug(protocol: str) -> None:
    code = {"query": "NoSuchEntityException"}.get(protocol, "ResourceNotFoundException")
    with pytest.raises(LookupError, match="Colour"):
        told(protocol, Fault(code, "No.", Colour="red"))


def test_query_errors_have_the_code_of_the_error_trait() -> None:
    _, error, response = told("query", Fault("NoSuchEntityException", "The role with name x cannot be found."))
    assert error == {"Type": "Sender", "Code": "NoSuchEntity", "Message": "The role with name x cannot be found."}
    assert isinstance(response.body, bytes)
    assert b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">' in response.body
    assert ("Content-Type", "text/xml") in response.headers
    assert told("query", Fault("ServiceFailureException", "Oh"))[1]["Type"] == "Receiver"


def test_ec2() -> None:
    fault = Fault("InvalidInstanceID.NotFound", "The instance ID 'i-1' does not exist", status=400)
    response = named("ec2").encode_error(MODELS["ec2"], None, fault, "request-1")
    assert isinstance(response.body, bytes)
    assert response.body.endswith(
        b"<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>"
        b"<Message>The instance ID 'i-1' does not exist</Message></Error></Errors>"
        b"<RequestID>request-1</RequestID></Response>"
    )


def test_messages_are_spelled_as_the_shape_does() -> None:
    spelled = {}
    for service, code in [("dynamodb", "ResourceNotFoundException"), ("lambda", "ResourceNotFoundException")]:
        protocol = str(load(service).metadata["protocol"])
        response = named(protocol).encode_error(load(service), None, Fault(code, "Gone"), "r")
        assert isinstance(response.body, bytes)
        spelled[service] = json.loads(response.body)
    assert spelled["dynamodb"] == {"__type": "ResourceNotFoundException", "message": "Gone"}
    assert spelled["lambda"] == {"Message": "Gone"}


def test_members_of_errors() -> None:
    fault = Fault("TransactionCanceledException", "No", CancellationReasons=[{"Code": "None"}, {"Code": "X"}])
    response = named("json").encode_error(MODELS["json"], None, fault, "r")
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "__type": "TransactionCanceledException",
        "Message": "No",
        "CancellationReasons": [{"Code": "None"}, {"Code": "X"}],
    }


def test_members_of_errors_that_are_headers() -> None:
    fault = Fault("TooManyRequestsException", "Slowly", retryAfterSeconds="7", Reason="CallerRateLimitExceeded")
    status, error, response = told("rest-json", fault)
    assert (status, error["Code"]) == (429, "TooManyRequestsException")
    assert ("Retry-After", "7") in response.headers
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"message": "Slowly", "Reason": "CallerRateLimitExceeded"}


def test_cbor() -> None:
    response = named("smithy-rpc-v2-cbor").encode_error(
        MODELS["smithy-rpc-v2-cbor"], None, Fault("InvalidArnException"), "r"
    )
    assert isinstance(response.body, bytes)
    assert cbor2.loads(response.body) == {"__type": "InvalidArnException"}
    assert ("smithy-protocol", "rpc-v2-cbor") in response.headers


class TestQueryCompatible:
    """SQS and CloudWatch spoke the query protocol, and tell the code that they had there in a header."""

    @pytest.mark.parametrize(
        ("fault", "header"),
        [
            (Fault("QueueDoesNotExist", "x"), "AWS.SimpleQueueService.NonExistentQueue;Sender"),
            (Fault("QueueNameExists", "x"), "QueueAlreadyExists;Sender"),
            (Fault("InvalidAttributeName", "x"), "InvalidAttributeName;Sender"),
            (Fault("AccessDenied", "x"), "AccessDenied;Sender"),
            (Fault("AccessDeniedException", "x"), "AccessDenied;Sender"),
            (Fault("InvalidClientTokenId", "x"), "InvalidClientTokenId;Sender"),
            (Fault("InternalFailure", "x"), "InternalFailure;Receiver"),
        ],
    )
    def test_header(self, fault: Fault, header: str) -> None:
        response = named("json").encode_error(load("sqs"), None, fault, "r")
        assert dict(response.headers)["x-amzn-query-error"] == header

    def test_both_forms_of_sqs_are_one_error_to_a_client(self) -> None:
        fault = Fault("QueueDoesNotExist", "The specified queue does not exist.")
        codes = [told("json", fault, load("sqs"))[1]["Code"], told("query", fault, query_form("sqs"))[1]["Code"]]
        assert codes == ["AWS.SimpleQueueService.NonExistentQueue"] * 2

    def test_cloudwatch(self) -> None:
        fault = Fault("DashboardNotFoundError", "x")
        assert told("smithy-rpc-v2-cbor", fault, load("cloudwatch"))[1]["Code"] == "ResourceNotFound"
        assert told("json", fault, load("cloudwatch"))[1]["Code"] == "ResourceNotFound"
        assert told("query", fault, load("cloudwatch"))[1]["Code"] == "ResourceNotFound"

    def test_others_have_no_such_header(self) -> None:
        response = named("json").encode_error(load("dynamodb"), None, Fault("AccessDenied"), "r")
        assert "x-amzn-query-error" not in dict(response.headers)


class TestS3:
    def test_what_the_error_is_about(self) -> None:
        fault = Fault("NoSuchKey", "The specified key does not exist.", Key="a<b")
        operation = load("s3").operation("GetObject")
        response = named("rest-xml").encode_error(load("s3"), operation, fault, "request-1")
        told_by = create_parser("rest-xml").parse(
            {"status_code": 404, "headers": dict(response.headers), "body": response.body}, None
        )
        assert told_by["Error"] == {"Code": "NoSuchKey", "Message": "The specified key does not exist.", "Key": "a<b"}
        assert told_by["ResponseMetadata"]["RequestId"] == "request-1"

    def test_head_has_no_body(self) -> None:
        operation = load("s3").operation("HeadObject")
        response = named("rest-xml").encode_error(load("s3"), operation, Fault("NoSuchKey"), "r")
        assert (response.status, response.body) == (404, b"")

    def test_control_wraps_its_errors(self) -> None:
        response = named("rest-xml").encode_error(load("s3control"), None, Fault("NotFoundException", "No"), "r")
        assert isinstance(response.body, bytes)
        assert b"<ErrorResponse xmlns=" in response.body


def test_line_ends_in_a_code_or_message_make_no_header() -> None:
    for protocol in MODELS:
        fault = Fault("Odd\r\nSet-Cookie: a=b", "x\r\ny: z", status=400)
        response = named(protocol).encode_error(MODELS[protocol], None, fault, "r")
        assert not any("\r" in name + value or "\n" in name + value for name, value in response.headers)
