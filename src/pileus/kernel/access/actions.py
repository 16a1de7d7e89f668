"""Which actions an operation is, as AWS's authorization data have them, and what those say of resources and keys.

Nothing here is typed by hand but `exceptions`: the data are compiled when the package is built.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

import msgspec

from pileus import models
from pileus.models.model import DATA

from . import exceptions

ACCESS = DATA / "access"


class Action(NamedTuple):
    """An action as the Service Authorization Reference lists it."""

    name: str
    level: str
    """Read, Write, List, Tagging or Permissions management."""
    kinds: Mapping[str, bool]
    """Types of resources that it is about, and whether each must be allowed."""
    keys: frozenset[str]
    """Condition keys that it has beside the global ones and those of its resources, in lower case."""
    dependents: tuple[str, ...]
    """Further actions that the operation needs, such as `iam:PassRole`."""


class Prefix(NamedTuple):
    """A service prefix: its actions by their names in lower case, and ARN templates of its resources."""

    name: str
    actions: Mapping[str, Action]
    resources: Mapping[str, str]


class _File(msgspec.Struct):
    actions: dict[str, tuple[str, list[tuple[str, bool]], list[str], list[str]]]
    resources: dict[str, tuple[str, list[str]]]
    keys: dict[str, Any]


@lru_cache(maxsize=64)
def prefix(name: str) -> Prefix:
    """The actions of a prefix; none for one that the data do not know."""
    path = ACCESS / f"{name}.z"
    if not path.exists():
        return Prefix(name, {}, {})
    file = msgspec.json.decode(zlib.decompress(path.read_bytes()), type=_File)
    actions = {
        action.lower(): Action(action, level, dict(kinds), frozenset(key.lower() for key in keys), tuple(dependents))
        for action, (level, kinds, keys, dependents) in file.actions.items()
    }
    return Prefix(name, actions, {kind: arn for kind, (arn, _) in file.resources.items()})


@cache
def prefixes() -> dict[str, str]:
    """The prefix of each API by its botocore name."""
    return msgspec.json.decode((ACCESS / "index.json").read_bytes(), type=dict[str, str])


def prefix_of(service: str) -> str:
    return prefixes().get(service, service)


def known() -> list[str]:
    """All prefixes that there are."""
    return sorted(path.stem for path in ACCESS.glob("*.z"))


def action_of(service: str, operation: models.Operation) -> str:
    """The action of an operation: its own name, unless the exceptions say otherwise."""
    vendor = prefix_of(service)
    if exception := exceptions.ACTIONS.get(service, {}).get(operation.name):
        return exception if ":" in exception else f"{vendor}:{exception}"
    listed = prefix(vendor).actions.get(operation.name.lower())
    if listed is None and vendor == "apigateway":
        # The API Gateway control plane is authorised by method and path ("Actions, resources, condition keys").
        return f"{vendor}:{operation.method}"
    return f"{vendor}:{listed.name if listed else operation.name}"


def lookup(action: str) -> Action | None:
    """An action by its full name, in any case; None for one that the data do not know."""
    vendor, _, name = action.partition(":")
    return prefix(vendor.lower()).actions.get(name.lower())
