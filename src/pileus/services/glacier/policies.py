"""Vault access policies."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access import grammar
from pileus.kernel.access import policy as policies

from . import glacier
from .faults import invalid, missing, not_found
from .vaults import Vault, vault

LONGEST = 20 * 1024


def checked(call: Call, found: Vault, given: dict[str, str]) -> str:
    """The text of a policy for a vault, if it is one."""
    text = given.get("Policy", "")
    if not text:
        raise missing("Required parameter missing: Policy")
    if len(text) > LONGEST:
        raise invalid("Invalid vault policy: the policy is larger than 20 KB")
    try:
        statements = grammar.statements(grammar.parsed(text))
        for each in statements:
            grammar.check_shape(each, "resource")
            if "Principal" in each or "NotPrincipal" in each:
                grammar.check_principal(each, "resource")
        policies.compiled("vault policy", text)
    except (ValueError, Fault):
        raise invalid("Invalid vault policy: the policy is not well-formed") from None
    for each in statements:
        if "Principal" not in each and "NotPrincipal" not in each:
            raise invalid("Invalid vault policy: a principal is missing")
        resources = each.get("Resource", [])
        for resource in resources if isinstance(resources, list) else [resources]:
            if resource != found.arn(call):
                raise invalid(f"Invalid vault policy: the resource {resource} is not the vault")
    if not statements:
        raise invalid("Invalid vault policy: there is no statement")
    return str(text)


@glacier.operation(on=vault)
def set_vault_access_policy(call: Call, found: Vault, policy: dict[str, str] = {}) -> None:
    """Replace the access policy."""
    found.policy = checked(call, found, policy)
    found.put(call)


@glacier.operation(on=vault)
def get_vault_access_policy(call: Call, found: Vault) -> dict[str, Any]:
    """The access policy as it was set."""
    if not found.policy:
        raise not_found(f"No vault access policy is set for: {found.arn(call)}")
    return {"policy": {"Policy": found.policy}}


@glacier.operation(on=vault)
def delete_vault_access_policy(call: Call, found: Vault) -> None:
    """Remove the access policy."""
    found.policy = ""
    found.put(call)
