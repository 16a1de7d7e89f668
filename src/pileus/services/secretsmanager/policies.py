"""Resource policies of secrets: who else may use them. A secret has one at most, named `default`."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access.grammar import Malformed, statements
from pileus.kernel.access.grammar import check as check_grammar

from . import faults, secretsmanager
from .secrets import Secret, found, living

DEFAULT = "default"


@secretsmanager.operation(on=living)
def put_resource_policy(
    call: Call, secret: Secret, resource_policy: str, policy_name: str = DEFAULT, block_public_policy: bool = False
) -> dict[str, Any]:
    """Put a policy on a secret, over the one that it had."""
    check_name(policy_name)
    document = checked(resource_policy)
    if block_public_policy and public(document):
        raise Fault(
            "PublicPolicyException",
            "You can't attach a resource policy that grants broad access to the secret while BlockPublicPolicy is "
            "true.",
        )
    secret.policy = resource_policy
    secret.put(call)
    return secret.named(call) | {"PolicyName": DEFAULT}


@secretsmanager.operation(on=found)
def get_resource_policy(call: Call, secret: Secret, policy_name: str = DEFAULT) -> dict[str, Any]:
    """The policy of a secret, if it has one."""
    if policy_name != DEFAULT:
        raise Fault("ResourceNotFoundException", f"Secrets Manager can't find the resource policy {policy_name}.")
    told = secret.named(call) | {"PolicyName": DEFAULT}
    return told | ({"ResourcePolicy": secret.policy} if secret.policy else {})


@secretsmanager.operation(on=found)
def list_resource_policies(call: Call, secret: Secret, max_results: int = 100, next_token: str = "") -> dict[str, Any]:
    """The names of a secret's policies, of which there is one at most: so there never is a second page."""
    if next_token:
        raise faults.token()
    return {"ResourcePolicies": [{"PolicyName": DEFAULT}][:max_results] if secret.policy else []}


@secretsmanager.operation(on=found)
def delete_resource_policy(call: Call, secret: Secret, policy_name: str = DEFAULT) -> dict[str, Any]:
    """Take a secret's policy away."""
    check_name(policy_name)
    secret.policy = ""
    secret.put(call)
    return secret.named(call) | {"PolicyName": DEFAULT}


def check_name(name: str) -> None:
    if name != DEFAULT:
        raise faults.parameter(f"You can only change the default policy, not {name}.")


def perhaps(call: Call, secret_id: str = "") -> Secret | None:
    return living(call, secret_id) if secret_id else None


@secretsmanager.operation(on=perhaps)
def validate_resource_policy(call: Call, secret: Secret | None, resource_policy: str) -> dict[str, Any]:
    """What is wrong with a policy, without putting it anywhere."""
    try:
        document = check_grammar(resource_policy, "resource")
    except Malformed as malformed:
        return failed("PolicySyntax", malformed.reason)
    if public(document):
        return failed("PublicPolicyCheck", "This resource policy grants broad access to the secret.")
    return {"PolicyValidationPassed": True, "ValidationErrors": []}


def failed(check: str, message: str) -> dict[str, Any]:
    return {"PolicyValidationPassed": False, "ValidationErrors": [{"CheckName": check, "ErrorMessage": message}]}


def checked(text: str) -> dict[str, Any]:
    try:
        return check_grammar(text, "resource")
    except Malformed as malformed:
        reason = f"This resource policy contains a syntax error: {malformed.reason}"
        raise Fault("MalformedPolicyDocumentException", reason) from None


def public(document: dict[str, Any]) -> bool:
    """Whether a statement lets in everybody, without any condition."""
    for statement in statements(document):
        principal = statement.get("Principal")
        everybody = principal == "*" or '"*"' in json.dumps(principal)
        if statement["Effect"] == "Allow" and everybody and not statement.get("Condition"):
            return True
    return False
