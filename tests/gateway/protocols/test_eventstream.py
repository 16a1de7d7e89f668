"""Event streams: frames that botocore's parsers read, and streams of requests that we read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from botocore.awsrequest import HeadersDict
from botocore.eventstream import EventStreamBuffer
from botocore.exceptions import EventStreamError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from pileus.gateway.message import Headers, Request, Response
from pileus.gateway.protocols import eventstream, named
from pileus.gateway.protocols.faults import Malformed
from pileus.kernel.errors import Fault
from pileus.models import Model, load

from .clients import plain


async def several(*events: Any, then: Exception | None = None) -> AsyncIterator[Any]:
    for event in events:
        yield event
    if then:
        raise then


async def gathered(source: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in source]


class Raw:
    """A response's body as botocore's event stream wants it."""

    def __init__(self, chunks: list[bytes]) -> None:
        self.chunks = chunks

    def stream(self) -> Iterator[bytes]:
        return iter(self.chunks)

    def close(self) -> None:
        pass


def received(service: str, operation: str, response: Response, member: str) -> tuple[dict[str, Any], Iterator[Any]]:
    """botocore's reading of a response: its other members, and its events."""
    assert not isinstance(response.body, bytes)
    raw = Raw(asyncio.run(gathered(response.body)))
    model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    shape = model.operation_model(operation).output_shape
    told = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": raw}
    protocol = str(load(service).metadata["protocol"])
    result = create_parser(protocol).parse(told | {"context": {"operation_name": operation}}, shape)
    events = result.pop(member)
    return plain(result), (plain(event) for event in events)


RECORD = {"SequenceNumber": "1", "Data": b"\x00\xff", "PartitionKey": "k", "ApproximateArrivalTimestamp": 1700000000.25}
SHARD = {"Records": [RECORD], "ContinuationSequenceNumber": "2", "MillisBehindLatest": 0}


def test_kinesis_begins_with_the_initial_response() -> None:
    operation = load("kinesis").operation("SubscribeToShard")
    result = {"EventStream": several({"SubscribeToShardEvent": SHARD}, {"SubscribeToShardEvent": SHARD})}
    response = named("json").encode(operation, result, "r")
    assert ("Content-Type", "application/vnd.amazon.eventstream") in response.headers
    members, events = received("kinesis", "SubscribeToShard", response, "EventStream")
    assert members == {}
    assert list(events) == [{"SubscribeToShardEvent": SHARD}] * 2


def test_a_fault_of_the_stream_is_an_exception_in_it() -> None:
    operation = load("kinesis").operation("SubscribeToShard")
    fault = Fault("ResourceInUseException", "Busy")
    result = {"EventStream": several({"SubscribeToShardEvent": SHARD}, then=fault)}
    response = named("json").encode(operation, result, "r")
    _, events = received("kinesis", "SubscribeToShard", response, "EventStream")
    assert next(events) == {"SubscribeToShardEvent": SHARD}
    with pytest.raises(EventStreamError, match=r"ResourceInUseException.*Busy"):
        next(events)


def test_another_fault_is_an_error() -> None:
    operation = load("kinesis").operation("SubscribeToShard")
    response = named("json").encode(operation, {"EventStream": several(then=Fault("Odd", "Strange"))}, "r")
    _, events = received("kinesis", "SubscribeToShard", response, "EventStream")
    with pytest.raises(EventStreamError, match=r"Odd.*Strange"):
        next(events)


def test_an_exception_may_be_an_event() -> None:
    operation = load("logs").operation("StartLiveTail")
    stream = several({"sessionUpdate": {"sessionResults": []}}, {"SessionTimeoutException": {"message": "Over"}})
    response = named("json").encode(operation, {"responseStream": stream}, "r")
    _, events = received("logs", "StartLiveTail", response, "responseStream")
    assert next(events) == {"sessionUpdate": {"sessionResults": []}}
    with pytest.raises(EventStreamError, match=r"SessionTimeoutException.*Over"):
        next(events)


def test_lambda_streams_blobs_and_headers() -> None:
    operation = load("lambda").operation("InvokeWithResponseStream")
    stream = several({"PayloadChunk": {"Payload": b"one"}}, {"InvokeComplete": {"ErrorCode": "E", "LogResult": "bG9n"}})
    result = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "EventStream": stream}
    response = named("rest-json").encode(operation, result, "r")
    assert ("X-Amz-Executed-Version", "$LATEST") in response.headers
    members, events = received("lambda", "InvokeWithResponseStream", response, "EventStream")
    assert members == {"StatusCode": 200, "ExecutedVersion": "$LATEST"} | {
        name: value for name, value in members.items() if name == "ResponseStreamContentType"
    }
    assert list(events) == [
        {"PayloadChunk": {"Payload": b"one"}},
        {"InvokeComplete": {"ErrorCode": "E", "LogResult": "bG9n"}},
    ]


def test_s3_select_speaks_xml() -> None:
    operation = load("s3").operation("SelectObjectContent")
    details = {"BytesScanned": 3, "BytesProcessed": 2, "BytesReturned": 1}
    stream = several({"Records": {"Payload": b"a,b\n"}}, {"Cont": {}}, {"Stats": {"Details": details}}, {"End": {}})
    response = named("rest-xml").encode(operation, {"Payload": stream}, "r")
    _, events = received("s3", "SelectObjectContent", response, "Payload")
    assert list(events) == [
        {"Records": {"Payload": b"a,b\n"}},
        {"Cont": {}},
        {"Stats": {"Details": details}},
        {"End": {}},
    ]


TALK = Model(
    "talk",
    {"protocol": "smithy-rpc-v2-cbor"},
    {"Talk": {"name": "Talk", "http": {"method": "POST", "requestUri": "/"}, "output": {"shape": "Out"}}},
    {
        "Out": {"type": "structure", "members": {"Id": {"shape": "String"}, "Said": {"shape": "Stream"}}},
        "Stream": {"type": "structure", "eventstream": True, "members": {"Word": {"shape": "Word"}}},
        "Word": {
            "type": "structure",
            "event": True,
            "members": {
                "At": {"shape": "Timestamp", "eventheader": True},
                "Count": {"shape": "Integer", "eventheader": True},
                "Loud": {"shape": "Boolean", "eventheader": True},
                "Raw": {"shape": "Blob", "eventheader": True},
                "Text": {"shape": "String"},
            },
        },
        "String": {"type": "string"},
        "Timestamp": {"type": "timestamp"},
        "Integer": {"type": "integer"},
        "Boolean": {"type": "boolean"},
        "Blob": {"type": "blob"},
    },
)


def test_cbor_and_every_kind_of_header() -> None:
    word = {"At": 1700000000.5, "Count": -3, "Loud": True, "Raw": b"\x01", "Text": "hi"}
    operation = TALK.operation("Talk")
    result = {"Id": "x", "Said": several({"Word": word})}
    response = named("smithy-rpc-v2-cbor").encode(operation, result, "r")
    assert not isinstance(response.body, bytes)
    buffer = EventStreamBuffer()
    for chunk in asyncio.run(gathered(response.body)):
        buffer.add_data(chunk)
    first, second = list(buffer)
    assert first.headers[":event-type"] == "initial-response"
    assert first.payload == b"\xa1bIdax"
    assert second.headers == {
        ":message-type": "event",
        ":event-type": "Word",
        ":content-type": "application/cbor",
        "At": 1700000000500,
        "Count": -3,
        "Loud": True,
        "Raw": b"\x01",
    }
    assert second.payload == b"\xa1dTextbhi"


def test_what_the_handler_must_not_yield() -> None:
    operation = TALK.operation("Talk")
    for event, error in [
        ({"Word": {"Colour": "red"}}, KeyError),
        ({"Shout": {}}, KeyError),
        ({"Word": {}, "B": {}}, TypeError),
    ]:
        response = named("smithy-rpc-v2-cbor").encode(operation, {"Said": several(event)}, "r")
        assert not isinstance(response.body, bytes)
        with pytest.raises(error):
            asyncio.run(gathered(response.body))


def test_the_source_is_closed_with_the_stream() -> None:
    closed = []

    async def source() -> AsyncIterator[Any]:
        try:
            while True:
                yield {"Word": {"Text": "again"}}
        finally:
            closed.append(True)

    async def leave_early() -> None:
        stream = eventstream.encoded(TALK.shape("Stream"), source(), lambda shape, value: b"", "x")
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]

    asyncio.run(leave_early())
    assert closed


# Reading


@given(
    headers=st.dictionaries(
        st.text("abc:-", min_size=1, max_size=9),
        st.text(max_size=9) | st.binary(max_size=9) | st.booleans(),
        max_size=4,
    ),
    payload=st.binary(max_size=40),
)
def test_messages_are_read_back(headers: dict[str, Any], payload: bytes) -> None:
    frame = eventstream.message(list(headers.items()), payload)
    assert eventstream.parse(frame) == (headers, payload)
    buffer = EventStreamBuffer()
    buffer.add_data(frame)
    (theirs,) = list(buffer)
    assert (theirs.headers, theirs.payload) == (headers, payload)


@given(frame=st.binary(max_size=60), at=st.integers(0, 30), byte=st.integers(0, 255))
def test_spoiled_messages_are_refused(frame: bytes, at: int, byte: int) -> None:
    good = bytearray(eventstream.message([(":event-type", "Word")], b"payload"))
    for bad in (frame, bytes(good[:at] + bytes([byte]) + good[at + 1 :])):
        try:
            assert bad == bytes(good) or eventstream.parse(bad) is None
        except Malformed:
            continue


def speech(body: bytes, cut: int) -> Any:
    """What the handler of Polly's bidirectional stream reads from a body that arrives in pieces."""

    class Arriving:
        trailers = Headers()

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for at in range(0, len(body), cut):
                yield body[at : at + cut]

    operation = load("polly").operation("StartSpeechSynthesisStream")
    request = Request("POST", "/v1/synthesisStream", Headers([("x-amzn-engine", "generative")]))
    request.stream = Arriving()  # type: ignore[assignment]
    return named("rest-json").decode(operation, request, {})


TEXT = eventstream.message([(":message-type", "event"), (":event-type", "TextEvent")], b'{"Text":"h\xc3\xa9"}')
END = eventstream.message([(":message-type", "event"), (":event-type", "CloseStreamEvent")])


@pytest.mark.parametrize("cut", [1, 7, 1000])
@pytest.mark.parametrize("signed", [False, True])
def test_events_of_a_request(cut: int, signed: bool) -> None:
    frames = [TEXT, END]
    if signed:
        frames = [eventstream.message([(":chunk-signature", b"s")], frame) for frame in (*frames, b"")]
    decoded = speech(b"".join(frames), cut)
    assert asyncio.run(gathered(decoded["ActionStream"])) == [{"TextEvent": {"Text": "hé"}}, {"CloseStreamEvent": {}}]
    assert decoded["Engine"] == "generative"


@pytest.mark.parametrize("body", [TEXT[:-1], TEXT[:-1] + b"x", b"\xff" * 100, b"\x00" * 100])
def test_broken_streams_of_a_request_are_faults(body: bytes) -> None:
    with pytest.raises(Fault, match="SerializationException"):
        asyncio.run(gathered(speech(body, 50)["ActionStream"]))
