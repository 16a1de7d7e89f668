"""Tags of roots, units, accounts, policies, transfers and the resource policy."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.tags import as_list

from . import organizations
from .faults import no_target
from .nodes import Node, node
from .organization import organization, page
from .policies import own_policy
from .resource_policy import ResourcePolicy
from .tags import given
from .transfers import Transfer
from .transfers import named as transfer_named

TAGS_PER_PAGE = 50


def tagged(call: Call, resource_id: str) -> Node | Transfer:
    """What the id of a request names."""
    found = organization(call)
    if resource_id.startswith("p-"):
        try:
            return own_policy(call, resource_id)
        except Fault as fault:
            raise no_target() if fault.code == "PolicyNotFoundException" else fault from None
    if resource_id.startswith("rp-"):
        policy = ResourcePolicy.get(call, resource_id)
        if policy is None:
            raise no_target()
        return policy
    if resource_id.startswith("rt-"):
        return transfer_named(call, resource_id)
    return node(call, found, resource_id)


@organizations.operation(on=tagged)
def tag_resource(call: Call, found: Node | Transfer, tags: list[dict[str, str]]) -> None:
    found.tags = given(tags, found.tags)
    found.put(call)


@organizations.operation(on=tagged)
def untag_resource(call: Call, found: Node | Transfer, tag_keys: list[str]) -> None:
    found.tags = {name: value for name, value in found.tags.items() if name not in tag_keys}
    found.put(call)


@organizations.operation(on=tagged)
def list_tags_for_resource(call: Call, found: Node | Transfer, next_token: str = "") -> dict[str, Any]:
    return page(call, "Tags", as_list(found.tags), next_token, TAGS_PER_PAGE)
