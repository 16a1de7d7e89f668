"""Summaries of delegation requests in plain English, written by rule from the request and its policy.

AWS has a language model write them, in many languages; of others than English none is there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call
from pileus.kernel.access import grammar

from . import iam
from .delegation_requests import DelegationRequest, seen
from .faults import invalid

KIND = ":delegation-request/"
LONGEST = 10_000
ENGLISH = "en"


def of_arn(call: Call, entity_arn: str) -> DelegationRequest:
    if KIND not in entity_arn:
        raise invalid("The only supported entity type is delegation-request.")
    return seen(call, entity_arn.partition(KIND)[2])


@iam.operation(on=of_arn)
def get_human_readable_summary(call: Call, request: DelegationRequest, locale: str = ENGLISH) -> dict[str, Any]:
    """What somebody who is to accept a request should know of it."""
    if locale.partition("-")[0].lower() != ENGLISH:
        return {"Locale": locale, "SummaryState": "NOT_SUPPORTED"}
    return {"SummaryContent": summary(request)[:LONGEST], "Locale": locale, "SummaryState": "AVAILABLE"}


def summary(request: DelegationRequest) -> str:
    minutes = max(round(request.duration / 60), 1)
    lines = [f"Account {request.partner} asks for temporary access for {minutes} minutes: {request.description}"]
    lines += [f"- {line}" for statement in statements(request) for line in told(statement)]
    if request.message:
        lines.append(f"Its message: {request.message}")
    return "\n".join(lines)


def statements(request: DelegationRequest) -> Iterator[dict[str, Any]]:
    yield from grammar.statements(grammar.parsed(request.policy))


def told(statement: dict[str, Any]) -> Iterator[str]:
    """A statement of a policy, a line for each service whose actions it names."""
    verb = "It may use" if statement["Effect"] == "Allow" else "It must not use"
    other = "NotAction" in statement
    actions = [str(one) for one in grammar.listed(statement.get("NotAction" if other else "Action", "*"))]
    places = "NotResource" if "NotResource" in statement else "Resource"
    resources = [str(one) for one in grammar.listed(statement.get(places, "*"))]
    where = "all resources" if resources == ["*"] else ", ".join(resources)
    if places == "NotResource":
        where = f"all resources but {where}"
    keys = sorted({key for block in statement.get("Condition", {}).values() for key in block})
    under = f", under conditions on {', '.join(keys)}" if keys else ""
    services = sorted({action.partition(":")[0] for action in actions})
    for service in services:
        names = [action.partition(":")[2] for action in actions if action.partition(":")[0] == service]
        what = f"any action of {service}" if names == ["*"] else f"{', '.join(names)} of {service}"
        what = "any action" if service == "*" else what
        yield f"{verb} {'everything but ' if other else ''}{what} on {where}{under}."
