"""Shared parameters: a policy on an advanced parameter lets other accounts read it, by its ARN.

"Working with shared parameters", User Guide. A parameter has one policy at most.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, names
from pileus.kernel.access.grammar import Malformed, check, statements

from . import ssm
from .parameters import ADVANCED, Parameter, plain_name

Members = dict[str, Any]


class Shared(Record, scope="cloud", key=("account", "region", "owner", "name")):
    """A parameter that its policy shares with another account."""

    account: str
    region: str
    owner: str
    name: str


@ssm.forget
def forget(call: Call) -> None:
    """What an account that is reset has shared, and what was shared with it."""
    for one in [one for one in Shared.scan(call) if call.account in (one.account, one.owner)]:
        one.delete(call)


@ssm.owner
def owner(call: Call, request: Members) -> str:
    """The account whose parameters a request names by ARN; several of them must be of one account."""
    given = request.get("Names") or [request.get("Name") or request.get("ResourceArn") or ""]
    accounts = {account_in(name) for name in given}
    return accounts.pop() if len(accounts) == 1 else ""


def account_in(name: str) -> str:
    parts = name.split(":")
    return parts[4] if len(parts) > 5 and parts[0] == "arn" and len(parts[4]) == 12 else ""


def held(call: Call, resource_arn: str) -> Parameter:
    """The parameter of an ARN: of the resources that may have a policy, the one that there is here."""
    try:
        resource = arn.parse(resource_arn).resource
    except ValueError:
        resource = ""
    if not resource.startswith("parameter/"):
        message = "Resource policies are supported for parameters."
        raise Fault("ResourcePolicyInvalidParameterException", message, ParameterNames=["ResourceArn"])
    found = Parameter.get(call, plain_name(call, resource_arn))
    if found is None:
        raise Fault("ResourceNotFoundException", f"The resource {resource_arn} was not found.")
    return found


@ssm.operation(on=held)
def put_resource_policy(
    call: Call, parameter: Parameter, policy: str, policy_id: str = "", policy_hash: str = ""
) -> Members:
    """Share a parameter with the accounts that a policy names; with its id and hash, in another way than before."""
    if parameter.tier != ADVANCED:
        message = "Only parameters in the advanced tier can be shared."
        raise Fault("ResourcePolicyInvalidParameterException", message, ParameterNames=["ResourceArn"])
    try:
        check(policy, "resource")
    except Malformed as malformed:
        raise Fault("MalformedResourcePolicyDocumentException", malformed.reason) from None
    if policy_id:
        check_known(parameter, policy_id, policy_hash)
    elif parameter.policy:
        raise Fault("ResourcePolicyLimitExceededException", "A parameter can have one resource policy.", Limit=1)
    unshare(call, parameter)
    parameter.policy = policy
    parameter.policy_id = parameter.policy_id or names.uuid4()
    parameter.put(call)
    for account in accounts(policy) - {call.account}:
        Shared(account, call.region, call.account, parameter.name).put(call)
    return {"PolicyId": parameter.policy_id, "PolicyHash": digest(policy)}


def digest(policy: str) -> str:
    return hashlib.sha256(policy.encode()).hexdigest()


def check_known(parameter: Parameter, policy_id: str, policy_hash: str) -> None:
    if not parameter.policy or parameter.policy_id != policy_id:
        raise Fault("ResourcePolicyNotFoundException", f"There is no policy {policy_id}.")
    if digest(parameter.policy) != policy_hash:
        raise Fault("ResourcePolicyConflictException", "The hash is not that of the present policy.")


@ssm.operation(on=held)
def get_resource_policies(call: Call, parameter: Parameter, max_results: int = 50, next_token: str = "") -> Members:
    """The policy of a parameter, if it has one: so there never is a second page."""
    if next_token:
        message = "The NextToken is not valid."
        raise Fault("ResourcePolicyInvalidParameterException", message, ParameterNames=["NextToken"])
    if not parameter.policy:
        return {"Policies": []}
    told = {"PolicyId": parameter.policy_id, "PolicyHash": digest(parameter.policy), "Policy": parameter.policy}
    return {"Policies": [told][:max_results]}


@ssm.operation(on=held)
def delete_resource_policy(call: Call, parameter: Parameter, policy_id: str, policy_hash: str) -> None:
    """Share a parameter no more."""
    check_known(parameter, policy_id, policy_hash)
    unshare(call, parameter)
    parameter.policy = parameter.policy_id = ""
    parameter.put(call)


def accounts(policy: str) -> set[str]:
    """The accounts that a policy names."""
    found: set[str] = set()
    for statement in statements(json.loads(policy)):
        principal = statement.get("Principal", {})
        given = principal.get("AWS", []) if isinstance(principal, dict) else []
        found |= {account_in(one) or one for one in ([given] if isinstance(given, str) else given)}
    return found - {"*"}


def unshare(call: Call, parameter: Parameter) -> None:
    """Forget with whom the present policy shares a parameter."""
    if not parameter.policy:
        return
    for account in accounts(parameter.policy):
        if found := Shared.get(call, account, call.region, call.account, parameter.name):
            found.delete(call)


def shared_with(call: Call) -> list[tuple[Call, Parameter]]:
    """The parameters that others share with the account."""
    found = []
    for one in Shared.scan(call, call.account, call.region):
        there = call.at(account=one.owner)
        if parameter := Parameter.get(there, one.name):
            found.append((there, parameter))
    return found
