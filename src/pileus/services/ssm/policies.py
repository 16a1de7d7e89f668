"""Parameter policies: a parameter that expires, and notices of that, or of nobody having changed it.

User Guide, "Assigning parameter policies". Notices are events for EventBridge; while there is none
here, nobody gets them.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pileus.kernel import Call, Fault

from . import changes, ssm

Policy = dict[str, Any]

MOST = 10
UNITS = {"Days": 86400.0, "Hours": 3600.0}
ATTRIBUTES = {
    "Expiration": {"Timestamp"},
    "ExpirationNotification": {"Before", "Unit"},
    "NoChangeNotification": {"After", "Unit"},
}


def parsed(text: str) -> list[Policy]:
    """The policies of a request; `{}` and `[]` take them away."""
    try:
        given = json.loads(text)
    except ValueError:
        raise Fault("ValidationException", "The policies are not valid JSON.") from None
    if given == {}:
        return []
    if not isinstance(given, list) or not all(isinstance(policy, dict) for policy in given):
        raise Fault("ValidationException", "The policies must be a JSON array.")
    if len(given) > MOST:
        raise Fault("PoliciesLimitExceededException", f"You specified more than the maximum number of {MOST} policies.")
    for policy in given:
        check(policy)
    kinds = [policy["Type"] for policy in given]
    if kinds.count("Expiration") > 1 or ("ExpirationNotification" in kinds and "Expiration" not in kinds):
        raise Fault("IncompatiblePolicyException", "There is a conflict in the policies specified for this parameter.")
    return given


def check(policy: Policy) -> None:
    wanted = ATTRIBUTES.get(policy.get("Type", ""))
    if wanted is None or policy.get("Version") != "1.0":
        raise Fault("InvalidPolicyTypeException", "The policy type is not supported.")
    attributes = policy.get("Attributes")
    if not isinstance(attributes, dict) or attributes.keys() != wanted:
        raise Fault("InvalidPolicyAttributeException", "A policy attribute or its value is invalid.")
    try:
        if "Timestamp" in wanted:
            datetime.fromisoformat(attributes["Timestamp"]).timestamp()
        else:
            seconds(attributes)
    except (ValueError, KeyError, TypeError):
        raise Fault("InvalidPolicyAttributeException", "A policy attribute or its value is invalid.") from None


def seconds(attributes: dict[str, str]) -> float:
    return int(attributes.get("Before") or attributes["After"]) * UNITS[attributes["Unit"]]


def expiration(policies: list[Policy]) -> float | None:
    for policy in policies:
        if policy["Type"] == "Expiration":
            return datetime.fromisoformat(policy["Attributes"]["Timestamp"]).timestamp()
    return None


def schedule(call: Call, name: str, number: int, policies: list[Policy]) -> None:
    """Enqueue what the policies of a version will bring."""
    expires = expiration(policies)
    if expires is not None:
        expire.later(call, due=max(expires, call.now), name=name, version=number)
    for policy in policies:
        if policy["Type"] == "NoChangeNotification":
            due = call.now + seconds(policy["Attributes"])
        elif policy["Type"] == "ExpirationNotification" and expires is not None:
            due = max(call.now, expires - seconds(policy["Attributes"]))
        else:
            continue
        notify.later(call, due=due, name=name, version=number, policy=policy)


@ssm.task
def expire(call: Call, name: str, version: int) -> None:
    """Delete a parameter whose time has come, unless it has another version, which has its own."""
    from .parameters import Parameter, removed

    found = Parameter.get(call, name)
    if found and found.version == version:
        removed(call, name)


@ssm.task
def notify(call: Call, name: str, version: int, policy: Policy) -> None:
    """Send the event that a policy promises, if its version is still the latest."""
    from .parameters import Parameter, arn_of

    found = Parameter.get(call, name)
    if found is None or found.version != version:
        return
    detail = {"parameter-name": name, "policy-type": policy["Type"], "policy-content": json.dumps(policy)}
    changes.tell.later(call, kind="Parameter Store Policy Action", resource=arn_of(call, name), detail=detail)


def shown(call: Call, policies: list[Policy]) -> list[dict[str, str]]:
    """Policies as DescribeParameters and GetParameterHistory tell them."""
    return [
        {
            "PolicyText": json.dumps(policy, separators=(",", ":")),
            "PolicyType": policy["Type"],
            "PolicyStatus": "Pending",
        }
        for policy in policies
    ]
