"""Denials in AWS's words.

IAM User Guide, "Troubleshoot access denied error messages"; EC2 adds details that STS DecodeAuthorizationMessage reads.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pileus.kernel.errors import Fault
from pileus.kernel.sealed import Sealed

from .context import Context
from .decision import Decision, Query
from .policy import Statement

if TYPE_CHECKING:
    from pileus.kernel.call import Call

NAMES = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "boundary": "permissions boundary",
    "session": "session policy",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}
ENCODED = {"ec2"}
"""Services whose denials come with an encoded authorization message."""
CODES = {"sns": "AuthorizationErrorException"}
"""Services that have an error of their own for it."""
SPELT = {"sns": "SNS"}
"""Services that write the prefix of their actions in another way."""
QUOTED = {"s3"}
"""Services that put the resource in quotes."""


def denial(call: Call, query: Query, decision: Decision, context: Context) -> Fault:
    """The error for a caller that may not do what it asks."""
    message = told(call, query, decision)
    if call.service in ENCODED:
        sealed = Sealed.seal(call.at(account=call.principal.account or None), details(call, query, decision, context))
        message = f"You are not authorized to perform this operation. {message}"
        message += f". Encoded authorization failure message: {sealed}"
    return Fault(CODES.get(call.service, "AccessDenied"), message)


def told(call: Call, query: Query, decision: Decision) -> str:
    """Who may not do what, and for want of what kind of policy."""
    where = f'"{query.resource}"' if call.service in QUOTED else query.resource
    vendor, _, name = query.action.partition(":")
    action = f"{SPELT.get(vendor, vendor)}:{name}"
    return f"User: {call.principal.arn} is not authorized to perform: {action} on resource: {where} " + reason(
        action, decision
    )


def reason(action: str, decision: Decision) -> str:
    name = NAMES[decision.source]
    if decision.explicit:
        article = "the" if decision.source == "trust" else "an" if name[0] in "aeiou" else "a"
        return f"with an explicit deny in {article} {name}"
    return f"because no {name} allows the {action} action"


def details(call: Call, query: Query, decision: Decision, context: Context) -> str:
    """What DecodeAuthorizationMessage shows of a denial (STS API reference)."""
    conditions = [
        {"key": key, "values": {"items": [{"value": value} for value in values]}}
        for key, values in context.asked().items()
    ]
    return json.dumps(
        {
            "allowed": decision.allowed,
            "explicitDeny": decision.explicit,
            "matchedStatements": {"items": [matched(decision.statement)] if decision.statement else []},
            "failures": {"items": []},
            "context": {
                "principal": {"id": call.principal.user_id, "arn": call.principal.arn},
                "action": query.action,
                "resource": query.resource,
                "conditions": {"items": conditions},
            },
        },
        separators=(",", ":"),
    )


def matched(statement: Statement) -> dict[str, Any]:
    return {
        "statementId": statement.sid,
        "effect": "ALLOW" if statement.allows else "DENY",
        "sourcePolicyId": statement.source,
    }
