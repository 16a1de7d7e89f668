"""Trace retrievals: traces read from the log group `aws/spans`, whether or not X-Ray has indexed them."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record, identity, names, paging

from . import xray
from .destination import GROUP
from .faults import bad_request
from .graph import Graph, graph_of
from .segments import Document
from .spans import Span, document_of, otel_id, xray_id

LASTS = 3600
MOST_TRACES = 100
PAGE = 10


class Retrieval(Record):
    token: str
    traces: list[str]
    start: float
    end: float
    until: float
    status: str = "SCHEDULED"
    spans: list[Span] = []

    def of(self, trace: str) -> list[Span]:
        return [one for one in self.spans if one["traceId"] == otel_id(trace)]


def existing(call: Call, retrieval_token: str) -> Retrieval:
    found = Retrieval.get(call, retrieval_token)
    if found is None or call.now >= found.until:
        raise Fault("ResourceNotFoundException", "The retrieval token is not known.")
    return found


@xray.operation
def start_trace_retrieval(call: Call, trace_ids: list[str], start_time: float, end_time: float) -> dict[str, Any]:
    """Begin to read traces."""
    if start_time >= end_time:
        raise bad_request("StartTime must be before EndTime")
    if not 0 < len(trace_ids) <= MOST_TRACES:
        raise bad_request(f"A retrieval is of 1 to {MOST_TRACES} traces.")
    if not as_logs(call).describe_log_groups(log_group_name_prefix=GROUP)["logGroups"]:
        raise Fault("ResourceNotFoundException", f"The log group {GROUP} does not exist.")
    wanted = [one if one.startswith("1-") else xray_id(one) for one in dict.fromkeys(trace_ids)]
    made = Retrieval(names.uuid4(), wanted, start_time, end_time, call.now + LASTS).put(call)
    retrieve.later(call, token=made.token)
    expire.later(call, token=made.token, delay=float(LASTS))
    return {"RetrievalToken": made.token}


def as_logs(call: Call) -> Any:
    return call.aws("logs", principal=identity.service("logs.amazonaws.com", source_account=call.account))


@xray.operation(on=existing)
def cancel_trace_retrieval(call: Call, found: Retrieval) -> None:
    if found.status in ("SCHEDULED", "RUNNING"):
        found.status = "CANCELLED"
        found.put(call)


@xray.operation(on=existing)
def list_retrieved_traces(
    call: Call, found: Retrieval, trace_format: str = "XRAY", next_token: str = ""
) -> dict[str, Any]:
    """The traces that were found, with their spans as segment documents, or as they lie in the log."""
    start = paging.opened(call, next_token, bad_request("Invalid pagination token")) if next_token else 0
    there = [trace for trace in found.traces if found.of(trace)]
    traces = [shown(found.of(trace), trace, trace_format) for trace in there[start : start + PAGE]]
    following = paging.sealed(call, start + PAGE) if start + PAGE < len(there) else None
    return {
        "RetrievalStatus": found.status,
        "TraceFormat": trace_format,
        "Traces": traces,
        "NextToken": following,
    }


def shown(spans: list[Span], trace: str, form: str) -> dict[str, Any]:
    start, end = min(one["startTimeUnixNano"] for one in spans), max(one["endTimeUnixNano"] for one in spans)
    told = [{"Id": one["spanId"], "Document": json.dumps(one if form == "OTEL" else document_of(one))} for one in spans]
    return {"Id": trace, "Duration": (end - start) / 10**9, "Spans": told}


@xray.operation(on=existing)
def get_retrieved_traces_graph(call: Call, found: Retrieval, next_token: str = "") -> dict[str, Any]:
    """The services that the traces went through."""
    if next_token:
        paging.opened(call, next_token, bad_request("Invalid pagination token"))
    graph = Graph({}, {})
    for trace in found.traces:
        graph_of(whole([document_of(one) for one in found.of(trace)]), graph)
    services = [{"Service": one, "Links": []} for one in graph.shown(call.account)]
    return {"RetrievalStatus": found.status, "Services": services}


def whole(documents: list[Document]) -> list[Document]:
    """Segments, with the subsegments put where they belong."""
    known = {document["id"]: document for document in documents}
    found = []
    for document in documents:
        parent = known.get(document.get("parent_id", "")) if document.get("type") == "subsegment" else None
        if parent is None:
            found.append(document)
        else:
            parent.setdefault("subsegments", []).append(document)
    return found


@xray.task
def retrieve(call: Call, token: str) -> None:
    found = Retrieval.get(call, token)
    if found is None or found.status != "SCHEDULED":
        return
    logs = as_logs(call)
    span = {"start_time": int(found.start * 1000), "end_time": int(found.end * 1000)}
    for trace in found.traces:
        asked = {"log_group_name": GROUP, "filter_pattern": f'{{ $.traceId = "{otel_id(trace)}" }}', **span}
        events = paging.every(logs.filter_log_events, "events", token="nextToken", **asked)
        found.spans += [json.loads(event["message"]) for event in events]
    found.status = "COMPLETE"
    found.put(call)


@xray.task
def expire(call: Call, token: str) -> None:
    if found := Retrieval.get(call, token):
        found.delete(call)
