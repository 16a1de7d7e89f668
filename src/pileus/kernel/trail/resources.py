"""The resources that a request names, by their CloudFormation types and as the request names them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from pileus.kernel.record import Record

if TYPE_CHECKING:
    from pileus.kernel.operation import Bound

Places = tuple[tuple[str, str], ...]
"""Types, and the members that name resources of them."""

ENDINGS = ("", "Name", "Id", "Arn", "ARN", "Url", "Identifier")


def places(bound: Bound) -> Places:
    """Which members of an operation's requests name resources: `QueueUrl` a queue; `Name` what is created."""
    members = bound.model.input.members if bound.model.input else {}
    found = []
    for kind in kinds(bound.service.name):
        noun = kind.rpartition("::")[2]
        wanted = {f"{noun}{ending}".lower() for ending in ENDINGS}
        if bound.name == f"Create{noun}":
            wanted.add("name")
        found += [(kind, name) for name, shape in members.items() if shape.type == "string" and name.lower() in wanted]
    return tuple(found)


def named(places: Places, request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(kind, request[member]) for kind, member in places if isinstance(request.get(member), str)]


@cache
def kinds(service: str) -> tuple[str, ...]:
    """The CloudFormation types that a service's records declare, or those of the API that it is a further one of."""
    package = f"pileus.services.{service.replace('-', '_')}"
    own = f"aws::{service}::"
    return tuple(
        dict.fromkeys(
            record.cfn_type
            for record in descendants(Record)
            if record.cfn_type and (record.__module__.startswith(package) or record.cfn_type.lower().startswith(own))
        )
    )


def descendants(base: type[Record]) -> Iterator[type[Record]]:
    for record in base.__subclasses__():
        if hasattr(record, "cfn_type"):
            yield record
        yield from descendants(record)
