"""The tree of an organization: units and accounts below one root, and what all of them are alike in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from pileus.kernel import Call, Fault
from pileus.kernel.record import Record

from .faults import no_target
from .organization import Organization

ACCOUNT, UNIT, ROOT = "ACCOUNT", "ORGANIZATIONAL_UNIT", "ROOT"


class Node(Protocol):
    """What policies hang on and tags describe."""

    id: str
    tags: dict[str, str]

    def put(self, call: Call) -> Any: ...


class Unit(Record, scope="account", indexes={"by_parent": ("parent", "name")}):
    """An organizational unit."""

    id: str
    """`ou-…`"""
    parent: str
    name: str
    tags: dict[str, str] = {}


class Member(Record, scope="account", indexes={"by_parent": ("parent",)}):
    """An account in the organization."""

    id: str
    parent: str
    name: str
    email: str
    method: str
    """INVITED or CREATED."""
    joined: float
    state: str = "ACTIVE"
    closed: float = 0.0
    """When it was closed."""
    tags: dict[str, str] = {}

    @property
    def status(self) -> str:
        """The older word for the state."""
        return "SUSPENDED" if self.state == "CLOSED" else self.state


class Root:
    """The root, whose tags the organization keeps."""

    def __init__(self, found: Organization) -> None:
        self.organization = found
        self.id = found.root
        self.tags = found.tags

    def put(self, call: Call) -> None:
        self.organization.tags = self.tags
        self.organization.put(call)


def kind_of(node_id: str) -> str:
    return ROOT if node_id.startswith("r-") else UNIT if node_id.startswith("ou-") else ACCOUNT


def node(call: Call, found: Organization, node_id: str, missing: Fault | None = None) -> Unit | Member | Root:
    """The root, unit or account of that id."""
    record: Unit | Member | Root | None
    if node_id == found.root:
        record = Root(found)
    else:
        record = Unit.get(call, node_id) if kind_of(node_id) == UNIT else Member.get(call, node_id)
    if record is None:
        raise missing or no_target()
    return record


def parent_named(call: Call, found: Organization, node_id: str, code: str = "ParentNotFoundException") -> Unit | Root:
    """The root or unit of that id."""
    missing = Fault(code, "You specified a parent that doesn't exist.")
    record = node(call, found, node_id, missing)
    if isinstance(record, Member):
        raise missing
    return record


def ancestry(call: Call, found: Organization, node_id: str) -> list[str]:
    """The ids on the way from the root to a node, both included."""
    way = [node_id]
    while way[-1] != found.root:
        record = node(call, found, way[-1])
        assert not isinstance(record, Root)
        way.append(record.parent)
    return way[::-1]


def path_of(found: Organization, way: list[str]) -> str:
    """`o-…/r-…/ou-…/`, as condition keys and answers have it."""
    return "/".join((found.id, *way)) + "/"


def units_of(call: Call, parent: str) -> Iterator[Unit]:
    return Unit.scan(call, parent, index="by_parent")


def members_of(call: Call, parent: str) -> Iterator[Member]:
    return Member.scan(call, parent, index="by_parent")


def beneath(call: Call, node_id: str) -> Iterator[Member]:
    """Every account of a root or unit and of the units in it; or the account itself."""
    if kind_of(node_id) == ACCOUNT:
        if member := Member.get(call, node_id):
            yield member
        return
    yield from members_of(call, node_id)
    for unit in units_of(call, node_id):
        yield from beneath(call, unit.id)


def name_of(record: Unit | Member | Root) -> str:
    return "Root" if isinstance(record, Root) else record.name


def arn_of(call: Call, found: Organization, node_id: str) -> str:
    kind = {ACCOUNT: "account", UNIT: "ou", ROOT: "root"}[kind_of(node_id)]
    return found.arn(call, kind, node_id)
