"""Segment documents: checked, kept by trace for 30 days (Developer Guide, "X-Ray segment documents")."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.task import next_look

from . import xray

KEPT = 30 * 86400
LARGEST = 64 * 1024
TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}")
LONGEST_NAME = 200
FORGOTTEN_AT_ONCE = 500

Document = dict[str, Any]


class Segment(Record, key=("trace", "id")):
    trace: str
    id: str
    document: str


class Trace(Record, indexes={"by_start": ("start",), "by_update": ("updated",)}):
    """When a trace began, and when something of it last came."""

    id: str
    start: float
    updated: float
    revision: int = 1
    indexed: bool = True
    """Whether X-Ray finds it; if not, only the log of spans has it."""


class Refused(ValueError):
    """Why a document is not processed: AWS's code, and what it says."""

    def __init__(self, code: str, text: str, segment: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.segment = segment


@xray.operation
def put_trace_segments(call: Call, trace_segment_documents: list[str]) -> dict[str, Any]:
    """Keep segments. Those that are wrong are told, and the others kept."""
    refused: list[dict[str, Any]] = []
    for text in trace_segment_documents:
        try:
            keep(call, text)
        except Refused as why:
            refused.append({"Id": why.segment or None, "ErrorCode": why.code, "Message": str(why)})
    from .insights import awaken

    awaken(call)
    return {"UnprocessedTraceSegments": refused}


def keep(call: Call, text: str) -> None:
    from .destination import indexed, pass_on

    document = checked(call, text)
    trace = Trace.get(call, document["trace_id"])
    if Trace.first(call) is None:
        forget.later(call, delay=float(KEPT))
    if trace is None:
        found = indexed(call, document["trace_id"])
        trace = Trace(document["trace_id"], document["start_time"], call.now, indexed=found)
    else:
        trace.start = min(trace.start, document["start_time"])
        trace.updated, trace.revision = call.now, trace.revision + 1
    trace.put(call)
    Segment(trace.id, document["id"], json.dumps(document, separators=(",", ":"))).put(call)
    pass_on(call, document)


def checked(call: Call, text: str) -> Document:
    if len(text.encode()) > LARGEST:
        raise Refused("SegmentTooLarge", f"A segment document has at most {LARGEST} bytes.")
    try:
        document = json.loads(text)
    except ValueError:
        raise Refused("ParseError", "Invalid segment. ErrorCode: ParseError") from None
    if not isinstance(document, dict):
        raise Refused("ParseError", "Invalid segment. ErrorCode: ParseError")
    own = document.get("id")
    named = own if isinstance(own, str) and SEGMENT_ID.fullmatch(own) else ""
    for member, pattern, code in (("id", SEGMENT_ID, "Id"), ("trace_id", TRACE_ID, "TraceId")):
        if member not in document:
            raise Refused(f"Missing{code}", f"Invalid segment. ErrorCode: Missing{code}", named)
        if not isinstance(document[member], str) or not pattern.fullmatch(document[member]):
            raise Refused(f"Invalid{code}", f"Invalid segment. ErrorCode: Invalid{code}", named)
    if int(document["trace_id"][2:10], 16) < call.now - KEPT:
        raise Refused("InvalidTraceId", "Invalid segment. ErrorCode: InvalidTraceId", named)
    check_body(document, named)
    return document


def check_body(document: Document, named: str) -> None:
    name = document.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        raise Refused("MissingName" if name is None else "InvalidName", "Invalid segment: name", named)
    if not isinstance(document.get("start_time"), int | float):
        raise Refused("MissingStartTime", "Invalid segment. ErrorCode: MissingStartTime", named)
    if not document.get("in_progress") and not isinstance(document.get("end_time"), int | float):
        raise Refused("MissingEndTime", "Invalid segment. ErrorCode: MissingEndTime", named)
    if document.get("type") == "subsegment" and "parent_id" not in document:
        raise Refused("MissingParentId", "Invalid segment. ErrorCode: MissingParentId", named)


@xray.task
def forget(call: Call) -> None:
    """Forget traces that began more than 30 days ago, and come back when the next one has."""
    for trace in list(Trace.scan(call, index="by_start", upto=(call.now - KEPT,), limit=FORGOTTEN_AT_ONCE)):
        Segment.delete_all(call, trace.id)
        trace.delete(call)
    if oldest := Trace.first(call, index="by_start"):
        forget.later(call, due=next_look(call, oldest.start + KEPT))


# Reading


def documents(call: Call, trace: str) -> list[Document]:
    """The segments of a trace, with the subsegments that came by themselves put where they belong."""
    found = [json.loads(segment.document) for segment in Segment.scan(call, trace)]
    known = {document["id"]: document for document in found}
    whole = []
    for document in found:
        parent = known.get(document.get("parent_id", "")) if document.get("type") == "subsegment" else None
        if parent is None:
            whole.append(document)
        else:
            parent.setdefault("subsegments", []).append(document)
    return whole


def entities(document: Document) -> list[Document]:
    """A segment and all subsegments in it."""
    found = [document]
    for inner in document.get("subsegments", ()):
        found += entities(inner)
    return found


def end(document: Document) -> float:
    return float(document.get("end_time") or document["start_time"])
