"""Policies of the account, for all its groups or for some: data protection, a subscription, field indexes, retention.

Left out: metric extraction policies, and policies of accounts that are linked to this one.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Record, Unfinished
from pileus.kernel.sensitive import findings

from . import criteria, faults, logs
from .groups import elsewhere

BUILT = (
    "DATA_PROTECTION_POLICY",
    "SUBSCRIPTION_FILTER_POLICY",
    "FIELD_INDEX_POLICY",
    "TRANSFORMER_POLICY",
    "RETENTION_POLICY",
)
MOST = 20
RETENTION = "RETENTION_POLICY"
ONLY_ONE = ("DATA_PROTECTION_POLICY", "SUBSCRIPTION_FILTER_POLICY")
APART = ("FIELD_INDEX_POLICY", "TRANSFORMER_POLICY")
"""Types of which no two policies may be about the same groups."""

Members = dict[str, Any]


class AccountPolicy(Record, key=("kind", "name"), cfn="AWS::Logs::AccountPolicy", kw_only=True):
    """A policy of the account in this Region."""

    kind: str
    name: str
    document: str
    criteria: str = ""
    since: int
    updated: int
    previous: str = ""
    """The document that is in effect until this one is, for those that take their time."""

    def selects(self, group_name: str) -> bool:
        """Whether it is about a group. What is about data sources is about no group by its name."""
        clauses = criteria.parsed(self.criteria) if self.criteria else ()
        return all(clause.field.startswith("LogGroup") and clause.holds(group_name) for clause in clauses)


@logs.operation(honours=["scope"])
def put_account_policy(
    call: Call,
    policy_name: str,
    policy_document: str,
    policy_type: str,
    selection_criteria: str = "",
    dry_run: bool = False,
) -> Members:
    """Create a policy, or replace the one of that name; or tell what it would change."""
    if policy_type not in BUILT:
        raise Unfinished(f"Pileus does not implement account policies of type {policy_type} yet.")
    check(call, policy_type, policy_document)
    criteria.check(policy_type, selection_criteria)
    check_dry_run(policy_type, dry_run)
    now = int(call.now * 1000)
    old = AccountPolicy.get(call, policy_type, policy_name)
    found = AccountPolicy(
        kind=policy_type,
        name=policy_name,
        document=policy_document,
        criteria=selection_criteria,
        since=old.since if old else now,
        updated=now,
        previous=old_document(old, now) if old else "",
    )
    check_others(call, found, old)
    if dry_run:
        return {"dryRunResult": tried(call, policy_name, found)}
    found.put(call)
    if policy_type == RETENTION:
        take_effect(call)
    return {"accountPolicy": described(call, found)}


def check_dry_run(kind: str, dry_run: bool) -> None:
    if dry_run and kind != RETENTION:
        raise faults.invalid("dryRun is valid only for policies of type RETENTION_POLICY.")


def old_document(old: AccountPolicy, now: int) -> str:
    from .retention_policies import EFFECTIVE_AFTER

    return old.document if now >= old.updated + EFFECTIVE_AFTER else old.previous


def take_effect(call: Call) -> None:
    from .retention_policies import EFFECTIVE_AFTER, enforce

    enforce.later(call, delay=EFFECTIVE_AFTER / 1000)


def tried(call: Call, name: str, put: AccountPolicy | None) -> Members:
    from . import retention_policies

    return retention_policies.tried(call, name, put)


def check_others(call: Call, new: AccountPolicy, old: AccountPolicy | None) -> None:
    """Beside those that there are already: not too many, and none about the same groups."""
    others = [one for one in AccountPolicy.scan(call, new.kind) if one.name != new.name]
    if old is None and (len(others) >= MOST or (others and new.kind in ONLY_ONE)):
        raise faults.limit()
    if new.kind not in APART:
        return
    for other in others:
        if not other.criteria or not new.criteria or criteria.overlapping(other.criteria, new.criteria):
            raise faults.invalid(f"The policy overlaps with the policy {other.name}.")


def check(call: Call, kind: str, document: str) -> None:
    from . import indexes, protection, retention_policies, subscriptions, transformers

    if kind == "DATA_PROTECTION_POLICY":
        findings.admit(call, protection.rules(document).destinations)
    elif kind == "FIELD_INDEX_POLICY":
        indexes.fields_of(document)
    elif kind == "TRANSFORMER_POLICY":
        transformers.checked(transformers.processors_of(document))
    elif kind == RETENTION:
        retention_policies.document(document)
    else:
        subscriptions.check_policy(call, parsed(document))


def parsed(document: str) -> Members:
    try:
        found = json.loads(document)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise faults.invalid("The policy document is not a valid JSON object.")
    return found


@logs.operation
def delete_account_policy(call: Call, policy_name: str, policy_type: str, dry_run: bool = False) -> Members:
    """Delete a policy, or tell what that would change."""
    check_dry_run(policy_type, dry_run)
    if (found := AccountPolicy.get(call, policy_type, policy_name)) is None:
        raise faults.missing("The specified account policy does not exist.")
    if dry_run:
        return {"dryRunResult": tried(call, policy_name, None)}
    found.delete(call)
    if policy_type == RETENTION:
        take_effect(call)
    return {}


@logs.operation
def describe_account_policies(
    call: Call, policy_type: str, policy_name: str = "", account_identifiers: list[str] = [], next_token: str = ""
) -> Members:
    if elsewhere(call, account_identifiers, True):
        return {"accountPolicies": []}
    page = AccountPolicy.page(
        call, policy_type, limit=50, token=next_token, where=lambda one: policy_name in ("", one.name)
    )
    if policy_name and not page.items:
        raise faults.missing("The specified account policy does not exist.")
    return {"accountPolicies": [described(call, one) for one in page.items], "nextToken": page.token}


def described(call: Call, one: AccountPolicy) -> Members:
    return {
        "policyName": one.name,
        "policyDocument": one.document,
        "lastUpdatedTime": one.updated,
        "policyType": one.kind,
        "scope": "ALL",
        "selectionCriteria": one.criteria or None,
        "accountId": call.account,
    }
