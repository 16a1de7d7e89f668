"""Kinesis as SDKs other than Python's speak it: CBOR, and events over HTTP/2."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any
from urllib.parse import urlsplit

import cbor2
import h2.config
import h2.connection
import h2.events
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus.testing.account import Account
from pileus.testing.local import CloudClock

from .conftest import Make, summary

JSON, CBOR = "application/x-amz-json-1.1", "application/x-amz-cbor-1.1"
SHARD = "shardId-000000000000"


def signed(account: Account, operation: str, kind: str, body: bytes) -> dict[str, str]:
    request = AWSRequest(
        "POST",
        f"{account.cloud.endpoint}/",
        headers={"Content-Type": kind, "X-Amz-Target": f"Kinesis_20131202.{operation}"},
        data=body,
    )
    SigV4Auth(Credentials(account.id, "x"), "kinesis", "us-east-1").add_auth(request)
    return dict(request.headers.items())


def ask(account: Account, operation: str, **members: Any) -> tuple[int, Any]:
    """A call in CBOR over HTTP/1.1."""
    import http.client

    body = cbor2.dumps(members)
    url = urlsplit(account.cloud.endpoint)
    connection = http.client.HTTPConnection(url.hostname or "", url.port)
    connection.request("POST", "/", body, signed(account, operation, CBOR, body))
    response = connection.getresponse()
    data = response.read()
    assert response.headers["Content-Type"] == CBOR
    return response.status, cbor2.loads(data, semantic_decoders={1: lambda value, immutable: value}) if data else None


def test_sdks_that_speak_cbor_write_and_read(make: Make, account: Account, clock: CloudClock) -> None:
    name = make()
    status, put = ask(account, "PutRecord", StreamName=name, Data=b"\x00\xff", PartitionKey="k")
    assert status == 200 and put["ShardId"] == SHARD
    asked = {"StreamName": name, "ShardId": SHARD, "ShardIteratorType": "AT_TIMESTAMP"}
    at = cbor2.CBORTag(1, int((clock.now() - 1) * 1000))
    _, found = ask(account, "GetShardIterator", **asked, Timestamp=at)
    _, told = ask(account, "GetRecords", ShardIterator=found["ShardIterator"])
    (record,) = told["Records"]
    assert record["Data"] == b"\x00\xff"
    assert abs(record["ApproximateArrivalTimestamp"] - clock.now() * 1000) < 2, "milliseconds"
    status, error = ask(account, "PutRecord", StreamName="nowhere", Data=b"", PartitionKey="k")
    assert status == 400 and error["__type"] == "ResourceNotFoundException"
    assert "not found" in error["message"]


class Http2:
    """One call over HTTP/2 with prior knowledge, whose answer comes piece by piece."""

    def __init__(self, account: Account, operation: str, **members: Any) -> None:
        url = urlsplit(account.cloud.endpoint)
        self.socket = socket.create_connection((url.hostname, url.port), timeout=20)
        self.wire = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.wire.initiate_connection()
        body = json.dumps(members).encode()
        fields = signed(account, operation, JSON, body)
        head = [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", url.netloc)]
        self.wire.send_headers(1, [*head, *((name.lower(), value) for name, value in fields.items())])
        self.wire.send_data(1, body, end_stream=True)
        self.socket.sendall(self.wire.data_to_send())
        self.data = b""
        self.over = False

    def event(self) -> dict[str, Any]:
        """The next event of the stream."""
        while len(self.data) < 4 or len(self.data) < struct.unpack(">I", self.data[:4])[0]:
            self.receive()
        length, headers = struct.unpack(">II", self.data[:8])
        frame, self.data = self.data[:length], self.data[length:]
        return {"headers": frame[12 : 12 + headers], "payload": frame[12 + headers : -4]}

    def receive(self) -> None:
        for event in self.wire.receive_data(self.socket.recv(65536)):
            if isinstance(event, h2.events.DataReceived):
                self.data += event.data
                self.wire.acknowledge_received_data(event.flow_controlled_length, 1)
            self.over = self.over or isinstance(event, h2.events.StreamEnded)
        self.socket.sendall(self.wire.data_to_send())


def test_a_subscription_over_http_2(kinesis: Any, make: Make, account: Account, clock: CloudClock) -> None:
    name = make()
    arn = summary(kinesis, name)["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="c")["Consumer"]["ConsumerARN"]
    clock.advance(1)
    position = {"Type": "LATEST"}
    stream = Http2(account, "SubscribeToShard", ConsumerARN=consumer, ShardId=SHARD, StartingPosition=position)
    assert b"initial-response" in stream.event()["headers"]
    assert json.loads(stream.event()["payload"])["Records"] == []
    kinesis.put_record(StreamName=name, Data=b"x", PartitionKey="k")
    event = stream.event()
    while not json.loads(event["payload"])["Records"]:
        event = stream.event()
    (record,) = json.loads(event["payload"])["Records"]
    assert record["Data"] == "eA==" and b"SubscribeToShardEvent" in event["headers"]
    clock.advance(300)
    while not stream.over:
        stream.receive()
    stream.socket.close()
