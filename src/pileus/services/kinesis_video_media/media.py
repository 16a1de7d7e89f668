"""GetMedia: Matroska from some fragment on, and what comes after it, for as long as something comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from pileus.kernel import Call
from pileus.services.kinesisvideo import faults
from pileus.services.kinesisvideo.fragments import Fragment, blocks, heading, kept, micros, number_of, playing
from pileus.services.kinesisvideo.seals import opened
from pileus.services.kinesisvideo.streams import Stream
from pileus.services.kinesisvideo.tagged import chunk

from . import kinesis_video_media

IDLE = 10.0
"""Seconds without a fragment after which the answer ends; AWS does not say how many it waits."""


@kinesis_video_media.operation(on=Stream.of, action="kinesisvideo:GetMedia")
async def get_media(call: Call, stream: Stream, start_selector: dict[str, Any]) -> dict[str, Any]:
    """A stream's fragments from one of them on, each with tags that tell what it is."""
    with call.transaction():
        if stream.status != "ACTIVE":
            raise faults.no_stream()
        since = start(call, stream, start_selector)
        key = opened(call, stream)
    return {"ContentType": "video/webm", "Payload": chunks(call, stream.name, stream.box, since, key)}


def start(call: Call, stream: Stream, selector: dict[str, Any]) -> int:
    """The least number of a fragment that is meant."""
    kind = selector["StartSelectorType"]
    if kind == "EARLIEST":
        return 0
    if kind == "NOW":
        last = Fragment.first(call, stream.box, reverse=True)
        return last.number if last else 0
    if kind in ("SERVER_TIMESTAMP", "PRODUCER_TIMESTAMP"):
        return at(call, stream, kind, given(selector, "StartTimestamp"))
    name = given(selector, "AfterFragmentNumber" if kind == "FRAGMENT_NUMBER" else "ContinuationToken")
    number = number_of(name) if name.isdigit() else 0
    if not number:
        raise faults.invalid(f"{name} is no fragment of the stream.")
    return number + 1


def given(selector: dict[str, Any], member: str) -> Any:
    if member not in selector:
        raise faults.invalid(f"{member} is required for the StartSelectorType {selector['StartSelectorType']}.")
    return selector[member]


def at(call: Call, stream: Stream, kind: str, moment: float) -> int:
    """The number of the fragment that plays at a time, or else of the first one after it."""
    if fragment := playing(call, stream, kind, moment):
        return fragment.number
    if kind == "SERVER_TIMESTAMP":
        return micros(moment)
    later = Fragment.first(call, stream.box, index="by_producer", since=(round(moment * 1000),))
    return later.number if later else micros(call.now)


async def chunks(call: Call, name: str, box: str, since: int, key: bytes) -> AsyncIterator[bytes]:
    while True:
        with call.transaction():
            stream = Stream.get(call, name)
            if stream is None or stream.box != box or stream.status != "ACTIVE":
                return
            fragment = Fragment.first(call, box, since=(kept(call, stream, since),))
            before = heading(call, fragment) if fragment else None
        if fragment is None or before is None:
            if not await call.wait(("kinesisvideo", box), seconds=IDLE):
                return
            continue
        since = fragment.number + 1
        content = await blocks(call, fragment, key)
        if content is not None:
            yield chunk(call, fragment, before, content)
