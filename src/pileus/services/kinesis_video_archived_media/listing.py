"""Fragments by time and by number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

from pileus.kernel import Call, paging
from pileus.services.kinesisvideo import faults
from pileus.services.kinesisvideo.fragments import Fragment, between, blocks, heading, kept, number_of
from pileus.services.kinesisvideo.seals import opened
from pileus.services.kinesisvideo.streams import Stream
from pileus.services.kinesisvideo.tagged import chunk

from . import kinesis_video_archived_media

Members = dict[str, Any]

MOST = 1000
EVER = 1e11
"""A time after all others."""


@kinesis_video_archived_media.operation(on=Stream.of, action="kinesisvideo:ListFragments")
def list_fragments(
    call: Call, stream: Stream, max_results: int = 100, next_token: str = "", fragment_selector: Members = {}
) -> Members:
    """The fragments that began in a range of time, in the order of that time."""
    origin, start, end = span(fragment_selector)
    skip = 0
    if next_token:
        origin, start, end, skip = paging.opened(call, next_token, faults.invalid("The NextToken is not valid."))
    found = list(islice(between(call, stream, origin, start, end), skip, skip + max_results + 1))
    told: Members = {"Fragments": [fragment.told() for fragment in found[:max_results]]}
    if len(found) > max_results:
        told["NextToken"] = paging.sealed(call, following(origin, found[:max_results], start, end, skip))
    return told


def following(origin: str, shown: list[Fragment], start: float, end: float, skip: int) -> Any:
    """Where the next page begins: at the time of the last fragment, behind all that were shown of that time."""
    last = time_of(shown[-1], origin)
    same = sum(time_of(fragment, origin) == last for fragment in shown)
    return origin, last, end, same + (skip if last == start else 0)


def time_of(fragment: Fragment, origin: str) -> float:
    return fragment.server if origin == "SERVER_TIMESTAMP" else fragment.producer / 1000


def span(selector: Members) -> tuple[str, float, float]:
    """By which clock, from when, and until when."""
    times = selector.get("TimestampRange", {})
    start, end = times.get("StartTimestamp", 0.0), times.get("EndTimestamp", EVER)
    if start > end:
        raise faults.invalid("StartTimestamp must not be after EndTimestamp.")
    return selector.get("FragmentSelectorType", "SERVER_TIMESTAMP"), start, end


@kinesis_video_archived_media.operation(on=Stream.of, action="kinesisvideo:GetMediaForFragmentList")
async def get_media_for_fragment_list(call: Call, stream: Stream, fragments: list[str]) -> Members:
    """Some fragments in the order in which they came; those that are no longer there are left out."""
    numbers = sorted({number for name in fragments if (number := number_of(name))})
    with call.transaction():
        oldest = kept(call, stream)
        key = opened(call, stream)
        found = [Fragment.get(call, stream.box, number) for number in numbers if number >= oldest]
    there = [fragment for fragment in found if fragment]
    if not there:
        raise faults.no_fragments()
    return {"ContentType": "video/webm", "Payload": chunks(call, there, key)}


async def chunks(call: Call, fragments: list[Fragment], key: bytes) -> AsyncIterator[bytes]:
    for fragment in fragments:
        before = heading(call, fragment)
        content = await blocks(call, fragment, key)
        if content is not None:
            yield chunk(call, fragment, before, content, live=False)
