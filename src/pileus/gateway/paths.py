"""Which operation of a REST service a method, a path and a query name (Smithy 2.0, "HTTP bindings", `http` trait).

The templates of all services that a request may be meant for stand in one tree. The most specific one wins: literal
segments over labels over greedy labels, then more query constants, then more of the required parameters and headers (so
S3 tells UploadPartCopy from UploadPart from PutObject). Paths are matched as they were written: a percent-encoded slash
separates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

import msgspec

from pileus.models.model import DATA

from .message import Headers


class Row(msgspec.Struct, array_like=True, frozen=True):
    """An operation's way to be named, as `models/compile.py` writes it into `routes.json`."""

    operation: str
    method: str
    uri: str
    needs: tuple[str, ...]
    """Required members outside the body: query parameters with a question mark before them, and headers."""
    marks: frozenset[str]
    """Of `deprecated`, `unsigned`, `s3express`."""
    host_label: str
    """The member that stands in front of the host name."""


class Candidate(msgspec.Struct, frozen=True):
    """A compiled row."""

    service: str
    operation: str
    labels: tuple[str, ...]
    constants: tuple[tuple[str, str | None], ...]
    parameters: frozenset[str]
    headers: frozenset[str]
    host_label: str


class Match(NamedTuple):
    service: str
    operation: str
    labels: dict[str, str]
    host_label: str


class Asked(msgspec.Struct):
    """What a request has besides its method and path."""

    parameters: dict[str, str]
    headers: Headers
    complete: bool
    """Only operations all of whose required parameters and headers are there will do."""


class Candidates:
    """Those that one template leads to, the better ones first."""

    __slots__ = ("plain", "ranked")

    def __init__(self) -> None:
        self.ranked: list[Candidate] = []
        self.plain: list[Candidate] = []
        """Those without query constants: all that a request without a query can mean."""

    def add(self, candidate: Candidate) -> None:
        self.ranked.append(candidate)
        if not candidate.constants:
            self.plain.append(candidate)


class Node:
    """One segment of the tree."""

    __slots__ = ("candidates", "greedy", "label", "literals")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.label: Node | None = None
        self.greedy: list[tuple[list[str], Candidates]] = []
        self.candidates = Candidates()


class Paths:
    """The tree of templates of one or several services."""

    def __init__(self, candidates: Iterable[tuple[Candidate, Row]]) -> None:
        self._methods: dict[str, Node] = {}
        self._subresources: set[str] = set()
        """Query constants without a value, of whichever method."""
        for candidate, row in candidates:
            self._subresources.update(name for name, value in candidate.constants if value is None)
            _place(self._methods.setdefault(row.method, Node()), row.uri.partition("?")[0], candidate)

    def match(self, method: str, path: str, query: str, headers: Headers, *, complete: bool = False) -> Match | None:
        """The operation that is meant, with the path's labels as they were written."""
        root = self._methods.get(method)
        if root is None:
            return None
        asked = Asked(parameters_of(query) if query else {}, headers, complete)
        segments = path.split("/")
        values: list[str] = []
        found = _walk(root, segments, 1, values, asked)
        if found is None:
            segments = segments[:-1] if segments[-1] == "" and len(segments) > 2 else [*segments, ""]
            found = _walk(root, segments, 1, values, asked)
        if found is None or (found.service == "s3" and asked.parameters and self._strays(method, found, asked)):
            return None
        return Match(found.service, found.operation, dict(zip(found.labels, values, strict=True)), found.host_label)

    def _strays(self, method: str, found: Candidate, asked: Asked) -> bool:
        """Whether what would change a bucket or an object is meant for a subresource that does not take the method."""
        if method in ("GET", "HEAD"):
            return False
        known = {name for name, _ in found.constants}
        return any(name in self._subresources and name not in known for name in asked.parameters)


# --- walking --------------------------------------------------------------------------------------------------------


def _walk(node: Node, segments: list[str], at: int, values: list[str], asked: Asked) -> Candidate | None:
    """The best candidate below `node` for the segments from `at` on; `values` gets those of its labels."""
    if at == len(segments):
        return _choose(node.candidates, asked)
    segment = segments[at]
    child = node.literals.get(segment)
    if child is None and "%" in segment:
        child = node.literals.get(unquote(segment))
    if child is not None and (found := _walk(child, segments, at + 1, values, asked)):
        return found
    if node.label is not None and segment:
        values.append(segment)
        if found := _walk(node.label, segments, at + 1, values, asked):
            return found
        values.pop()
    return _swallow(node, segments, at, values, asked) if node.greedy else None


def _swallow(node: Node, segments: list[str], at: int, values: list[str], asked: Asked) -> Candidate | None:
    """Match a greedy label, which takes one segment or more, and the literals behind it."""
    for tail, candidates in node.greedy:
        end = len(segments) - len(tail)
        value = "/".join(segments[at:end])
        if value and segments[end:] == tail and (found := _choose(candidates, asked)):
            values.append(value)
            return found
    return None


def _choose(candidates: Candidates, asked: Asked) -> Candidate | None:
    """The candidate with the most constants, and among those the one that lacks the least of what it requires."""
    ranked = candidates.ranked if asked.parameters else candidates.plain
    if len(ranked) == 1 and not ranked[0].constants and not asked.complete:
        return ranked[0]
    best = None
    fewest = 1_000
    for candidate in ranked:
        if best is not None and (fewest == 0 or len(candidate.constants) < len(best.constants)):
            break
        if candidate.constants and not _has_constants(candidate.constants, asked.parameters):
            continue
        missing = _missing(candidate, asked) if candidate.parameters or candidate.headers else 0
        if missing < fewest and not (missing and asked.complete):
            best, fewest = candidate, missing
    return best


def _has_constants(constants: tuple[tuple[str, str | None], ...], parameters: dict[str, str]) -> bool:
    for name, value in constants:
        if name not in parameters or (value is not None and parameters[name] != value):
            return False
    return True


def _missing(candidate: Candidate, asked: Asked) -> int:
    lacking = candidate.headers.difference(asked.headers.first)
    return len(lacking) + len(candidate.parameters.difference(asked.parameters))


def parameters_of(query: str) -> dict[str, str]:
    """The first value of each query parameter, decoded; an empty text for one without a value."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if "%" in pair or "+" in pair:
            name, value = unquote_plus(name), unquote_plus(value)
        found.setdefault(name, value)
    return found


# --- compiling ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def paths(services: tuple[str, ...], favoured: str = "", only: str = "") -> Paths:
    """The tree of those services' operations. On equal terms the service that stands first wins.

    On equal terms again an operation that is marked `favoured` wins; if `only` is given, no operation without that mark
    is there at all.
    """
    rows = [(service, row) for service, rows in _rows(services).items() for row in rows]
    ranked = sorted(
        ((_candidate(service, row), row) for service, row in rows if not only or only in row.marks),
        key=lambda pair: _rank(pair[0], pair[1], services, favoured),
    )
    return Paths(ranked)


def _rank(candidate: Candidate, row: Row, services: tuple[str, ...], favoured: str) -> tuple[int, ...]:
    return (
        -len(candidate.constants),
        -len(row.needs),
        services.index(candidate.service),
        "deprecated" in row.marks,
        ("s3express" in row.marks) != (favoured == "s3express"),
    )


def _rows(services: tuple[str, ...]) -> dict[str, list[Row]]:
    """Read what is asked for and keep nothing of the rest, which is long."""
    document = msgspec.json.decode((DATA / "routes.json").read_bytes(), type=dict[str, msgspec.Raw])
    return {name: msgspec.json.decode(document[name], type=list[Row]) for name in services if name in document}


def _candidate(service: str, row: Row) -> Candidate:
    path, _, query = row.uri.partition("?")
    return Candidate(
        service,
        row.operation,
        tuple(re.findall(r"\{([^}+]+)\+?\}", path)),
        tuple(_constant(pair) for pair in query.split("&") if pair),
        frozenset(need[1:] for need in row.needs if need.startswith("?")),
        frozenset(need.lower() for need in row.needs if not need.startswith("?")),
        row.host_label,
    )


def _constant(pair: str) -> tuple[str, str | None]:
    name, equals, value = pair.partition("=")
    return name, value if equals else None


def _place(node: Node, path: str, candidate: Candidate) -> None:
    segments = path.split("/")[1:]
    for at, segment in enumerate(segments):
        if segment.endswith("+}"):
            _place_greedy(node, segments[at + 1 :], candidate)
            return
        if segment.startswith("{"):
            node.label = node.label or Node()
            node = node.label
        else:
            node = node.literals.setdefault(segment, Node())
    node.candidates.add(candidate)


def _place_greedy(node: Node, tail: list[str], candidate: Candidate) -> None:
    """Put a template that goes on with literals after its greedy label before those that go on with fewer."""
    for known, candidates in node.greedy:
        if known == tail:
            candidates.add(candidate)
            return
    first = Candidates()
    first.add(candidate)
    node.greedy.append((tail, first))
    node.greedy.sort(key=lambda way: -len(way[0]))
