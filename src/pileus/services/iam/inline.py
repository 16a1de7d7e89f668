"""Inline policies: those that belong to one user, group or role and are gone with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call

from . import iam
from .faults import beyond, missing
from .groups import group_named
from .identities import Identity, checked, encoded
from .lists import MOST, entries
from .quotas import INLINE_SIZE, size
from .roles import own_role, role_named
from .users import user_named

Find = Callable[..., Identity]


def inline_policies(kind: str, find: Find, change: Find) -> None:
    """Declare the four operations; `change` finds one that may be changed."""

    @iam.operation(name=f"Put{kind}Policy", on=change)
    def put(call: Call, identity: Identity, policy_name: str, policy_document: str) -> None:
        """Add an inline policy, or give it another text."""
        inline = identity.inline | {policy_name: checked(policy_document, "identity")}
        most = INLINE_SIZE[identity.kind]
        if sum(map(size, inline.values())) > most:
            raise beyond(f"Maximum policy size of {most} bytes exceeded for {identity.kind} {identity.name}")
        identity.inline = inline
        identity.put(call)

    @iam.operation(name=f"Get{kind}Policy", on=find)
    def get(call: Call, identity: Identity, policy_name: str) -> dict[str, Any]:
        """The text of an inline policy."""
        document = encoded(held(identity, policy_name))
        return {f"{kind}Name": identity.name, "PolicyName": policy_name, "PolicyDocument": document}

    @iam.operation(name=f"Delete{kind}Policy", on=change)
    def delete(call: Call, identity: Identity, policy_name: str) -> None:
        """Remove an inline policy."""
        held(identity, policy_name)
        identity.inline = {name: text for name, text in identity.inline.items() if name != policy_name}
        identity.put(call)

    @iam.operation(name=f"List{kind}Policies", on=find)
    def list_names(call: Call, identity: Identity, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
        """The names of the inline policies."""
        return entries(call, "PolicyNames", sorted(identity.inline), marker, max_items)


def held(identity: Identity, name: str) -> str:
    if name not in identity.inline:
        raise missing(f"The {identity.kind} policy with name {name} cannot be found.")
    return identity.inline[name]


inline_policies("User", user_named, user_named)
inline_policies("Group", group_named, group_named)
inline_policies("Role", role_named, own_role)
