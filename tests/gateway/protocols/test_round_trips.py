"""botocore writes requests that we read, and reads responses that we write, over real models and generated values."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.gateway.protocols import named
from pileus.models import Model, Operation, Shape, load, query_form

from . import clients
from .generated import structure, without_empties
from .vectors import labels, same, value_of

SERVICES = [
    ("sqs", "json"),
    ("sqs", "query"),
    ("dynamodb", "json"),
    ("s3", "rest-xml"),
    ("route53", "rest-xml"),
    ("cloudfront", "rest-xml"),
    ("s3control", "rest-xml"),
    ("lambda", "rest-json"),
    ("apigateway", "rest-json"),
    ("ec2", "ec2"),
    ("iam", "query"),
    ("rds", "query"),
    ("sns", "query"),
    ("cloudwatch", "smithy-rpc-v2-cbor"),
    ("cloudwatch", "json"),
    ("cloudwatch", "query"),
    ("acm-pca", "smithy-rpc-v2-cbor"),
]
# Whose document botocore reads with code of its own (see test_rest), and one with two members of the same wire name.
READ_OTHERWISE = ("GetBucketLocation", "GetBucketNotification")
EXAMPLES = settings(
    max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def ours(service: str, protocol: str) -> Model:
    return query_form(service) if protocol == "query" else load(service)


@cache
def botocores(service: str, protocol: str) -> ServiceModel:
    """botocore's model; for SQS in the query protocol, which botocore has given up, ours in its form."""
    if (service, protocol) != ("sqs", "query"):
        return ServiceModel(Loader().load_service_model(service, "service-2"), service)
    model = query_form("sqs")
    operations = {name: model.operation(name).traits for name in model.operation_names}
    shapes = {name: model._described(name) for name in model._shapes}
    return ServiceModel({"metadata": model.metadata, "operations": operations, "shapes": shapes}, service)


def streams(shape: Shape | None) -> bool:
    return any(member.traits.get("eventstream") for member in (shape.members.values() if shape else ()))


def for_botocore(shape: Shape, value: Any) -> Any:
    """The value with moments as botocore takes them."""
    if shape.traits.get("document"):
        return value
    if shape.type == "structure":
        return {name: for_botocore(shape.members[name], item) for name, item in value.items()}
    if shape.type == "list":
        return [for_botocore(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: for_botocore(shape.value, item) for key, item in value.items()}
    return datetime.fromtimestamp(value, UTC) if shape.type == "timestamp" else value


def draw_operation(data: st.DataObject, model: Model, side: str) -> Operation:
    names = [
        name
        for name in model.operation_names
        if getattr(model.operation(name), side) is not None
        and not streams(getattr(model.operation(name), side))
        and name not in READ_OTHERWISE
    ]
    return model.operation(data.draw(st.sampled_from(names)))


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@EXAMPLES
@given(data=st.data())
def test_requests(service: str, protocol: str, data: st.DataObject) -> None:
    operation = draw_operation(data, ours(service, protocol), "input")
    shape = operation.input
    assert shape is not None
    params = data.draw(structure(shape))
    theirs = botocores(service, protocol).operation_model(operation.name)
    request = clients.request(protocol, theirs, for_botocore(shape, params))
    found = labels(operation.uri, request.path) if protocol.startswith("rest") else {}
    decoded = named(protocol).decode(operation, request, found)
    tokens = {name for name, member in shape.members.items() if member.traits.get("idempotencyToken")}
    decoded = {name: value for name, value in decoded.items() if name in params or name not in tokens}
    implied = {name: value for name, value in decoded.items() if implied_by_client(shape.members[name], name, params)}
    expected = value_of(shape, params) | implied
    payload = shape.traits.get("payload")
    for members in (decoded, expected):  # no body and an empty one are the same
        if members.get(payload) in (b"", ""):
            del members[payload]
    assert same(without_empties(decoded), without_empties(expected))


def implied_by_client(member: Shape, name: str, params: dict[str, Any]) -> bool:
    """Headers that every HTTP client sends, and which are members."""
    wire = member.traits.get("locationName", "").lower()
    return name not in params and wire in ("content-length", "content-type", "host")


@pytest.mark.parametrize(("service", "protocol"), SERVICES)
@EXAMPLES
@given(data=st.data())
def test_responses(service: str, protocol: str, data: st.DataObject) -> None:
    operation = draw_operation(data, ours(service, protocol), "output")
    shape = operation.output
    assert shape is not None
    result = data.draw(structure(shape).map(lambda result: ascii_payload(shape, result)))
    response = named(protocol).encode(operation, result, "request-1")
    theirs = botocores(service, protocol).operation_model(operation.name)
    parsed = clients.parsed(protocol, response, theirs.output_shape)
    found = without_empties(value_of(shape, parsed))
    expected = without_empties(value_of(shape, result))
    implied = {name: found[name] for name in found if name not in expected and told_anyway(shape, name, found[name])}
    assert same(found, expected | implied), (response.body, result)


def told_anyway(shape: Shape, name: str, value: Any) -> bool:
    """The status and the content type are there whether or not an operation returned them."""
    location = shape.members[name].traits.get("location")
    return location == "statusCode" or value in ("", b"", "application/xml", "application/octet-stream")


def ascii_payload(shape: Shape, result: dict[str, Any]) -> dict[str, Any]:
    """botocore's parser, without a connection, takes a blob that is the whole body for text."""
    name = shape.traits.get("payload")
    if name in result and shape.members[name].type == "blob":
        result[name] = result[name].hex().encode()
    return result
