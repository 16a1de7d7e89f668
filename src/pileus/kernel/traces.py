"""Traces: the header by which a request tells what it belongs to, and segments that services make of what they do.

    header = under(call.trace, segment_id)      # for whom the segment calls
    send(call, segment)                         # once it is over, where sampled(call.trace)

AWS X-Ray Developer Guide, "Tracing header" and "X-Ray segment documents". A task has the trace header of whoever
enqueued it.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from . import identity

if TYPE_CHECKING:
    from .call import Call

Document = dict[str, Any]


def parts(header: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in header.split(";") if "=" in part)


def written(given: dict[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in given.items())


def sampled(header: str) -> bool:
    """Whether whoever is called in a trace is to send segments of it."""
    return "Sampled=1" in header and "Root=1-" in header


def under(header: str, parent: str) -> str:
    """The header for what is called by a segment."""
    return written(parts(header) | {"Parent": parent})


def without_lineage(header: str) -> str:
    """The header without what Lambda's loops are found by."""
    return written({name: value for name, value in parts(header).items() if name != "Lineage"})


def new_id() -> str:
    return os.urandom(8).hex()


def segment(header: str, name: str, origin: str, began: float, ended: float, **more: Any) -> Document:
    """A segment of the trace that a header belongs to, below whoever the header names."""
    given = parts(header)
    made = {"id": new_id(), "trace_id": given["Root"], "name": name[:200], "origin": origin}
    if parent := given.get("Parent"):
        made["parent_id"] = parent
    return {**made, "start_time": began, "end_time": ended, **more}


def send(call: Call, *documents: Document) -> None:
    """Send segments: services need no leave to."""
    xray = call.aws("xray", principal=identity.service("xray.amazonaws.com"))
    xray.put_trace_segments(trace_segment_documents=[json.dumps(document) for document in documents])
