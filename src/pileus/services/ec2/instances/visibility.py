"""Whether resources that AWS services manage in an account are seen there by default.

No service here launches instances of its own in an account, so that there is nothing that this would hide.
"""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members


class ManagedVisibility(Record):
    """What an account has chosen for a Region."""

    name: str
    default: str


@ec2.operation
def get_managed_resource_visibility(call: Call) -> Members:
    found = ManagedVisibility.get(call, "managed")
    return {"Visibility": {"DefaultVisibility": found.default if found else "visible"}}


@ec2.operation
def modify_managed_resource_visibility(call: Call, default_visibility: str) -> Members:
    ManagedVisibility("managed", default_visibility).put(call)
    return {"Visibility": {"DefaultVisibility": default_visibility}}
