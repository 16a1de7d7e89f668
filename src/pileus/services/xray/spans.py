"""Spans: segments and subsegments as OpenTelemetry writes them, which is how they lie in the log group `aws/spans`.

"Spans", CloudWatch User Guide, "Transaction Search". What of a segment has no place of its own in a span is in
attributes that begin with `aws.xray.`; what those are called is ours.
"""

from __future__ import annotations

from typing import Any

from .segments import Document, end, entities

KINDS = {"segment": "SERVER", "call": "CLIENT", "inner": "INTERNAL"}
KEPT = ("origin", "namespace", "user")
FLAGS = ("fault", "error", "throttle")
OWN = "aws.xray."
NANO = 10**9

Span = dict[str, Any]


def spans_of(document: Document) -> list[Span]:
    """A segment, and the subsegments in it."""
    found: list[Span] = []
    parents = {document["id"]: document.get("parent_id", "")}
    for one in entities(document):
        for inner in one.get("subsegments", ()):
            parents[inner["id"]] = one["id"]
    for one in entities(document):
        segment = one is document and document.get("type") != "subsegment"
        kind = "segment" if segment else "call" if one.get("namespace") else "inner"
        found.append(span(one, document["trace_id"], parents[one["id"]], KINDS[kind]))
    return found


def span(one: Document, trace: str, parent: str, kind: str) -> Span:
    bad = any(one.get(flag) for flag in FLAGS)
    told: Span = {
        "traceId": otel_id(trace),
        "spanId": one["id"],
        **({"parentSpanId": parent} if parent else {}),
        "name": one["name"],
        "kind": kind,
        "startTimeUnixNano": round(one["start_time"] * NANO),
        "endTimeUnixNano": round(end(one) * NANO),
        "durationNano": round((end(one) - one["start_time"]) * NANO),
        "status": {"code": "ERROR" if bad else "UNSET"},
        "attributes": attributes(one),
        "resource": {"attributes": {"service.name": one["name"]} if kind == "SERVER" else {}},
    }
    return told


def attributes(one: Document) -> dict[str, Any]:
    told = {f"{OWN}{name}": one[name] for name in (*KEPT, *FLAGS) if one.get(name)}
    told |= {f"annotation.{name}": value for name, value in one.get("annotations", {}).items()}
    if queue := one.get("aws", {}).get("queue_url"):
        told["aws.queue_url"] = queue
    http = one.get("http", {})
    request, response = http.get("request", {}), http.get("response", {})
    named = {
        "http.request.method": request.get("method"),
        "url.full": request.get("url"),
        "http.response.status_code": response.get("status"),
    }
    return told | {name: value for name, value in named.items() if value is not None}


def otel_id(trace: str) -> str:
    """`1-5759e988-bd862e3fe1be46a994272793` without what separates its parts."""
    return trace[2:].replace("-", "")


def xray_id(trace: str) -> str:
    return f"1-{trace[:8]}-{trace[8:]}"


def document_of(one: Span) -> Document:
    """A span as a segment document again; what is no segment is a subsegment by itself."""
    held = one["attributes"]
    found: Document = {
        "id": one["spanId"],
        "trace_id": xray_id(one["traceId"]),
        "name": one["name"],
        "start_time": one["startTimeUnixNano"] / NANO,
        "end_time": one["endTimeUnixNano"] / NANO,
    }
    if parent := one.get("parentSpanId"):
        found["parent_id"] = parent
    if one["kind"] != "SERVER":
        found["type"] = "subsegment"
    found |= {name: held[f"{OWN}{name}"] for name in (*KEPT, *FLAGS) if f"{OWN}{name}" in held}
    notes = {name.partition(".")[2]: value for name, value in held.items() if name.startswith("annotation.")}
    found |= {"annotations": notes} if notes else {}
    found |= {"aws": {"queue_url": held["aws.queue_url"]}} if "aws.queue_url" in held else {}
    return found
