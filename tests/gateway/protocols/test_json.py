"""JSON and CBOR values: what is taken, what is refused and in which words, and what an operation may return."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from math import inf, nan
from typing import Any

import pytest

from pileus.gateway.message import Headers, Request
from pileus.gateway.protocols import named
from pileus.kernel.errors import Fault
from pileus.models import Model, load

TYPES = ("string", "integer", "long", "float", "double", "boolean", "blob", "timestamp")
MEMBERS = {kind.capitalize(): {"shape": kind} for kind in TYPES} | {
    "Iso": {"shape": "timestamp", "timestampFormat": "iso8601"},
    "Renamed": {"shape": "string", "locationName": "other_name"},
    "Strings": {"shape": "strings"},
    "Sparse": {"shape": "sparse"},
    "Map": {"shape": "map"},
    "Any": {"shape": "any"},
    "Self": {"shape": "All"},
    "Token": {"shape": "string", "idempotencyToken": True},
}
MODEL = Model(
    "types",
    {"protocol": "json", "jsonVersion": "1.1"},
    {"Do": {"name": "Do", "input": {"shape": "All"}, "output": {"shape": "All"}}, "Rest": {"name": "Rest"}},
    {kind: {"type": kind} for kind in TYPES}
    | {
        "All": {"type": "structure", "members": MEMBERS},
        "strings": {"type": "list", "member": {"shape": "string"}},
        "sparse": {"type": "list", "member": {"shape": "string"}, "sparse": True},
        "map": {"type": "map", "key": {"shape": "string"}, "value": {"shape": "integer"}},
        "any": {"type": "structure", "members": {}, "document": True},
    },
)
DO = MODEL.operation("Do")


def decode(text: str) -> dict[str, Any]:
    decoded = named("json").decode(DO, Request("POST", "/", Headers(), text.encode()), {})
    assert len(decoded.pop("Token")) == 36
    return decoded


def encode(**members: Any) -> Any:
    response = named("json").encode(DO, members, "request-1")
    assert dict(response.headers) == {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": "request-1"}
    assert isinstance(response.body, bytes)
    return json.loads(response.body)


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", {}),
        ("{}", {}),
        ('{"String":null}', {}),
        ('{"Unknown":1}', {}),
        ('{"other_name":"x"}', {"Renamed": "x"}),
        ('{"Renamed":"x"}', {}),
        ('{"Long":9223372036854775807}', {"Long": 2**63 - 1}),
        ('{"Integer":5.0}', {"Integer": 5}),
        ('{"Float":5}', {"Float": 5.0}),
        ('{"Double":"-Infinity"}', {"Double": -inf}),
        ('{"Blob":"AAEC"}', {"Blob": b"\x00\x01\x02"}),
        ('{"Timestamp":1.5}', {"Timestamp": 1.5}),
        ('{"Timestamp":"1970-01-01T00:00:01.5Z"}', {"Timestamp": 1.5}),
        ('{"Iso":"1970-01-01T01:00:00+01:00"}', {"Iso": 0.0}),
        ('{"Strings":[]}', {"Strings": []}),
        ('{"Sparse":["a",null]}', {"Sparse": ["a", None]}),
        ('{"Map":{"a":1,"b":null}}', {"Map": {"a": 1}}),
        ('{"Any":{"a":[null,1.5,"x"]}}', {"Any": {"a": [None, 1.5, "x"]}}),
        ('{"Any":"text"}', {"Any": "text"}),
        ('{"Self":{"Self":{"String":"é"}}}', {"Self": {"Self": {"String": "é"}}}),
    ],
)
def test_decoded(text: str, members: dict[str, Any]) -> None:
    assert decode(text) == members
    assert {name: type(value) for name, value in decode(text).items()} == {n: type(v) for n, v in members.items()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"String":1}', "NUMBER_VALUE cannot be converted to String"),
        ('{"String":1.5}', "DECIMAL_VALUE cannot be converted to String"),
        ('{"String":true}', "TRUE_VALUE cannot be converted to String"),
        ('{"String":[]}', "Start of list found where not expected"),
        ('{"String":{}}', "Start of structure or map found where not expected"),
        ('{"Integer":"1"}', "STRING_VALUE cannot be converted to Integer"),
        ('{"Integer":2147483648}', "NUMBER_VALUE cannot be converted to Integer"),
        ('{"Integer":1.5}', "DECIMAL_VALUE cannot be converted to Integer"),
        ('{"Integer":true}', "TRUE_VALUE cannot be converted to Integer"),
        ('{"Long":9223372036854775808}', "NUMBER_VALUE cannot be converted to Long"),
        ('{"Boolean":"true"}', "STRING_VALUE cannot be converted to Boolean"),
        ('{"Boolean":0}', "NUMBER_VALUE cannot be converted to Boolean"),
        ('{"Double":"wide"}', "STRING_VALUE cannot be converted to Float"),
        ('{"Blob":"?"}', "Invalid base64 text"),
        ('{"Blob":1}', "NUMBER_VALUE cannot be converted to Blob"),
        ('{"Timestamp":true}', "TRUE_VALUE cannot be converted to Timestamp"),
        ('{"Timestamp":"noon"}', "Invalid timestamp: noon"),
        ('{"Timestamp":1e15}', "Timestamp out of range"),
        ('{"Strings":["a",1]}', "NUMBER_VALUE cannot be converted to String"),
        ('{"Strings":["a",null]}', "NULL_VALUE cannot be converted to String"),
        ('{"Strings":"a"}', "Unexpected field type"),
        ('{"Strings":{}}', "Start of structure or map found where not expected"),
        ('{"Self":[]}', "Start of list found where not expected"),
        ('{"Self":"x"}', "Unexpected field type"),
        ("[]", "Start of list found where not expected"),
        ("{", ""),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(Fault) as caught:
        decode(text)
    assert caught.value.code == "SerializationException"
    assert message in caught.value.message


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("member", "value", "encoded"),
    [
        ("String", "x", "x"),
        ("String", Colour.RED, "red"),
        ("Renamed", "x", None),
        ("Long", 2**63 - 1, 2**63 - 1),
        ("Float", 1, 1),
        ("Double", nan, "NaN"),
        ("Double", -inf, "-Infinity"),
        ("Blob", b"\x00", "AA=="),
        ("Blob", "é", "w6k="),
        ("Timestamp", 1700000000.0, 1700000000),
        ("Timestamp", 1700000000.1234, 1700000000.123),
        ("Timestamp", datetime(2023, 11, 14, 22, 13, 20, 500_000, UTC), 1700000000.5),
        ("Iso", 1700000000.5, "2023-11-14T22:13:20.500Z"),
        ("Iso", 1700000000, "2023-11-14T22:13:20Z"),
        ("Strings", ("a", "b"), ["a", "b"]),
        ("Map", {"a": 1, "b": None}, {"a": 1}),
        ("Any", [1, {"a": None}], [1, {"a": None}]),
        ("Self", {"Self": {"String": None}}, {"Self": {}}),
        ("Boolean", None, None),
    ],
)
def test_encoded(member: str, value: Any, encoded: Any) -> None:
    names = {"Renamed": {"other_name": "x"}, "Boolean": {}}
    assert encode(**{member: value}) == names.get(member, {member: encoded})


@pytest.mark.parametrize("protocol", ["json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"])
@pytest.mark.parametrize(
    ("result", "error"),
    [
        ({"Sting": "x"}, KeyError),
        ({"Self": {"Sting": "x"}}, KeyError),
        ({"String": 1}, TypeError),
        ({"Integer": "1"}, TypeError),
        ({"Integer": True}, TypeError),
        ({"Boolean": 1}, TypeError),
        ({"Boolean": "true"}, TypeError),
        ({"Double": "1"}, TypeError),
        ({"Blob": 1}, TypeError),
        ({"Timestamp": "2023-11-14"}, TypeError),
        ({"Strings": "abc"}, TypeError),
    ],
)
def test_what_an_operation_must_not_return(protocol: str, result: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        named(protocol).encode(DO, result, "r")


@pytest.mark.parametrize("protocol", ["json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"])
def test_an_operation_without_output_returns_nothing(protocol: str) -> None:
    codec, operation = named(protocol), MODEL.operation("Rest")
    assert codec.encode(operation, {}, "r").status == 200
    assert codec.decode(operation, Request("POST", "/", Headers()), {}) == {}
    with pytest.raises(KeyError):
        codec.encode(operation, {"String": "x"}, "r")


def test_protocols_are_found_by_name() -> None:
    with pytest.raises(KeyError):
        named("carrier-pigeon")
    assert all(named(str(load(service).metadata["protocol"])) for service in ("sqs", "s3", "ec2", "iam", "lambda"))
