"""PutMedia: Matroska comes in for as long as the producer sends, and acknowledgements go out meanwhile.

Developer Guide, "PutMedia": a fragment is a cluster. Each is acknowledged when it begins (BUFFERING), when it is
complete (RECEIVED) and when it is stored (PERSISTED); what is wrong with one ends the stream (ERROR).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NamedTuple

from pileus.engines.matroska import Begun, Cluster, Ended, Invalid, Reader
from pileus.kernel import Call, parcels
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.edge import Answer

from . import faults
from .fragments import Fragment, next_number, preface
from .retention import plan
from .seals import opened, sealed
from .streams import Stream

if TYPE_CHECKING:
    from pileus.gateway.message import Request

LARGEST = 50 * 1024 * 1024
"""Bytes of a fragment, and seconds of one (Developer Guide, quotas)."""
LONGEST = 20
MOST_TRACKS = 3
LATEST = 10**14
"""Milliseconds: no producer lives in the year 5138."""
KINDS = ("ABSOLUTE", "RELATIVE")

ERRORS = {
    "MAX_FRAGMENT_SIZE_REACHED": 4001,
    "MAX_FRAGMENT_DURATION_REACHED": 4002,
    "FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS": 4004,
    "MORE_THAN_ALLOWED_TRACKS_FOUND": 4005,
    "INVALID_MKV_DATA": 4006,
    "INVALID_PRODUCER_TIMESTAMP": 4007,
    "STREAM_NOT_ACTIVE": 4008,
}


class Refused(Exception):
    """A fragment that is not taken; its text is the error's code."""


class Session(NamedTuple):
    """What a request says of the fragments that it brings."""

    name: str
    box: str
    key: bytes
    start: float
    """When timecodes begin: 0 for absolute ones."""

    def producer(self, cluster: Cluster) -> int:
        """When a cluster was made, in milliseconds."""
        assert cluster.timecode is not None
        return round(self.start * 1000) + cluster.timecode * cluster.heading.scale // 1_000_000


def put_media(call: Call, request: Request) -> Answer:
    """Begin to take what is sent, if the caller may write to the stream."""
    session = begun(call, request)
    return Answer(200, [("content-type", "application/json")], acknowledgements(call, request, session))


def begun(call: Call, request: Request) -> Session:
    headers = request.headers
    arn = headers.get("x-amzn-stream-arn")
    call.account = arn.split(":")[4] if arn.count(":") == 5 else call.account
    stream = Stream.of(call, headers.get("x-amzn-stream-name"), arn)
    authorize(call, "kinesisvideo:PutMedia", Target(stream.arn(call), call.account, tags=stream.tags))
    if stream.status != "ACTIVE":
        raise faults.no_stream()
    kind = headers.get("x-amzn-fragment-timecode-type")
    if kind not in KINDS:
        raise faults.invalid(f"x-amzn-fragment-timecode-type must be one of {', '.join(KINDS)}.")
    start = start_of(headers.get("x-amzn-producer-start-timestamp"), kind)
    return Session(stream.name, stream.box, opened(call, stream), start)


def start_of(given: str, kind: str) -> float:
    """What timecodes count from; a producer that counts from its start must say when that was."""
    if kind == "ABSOLUTE":
        return 0.0
    try:
        start = float(given)
    except ValueError:
        start = -1.0
    if not 0 <= start < 1e11:
        raise faults.invalid(
            "x-amzn-producer-start-timestamp must be the time at which the producer began, in seconds."
        )
    return start


async def acknowledgements(call: Call, request: Request, session: Session) -> AsyncIterator[bytes]:
    reader = Reader(LARGEST)
    last = -1
    under_way: int | None = None
    try:
        async for piece in pieces(request, reader):
            cluster = piece.cluster
            under_way = session.producer(cluster)
            if under_way > LATEST:
                raise Refused("INVALID_PRODUCER_TIMESTAMP")
            if isinstance(piece, Begun):
                if under_way <= last:
                    raise Refused("FRAGMENT_TIMECODE_LESSER_THAN_PREVIOUS")
                yield told("BUFFERING", under_way)
                continue
            last = under_way
            fragment, keeps = await stored(call, session, cluster)
            yield told("RECEIVED", under_way, fragment.name)
            if keeps:
                yield told("PERSISTED", under_way, fragment.name)
    except Invalid:
        yield failed("INVALID_MKV_DATA", under_way)
    except Refused as refused:
        yield failed(str(refused), under_way)
    except ConnectionResetError:
        return  # whoever would read of it has gone; the fragments that were complete are stored


async def pieces(request: Request, reader: Reader) -> AsyncIterator[Begun | Ended]:
    """What begins and ends with what is sent."""
    if request.stream is not None:
        async for data in request.stream:
            for event in reader.feed(data):
                yield event
            if reader.size > LARGEST:
                raise Refused("MAX_FRAGMENT_SIZE_REACHED")
    for event in reader.end():
        yield event


def told(event: str, timecode: int, number: str = "") -> bytes:
    said: dict[str, Any] = {"EventType": event, "FragmentTimecode": timecode}
    if number:
        said["FragmentNumber"] = number
    return json.dumps(said, separators=(",", ":")).encode() + b"\r\n"


def failed(code: str, timecode: int | None) -> bytes:
    said: dict[str, Any] = {"EventType": "ERROR", "ErrorId": ERRORS[code], "ErrorCode": code}
    if timecode is not None:
        said["FragmentTimecode"] = timecode
    return json.dumps(said, separators=(",", ":")).encode() + b"\r\n"


async def stored(call: Call, session: Session, cluster: Cluster) -> tuple[Fragment, bool]:
    """A complete cluster as a fragment, and whether the stream keeps what it gets."""
    length = cluster.length * cluster.heading.scale // 1_000_000
    if len(cluster.heading.entries) > MOST_TRACKS:
        raise Refused("MORE_THAN_ALLOWED_TRACKS_FOUND")
    if length > LONGEST * 1000:
        raise Refused("MAX_FRAGMENT_DURATION_REACHED")
    content = sealed(session.key, bytes(cluster.blocks))
    if len(content) <= parcels.MOST:
        with call.transaction():
            fragment, keeps = placed(call, session, cluster, length)
            fragment.parcel = parcels.put(call.store, content)
            fragment.put(call)
    else:
        async with call.cloud.blobs.writer() as writer:
            await writer.write(content)
            blob = await writer.keep()
            with call.transaction():
                fragment, keeps = placed(call, session, cluster, length)
                fragment.blob = blob
                call.cloud.blobs.adopt(blob)
                fragment.put(call)
    call.wake(("kinesisvideo", session.box))
    await safe(call)
    return fragment, keeps


async def safe(call: Call) -> None:
    """Wait until what has been written is on the disk, or raise what it was lost by."""
    written: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settled(error: BaseException | None) -> None:
        if not written.done():
            written.set_exception(error) if error else written.set_result(None)

    call.cloud.store.after_commit(settled)
    await written


def placed(call: Call, session: Session, cluster: Cluster, length: int) -> tuple[Fragment, bool]:
    """Where a cluster's fragment stands in its stream, if that is still there."""
    stream = Stream.get(call, session.name)
    if stream is None or stream.box != session.box or stream.status != "ACTIVE":
        raise Refused("STREAM_NOT_ACTIVE")
    assert cluster.timecode is not None
    fragment = Fragment(
        box=stream.box,
        number=next_number(call, stream.box),
        producer=session.producer(cluster),
        timecode=cluster.timecode,
        length=length,
        size=len(cluster.blocks),
        preface=preface(call, stream.box, cluster.heading),
    )
    if not stream.sweep:
        plan(call, stream, call.now + stream.keeps)
    return fragment, stream.retention > 0
