"""Fragments as films: what can be played, and GetClip."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

from pileus.engines import matroska
from pileus.engines.ffmpeg import Absent, Ffmpeg, Unusable
from pileus.engines.matroska import Heading, Track
from pileus.kernel import Call, Fault, Unfinished
from pileus.kernel.cloud import Cloud
from pileus.services.kinesisvideo import faults
from pileus.services.kinesisvideo.fragments import Fragment, between, blocks, heading, ticks
from pileus.services.kinesisvideo.seals import opened
from pileus.services.kinesisvideo.streams import Stream

from . import kinesis_video_archived_media
from .listing import Members, span, time_of

VIDEO = ("V_MPEG/ISO/AVC", "V_MPEG4/ISO/AVC", "V_MPEGH/ISO/HEVC")
AUDIO = ("A_AAC",)
MOST = 200
"""Fragments of a clip, and its bytes (API reference, GetClip)."""
LARGEST = 100 * 1024 * 1024


class Studio(Ffmpeg):
    """The cloud's ffmpeg."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()

    async def close(self) -> None:
        """Each run ends by itself."""


def playable(before: Heading) -> list[Track]:
    """The tracks of a heading, if players know them."""
    tracks = before.entries
    for track in tracks:
        if track.codec not in (VIDEO if track.type == 1 else AUDIO):
            words = f"The media type of track {track.number}, {track.codec}, is not supported."
            raise Fault("UnsupportedStreamMediaTypeException", words)
        if not track.private:
            raise Fault("MissingCodecPrivateDataException", f"Track {track.number} has no codec private data.")
    return tracks


@kinesis_video_archived_media.operation(on=Stream.of, action="kinesisvideo:GetClip")
async def get_clip(call: Call, stream: Stream, clip_fragment_selector: Members) -> Members:
    """An MP4 of the fragments that began in a range of time."""
    origin, start, end = span(clip_fragment_selector)
    with call.transaction():
        if stream.retention == 0:
            raise faults.no_retention()
        found = list(islice(between(call, stream, origin, start, end), MOST + 1))
        if not found:
            raise faults.no_fragments()
        if len(found) > MOST or sum(fragment.size for fragment in found) > LARGEST:
            raise faults.invalid(f"A clip can have {MOST} fragments, and {LARGEST} bytes.")
        before = heading(call, found[0])
        playable(before)
        key = opened(call, stream)
        if any(fragment.preface != found[0].preface for fragment in found):
            raise faults.invalid("The codec private data of the fragments of a clip must be the same.")
    content = await joined(call, key, before, found, origin)
    return {"ContentType": "video/mp4", "Payload": whole(await made(call.cloud.engine(Studio).film(content)))}


async def joined(call: Call, key: bytes, before: Heading, fragments: list[Fragment], origin: str) -> bytes:
    """Fragments as one file, which begins with the first of them."""
    parts = [matroska.beginning(before)]
    first = time_of(fragments[0], origin)
    for fragment in fragments:
        content = await blocks(call, fragment, key)
        if content is not None:
            offset = round((time_of(fragment, origin) - first) * 1000)
            parts.append(matroska.cluster(ticks(offset, before.scale), content))
    return b"".join(parts)


async def made(run: Any) -> bytes:
    """What ffmpeg makes of something; its complaints as AWS has them."""
    try:
        content: bytes = await run
    except Absent as absent:
        raise Unfinished(str(absent)) from None
    except Unusable as unusable:
        raise Fault("InvalidMediaFrameException", f"The media cannot be read: {unusable}") from None
    return content


async def whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
