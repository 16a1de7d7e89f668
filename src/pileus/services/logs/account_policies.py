"""Policies of the account, for all its groups: data protection, a subscription, field indexes."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Record, Unfinished

from . import faults, logs

BUILT = ("DATA_PROTECTION_POLICY", "SUBSCRIPTION_FILTER_POLICY", "FIELD_INDEX_POLICY", "TRANSFORMER_POLICY")
ONLY_ONE = ("DATA_PROTECTION_POLICY", "SUBSCRIPTION_FILTER_POLICY")

Members = dict[str, Any]


class AccountPolicy(Record, key=("kind", "name"), cfn="AWS::Logs::AccountPolicy", kw_only=True):
    """A policy of the account in this Region."""

    kind: str
    name: str
    document: str
    criteria: str = ""
    since: int
    updated: int

    def selects(self, group_name: str) -> bool:
        """Whether it is about a group: its criteria may name those it is not about."""
        return f'"{group_name}"' not in self.criteria.replace("'", '"')


@logs.operation(honours=["scope"])
def put_account_policy(
    call: Call, policy_name: str, policy_document: str, policy_type: str, selection_criteria: str = ""
) -> Members:
    """Create a policy, or replace the one of that name."""
    if policy_type not in BUILT:
        raise Unfinished(f"Pileus does not implement account policies of type {policy_type} yet.")
    check(call, policy_type, policy_document)
    old = AccountPolicy.get(call, policy_type, policy_name)
    if old is None and policy_type in ONLY_ONE and AccountPolicy.first(call, policy_type):
        raise faults.limit()
    now = int(call.now * 1000)
    found = AccountPolicy(
        kind=policy_type,
        name=policy_name,
        document=policy_document,
        criteria=selection_criteria,
        since=old.since if old else now,
        updated=now,
    ).put(call)
    return {"accountPolicy": described(call, found)}


def check(call: Call, kind: str, document: str) -> None:
    from . import indexes, protection, subscriptions, transformers

    if kind == "DATA_PROTECTION_POLICY":
        protection.rules(document)
    elif kind == "FIELD_INDEX_POLICY":
        indexes.fields_of(document)
    elif kind == "TRANSFORMER_POLICY":
        transformers.checked(transformers.processors_of(document))
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
def delete_account_policy(call: Call, policy_name: str, policy_type: str) -> None:
    if (found := AccountPolicy.get(call, policy_type, policy_name)) is None:
        raise faults.missing("The specified account policy does not exist.")
    found.delete(call)


@logs.operation
def describe_account_policies(call: Call, policy_type: str, policy_name: str = "", next_token: str = "") -> Members:
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
