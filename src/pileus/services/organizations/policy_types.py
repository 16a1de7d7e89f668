"""Enabling and disabling types of policies in the root."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import organizations
from .attachments import Attachment
from .control import tell_beneath
from .faults import not_all_features
from .kinds import FULL
from .nodes import Member, Unit
from .organization import Organization, organization


def root_named(call: Call, root_id: str) -> Organization:
    """The organization with the root of that id."""
    found = organization(call)
    if found.root != root_id:
        raise Fault("RootNotFoundException", "You specified a root that doesn't exist.")
    if not found.all_features:
        raise not_all_features()
    return found


@organizations.operation(on=root_named)
def enable_policy_type(call: Call, found: Organization, policy_type: str) -> dict[str, Any]:
    """Have policies of a type hold; those with which everything is allowed hang everywhere from now on."""
    if policy_type in found.types:
        raise Fault("PolicyTypeAlreadyEnabledException", "The specified policy type is already enabled.")
    found.types = [*found.types, policy_type]
    found.put(call)
    if full := FULL.get(policy_type):
        for node_id in nodes(call, found):
            Attachment(node_id, policy_type, full, call.now).put(call)
    tell_beneath(call, found, found.root, policy_type)
    return {"Root": found.root_shown(call)}


@organizations.operation(on=root_named)
def disable_policy_type(call: Call, found: Organization, policy_type: str) -> dict[str, Any]:
    """Have policies of a type hold no longer; they are taken off everything."""
    if policy_type not in found.types:
        raise Fault("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
    found.types = [name for name in found.types if name != policy_type]
    found.put(call)
    for node_id in nodes(call, found):
        for attachment in list(Attachment.scan(call, node_id, policy_type)):
            attachment.delete(call)
    tell_beneath(call, found, found.root, policy_type)
    return {"Root": found.root_shown(call)}


def nodes(call: Call, found: Organization) -> list[str]:
    """Everything that policies may hang on."""
    return [found.root, *(unit.id for unit in Unit.scan(call)), *(member.id for member in Member.scan(call))]
