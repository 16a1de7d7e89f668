"""Aliases: create, find, list, change, delete.

Developer Guide, "Implement Lambda canary deployments using a weighted alias".
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names

from . import faults, lambda_
from .creating import forget_qualifier
from .functions import LATEST, Alias, Version
from .qualifiers import Meant, number_of, parsed, whole

Routing = dict[str, Any]


def existing(call: Call, function_name: str, name: str) -> Alias:
    given = parsed(function_name)
    found = Alias.get(call, given.name, name)
    if found is None:
        raise faults.none_such(f"Cannot find alias arn: {call.arn(f'function:{given.name}:{name}')}")
    return found


@lambda_.operation(on=whole)
def create_alias(
    call: Call,
    meant: Meant,
    name: str,
    function_version: str,
    description: str = "",
    routing_config: Routing | None = None,
) -> dict[str, Any]:
    """Create a name for a version."""
    if Alias.get(call, meant.name, name):
        arn = call.arn(f"function:{meant.name}:{name}")
        raise faults.conflict(f"Alias already exists: {arn}")
    alias = Alias(function=meant.name, name=name, version=function_version, description=description)
    return keep(call, alias, routing_config)


@lambda_.operation(on=existing)
def update_alias(
    call: Call,
    alias: Alias,
    function_version: str = "",
    description: str | None = None,
    routing_config: Routing | None = None,
    revision_id: str = "",
) -> dict[str, Any]:
    """Point an alias elsewhere, or change what else is given."""
    faults.check_revision(revision_id, alias.revision)
    alias.version = function_version or alias.version
    if description is not None:
        alias.description = description
    return keep(call, alias, routing_config)


@lambda_.operation(on=existing)
def get_alias(call: Call, alias: Alias) -> dict[str, Any]:
    return alias.shown(call)


@lambda_.operation(on=whole)
def list_aliases(
    call: Call, meant: Meant, function_version: str = "", marker: str = "", max_items: int = 50
) -> dict[str, Any]:
    """A function's aliases, or those that point to a version."""
    found = Alias.page(
        call,
        meant.name,
        limit=max_items,
        token=marker,
        where=lambda alias: function_version in ("", alias.version, *alias.weights),
    )
    return {"Aliases": [alias.shown(call) for alias in found.items], "NextMarker": found.token}


@lambda_.operation(on=whole)
def delete_alias(call: Call, meant: Meant, name: str) -> None:
    """Delete an alias; one that is not there is none too many."""
    if alias := Alias.get(call, meant.name, name):
        alias.delete(call)
        forget_qualifier(call, meant.name, name)
        if meant.function.policies.pop(name, None):
            meant.function.put(call)


def keep(call: Call, alias: Alias, routing: Routing | None) -> dict[str, Any]:
    version = pointed(call, alias, alias.version)
    if routing is not None:
        alias.weights = dict(routing.get("AdditionalVersionWeights", {}))
    if alias.weights:
        check_weights(call, alias, version)
    alias.revision = names.uuid4()
    return alias.put(call).shown(call)


def pointed(call: Call, alias: Alias, label: str) -> Version:
    """A version that an alias points to."""
    found = Version.get(call, alias.function, number_of(label))
    if found is None:
        raise faults.missing(call.arn(f"function:{alias.function}:{label}"))
    return found


def check_weights(call: Call, alias: Alias, version: Version) -> None:
    """Refuse what cannot be split: the two versions must be published, and run as the same role."""
    if len(alias.weights) > 1:
        raise faults.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1.")
    for label, weight in alias.weights.items():
        if LATEST in (label, alias.version):
            raise faults.invalid("$LATEST is not supported for an alias pointing to more than 1 version")
        if label == alias.version:
            raise faults.invalid(f"Invalid function version {label}. Function version {label} is already included in")
        if not 0.0 <= weight <= 1.0:
            raise faults.invalid(f"Weight {weight} must be between 0 and 1")
        other = pointed(call, alias, label)
        if other.settings["Role"] != version.settings["Role"]:
            raise faults.invalid("Versions of an alias must have the same execution role.")
        if other.settings.get("DeadLetterConfig") != version.settings.get("DeadLetterConfig"):
            raise faults.invalid("Versions of an alias must have the same dead-letter queue.")
