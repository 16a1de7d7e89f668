"""Filter expressions: which traces are meant.

    service("front") { fault } AND responsetime > 5 AND NOT annotation.team = "red"

Developer Guide, "Use filter expressions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from .faults import bad_request
from .graph import Graph, Node, graph_of
from .segments import Document, end, entities

TOKEN = re.compile(
    r"\s*(?:(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_][\w.:\-]*)|(?P<sign>!=|<=|>=|[=<>!(){},\[\]]))"
)


class Subject(NamedTuple):
    """What a filter is asked about: a whole trace, or one service or edge of it."""

    documents: list[Document]
    graph: Graph
    whole: list[Document]


Test = Callable[[Subject], bool]


def compiled(expression: str) -> Callable[[list[Document]], bool]:
    """Whether a trace, by its segments, is meant; an error for what is no filter expression."""
    if not expression.strip():
        return lambda documents: True
    parser = Parser(list(tokens(expression)))
    test = parser.either()
    if parser.left:
        raise bad_request(f"Invalid filter expression: unexpected {parser.left[0][1]}")
    return lambda documents: test(Subject(documents, graph_of(documents), documents))


def tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise bad_request(f"Invalid filter expression: {text}")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


class Parser:
    def __init__(self, left: list[tuple[str, str]]) -> None:
        self.left = left

    def at(self, *words: str) -> bool:
        return bool(self.left) and self.left[0][0] != "text" and self.left[0][1].upper() in words

    def take(self, *wanted: str) -> str:
        if not self.left or (wanted and not self.at(*wanted)):
            raise bad_request("Invalid filter expression: it ends too soon or lacks " + " or ".join(wanted))
        return self.left.pop(0)[1]

    def either(self) -> Test:
        tests = [self.both()]
        while self.at("OR"):
            self.take()
            tests.append(self.both())
        return lambda subject: any(test(subject) for test in tests)

    def both(self) -> Test:
        tests = [self.one()]
        while self.left and not self.at("OR", ")", "}"):
            if self.at("AND"):
                self.take()
            tests.append(self.one())
        return lambda subject: all(test(subject) for test in tests)

    def one(self) -> Test:
        if self.at("NOT", "!"):
            self.take()
            inner = self.one()
            return lambda subject: not inner(subject)
        if self.at("("):
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        word = self.take()
        if word.lower() in ("service", "edge"):
            return self.part(word.lower())
        key = self.key(word)
        if key in FLAGS and not self.at(*OPERATORS):
            flag = FLAGS[key]
            return lambda subject: any(flag(document) for document in subject.documents)
        operator = self.take(*OPERATORS).upper()
        return compared(key, operator, literal(*self.left.pop(0)) if self.left else "")

    def key(self, word: str) -> str:
        """`annotation.team`, also written `annotation[team]`."""
        if not self.at("["):
            head, dot, rest = word.partition(".")
            return head.lower() + dot + rest
        self.take()
        name = self.take().strip("\"'")
        self.take("]")
        return f"{word.lower()}.{name}"

    def part(self, kind: str) -> Test:
        """`service("front") { … }` or `edge("front", "rear") { … }`."""
        names: list[str] = []
        if self.at("("):
            self.take()
            while not self.at(")"):
                names.append(self.name())
                if self.at(","):
                    self.take()
            self.take()
        inner: Test = lambda subject: True  # noqa: E731
        if self.at("{"):
            self.take()
            inner = self.either() if not self.at("}") else inner
            self.take("}")
        return of_services(names, inner) if kind == "service" else of_edges(names, inner)

    def name(self) -> str:
        """A name, or `id(name: "front", type: "AWS::EC2::Instance")`."""
        token = self.take()
        if token.lower() != "id":
            return token.strip("\"'")
        found = ""
        self.take("(")
        while not self.at(")"):
            member = self.take().lower().rstrip(":")
            value = self.take().strip("\"'")
            found = value if member == "name" else found
            if self.at(","):
                self.take()
        self.take()
        return found


OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "CONTAINS", "BEGINSWITH", "ENDSWITH")


def literal(kind: str, token: str) -> str | float | bool:
    if kind == "text":
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if kind == "number":
        return float(token)
    return {"true": True, "false": False}.get(token.lower(), token)


# What is compared


def flag(name: str) -> Callable[[Document], bool]:
    return lambda document: bool(document.get(name))


FLAGS: dict[str, Callable[[Document], bool]] = {
    "ok": lambda document: not any(document.get(name) for name in ("error", "fault", "throttle")),
    "error": flag("error"),
    "fault": flag("fault"),
    "throttle": flag("throttle"),
    "partial": flag("in_progress"),
    "root": lambda document: "parent_id" not in document,
    "remote": lambda document: document.get("namespace") == "remote",
    "inferred": flag("inferred"),
}


def values(key: str, subject: Subject) -> list[Any]:
    """What there is under a keyword, of all segments that are asked about."""
    head, _, rest = key.partition(".")
    roots = [one for one in subject.documents if "parent_id" not in one] or subject.documents
    if head == "annotation":
        found = [one.get("annotations", {}) for document in subject.documents for one in entities(document)]
        return [notes[rest] for notes in found if rest in notes]
    if head == "http":
        return [value for one in subject.documents if (value := of_http(one.get("http", {}), rest)) is not None]
    if head == "duration":
        return [max(end(one) for one in subject.documents) - min(one["start_time"] for one in subject.documents)]
    if head == "responsetime":
        return [end(one) - one["start_time"] for one in roots]
    if head in FLAGS:
        return [any(FLAGS[head](one) for one in subject.documents)]
    if head == "user":
        return [one["user"] for one in subject.documents if "user" in one]
    if head == "name":
        return [one["name"] for one in subject.documents]
    raise bad_request(f"Invalid filter expression: unknown keyword {key}")


def of_http(http: Document, member: str) -> Any:
    request, response = http.get("request", {}), http.get("response", {})
    known = {"url": "url", "method": "method", "useragent": "user_agent", "clientip": "client_ip"}
    if member == "status":
        return response.get("status")
    if member not in known:
        raise bad_request(f"Invalid filter expression: unknown keyword http.{member}")
    return request.get(known[member])


def compared(key: str, operator: str, wanted: str | float | bool) -> Test:
    """Whether a value is as asked; `!=` holds where no value is equal."""
    values(key, Subject([{"name": "", "start_time": 0.0}], Graph({}, {}), []))  # raises for an unknown keyword
    if operator == "!=":
        return lambda subject: not any(holds(value, "=", wanted) for value in values(key, subject))
    return lambda subject: any(holds(value, operator, wanted) for value in values(key, subject))


def holds(value: Any, operator: str, wanted: Any) -> bool:
    if operator == "=":
        return bool(value == wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        tests = {
            "CONTAINS": wanted in value,
            "BEGINSWITH": value.startswith(wanted),
            "ENDSWITH": value.endswith(wanted),
        }
        return tests.get(operator, False)
    if not isinstance(value, int | float) or not isinstance(wanted, int | float):
        return False
    return {"<": value < wanted, "<=": value <= wanted, ">": value > wanted, ">=": value >= wanted}.get(operator, False)


def of_services(names: list[str], inner: Test) -> Test:
    def test(subject: Subject) -> bool:
        nodes = [node for node in subject.graph.nodes.values() if not names or node.name in names]
        return any(inner(about(node.documents, subject)) for node in nodes if node.documents)

    return test


def of_edges(names: list[str], inner: Test) -> Test:
    def named(node: Node, place: int) -> bool:
        return len(names) <= place or not names[place] or node.name == names[place]

    def test(subject: Subject) -> bool:
        edges = subject.graph.edges.values()
        return any(
            inner(about(edge.documents, subject))
            for edge in edges
            if edge.documents and named(edge.source, 0) and named(edge.target, 1)
        )

    return test


def about(documents: list[Document], subject: Subject) -> Subject:
    return Subject(documents, subject.graph, subject.whole)
