"""Tags of functions, event source mappings and code signing configurations."""

from __future__ import annotations

from typing import Any, Protocol

from pileus.kernel import Call, Record, tags

from . import faults, lambda_
from .capacity import CapacityProvider
from .functions import Function
from .mappings import Mapping
from .signing import SigningConfig


class Tagged(Protocol):
    tags: dict[str, str]


def tagged(call: Call, resource: str) -> Any:
    """What an ARN names."""
    kind, _, name = resource.split(":", 5)[5].partition(":") if resource.count(":") > 5 else ("", "", "")
    kinds: dict[str, type[Record]] = {
        "function": Function,
        "event-source-mapping": Mapping,
        "code-signing-config": SigningConfig,
        "capacity-provider": CapacityProvider,
    }
    if kind == "function" and ":" in name:
        raise faults.invalid(
            f"Tags on function aliases and versions are not supported. Please specify either a function ARN: {resource}"
        )
    found = kinds[kind].get(call, name) if kind in kinds else None
    if found is None:
        raise faults.none_such(f"{'Function' if kind == 'function' else 'Resource'} not found: {resource}")
    return found


@lambda_.operation(on=tagged)
def list_tags(call: Call, found: Any) -> dict[str, Any]:
    return {"Tags": found.tags}


@lambda_.operation(name="TagResource", on=tagged)
def tag_resource(call: Call, found: Any, tags: dict[str, str]) -> None:
    found.tags = found.tags | tags
    check(found.tags)
    found.put(call)


@lambda_.operation(on=tagged)
def untag_resource(call: Call, found: Any, tag_keys: list[str]) -> None:
    found.tags = {name: value for name, value in found.tags.items() if name not in tag_keys}
    found.put(call)


def check(given: dict[str, str]) -> None:
    tags.check(given, code="InvalidParameterValueException")
