"""Sending authorization: policies by which others may send from an identity."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.grammar import Malformed, check

from . import ses
from .faults import wrong
from .identities import Identity, existing, get

MOST = 20


def put(call: Call, identity: Identity, name: str, policy: str) -> None:
    try:
        check(policy, "resource")
    except Malformed as malformed:
        raise wrong(call, malformed.reason, "InvalidPolicy") from None
    if name not in identity.policies and len(identity.policies) >= MOST:
        raise Fault("LimitExceededException", f"An identity can have {MOST} policies.", status=400)
    identity.policies[name] = policy
    identity.put(call)


@ses.operation
def put_identity_policy(call: Call, identity: str, policy_name: str, policy: str) -> None:
    put(call, existing(call, identity), policy_name, policy)


@ses.operation
def get_identity_policies(call: Call, identity: str, policy_names: list[str]) -> dict[str, Any]:
    found = get(call, identity)
    held = found.policies if found else {}
    return {"Policies": {name: held[name] for name in policy_names if name in held}}


@ses.operation
def list_identity_policies(call: Call, identity: str) -> dict[str, Any]:
    found = get(call, identity)
    return {"PolicyNames": sorted(found.policies) if found else []}


@ses.operation
def delete_identity_policy(call: Call, identity: str, policy_name: str) -> None:
    found = get(call, identity)
    if found and found.policies.pop(policy_name, None):
        found.put(call)
