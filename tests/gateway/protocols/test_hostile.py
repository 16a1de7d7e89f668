"""Whatever a client sends is answered by a Fault or decoded, in work that its length bounds."""

from __future__ import annotations

import gzip
import json
from time import process_time
from typing import Any

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.gateway.message import Headers, Request
from pileus.gateway.protocols import named
from pileus.kernel.errors import Fault
from pileus.models import Operation, load, query_form

from .generated import value

OPERATIONS = {
    "json": load("dynamodb").operation("PutItem"),
    "query": query_form("sqs").operation("SendMessageBatch"),
    "ec2": load("ec2").operation("RunInstances"),
    "rest-json": load("lambda").operation("CreateFunction"),
    "rest-xml": load("s3").operation("PutBucketLifecycleConfiguration"),
    "smithy-rpc-v2-cbor": load("cloudwatch").operation("PutMetricData"),
}
EXAMPLES = settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
MILLION = 1_000_000


def send(protocol: str, body: bytes, *, operation: Operation | None = None, **headers: str) -> Any:
    """What a body is decoded to, or the code of the Fault."""
    operation = operation or OPERATIONS[protocol]
    fields = [(name.replace("_", "-"), text) for name, text in headers.items()]
    request = Request(operation.method, "/", Headers(fields), body)
    try:
        return named(protocol).decode(operation, request, {"Bucket": "b"})
    except Fault as fault:
        return fault.code


def refusal(protocol: str, body: bytes, **headers: str) -> str:
    """The code that a body is refused with, soon."""
    began = process_time()
    code = send(protocol, body, **headers)
    assert process_time() - began < 2
    assert isinstance(code, str), "was decoded"
    return code


@pytest.mark.parametrize("protocol", OPERATIONS)
@EXAMPLES
@given(body=st.binary(max_size=200))
def test_noise(protocol: str, body: bytes) -> None:
    assert isinstance(send(protocol, body), str | dict)


@pytest.mark.parametrize("protocol", OPERATIONS)
@EXAMPLES
@given(data=st.data())
def test_spoiled(protocol: str, data: st.DataObject) -> None:
    """A good body with some bytes exchanged."""
    body = bytearray(GOOD[protocol])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert isinstance(send(protocol, bytes(body)), str | dict)


GOOD = {
    "json": b'{"TableName":"t","Item":{"a":{"M":{"b":{"L":[{"S":"x"},{"B":"AAEC"},{"NULL":true}]}}}}}',
    "query": b"Version=2012&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=%C3%A9",
    "ec2": b"Action=RunInstances&MinCount=1&BlockDeviceMapping.1.Ebs.VolumeSize=8&TagSpecification.1.Tag.1.Key=k",
    "rest-json": b'{"FunctionName":"f","Code":{"ZipFile":"AAEC"},"Layers":["a"],"Environment":{"Variables":{"k":"v"}}}',
    "rest-xml": b"<A><Rule><ID>x</ID><Expiration><Days>1</Days></Expiration><Filter><Prefix/></Filter></Rule></A>",
    "smithy-rpc-v2-cbor": cbor2.dumps({"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1.5}]}),
}


@pytest.mark.parametrize("protocol", OPERATIONS)
def test_the_good_ones_are_good(protocol: str) -> None:
    assert isinstance(send(protocol, GOOD[protocol]), dict)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "S", "M", "L", "1"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@EXAMPLES
@given(item=ANYTHING)
def test_json_of_any_types(item: Any) -> None:
    body = json.dumps({"TableName": item, "Item": item, "ReturnValues": item}, default=str).encode()
    assert isinstance(send("json", body), str | dict)


@EXAMPLES
@given(item=ANYTHING)
def test_cbor_of_any_types(item: Any) -> None:
    for place in (
        {"Namespace": item},
        {"MetricData": item},
        {"MetricData": [{"Timestamp": item, "Value": item}]},
        item,
    ):
        assert isinstance(send("smithy-rpc-v2-cbor", cbor2.dumps(place)), str | dict)


NAMES = st.lists(st.sampled_from(["Tag", "TagSpecification", "1", "2", "member", "entry", "key", "999999999", "0", ""]))


@EXAMPLES
@given(pairs=st.lists(st.tuples(NAMES.map(".".join), st.text(max_size=4)), max_size=8))
def test_forms_of_any_names(pairs: list[tuple[str, str]]) -> None:
    body = "&".join(f"{name}={text}" for name, text in pairs).encode("utf-8", "replace")
    for protocol in ("query", "ec2"):
        assert isinstance(send(protocol, body), str | dict)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * MILLION,
        b'{"Item":' * 100_000,
        b'{"Item":{"a":' + b'{"M":{"a":' * 5_000 + b"1" + b"}}" * 5_000 + b"}}",
        b'{"Item":{"a":' + b'{"L":[' * 400 + b"]}" * 400 + b"}}",
        b'{"a":' + b"[" * 400 + b"]" * 400 + b"}",
        b"1" * MILLION,
        b'{"TableName":1e999}',
        b'{"TableName":"\\ud800"}',
        b'{"TableName":"\xff"}',
        b"{" + b'"TableName":"x",' * 50_000,
        b'["a"]',
        b"null",
        b'{"Item":[]}',
        b'{"Item":{"a":"x"}}',
    ],
    ids=lambda body: repr(body[:24]),
)
def test_json(body: bytes) -> None:
    assert refusal("json", body) == "SerializationException"


def test_the_deepest_json_that_is_read() -> None:
    body = b'{"Item":{"a":' + b'{"M":{"a":' * 60 + b'{"S":"x"}' + b"}}" * 60 + b"}}"
    assert isinstance(send("json", body), dict)


XXE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><a>&b;</a>'


@pytest.mark.parametrize(
    "body",
    [
        XXE,
        LAUGHS,
        LAUGHS.decode().encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b"<a>" * 100_000,
        b"<a>" * 500 + b"</a>" * 500,
        b"<a>&undefined;</a>",
        b"<a b='1' b='2'/>",
        b"<a/><b/>",
        b"<a><b></a></b>",
        b"<?xml version='1.0' encoding='klingon'?><a/>",
        b"\x00\xff",
        b"plain text",
        b"<x:a/>",
        b"<A><Rule><Expiration><Days>many</Days></Expiration></Rule></A>",
        b"<A><Rule><ID><b/></ID></Rule></A>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_xml(body: bytes) -> None:
    assert refusal("rest-xml", body) == "MalformedXML"


@pytest.mark.parametrize(
    "body",
    [
        b"81" * 100_000,
        b"9bffffffffffffffff",
        b"9b00000000ffffffff",
        b"bb00000000ffffffff",
        b"5bffffffffffffffff",
        b"5b0000000fffffffff",
        b"7f" * 1000,
        b"a1694e616d657370616365d82363282961",  # a regular expression
        b"a1694e616d6573706163" + b"65c482390fffff01",  # a decimal with a huge exponent
        b"a1694e616d657370616365c2410f",  # a big number
        b"d81c81d81d00",  # a list that contains itself
        b"a18001",
        b"a0ff"[2:],
        b"f7",
        b"00",
        b"a1694e616d657370616365f6"[:-2],
    ],
    ids=lambda body: body[:24].decode(),
)
def test_cbor(body: bytes) -> None:
    content = bytes.fromhex(body.decode()) if body else b"\x80"
    assert refusal("smithy-rpc-v2-cbor", content) == "SerializationException"


def test_form_indices_allocate_nothing() -> None:
    entry = "SendMessageBatchRequestEntry"
    decoded = send("query", f"{entry}.999999999.Id=z&{entry}.3.Id=b&{entry}.1.Id=a".encode())
    assert [item["Id"] for item in decoded["Entries"]] == ["a", "b", "z"]


@pytest.mark.parametrize(
    "body",
    [
        b"SendMessageBatchRequestEntry.9999999999.Id=z",
        b"SendMessageBatchRequestEntry.-1.Id=z",
        b"SendMessageBatchRequestEntry.x.Id=z",
        "SendMessageBatchRequestEntry.\u0661.Id=z".encode(),
        b"SendMessageBatchRequestEntry.1.DelaySeconds=soon",
        b"SendMessageBatchRequestEntry.1.DelaySeconds=99999999999",
        b"SendMessageBatchRequestEntry.1.DelaySeconds=" + b"9" * MILLION,
        b"SendMessageBatchRequestEntry.1.MessageAttribute.1.Name=a",
        b"a." * 100_000 + b"a=1",
        b"%2E" * 100_000 + b"=1",
        b"QueueUrl=%ff",
        b"\xff=1",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_forms(body: bytes) -> None:
    assert refusal("query", body) == "MalformedInput"


@pytest.mark.parametrize("protocol", ["query", "ec2"])
def test_long_forms_are_read_in_their_length(protocol: str) -> None:
    names = {"query": "SendMessageBatchRequestEntry.{}.Id", "ec2": "SecurityGroupId.{}"}
    body = "&".join(f"{names[protocol].format(index)}=x" for index in range(1, 20_001)).encode()
    began = process_time()
    decoded = send(protocol, body)
    assert process_time() - began < 2
    assert len(decoded["Entries" if protocol == "query" else "SecurityGroupIds"]) == 20_000


@pytest.mark.parametrize("protocol", ["json", "query", "smithy-rpc-v2-cbor"])
def test_gzip_bombs(protocol: str) -> None:
    assert refusal(protocol, gzip.compress(b" " * 64 * MILLION), content_encoding="gzip") == "RequestEntityTooLarge"


@pytest.mark.parametrize(
    "body", [b"not gzip", gzip.compress(b"{}", mtime=0)[:-9], gzip.compress(b"{}" * 100, mtime=0)[:20]]
)
def test_broken_gzip(body: bytes) -> None:
    assert refusal("json", body, content_encoding="gzip") == "SerializationException"


def test_gzip_is_inflated() -> None:
    body = gzip.compress(b'{"TableName":"t"}')
    assert send("json", body, content_encoding="custom, gzip") == {"TableName": "t"}


@EXAMPLES
@given(data=st.data())
def test_bodies_do_not_overrule_the_path(data: st.DataObject) -> None:
    """A member that belongs to the path or a header is not read from the body."""
    operation = load("lambda").operation("UpdateFunctionCode")
    assert operation.input is not None
    body = json.dumps(
        {"FunctionName": data.draw(value(operation.input.members["FunctionName"])), "Publish": True}
    ).encode()
    request = Request("PUT", "/", Headers(), body)
    decoded = named("rest-json").decode(operation, request, {"FunctionName": "mine"})
    assert decoded == {"FunctionName": "mine", "Publish": True}


def test_xml_bodies_do_not_overrule_the_path() -> None:
    body = b"<LifecycleConfiguration><Bucket>yours</Bucket><Rule><ID>x</ID></Rule></LifecycleConfiguration>"
    decoded = send("rest-xml", body)
    assert decoded == {"Bucket": "b", "LifecycleConfiguration": {"Rules": [{"ID": "x"}]}}
