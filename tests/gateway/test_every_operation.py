"""Every operation of every service, as botocore puts it on the wire, is routed back to where it came from."""

from __future__ import annotations

import datetime
import json
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.model import Shape as BotoShape
from botocore.serialize import create_serializer
from botocore.utils import percent_encode_sequence

from pileus.gateway.message import Headers, Request
from pileus.gateway.routing import Unroutable, finish, route
from pileus.models import index
from pileus.models.model import DATA

TAGS = {"ListTagsForResource", "TagResource", "UntagResource"}
ALL: set[str] = set()
CHIME_PHONES = {
    "BatchDeletePhoneNumber",
    "BatchUpdatePhoneNumber",
    "CreatePhoneNumberOrder",
    "DeletePhoneNumber",
    "GetGlobalSettings",
    "GetPhoneNumber",
    "GetPhoneNumberOrder",
    "GetPhoneNumberSettings",
    "ListPhoneNumberOrders",
    "ListPhoneNumbers",
    "ListSupportedPhoneNumberCountries",
    "RestorePhoneNumber",
    "SearchAvailablePhoneNumbers",
    "UpdateGlobalSettings",
    "UpdatePhoneNumber",
    "UpdatePhoneNumberSettings",
}

# What nothing on the wire tells apart when the host is plain: who answers, for which operations, and why. Where AWS has
# two hosts, the host decides (`test_the_host_decides_where_aws_has_two`); where it has one, the two services are one.
LEFTOVERS: dict[str, tuple[str, set[str], str]] = {
    "bedrock-agent-runtime": ("bedrock-agent", TAGS, "another host"),
    "bedrock-data-automation": ("bedrock", TAGS, "another host"),
    "chime": ("chime-sdk-voice", CHIME_PHONES, "another host; its operations have moved to the SDK's services"),
    "chime-sdk-identity": ("chime-sdk-meetings", TAGS, "another host"),
    "chime-sdk-media-pipelines": ("chime-sdk-meetings", TAGS, "another host"),
    "chime-sdk-messaging": ("chime-sdk-meetings", TAGS, "another host"),
    "chime-sdk-voice": ("chime-sdk-meetings", TAGS, "another host"),
    "ivs-realtime": ("ivs", TAGS, "another host"),
    "signer-data": ("signer", {"GetRevocationStatus"}, "another host"),
    "timestream-query": ("timestream-write", TAGS | {"DescribeEndpoints"}, "another host, the same target prefix"),
    "lex-models": ("lexv2-models", TAGS | {"StartImport"}, "another host; V1 is deprecated"),
    "docdb": ("rds", ALL, "the endpoint of Amazon RDS"),
    "neptune": ("rds", ALL, "the endpoint of Amazon RDS"),
    "sms-voice": ("pinpoint-sms-voice", ALL, "an older name of the same endpoint"),
    "wisdom": ("qconnect", ALL, "an older name of the same endpoint"),
    "lambda-microvms": ("lambda", {"ListTags", "TagResource", "UntagResource"}, "the endpoint of AWS Lambda"),
    "greengrass": (
        "greengrassv2",
        TAGS
        | {"AssociateServiceRoleToAccount", "DisassociateServiceRoleFromAccount", "GetServiceRoleForAccount"}
        | {"GetConnectivityInfo", "UpdateConnectivityInfo"},
        "the endpoint of AWS IoT Greengrass V2, with the same meaning",
    ),
}
SUPERSEDED = {  # one path, two names: the deprecated one is answered by its successor
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
    ("lex-models", "StartImport"): "ListImports",
}

# Signing names that endpoint rules give to single operations.
SIGNED_FOR = {("s3", "ListDirectoryBuckets"): "s3express", ("s3", "WriteGetObjectResponse"): "s3-object-lambda"}

HOST = "localhost:4566"


def boto_model(service: str) -> ServiceModel:
    return ServiceModel(json.loads(zlib.decompress((DATA / f"{service}.z").read_bytes())), service)


def dummy(shape: BotoShape | None, depth: int = 0) -> Any:
    """The least that the serializer takes for a shape."""
    match shape.type_name if shape else "structure":
        case "structure":
            members = shape.required_members if shape and depth < 6 else ()
            return {name: dummy(shape.members[name], depth + 1) for name in members}  # type: ignore[union-attr]
        case "list":
            return [dummy(shape.member, depth + 1)]  # type: ignore[union-attr]
        case "map":
            return {}
        case "string" | "character":
            return shape.enum[0] if getattr(shape, "enum", None) else "x"  # type: ignore[union-attr]
        case "boolean":
            return True
        case "timestamp":
            return datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
        case "blob":
            return b"x"
        case _:
            return 1


def serialized(serializer: Any, operation: OperationModel, signed_for: str, host: str = HOST) -> Request:
    """The request of an operation with what it requires and nothing else."""
    wire = serializer.serialize_to_request(dummy(operation.input_shape), operation)
    query = percent_encode_sequence(wire["query_string"]) if wire["query_string"] else ""
    target = wire["url_path"] + ("&" if "?" in wire["url_path"] else "?" if query else "") + query
    credential = f"AKIAIOSFODNN7EXAMPLE/20250101/eu-west-1/{signed_for}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"
    headers = [(name.lower(), str(value)) for name, value in wire["headers"].items()]
    headers += [("host", host)] + ([("authorization", authorization)] if signed_for else [])
    body = wire["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True)
    return Request(wire["method"], target, Headers(headers), body.encode() if isinstance(body, str) else body)


def signing_name(service: str) -> str:
    metadata = index()[service]
    return str(metadata.get("signingName") or metadata["endpointPrefix"])


def protocols(service: str) -> list[str]:
    spoken = index()[service].get("protocols") or [index()[service]["protocol"]]
    return [*spoken, "query"] if service == "sqs" else spoken


def operations(service: str) -> Iterator[tuple[str, Any, OperationModel]]:
    model = boto_model(service)
    for protocol in protocols(service):
        serializer = create_serializer(protocol, include_validation=False)
        for name in model.operation_names:
            yield protocol, serializer, model.operation_model(name)


def expected(service: str, operation: str) -> tuple[str, str]:
    """Who is to answer at a plain host."""
    answering, which, _ = LEFTOVERS.get(service, (service, ALL, ""))
    if which and operation not in which:
        answering = service
    return answering, SUPERSEDED.get((service, operation), operation)


def routed(request: Request) -> tuple[str, str, str]:
    try:
        found = finish(route(request), request)
    except Unroutable as unroutable:
        return unroutable.route.model.name, str(unroutable.fault), unroutable.route.protocol
    return found.model.name, found.operation.name if found.operation else "", found.protocol


@pytest.mark.parametrize("service", list(index()))
def test_every_operation_comes_back_at_a_plain_host(service: str) -> None:
    wrong = []
    for protocol, serializer, operation in operations(service):
        signed_for = SIGNED_FOR.get((service, operation.name), signing_name(service))
        request = serialized(serializer, operation, signed_for)
        found = routed(request)
        if found != (*expected(service, operation.name), protocol):
            wrong.append((operation.name, protocol, request.method, request.target, found))
    assert not wrong


def test_the_table_of_leftovers_is_as_short_as_can_be() -> None:
    """What it excuses does go elsewhere, and it excuses no service or operation that is not there."""
    for service, (answering, which, reason) in LEFTOVERS.items():
        names = set(boto_model(service).operation_names)
        assert which <= names, service
        assert answering != service
        assert signing_name(answering) == signing_name(service), service
        assert reason


HOSTS = [service for service, (_, _, reason) in LEFTOVERS.items() if reason.startswith("another host")]


@pytest.mark.parametrize("service", HOSTS)
@pytest.mark.parametrize("suffix", ["eu-west-1.amazonaws.com", "eu-west-1.localhost.localstack.cloud:4566"])
def test_the_host_decides_where_aws_has_two(service: str, suffix: str) -> None:
    host = f"{index()[service]['endpointPrefix']}.{suffix}"
    for protocol, serializer, operation in operations(service):
        found = routed(serialized(serializer, operation, signing_name(service), host))
        assert found == (service, operation.name, protocol)


def test_a_host_prefix_changes_nothing_and_gives_its_label() -> None:
    labelled = 0
    for service in index():
        for _, serializer, operation in operations(service):
            if not operation.endpoint:
                continue
            prefix = operation.endpoint["hostPrefix"]
            label = prefix[1 : prefix.index("}")] if "{" in prefix else ""
            host = f"000000000000.{HOST}" if label else f"{prefix}{HOST}"
            signed_for = SIGNED_FOR.get((service, operation.name), signing_name(service))
            request = serialized(serializer, operation, signed_for, host)
            found = finish(route(request), request)
            assert (found.model.name, found.operation and found.operation.name) == (service, operation.name)
            assert not label or found.labels[label] == "000000000000"
            labelled += bool(label)
    assert labelled > 90


def test_operations_that_nobody_signs_are_found_without_a_clue() -> None:
    """Sign-ins (`authtype: none`) and services that take a bearer token."""
    unsigned = 0
    for service in ("cognito-identity", "cognito-idp", "signin", "sso", "sso-oidc", "sts"):
        for protocol, serializer, operation in operations(service):
            if operation.auth_type == "none":
                assert routed(serialized(serializer, operation, "")) == (service, operation.name, protocol)
                unsigned += 1
    assert unsigned > 40
    for service in ("bedrock", "bedrock-runtime", "codecatalyst"):
        for protocol, serializer, operation in operations(service):
            request = serialized(serializer, operation, "")
            bearing = Request(
                request.method, request.target, Headers([*request.headers, ("authorization", "Bearer t")]), request.body
            )
            assert routed(bearing) == (service, operation.name, protocol)
