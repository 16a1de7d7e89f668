"""Images: single pictures of a stream, at intervals."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from pileus.engines.ffmpeg import Absent, Unusable
from pileus.kernel import Call, Unfinished, paging
from pileus.services.kinesisvideo import faults
from pileus.services.kinesisvideo.fragments import Fragment, blocks, heading, kept, playing, whole
from pileus.services.kinesisvideo.seals import opened
from pileus.services.kinesisvideo.streams import Stream

from . import kinesis_video_archived_media
from .films import Studio
from .listing import Members, time_of

INTERVAL, SHORTEST = 3000, 200
"""Milliseconds from one image to the next."""
LONGEST = 300.0
PAGE = 25
QUALITY = "80"


@kinesis_video_archived_media.operation(on=Stream.of, action="kinesisvideo:GetImages")
async def get_images(
    call: Call,
    stream: Stream,
    image_selector_type: str,
    start_timestamp: float,
    end_timestamp: float,
    format: str,  # noqa: A002 - AWS's name
    sampling_interval: int = INTERVAL,
    format_config: dict[str, str] = {},
    width_pixels: int = 0,
    height_pixels: int = 0,
    max_results: int = PAGE,
    next_token: str = "",
) -> Members:
    """The pictures that were shown at some times, or why there is none."""
    check(start_timestamp, end_timestamp, sampling_interval, width_pixels, height_pixels)
    invalid = faults.invalid("The NextToken is not valid.")
    first: Any = paging.opened(call, next_token, invalid) if next_token else 0
    count = int((end_timestamp - start_timestamp) * 1000) // sampling_interval + 1
    last = min(count, first + min(max_results, PAGE))
    times = [start_timestamp + index * sampling_interval / 1000 for index in range(first, last)]
    form = form_of(format, format_config, width_pixels, height_pixels)
    with call.transaction():
        if stream.retention == 0:
            raise faults.no_retention()
        key, oldest = opened(call, stream), kept(call, stream)
        found = [playing(call, stream, image_selector_type, moment) for moment in times]
    there = [fragment if fragment and fragment.number >= oldest else None for fragment in found]
    wanted = zip(times, there, strict=True)
    images = [image(call, key, fragment, image_selector_type, moment, form) for moment, fragment in wanted]
    told: Members = {"Images": await asyncio.gather(*images)}
    return told | ({"NextToken": paging.sealed(call, last)} if last < count else {})


def check(start: float, end: float, interval: int, width: int, height: int) -> None:
    if not 0 <= end - start <= LONGEST:
        raise faults.invalid(f"EndTimestamp must be at most {LONGEST:.0f} seconds after StartTimestamp.")
    if interval < SHORTEST:
        raise faults.invalid(f"SamplingInterval must be at least {SHORTEST} milliseconds.")
    if width and not height:
        raise faults.invalid("WidthPixels needs HeightPixels.")


def form_of(kind: str, config: dict[str, str], width: int, height: int) -> tuple[str, ...]:
    """How ffmpeg is told of an image's form."""
    scale = ("-s", f"{width}x{height}") if width else ("-vf", f"scale=-2:{height}") if height else ()
    if kind == "PNG":
        return (*scale, "-c:v", "png")
    quality = config.get("JPEGQuality") or QUALITY
    if not quality.isdigit() or not 1 <= int(quality) <= 100:
        raise faults.invalid("JPEGQuality must be between 1 and 100.")
    return (*scale, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", str(2 + (100 - int(quality)) * 29 // 99))


async def image(
    call: Call, key: bytes, fragment: Fragment | None, origin: str, moment: float, form: tuple[str, ...]
) -> Members:
    content = await blocks(call, fragment, key) if fragment else None
    if fragment is None or content is None:
        return {"TimeStamp": moment, "Error": "NO_MEDIA"}
    file = whole(heading(call, fragment), 0, content)
    try:
        picture = await call.cloud.engine(Studio).picture(file, moment - time_of(fragment, origin), *form)
    except Absent as absent:
        raise Unfinished(str(absent)) from None
    except Unusable:
        return {"TimeStamp": moment, "Error": "MEDIA_ERROR"}
    return {"TimeStamp": moment, "ImageContent": base64.b64encode(picture).decode()}
