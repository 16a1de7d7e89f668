"""Traces found again: by time and filter, by id, and as graphs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, paging

from . import xray
from .faults import bad_request
from .filters import compiled
from .graph import Graph, Tally, graph_of
from .groups import Group, by_name_or_arn
from .insights import forecast
from .segments import Document, Segment, Trace, documents, end, entities

LONGEST = 6 * 3600
"""Seconds that summaries and graphs may look at once."""
MOST_TRACES = 5
PAGE = 100


@xray.operation
def batch_get_traces(call: Call, trace_ids: list[str], next_token: str = "") -> dict[str, Any]:
    """Up to five traces, with their segments as they were sent."""
    if len(trace_ids) > MOST_TRACES:
        raise bad_request(f"Too many trace IDs: at most {MOST_TRACES}.")
    known = [trace for name in dict.fromkeys(trace_ids) if (trace := Trace.get(call, name)) and trace.indexed]
    found = [trace_shown(call, trace.id) for trace in known]
    return {"Traces": found, "UnprocessedTraceIds": []}


def trace_shown(call: Call, name: str) -> dict[str, Any]:
    segments = list(Segment.scan(call, name))
    parsed = [json.loads(segment.document) for segment in segments]
    return {
        "Id": name,
        "Duration": duration(parsed),
        "LimitExceeded": False,
        "Segments": [{"Id": segment.id, "Document": segment.document} for segment in segments],
    }


def duration(segments: list[Document]) -> float:
    return float(round(max(end(one) for one in segments) - min(one["start_time"] for one in segments), 3))


# Summaries


@xray.operation
def get_trace_summaries(
    call: Call,
    start_time: float,
    end_time: float,
    time_range_type: str = "TraceId",
    sampling: bool = False,
    filter_expression: str = "",
    next_token: str = "",
    sampling_strategy: dict[str, Any] = {},
) -> dict[str, Any]:
    """What is known of the traces of a time that a filter means; with a fixed rate, of so many of them."""
    check_span(start_time, end_time)
    meant = compiled(filter_expression)
    index = "by_update" if time_range_type == "Event" else "by_start"
    invalid = bad_request("Invalid pagination token")
    fixed = sampling and sampling_strategy.get("Name") == "FixedRate"
    share = sampling_strategy.get("Value", 1.0) if fixed else 1.0
    page = Trace.page(
        call,
        index=index,
        since=(start_time,),
        upto=(end_time,),
        limit=PAGE,
        token=next_token,
        invalid=invalid,
        where=lambda trace: trace.indexed and int(trace.id[-6:], 16) < share * 2**24,
    )
    told = []
    for trace in page.items:
        found = documents(call, trace.id)
        if meant(found):
            told.append(summary(call, trace, found))
    return {
        "TraceSummaries": told,
        "ApproximateTime": call.now,
        "TracesProcessedCount": len(page.items),
        "NextToken": page.token,
    }


def check_span(start: float, end: float) -> None:
    if start >= end:
        raise bad_request("StartTime must be before EndTime")
    if end - start > LONGEST:
        raise bad_request("Time range cannot be longer than 6 hours")


def summary(call: Call, trace: Trace, found: list[Document]) -> dict[str, Any]:
    roots = [one for one in found if "parent_id" not in one] or found
    root = min(roots, key=lambda one: one["start_time"])
    graph = graph_of(found)
    services = [identity(call, node.name, node.type) for node in graph.nodes.values()]
    aws = [one.get("aws", {}) for one in found]
    arns = [one["resource_arn"] for one in found if "resource_arn" in one]
    return {
        "Id": trace.id,
        "StartTime": trace.start,
        "Duration": duration(found),
        "ResponseTime": round(end(root) - root["start_time"], 3),
        "HasFault": any(one.get("fault") for one in roots),
        "HasError": any(one.get("error") for one in roots),
        "HasThrottle": any(one.get("throttle") for one in found),
        "IsPartial": any(one.get("in_progress") for one in found),
        "Http": http_of(root.get("http", {})),
        "Annotations": notes(call, found),
        "Users": users(call, found),
        "ServiceIds": services,
        "EntryPoint": identity(call, root["name"], root.get("origin", "")),
        "ResourceARNs": [{"ARN": arn} for arn in dict.fromkeys(arns)],
        "InstanceIds": [{"Id": name} for one in aws if (name := one.get("ec2", {}).get("instance_id"))],
        "AvailabilityZones": [{"Name": name} for one in aws if (name := one.get("ec2", {}).get("availability_zone"))],
        "FaultRootCauses": causes(call, found, "fault"),
        "ErrorRootCauses": causes(call, found, "error"),
        "Revision": trace.revision,
        "MatchedEventTime": trace.updated,
    }


def identity(call: Call, name: str, kind: str) -> dict[str, Any]:
    return {"Name": name, "Names": [name], "AccountId": call.account, "Type": kind or None}


def http_of(http: Document) -> dict[str, Any] | None:
    request, response = http.get("request", {}), http.get("response", {})
    told = {
        "HttpURL": request.get("url"),
        "HttpMethod": request.get("method"),
        "HttpStatus": response.get("status"),
        "UserAgent": request.get("user_agent"),
        "ClientIp": request.get("client_ip"),
    }
    return {name: value for name, value in told.items() if value is not None} or None


def notes(call: Call, found: list[Document]) -> dict[str, list[dict[str, Any]]]:
    """Each value of each annotation, with the services that it was made in."""
    told: dict[str, list[dict[str, Any]]] = {}
    for document in found:
        service = identity(call, document["name"], document.get("origin", ""))
        for one in entities(document):
            for name, value in one.get("annotations", {}).items():
                kind = {bool: "BooleanValue", str: "StringValue"}.get(type(value), "NumberValue")
                entry = {"AnnotationValue": {kind: value}, "ServiceIds": [service]}
                if entry not in told.setdefault(name, []):
                    told[name].append(entry)
    return told


def users(call: Call, found: list[Document]) -> list[dict[str, Any]]:
    told: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        if "user" in one:
            told.setdefault(one["user"], []).append(identity(call, one["name"], one.get("origin", "")))
    return [{"UserName": name, "ServiceIds": services} for name, services in told.items()]


def causes(call: Call, found: list[Document], kind: str) -> list[dict[str, Any]]:
    """The paths, within each service that failed so, down to the entity where it began."""
    told = []
    for document in found:
        if document.get(kind):
            path = [entity(one) for one in blamed(document, kind)]
            service = identity(call, document["name"], document.get("origin", ""))
            whole = {"Services": [service | {"EntityPath": path, "Inferred": False}]}
            told.append(whole | {"ClientImpacting": "parent_id" not in document})
    return told


def blamed(document: Document, kind: str) -> Iterator[Document]:
    yield document
    for inner in document.get("subsegments", ()):
        if inner.get(kind):
            yield from blamed(inner, kind)
            return


def entity(document: Document) -> dict[str, Any]:
    cause = document.get("cause", {})
    thrown = cause.get("exceptions", []) if isinstance(cause, dict) else []
    exceptions = [{"Name": one.get("type"), "Message": one.get("message")} for one in thrown]
    return {"Name": document["name"], "Exceptions": exceptions, "Remote": document.get("namespace") == "remote"}


# Graphs


def within(call: Call, start: float, finish: float, group: Group | None) -> Iterator[list[Document]]:
    meant = compiled(group.filter if group else "")
    for trace in Trace.scan(call, index="by_start", since=(start,), upto=(finish,)):
        found = documents(call, trace.id)
        if meant(found):
            yield found


@xray.operation
def get_service_graph(
    call: Call, start_time: float, end_time: float, group_name: str = "", group_arn: str = "", next_token: str = ""
) -> dict[str, Any]:
    """The services that the traces of a time went through, perhaps those of a group alone."""
    check_span(start_time, end_time)
    group = by_name_or_arn(call, group_name, group_arn) if group_name or group_arn else None
    graph = Graph({}, {})
    for found in within(call, start_time, end_time, group):
        graph_of(found, graph)
    return {
        "StartTime": start_time,
        "EndTime": end_time,
        "Services": graph.shown(call.account),
        "ContainsOldGroupVersions": False,
    }


@xray.operation
def get_trace_graph(call: Call, trace_ids: list[str], next_token: str = "") -> dict[str, Any]:
    """The services that these traces went through."""
    graph = Graph({}, {})
    for name in dict.fromkeys(trace_ids):
        graph_of(documents(call, name), graph)
    return {"Services": graph.shown(call.account)}


@xray.operation
def get_time_series_service_statistics(
    call: Call,
    start_time: float,
    end_time: float,
    group_name: str = "",
    group_arn: str = "",
    entity_selector_expression: str = "",
    period: int = 60,
    next_token: str = "",
    forecast_statistics: bool = False,
) -> dict[str, Any]:
    """How the requests of each period ended: of all root services, or of what an expression selects."""
    check_span(start_time, end_time)
    if period not in (60, 300):
        raise bad_request("Period must be 60 or 300")
    group = by_name_or_arn(call, group_name, group_arn) if group_name or group_arn else None
    meant = compiled(entity_selector_expression)
    slots: dict[float, Tally] = {}
    for found in within(call, start_time, end_time, group):
        if meant(found):
            for document in found:
                if "parent_id" not in document:
                    slot = math.floor(document["start_time"] / period) * period
                    slots.setdefault(slot, Tally()).documents.append(document)
    forecasts = forecast(call, group, start_time, end_time) if forecast_statistics and group else None
    page = sorted(slots.items())
    start = int(paging.opened(call, next_token, bad_request("Invalid pagination token"))) if next_token else 0
    told = [
        {
            "Timestamp": at,
            "ServiceSummaryStatistics": tally.statistics(),
            "ResponseTimeHistogram": tally.histogram(),
            "ServiceForecastStatistics": forecasts(tally) if forecasts else None,
        }
        for at, tally in page[start : start + PAGE]
    ]
    more = start + PAGE < len(page)
    return {
        "TimeSeriesServiceStatistics": told,
        "ContainsOldGroupVersions": False,
        "NextToken": paging.sealed(call, start + PAGE) if more else None,
    }
