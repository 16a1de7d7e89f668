"""Insights: groups are watched for services whose requests fail more often than they used to.

A service is anomalous when the share of faults among the requests of the last five minutes is above what the hour
before lets expect, by three standard deviations and at least a tenth. The root cause is the anomalous service that
calls no other one; an insight closes when nothing has been anomalous for ten minutes. AWS's own model is not published.
"Using X-Ray insights", Developer Guide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from pileus.kernel import Call, Record, identity, names, paging

from . import xray
from .faults import bad_request
from .graph import CLIENT, Graph, Node, Tally, graph_of
from .groups import Group, by_name_or_arn
from .segments import Document

EVERY = 60
RECENT, BEFORE = 300, 3600
LEAST_BEFORE, LEAST_FAULTS = 20, 5
DEVIATIONS, RISE = 3.0, 0.1
QUIET = 600
"""Seconds without anything anomalous after which an insight is closed."""
KEPT = 30 * 86400
TOP = 5
ACTIVE, CLOSED = "ACTIVE", "CLOSED"

Impact = dict[str, int]
Service = dict[str, Any]


class Insight(Record, indexes={"by_start": ("group", "start")}, kw_only=True):
    id: str
    group: str
    group_arn: str
    root: Service
    start: float
    end: float | None = None
    seen: float
    """When something was last anomalous."""
    updated: float
    client: Impact = {}
    service: Impact = {}
    top: list[Service] = []

    @property
    def state(self) -> str:
        return ACTIVE if self.end is None else CLOSED

    @property
    def summary(self) -> str:
        faults, total = self.service.get("FaultCount", 0), self.service.get("TotalCount", 0)
        share = 100 * faults / total if total else 0.0
        verb = "is" if self.end is None else "was"
        return (
            f"{self.root['Name']} {verb} returning faults for {share:.1f}% of its requests ({faults} of {total}), "
            "more than expected."
        )

    def statistics(self) -> dict[str, Any]:
        return {
            "Summary": self.summary,
            "ClientRequestImpactStatistics": self.client,
            "RootCauseServiceRequestImpactStatistics": self.service,
            "TopAnomalousServices": [{"ServiceId": one} for one in self.top],
        }

    def shown(self) -> dict[str, Any]:
        return {
            "InsightId": self.id,
            "GroupARN": self.group_arn,
            "GroupName": self.group,
            "RootCauseServiceId": self.root,
            "Categories": ["FAULT"],
            "State": self.state,
            "StartTime": self.start,
            "EndTime": self.end,
            **self.statistics(),
        }


class InsightEvent(Record, key=("insight", "at")):
    insight: str
    at: float
    told: dict[str, Any]


class Look(Record, table="xray.InsightLook"):
    """The groups of an account are looked at at that time."""

    at: float


# Watching


def awaken(call: Call) -> None:
    """Segments have come: look at the groups that want insights at the end of the minute."""
    if any(group.insights["InsightsEnabled"] for group in Group.scan(call)):
        schedule(call)


def schedule(call: Call) -> None:
    at = float((int(call.now) // EVERY + 1) * EVERY)
    if Look.get(call, at) is None:
        Look(at).put(call)
        look.later(call, at=at, due=at)


@xray.task
def look(call: Call, at: float) -> None:
    """Look at each group; again a minute later, as long as something could change."""
    if found := Look.get(call, at):
        found.delete(call)
    for group in list(Group.scan(call)):
        if group.insights["InsightsEnabled"] and consider(call, group, at):
            schedule(call)


class Sight(NamedTuple):
    """What the traces of a group show."""

    graph: Graph
    anomalous: list[Node]
    root: Node | None


def consider(call: Call, group: Group, at: float) -> bool:
    """Open, update or close the group's insight; whether it is worth looking again soon."""
    sight = seen(call, group, at)
    last = Insight.first(call, group.name, index="by_start", reverse=True)
    active = last if last and last.end is None else None
    if sight.root is not None:
        if active is None:
            active = opened(call, group, sight.root, at)
        update(call, group, active, sight, at)
    elif active and at >= active.seen + QUIET:
        active.end = active.updated = at
        active.put(call)
        note(call, group, active, at)
    return bool(sight.graph.nodes) or (active is not None and active.end is None)


def seen(call: Call, group: Group, at: float) -> Sight:
    """The services of the last minutes, and those that fail too often."""
    from .traces import within

    before, recent = Graph({}, {}), Graph({}, {})
    for found in within(call, at - RECENT - BEFORE, at, group):
        graph_of(found, recent if start_of(found) >= at - RECENT else before)
    bad = [node for key, node in recent.nodes.items() if key in before.nodes and anomalous(before.nodes[key], node)]
    keys = {(node.name, node.type) for node in bad}
    deepest = [
        node
        for node in bad
        if not any(source == (node.name, node.type) and target in keys for source, target in recent.edges)
    ]
    worst = max(deepest or bad, key=lambda node: impact(node)["FaultCount"], default=None)
    return Sight(recent, bad, worst)


def start_of(found: list[Document]) -> float:
    return float(min(one["start_time"] for one in found))


def anomalous(before: Tally, now: Tally) -> bool:
    past, present = impact(before), impact(now)
    if past["TotalCount"] < LEAST_BEFORE or present["FaultCount"] < LEAST_FAULTS:
        return False
    expected = past["FaultCount"] / past["TotalCount"]
    share = present["FaultCount"] / present["TotalCount"]
    return share > expected + max(RISE, DEVIATIONS * deviation(expected, present["TotalCount"]))


def deviation(expected: float, total: int) -> float:
    return math.sqrt(expected * (1 - expected) / total) if total else 0.0


def impact(tally: Tally) -> Impact:
    told = tally.statistics()
    total, faults = told["TotalCount"], told["FaultStatistics"]["TotalCount"]
    return {"FaultCount": faults, "OkCount": total - faults, "TotalCount": total}


def opened(call: Call, group: Group, root: Node, at: float) -> Insight:
    return Insight(
        id=names.uuid4(),
        group=group.name,
        group_arn=group.arn(call),
        root=service(call, root),
        start=at - RECENT,
        seen=at,
        updated=at,
    )


def service(call: Call, node: Node) -> Service:
    told: Service = {"Name": node.name, "Names": [node.name]}
    if node.type.startswith("AWS::"):
        told["AccountId"] = call.account
    return told | ({"Type": node.type} if node.type else {})


def update(call: Call, group: Group, insight: Insight, sight: Sight, at: float) -> None:
    """Take in what is seen now. It is an event, if it is something else than before."""
    assert sight.root
    clients = Tally([one for node in sight.graph.nodes.values() if node.root for one in node.documents])
    ranked = sorted(sight.anomalous, key=lambda node: -impact(node)["FaultCount"])[:TOP]
    before = (insight.client, insight.service, insight.top)
    insight.client, insight.service = impact(clients), impact(sight.root)
    insight.root, insight.top = service(call, sight.root), [service(call, node) for node in ranked]
    insight.seen = at
    if (insight.client, insight.service, insight.top) != before:
        insight.updated = at
        note(call, group, insight, at)
    if insight.start == at - RECENT:
        forget_insight.later(call, insight=insight.id, delay=float(KEPT))
    insight.put(call)


def note(call: Call, group: Group, insight: Insight, at: float) -> None:
    InsightEvent(insight.id, at, insight.statistics()).put(call)
    if group.insights["NotificationsEnabled"]:
        notify.later(call, insight=insight.shown(), at=at)


@xray.task
def notify(call: Call, insight: dict[str, Any], at: float) -> None:
    entry = {
        "Source": "aws.xray",
        "DetailType": "AWS X-Ray Insight Update",
        "Resources": [insight["GroupARN"]],
        "Time": at,
        "Detail": json.dumps({name: value for name, value in insight.items() if value is not None}),
    }
    call.aws("events", principal=identity.service("xray.amazonaws.com")).put_events(entries=[entry])


@xray.task
def forget_insight(call: Call, insight: str) -> None:
    InsightEvent.delete_all(call, insight)
    if found := Insight.get(call, insight):
        found.delete(call)


# Reading


def existing(call: Call, insight_id: str) -> Insight:
    found = Insight.get(call, insight_id)
    if found is None:
        raise bad_request(f"Insight not found: {insight_id}")
    return found


@xray.operation(on=existing)
def get_insight(call: Call, found: Insight) -> dict[str, Any]:
    return {"Insight": found.shown()}


@xray.operation(on=existing)
def get_insight_events(call: Call, found: Insight, max_results: int = 50, next_token: str = "") -> dict[str, Any]:
    """What the insight has come to, the latest first."""
    invalid = bad_request("Invalid pagination token")
    page = InsightEvent.page(call, found.id, limit=max_results, token=next_token, reverse=True, invalid=invalid)
    return {"InsightEvents": [{"EventTime": one.at, **one.told} for one in page.items], "NextToken": page.token}


@xray.operation
def get_insight_summaries(
    call: Call,
    start_time: float,
    end_time: float,
    states: list[str] = [],
    group_arn: str = "",
    group_name: str = "",
    max_results: int = 100,
    next_token: str = "",
) -> dict[str, Any]:
    """The insights of a group that lie in a time."""
    if start_time >= end_time or start_time < call.now - KEPT:
        raise bad_request("StartTime must be before EndTime, and within the last 30 days.")
    group = by_name_or_arn(call, group_name, group_arn)
    page = Insight.page(
        call,
        group.name,
        index="by_start",
        upto=(end_time,),
        limit=max_results,
        token=next_token,
        invalid=bad_request("Invalid pagination token"),
        where=lambda one: (one.end is None or one.end >= start_time) and (not states or one.state in states),
    )
    told = [one.shown() | {"LastUpdateTime": one.updated} for one in page.items]
    return {"InsightSummaries": told, "NextToken": page.token}


@xray.operation(on=existing)
def get_insight_impact_graph(
    call: Call, found: Insight, start_time: float, end_time: float, next_token: str = ""
) -> dict[str, Any]:
    """The services that the group's traces went through in a time of the insight."""
    from .traces import check_span, within

    check_span(start_time, end_time)
    if next_token:
        paging.opened(call, next_token, bad_request("Invalid pagination token"))
    group = Group.get(call, found.group)
    graph = Graph({}, {})
    for documents in within(call, start_time, end_time, group):
        graph_of(documents, graph)
    members = ("ReferenceId", "Type", "Name", "Names", "AccountId")
    services = [
        {name: one.get(name) for name in members}
        | {"Edges": [{"ReferenceId": edge["ReferenceId"]} for edge in one["Edges"]]}
        for one in graph.shown(call.account)
        if one["Type"] != CLIENT or one["Edges"]
    ]
    span = {"StartTime": start_time, "EndTime": end_time}
    whole = {"ServiceGraphStartTime": start_time, "ServiceGraphEndTime": end_time}
    return {"InsightId": found.id, **span, **whole, "Services": services}


def forecast(call: Call, group: Group, start: float, end: float) -> Callable[[Tally], dict[str, int]]:
    """How many faults the requests of a period may have by what came in the hour before: at least, and at most."""
    from .traces import within

    roots = Tally()
    for found in within(call, start - BEFORE, end, group):
        roots.documents += [one for one in found if "parent_id" not in one]
    past = impact(roots)
    share = past["FaultCount"] / past["TotalCount"] if past["TotalCount"] else 0.0

    def expected(tally: Tally) -> dict[str, int]:
        total = impact(tally)["TotalCount"]
        margin = DEVIATIONS * deviation(share, total)
        return {
            "FaultCountLow": max(0, math.floor((share - margin) * total)),
            "FaultCountHigh": math.ceil((share + margin) * total),
        }

    return expected
