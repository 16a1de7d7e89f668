"""Resource policies: which services may write to the account's groups, or to one group."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel.access import grammar

from . import faults, logs
from .destinations import check_policy

MOST = 10
"""Policies of an account in a Region (User Guide, "CloudWatch Logs quotas")."""
LONGEST = 5120

Members = dict[str, Any]


class ResourcePolicy(Record, key=("scope", "name"), cfn="AWS::Logs::ResourcePolicy", kw_only=True):
    """A policy of the account under its name, or of a resource under its ARN."""

    scope: str
    name: str
    document: str
    revision: str
    updated: float


def place(policy_name: str, resource_arn: str) -> tuple[str, str]:
    if bool(policy_name) == bool(resource_arn):
        raise faults.invalid("Exactly one of policyName and resourceArn must be specified.")
    return ("RESOURCE", resource_arn) if resource_arn else ("ACCOUNT", policy_name)


@logs.operation
def put_resource_policy(
    call: Call,
    policy_name: str = "",
    policy_document: str = "",
    resource_arn: str = "",
    expected_revision_id: str = "",
) -> Members:
    """Create a policy or replace it; of a resource's, only the revision that is expected."""
    scope, name = place(policy_name, resource_arn)
    check_policy(policy_document)
    if scope == "ACCOUNT" and len(policy_document) > LONGEST:
        raise faults.limit(f"A policy document can have up to {LONGEST} characters.")
    old = ResourcePolicy.get(call, scope, name)
    check_revision(old, expected_revision_id)
    if old is None and scope == "ACCOUNT" and len(list(ResourcePolicy.scan(call, scope, limit=MOST))) == MOST:
        raise faults.limit()
    found = ResourcePolicy(
        scope=scope, name=name, document=policy_document, revision=names.uuid4(), updated=call.now
    ).put(call)
    return {"resourcePolicy": described(found), "revisionId": found.revision if scope == "RESOURCE" else None}


def check_revision(old: ResourcePolicy | None, expected: str) -> None:
    if expected and (old is None or old.revision != expected):
        raise Fault("OperationAbortedException", "The policy has another revision than the one that is expected.")


@logs.operation
def delete_resource_policy(
    call: Call, policy_name: str = "", resource_arn: str = "", expected_revision_id: str = ""
) -> None:
    found = ResourcePolicy.get(call, *place(policy_name, resource_arn))
    if found is None:
        raise faults.missing(f"Policy with name [{policy_name or resource_arn}] does not exist.")
    check_revision(found, expected_revision_id)
    found.delete(call)


@logs.operation
def describe_resource_policies(
    call: Call, resource_arn: str = "", policy_scope: str = "ACCOUNT", next_token: str = "", limit: int = 50
) -> Members:
    scope = "RESOURCE" if resource_arn else policy_scope
    page = ResourcePolicy.page(
        call,
        scope,
        limit=limit,
        token=next_token,
        where=lambda policy: resource_arn in ("", policy.name),
    )
    return {"resourcePolicies": [described(policy) for policy in page.items], "nextToken": page.token}


def policy_of(call: Call, group_arn: str) -> str:
    """All that the account's policies and a group's own say, as one policy; empty if there is none."""
    found = list(ResourcePolicy.scan(call, "ACCOUNT"))
    if own := ResourcePolicy.get(call, "RESOURCE", group_arn):
        found.append(own)
    statements = [one for policy in found for one in grammar.statements(json.loads(policy.document))]
    unnamed = [{name: value for name, value in one.items() if name != "Sid"} for one in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": unnamed}) if unnamed else ""


def described(policy: ResourcePolicy) -> Members:
    shared = {"policyDocument": policy.document, "lastUpdatedTime": int(policy.updated * 1000)}
    if policy.scope == "RESOURCE":
        return shared | {"policyScope": "RESOURCE", "resourceArn": policy.name, "revisionId": policy.revision}
    return shared | {"policyName": policy.name, "policyScope": "ACCOUNT"}
