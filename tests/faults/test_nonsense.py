"""Nonsense in every protocol: a clear 4xx, never a stack trace, and the next caller is served."""

from __future__ import annotations

import http.client

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus import LocalCloud

from .process import SIGNED_BY

JSON = {"X-Amz-Target": "AmazonSQS.CreateQueue", "Content-Type": "application/x-amz-json-1.0"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CBOR = {"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor"}
BOMB = (
    b'<!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 10) for n in range(9))
    + b"]><CreateBucketConfiguration>&j;</CreateBucketConfiguration>"
)


class Wire:
    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud

    def send(
        self, method: str, path: str, body: bytes, headers: dict[str, str], service: str = "sqs"
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.server.port, timeout=10)
        fields = {"Authorization": SIGNED_BY.format(service=service), "X-Amz-Date": "20260101T000000Z"}
        connection.request(method, path, body, fields | headers)
        response = connection.getresponse()
        answer = response.status, response.read()
        connection.close()
        return answer

    def refused(self, *arguments: object, **more: str) -> None:
        status, body = self.send(*arguments, **more)  # type: ignore[arg-type]
        assert 400 <= status < 500, (status, body)
        assert b"Traceback" not in body
        assert self.send("POST", "/", b"Action=GetCallerIdentity&Version=2011-06-15", FORM, "sts")[0] == 200


@pytest.fixture
def wire(cloud: LocalCloud) -> Wire:
    return Wire(cloud)


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b'{"QueueName":1}',
        b'{"QueueName":["a"]}',
        b'{"Attributes":"a","QueueName":"q"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"QueueName":"' + b"q" * 100_000 + b'"}',
        b'{"QueueName":"\\ud800"}',
    ],
    ids=range(11),
)
def test_json(wire: Wire, body: bytes) -> None:
    wire.refused("POST", "/", body, JSON)


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateQueue&Version=2012-11-05",
        b"Action=CreateQueue&Version=2012-11-05&QueueName=q&Attribute.999999999.Name=a&Attribute.999999999.Value=b",
        b"Action=CreateQueue&Version=2012-11-05&QueueName=%ff%fe",
        b"Action=CreateQueue&Version=2012-11-05&QueueName=" + b"a.1." * 10_000,
        b"Action=NoSuchAction&Version=2012-11-05",
        b"Action=ReceiveMessage&Version=2012-11-05&QueueUrl=http://x/1/q&MaxNumberOfMessages=many",
    ],
    ids=range(6),
)
def test_query(wire: Wire, body: bytes) -> None:
    wire.refused("POST", "/", body, FORM)


@pytest.mark.parametrize(
    "body", [b"\xff" * 10, b"\x9f" * 100_000, b"\xbb" + b"\xff" * 8, b"\x5f" * 1000, b"\xc2" * 5000]
)
def test_cbor(wire: Wire, body: bytes) -> None:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    wire.refused("POST", path, body, CBOR, service="monitoring")


@pytest.mark.parametrize("body", [BOMB, b"<a>" * 50_000, b"<a", b"\x00\x01", b"<a></b>"])
def test_xml(wire: Wire, body: bytes) -> None:
    wire.refused("POST", "/2013-04-01/hostedzone", body, {"Content-Type": "text/xml"}, service="route53")


def test_a_bomb_that_was_packed_does_not_go_off(wire: Wire) -> None:
    import gzip

    packed = gzip.compress(b" " * (512 * 1024 * 1024), compresslevel=9)
    wire.refused("POST", "/", packed, JSON | {"Content-Encoding": "gzip"})


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=400),
    headers=st.sampled_from([JSON, FORM, CBOR, {"Content-Type": "application/xml"}, {}]),
    path=st.sampled_from(["/", "/111122223333/q", "/service/x/operation/y", "/2015-03-31/functions/"]),
    service=st.sampled_from(["sqs", "sts", "lambda", "monitoring", "ec2", "route53", "nonsense"]),
)
def test_any_bytes_are_answered(wire: Wire, body: bytes, headers: dict[str, str], path: str, service: str) -> None:
    status, answer = wire.send("POST", path, body, headers, service)
    assert status in (200, 501) or 400 <= status < 500, (status, answer)
    assert b"Traceback" not in answer
