"""The policy simulator: what the access decision would say, made by the access decision itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pileus.kernel import Call, Principal, arn
from pileus.kernel.access import attached, grammar, policy
from pileus.kernel.access.attached import Document, Grants
from pileus.kernel.access.decision import Applying, Decision, Query, decide
from pileus.kernel.access.matching import Values
from pileus.kernel.access.policy import Policies, Statement
from pileus.kernel.access.principals import Caller
from pileus.kernel.access.standing import scps

from . import iam
from .faults import invalid, missing
from .lists import MOST, entries
from .positions import position_of

ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9]+")
KEYS = re.compile(r"\$\{([^}$*?,]+)[^}]*\}")
DECISIONS = {True: "explicitDeny", False: "implicitDeny"}


class Simulated(NamedTuple):
    """Who would ask, and which policies there would be."""

    caller: Principal
    identity: list[Document]
    boundary: list[Document] | None
    organization: list[list[Document]] | None
    known: dict[str, Values]
    """Context keys."""


# Context keys


@iam.operation
def get_context_keys_for_custom_policy(call: Call, policy_input_list: list[str]) -> dict[str, Any]:
    """The condition keys and policy variables in some policies."""
    return {"ContextKeyNames": keys_in(policy_input_list)}


@iam.operation
def get_context_keys_for_principal_policy(
    call: Call, policy_source_arn: str, policy_input_list: list[str] = []
) -> dict[str, Any]:
    """The condition keys and policy variables in the policies of a user, group or role, and in some more."""
    grants = grants_named(call, policy_source_arn)
    texts = [document.text for document in attached.documents_of(call, grants, call.account)]
    return {"ContextKeyNames": keys_in([*texts, *policy_input_list])}


def keys_in(texts: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for number, text in enumerate(texts, 1):
        for statement in grammar.statements(parsed(f"PolicyInputList.{number}", text)):
            for keys in statement.get("Condition", {}).values():
                found |= dict.fromkeys(keys)
        found |= dict.fromkeys(KEYS.findall(text))
    return list(found)


# Simulation


@iam.operation
def simulate_custom_policy(
    call: Call,
    policy_input_list: list[str],
    action_names: list[str],
    permissions_boundary_policy_input_list: list[str] = [],
    ordered_organization_policy_input_list: list[dict[str, Any]] = [],
    resource_arns: list[str] = ["*"],
    resource_policy: str = "",
    resource_owner: str = "",
    caller_arn: str = "",
    context_entries: list[dict[str, Any]] = [],
    resource_handling_option: str = "",
    max_items: int = MOST,
    marker: str = "",
) -> dict[str, Any]:
    """What policies would allow that are given with the request."""
    levels = [
        inputs("OrganizationPolicyInputList", level.get("ServiceControlPolicyInputList", []))
        for level in ordered_organization_policy_input_list
    ]
    boundary = inputs("PermissionsBoundaryPolicyInputList", permissions_boundary_policy_input_list)
    simulated = Simulated(
        principal(call, caller_arn) if caller_arn else Principal("IAMUser", call.account, "", ""),
        inputs("PolicyInputList", policy_input_list),
        boundary or None,
        levels or None,
        context(context_entries),
    )
    results = evaluate(call, simulated, action_names, resource_arns, resource_policy, resource_owner)
    if resource_handling_option:
        results = together(results, resource_arns, resource_handling_option)
    return entries(call, "EvaluationResults", results, marker, max_items)


@iam.operation
def simulate_principal_policy(
    call: Call,
    policy_source_arn: str,
    action_names: list[str],
    policy_input_list: list[str] = [],
    permissions_boundary_policy_input_list: list[str] = [],
    policy_exclusion_list: list[dict[str, Any]] = [],
    resource_arns: list[str] = ["*"],
    resource_policy: str = "",
    resource_owner: str = "",
    caller_arn: str = "",
    context_entries: list[dict[str, Any]] = [],
    resource_handling_option: str = "",
    max_items: int = MOST,
    marker: str = "",
) -> dict[str, Any]:
    """What the policies of a user, group or role would allow, and some more that are given."""
    grants = grants_named(call, policy_source_arn)
    boundary = inputs("PermissionsBoundaryPolicyInputList", permissions_boundary_policy_input_list)
    if not boundary and grants.boundary:
        boundary = [Document(grants.boundary, attached.managed(call, grants.boundary) or "")]
    own_policies = [
        one
        for one in attached.documents_of(call, grants, call.account)
        if not left_out(one.source, kind_of(one.source), policy_exclusion_list)
    ]
    caller = principal(call, caller_arn or policy_source_arn)
    own = {f"aws:principaltag/{name.lower()}": (value,) for name, value in grants.tags.items()}
    simulated = Simulated(
        caller,
        own_policies + inputs("PolicyInputList", policy_input_list),
        boundary
        if boundary and not left_out(boundary[0].source, "permission-boundary", policy_exclusion_list)
        else None,
        None,
        own | known_of(caller) | context(context_entries),
    )
    results = evaluate(call, simulated, action_names, resource_arns, resource_policy, resource_owner)
    if resource_handling_option:
        results = together(results, resource_arns, resource_handling_option)
    return entries(call, "EvaluationResults", results, marker, max_items)


SCENARIOS = {
    "EC2-VPC-InstanceStore": (),
    "EC2-VPC-InstanceStore-Subnet": ("subnet",),
    "EC2-VPC-EBS": ("volume",),
    "EC2-VPC-EBS-Subnet": ("subnet", "volume"),
}
"""What an instance is launched with, beside an image, a security group and a network interface."""
IN_ALL = ("instance", "image", "security-group", "network-interface")


def together(results: list[dict[str, Any]], resources: list[str], option: str) -> list[dict[str, Any]]:
    """A result for each action on all resources at once, which must be those that the scenario wants."""
    if option not in SCENARIOS:
        raise invalid(f"Invalid Resource Handling Option: {option}")
    given = {resource.split(":", 5)[5].partition("/")[0] for resource in resources if resource.count(":") > 4}
    for kind in (*IN_ALL, *SCENARIOS[option]):
        if kind not in given:
            raise invalid(f"The resource handling option {option} requires a resource of the type {kind}.")
    by_action: dict[str, list[dict[str, Any]]] = {}
    for one in results:
        by_action.setdefault(one["EvalActionName"], []).append(one)
    return [whole(action, parts) for action, parts in by_action.items()]


def whole(action: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    decisions = {part["EvalDecision"] for part in parts}
    return {
        "EvalActionName": action,
        "EvalResourceName": "*",
        "EvalDecision": next((one for one in DECISIONS.values() if one in decisions), "allowed"),
        "MatchedStatements": [statement for part in parts for statement in part["MatchedStatements"]],
        "MissingContextValues": list(dict.fromkeys(key for part in parts for key in part["MissingContextValues"])),
        "ResourceSpecificResults": [
            {
                "EvalResourceName": part["EvalResourceName"],
                "EvalResourceDecision": part["EvalDecision"],
                "MatchedStatements": part["MatchedStatements"],
                "MissingContextValues": part["MissingContextValues"],
            }
            for part in parts
        ],
    }


def left_out(source: str, kind: str, exclusions: list[dict[str, Any]]) -> bool:
    """Whether a simulation is told to leave a policy out: all of its kind, or this one by its ARN or name."""
    named = {
        one.get("PolicyType") or one.get("PolicyArn") or one.get("InlinePolicyIdentifier", {}).get("PolicyName")
        for one in exclusions
    }
    return source in named or kind in named


def kind_of(source: str) -> str:
    if not source.startswith("arn:"):
        return "inline"
    return "aws-managed" if source.split(":")[4] == "aws" else "user-managed"


def evaluate(
    call: Call, simulated: Simulated, action_names: list[str], resources: list[str], resource_policy: str, owner: str
) -> list[dict[str, Any]]:
    """A result for each action on each resource."""
    for action in action_names:
        if not ACTION.fullmatch(action):
            raise invalid(f"Invalid Action: {action}")
    levels = simulated.organization
    applying = Applying(
        policy.of(simulated.identity),
        policy.of(simulated.boundary) if simulated.boundary else None,
        None,
        [policy.of(level) for level in levels] if levels else scps(call, simulated.caller.account),
        (),
        policy.of(inputs("ResourcePolicy", [resource_policy])) if resource_policy else None,
    )
    texts = [*simulated.identity, *(simulated.boundary or []), *(one for level in levels or [] for one in level)]
    documents = {document.source: document.text for document in texts} | {"ResourcePolicy.1": resource_policy}
    return [
        result(simulated, applying, documents, action, resource, owner)
        for action in action_names
        for resource in resources
    ]


def result(
    simulated: Simulated, applying: Applying, documents: dict[str, str], action: str, resource: str, owner: str
) -> dict[str, Any]:
    absent: dict[str, None] = {}

    def lookup(key: str) -> Values:
        values = simulated.known.get(key, ())
        if not values:
            absent[key] = None
        return values

    account = account_in(owner) or account_in(resource) or simulated.caller.account
    query = Query(Caller.of(simulated.caller), action, resource, account, lookup)
    decision = decide(query, applying)
    told: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": "allowed" if decision.allowed else DECISIONS[decision.explicit],
        "MatchedStatements": [matched(statement, documents) for statement in speaking(query, applying, decision)],
        "MissingContextValues": spelled(absent, documents) if absent else [],
    }
    if applying.boundary is not None:
        told["PermissionsBoundaryDecisionDetail"] = {
            "AllowedByPermissionsBoundary": allows(applying.boundary, query),
        }
    if applying.scps:
        allowed = all(allows(level, query) for level in applying.scps)
        told["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": allowed}
    return told


def spelled(absent: Iterable[str], documents: dict[str, str]) -> list[str]:
    """Keys as the policies write them that ask for them."""
    written = {key.lower(): key for key in keys_in(filter(None, documents.values()))}
    return [written.get(key, key) for key in absent]


def speaking(query: Query, applying: Applying, decision: Decision) -> list[Statement]:
    """The statements of the identity and resource policies that make the decision what it is."""
    if decision.statement is None:
        return []
    found = [
        statement
        for policies in (applying.identity, applying.resource)
        if policies is not None
        for statement in policies.statements
        if statement.allows == decision.allowed and statement.acts(query.key) and statement.applies(query)
    ]
    return found if decision.statement in found else [decision.statement]


def matched(statement: Statement, documents: dict[str, str]) -> dict[str, Any]:
    start, end = position_of(documents.get(statement.source, ""), statement.number)
    return {
        "SourcePolicyId": statement.source.rpartition("/")[2],
        "SourcePolicyType": "Resource Policy" if statement.principals else "IAM Policy",
        "StartPosition": {"Line": start[0], "Column": start[1]},
        "EndPosition": {"Line": end[0], "Column": end[1]},
    }


def allows(policies: Policies, query: Query) -> bool:
    return policies.denying(query) is None and policies.allowing(query) is not None


# What is given


def inputs(name: str, texts: list[str]) -> list[Document]:
    """Policies of a request, by the names that AWS gives them."""
    found = [Document(f"{name}.{number}", text) for number, text in enumerate(texts, 1)]
    for document in found:
        with refusing(document.source):
            grammar.check(document.text, "resource" if name == "ResourcePolicy" else "identity")
    return found


def parsed(source: str, text: str) -> dict[str, Any]:
    """A policy of any kind, whose keys alone matter."""
    with refusing(source):
        document = grammar.parsed(text)
        for statement in grammar.statements(document):
            grammar.check_shape(statement, "resource")
        return document


@contextmanager
def refusing(source: str) -> Iterator[None]:
    try:
        yield
    except grammar.Malformed as malformed:
        raise invalid(f"{source}: {malformed.reason}") from None


def context(given: list[dict[str, Any]]) -> dict[str, Values]:
    return {entry["ContextKeyName"].lower(): tuple(entry.get("ContextKeyValues", ())) for entry in given}


def known_of(caller: Principal) -> dict[str, Values]:
    """The keys that follow from who asks."""
    known: dict[str, Values] = {
        "aws:principalarn": (caller.session.get("issuer", caller.arn),),
        "aws:principalaccount": (caller.account,),
        "aws:userid": (caller.user_id,),
    }
    if caller.type == "IAMUser":
        known |= {"aws:username": (caller.arn.rpartition("/")[2],), "aws:principaltype": ("User",)}
    return known


def principal(call: Call, named: str) -> Principal:
    """The user, or the role's session, of an ARN. A group stands for a user in it."""
    try:
        found = arn.parse(named)
    except ValueError:
        raise invalid(f"Invalid ARN: {named}") from None
    grants = Grants.by_arn(call, named)
    user_id = grants.id if grants else ""
    if found.resource.startswith("role/"):
        name = found.resource.rpartition("/")[2]
        session = f"arn:{found.partition}:sts::{found.account}:assumed-role/{name}/simulated"
        return Principal("AssumedRole", found.account, session, f"{user_id}:simulated", session={"issuer": named})
    return Principal("IAMUser", found.account, named, user_id)


def grants_named(call: Call, named: str) -> Grants:
    grants = Grants.first(call, named, index="by_owner")
    if grants is None:
        raise missing(f"The entity with ARN {named} cannot be found.")
    return grants


def account_in(named: str) -> str:
    parts = named.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[4].isdigit() else ""
