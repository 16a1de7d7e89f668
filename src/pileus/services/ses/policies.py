"""Sending authorization: policies by which others may send from an identity."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, arn
from pileus.kernel.access import grammar
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.grammar import Malformed
from pileus.kernel.access.target import Target

from . import ses
from .faults import wrong
from .identities import Identity, existing, get

MOST = 20


def owner(call: Call, source_arn: str) -> Call:
    """The account whose identity an ARN names; the caller's own where there is none."""
    if not source_arn:
        return call
    try:
        to = arn.parse(source_arn)
    except ValueError:
        raise wrong(call, f"Invalid ARN: {source_arn}") from None
    return call if to.account == call.account else call.at(account=to.account, region=to.region)


def check(call: Call, identity: Identity, address: str) -> None:
    """Raise unless a policy of the identity lets the caller send from that address."""
    policies = [json.loads(policy) for policy in identity.policies.values()]
    listed = [one["Statement"] if isinstance(one["Statement"], list) else [one["Statement"]] for one in policies]
    together = {"Version": "2012-10-17", "Statement": [statement for part in listed for statement in part]}
    action = "ses:SendRawEmail" if call.operation == "SendRawEmail" else "ses:SendEmail"
    keys = {"ses:fromaddress": (address,)}
    policy = json.dumps(together) if listed else ""
    authorize(call, action, Target(identity.arn(call), identity.account, policy, explicit=True, keys=keys))


def put(call: Call, identity: Identity, name: str, policy: str) -> None:
    try:
        grammar.check(policy, "resource")
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
