"""What requests are about, for the access decision: resources by their ids, with their tags; and what a launch makes.

Service Authorization Reference, "Actions, resources, and condition keys for Amazon EC2". The operations that describe
know no resources there, and are left to the common rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Record
from pileus.kernel.access.target import Target

from . import ec2
from .instances.launch_access import launched
from .kinds import kind_of

Members = Mapping[str, Any]

LOOKING = ("Describe", "Get", "List", "Search")


@ec2.targets(root=False)
def targets(call: Call, request: Members) -> list[Target] | None:
    """The resources that a request names; None where it names none that there are."""
    if call.principal.type == "Root" or call.operation.startswith(LOOKING):
        return None
    if call.operation == "RunInstances":
        return [*launched(call, request)]
    return [_target(call, record, request) for record in _named(call, request).values()] or None


def _named(call: Call, request: Members) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for value in request.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str) and (kind := kind_of(text)) and (record := kind.record.get(call, text)):
                found[text] = record
    return found


def _target(call: Call, record: Record, request: Members) -> Target:
    kind = getattr(record, "instance_type", "")
    keys = {**record.condition_keys(call, request), **({"ec2:instancetype": (kind,)} if kind else {})}
    return Target(record.arn(call), call.account, tags=record.condition_tags(call), keys=keys)
