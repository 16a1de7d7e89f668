"""Fragments as they are read: a segment of Matroska each, with AWS's tags (Developer Guide, GetMedia and PutMedia)."""

from __future__ import annotations

from pileus.engines import matroska
from pileus.engines.matroska import Heading
from pileus.kernel import Call

from .fragments import Fragment

PREFIX = "AWS_KINESISVIDEO_"


def chunk(call: Call, fragment: Fragment, before: Heading, content: bytes, *, live: bool = True) -> bytes:
    """A fragment behind what it is, and before how far behind it is and what to go on with."""
    what = {
        "FRAGMENT_NUMBER": fragment.name,
        "SERVER_TIMESTAMP": f"{fragment.server:.3f}",
        "PRODUCER_TIMESTAMP": f"{fragment.producer / 1000:.3f}",
    }
    parts = [matroska.beginning(before), tags(what), matroska.cluster(fragment.timecode, content)]
    if live:
        behind = max(0, round((call.cloud.clock.now() - fragment.server) * 1000))
        parts.append(tags({"MILLIS_BEHIND_NOW": str(behind), "CONTINUATION_TOKEN": fragment.name}))
    return b"".join(parts)


def tags(named: dict[str, str]) -> bytes:
    return matroska.tags({PREFIX + name: text for name, text in named.items()})
