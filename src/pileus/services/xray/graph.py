"""The graph of services that traces show: who called whom, how often, how long, and how it went.

A segment is a service. A subsegment that calls another one (it has a namespace) is an edge: to the segment whose parent
it is, or to a service that is only inferred. What nobody called was called by a client.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from .segments import Document, end, entities

Key = tuple[str, str]
CLIENT = "client"


@dataclass
class Tally:
    """Requests, how they ended, and how long they took."""

    documents: list[Document] = field(default_factory=list)

    def statistics(self) -> dict[str, Any]:
        throttled = sum(bool(one.get("throttle")) for one in self.documents)
        failed = sum(bool(one.get("error")) and not one.get("throttle") for one in self.documents)
        faults = sum(bool(one.get("fault")) for one in self.documents)
        total = len(self.documents)
        return {
            "OkCount": total - sum(bool(o.get("error") or o.get("throttle") or o.get("fault")) for o in self.documents),
            "ErrorStatistics": {"ThrottleCount": throttled, "OtherCount": failed, "TotalCount": throttled + failed},
            "FaultStatistics": {"OtherCount": faults, "TotalCount": faults},
            "TotalCount": total,
            "TotalResponseTime": sum(end(one) - one["start_time"] for one in self.documents),
        }

    def histogram(self) -> list[dict[str, Any]]:
        counted = Counter(round(end(one) - one["start_time"], 3) for one in self.documents)
        return [{"Value": value, "Count": count} for value, count in sorted(counted.items())]

    def span(self) -> dict[str, float]:
        if not self.documents:
            return {}
        return {
            "StartTime": min(one["start_time"] for one in self.documents),
            "EndTime": max(end(one) for one in self.documents),
        }


@dataclass
class Node(Tally):
    name: str = ""
    type: str = ""
    root: bool = False


@dataclass
class Edge(Tally):
    source: Node = field(default_factory=Node)
    target: Node = field(default_factory=Node)


@dataclass
class Graph:
    nodes: dict[Key, Node]
    edges: dict[tuple[Key, Key], Edge]

    def node(self, name: str, kind: str) -> Node:
        key = (name, kind)
        if key not in self.nodes:
            self.nodes[key] = Node(name=name, type=kind)
        return self.nodes[key]

    def connect(self, source: Node, target: Node, document: Document) -> None:
        key = ((source.name, source.type), (target.name, target.type))
        if key not in self.edges:
            self.edges[key] = Edge(source=source, target=target)
        self.edges[key].documents.append(document)

    def shown(self, account: str) -> list[dict[str, Any]]:
        """The services in wire names, each with the edges that lead from it."""
        numbers = {key: number for number, key in enumerate(self.nodes)}
        told = []
        for key, node in self.nodes.items():
            edges = [edge for (source, _), edge in self.edges.items() if source == key]
            service: dict[str, Any] = {
                "ReferenceId": numbers[key],
                "Name": node.name,
                "Names": [node.name],
                "Root": node.root or None,
                "AccountId": account if node.type.startswith("AWS::") else None,
                "Type": node.type or None,
                "State": "active" if node.documents else "unknown",
                **node.span(),
                "Edges": [shown(edge, numbers) for edge in edges],
            }
            if node.documents:
                service |= {"SummaryStatistics": node.statistics(), "ResponseTimeHistogram": node.histogram()}
                service |= {"DurationHistogram": node.histogram()}
            told.append(service)
        return told


def shown(edge: Edge, numbers: dict[Key, int]) -> dict[str, Any]:
    return {
        "ReferenceId": numbers[(edge.target.name, edge.target.type)],
        **edge.span(),
        "SummaryStatistics": edge.statistics(),
        "ResponseTimeHistogram": edge.histogram(),
        "Aliases": [],
    }


def graph_of(documents: list[Document], graph: Graph | None = None) -> Graph:
    """The graph of the segments of one trace, perhaps added to that of others."""
    graph = graph or Graph({}, {})
    by_parent: dict[str, list[Document]] = {}
    for document in documents:
        by_parent.setdefault(document.get("parent_id", ""), []).append(document)
    for document in documents:
        node = graph.node(document["name"], document.get("origin", ""))
        node.documents.append(document)
        if "parent_id" not in document:
            node.root = True
            graph.connect(graph.node(document["name"], CLIENT), node, document)
        for inner in entities(document):
            called = by_parent.get(inner["id"], []) if inner is not document or inner.get("id") else []
            caller = through_queue(graph, node, inner) or node
            for other in called:
                graph.connect(caller, graph.node(other["name"], other.get("origin", "")), inner)
            if inner is not document and not called and inner.get("namespace") and caller is node:
                infer(graph, node, inner)
    return graph


def through_queue(graph: Graph, node: Node, call: Document) -> Node | None:
    """The queue that a message was sent to, which stands between its sender and whoever got it."""
    url = call.get("aws", {}).get("queue_url")
    if not url or call.get("namespace") != "aws":
        return None
    queue = graph.node(url, "AWS::SQS::Queue")
    queue.documents.append(call)
    graph.connect(node, queue, call)
    return queue


def infer(graph: Graph, node: Node, call: Document) -> None:
    """A service that sent no segment itself: AWS's own ones by their names, others as remote."""
    kind = f"AWS::{call['name']}" if call["namespace"] == "aws" else "remote"
    target = graph.node(call["name"], kind)
    target.documents.append(call)
    graph.connect(node, target, call)
