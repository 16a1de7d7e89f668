"""Retention policies of the account: how long groups keep their events, whatever is set on them.

A policy takes effect a day after it was put; of several for one group the longest counts (API reference,
PutAccountPolicy).
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pileus.kernel import Call

from . import faults, logs
from .account_policies import AccountPolicy
from .groups import Group, Volume

KIND = "RETENTION_POLICY"
EFFECTIVE_AFTER = 86_400_000
SHORTEST = 30
NEVER = "NEVER_EXPIRE"
FOR_EVER = 0
MOST = 20
MOST_TOLD = 20

Members = dict[str, Any]


class Rule(NamedTuple):
    """A policy as it is in effect."""

    days: int
    """FOR_EVER, or how long events are kept."""
    name: str


def document(text: str) -> tuple[int, bool]:
    """The days, and whether groups that were there before are meant too; what is wrong with it, if something is."""
    from .retention import DAYS

    try:
        found = json.loads(text)
        days, mode = found["retentionInDays"], found["enforcementMode"]
    except (ValueError, KeyError, TypeError):
        raise faults.invalid("A retention policy is a JSON object with retentionInDays and enforcementMode.") from None
    if days != NEVER and not (isinstance(days, int) and days in DAYS and days >= SHORTEST):
        raise faults.invalid(f"{days} is not a valid retentionInDays of a retention policy.")
    if mode not in ("NEW_ONLY", "RETROACTIVE"):
        raise faults.invalid(f"{mode} is not a valid enforcementMode.")
    return (FOR_EVER if days == NEVER else int(days)), mode == "RETROACTIVE"


def rule_of(policy: AccountPolicy, text: str, group: Group) -> Rule | None:
    """What a policy with that document says of a group."""
    days, retroactive = document(text)
    meant = retroactive or group.created * 1000 >= policy.since
    return Rule(days, policy.name) if meant and policy.selects(group.name) else None


def longest(rules: list[Rule]) -> Rule | None:
    """Of those of the same length the first."""
    return max(rules, key=lambda rule: rule.days or float("inf"), default=None)


def policies(call: Call) -> list[AccountPolicy]:
    return sorted(AccountPolicy.scan(call, KIND), key=lambda policy: policy.since)


def in_effect(call: Call, group: Group) -> Rule:
    """How long a group's events are kept, and the name of the policy that says so, if one does."""
    now = int(call.now * 1000)
    found: list[Rule] = []
    for policy in policies(call):
        text = policy.document if now >= policy.updated + EFFECTIVE_AFTER else policy.previous
        if text and (rule := rule_of(policy, text, group)):
            found.append(rule)
    return longest(found) or Rule(group.retention, "")


@logs.task
def enforce(call: Call) -> None:
    """A policy has taken effect: have what expires removed."""
    from . import retention

    for group in list(Group.scan(call)):
        retention.watch(call, group, in_effect(call, group).days)


def tried(call: Call, name: str, put: AccountPolicy | None) -> Members:
    """What would become of groups if a policy were put, or deleted, as if it were in effect at once."""
    held = AccountPolicy.get(call, KIND, name)
    scope = put or held
    others = [policy for policy in policies(call) if policy.name != name]
    counts = {"increased": 0, "decreased": 0, "unchanged": 0}
    told: list[Members] = []
    for group in Group.scan(call):
        if scope is None or rule_of(scope, scope.document, group) is None:
            continue
        rules = [rule_of(policy, policy.document, group) for policy in (*others, *([put] if put else []))]
        proposed = longest([rule for rule in rules if rule]) or Rule(group.retention, "")
        current = in_effect(call, group)
        counts[change(current.days, proposed.days)] += 1
        volume = Volume.get(call, group.id)
        told.append(
            {
                "logGroupName": group.name,
                "currentRetention": shown(current.days),
                "proposedRetention": shown(proposed.days),
                "storedBytes": volume.octets if volume else 0,
            }
        )
    return {
        "totalMatchedLogGroups": len(told),
        **{f"{kind}RetentionLogGroupCount": count for kind, count in counts.items()},
        "failedAnalysisCount": 0,
        "topLogGroupsImpacted": sorted(told, key=by_size)[:MOST_TOLD],
    }


def by_size(one: Members) -> tuple[int, str]:
    return -one["storedBytes"], one["logGroupName"]


def change(current: int, proposed: int) -> str:
    before, after = current or float("inf"), proposed or float("inf")
    return "unchanged" if before == after else "increased" if after > before else "decreased"


def shown(days: int) -> str:
    return str(days) if days else NEVER
