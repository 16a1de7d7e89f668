"""Data protection: what a policy says is sensitive is masked wherever messages come out, and reported when it comes in.

Only events that came in after the policy are masked. What the data look like is in `pileus.kernel.sensitive`
(User Guide, "Protecting sensitive log data with masking").
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record, sensitive
from pileus.kernel.access import enforcement
from pileus.kernel.access.target import Target
from pileus.kernel.sensitive import Finder, Unknown, findings

from . import faults, logs
from .account_policies import AccountPolicy
from .groups import Group, standard

LONGEST = 30_720
VERSION = "2021-06-01"
MASK = "*"

log = logging.getLogger("pileus.logs")

Members = dict[str, Any]
Mask = Callable[[int, str], str]
"""How a message is shown that came in at a time."""


class Protection(Record, kw_only=True):
    """The policy of a group."""

    group: str
    document: str
    since: int
    """When the policy, or the first before it, was put."""
    updated: int


@logs.operation(on=Group.identified)
def put_data_protection_policy(call: Call, group: Group, policy_document: str) -> Members:
    """Have sensitive data in events masked from now on."""
    standard(group)
    findings.admit(call, rules(policy_document).destinations)
    now = int(call.now * 1000)
    old = Protection.get(call, group.id)
    Protection(group=group.id, document=policy_document, since=old.since if old else now, updated=now).put(call)
    group.masked = True
    group.put(call)
    return {"logGroupIdentifier": group.name, "policyDocument": policy_document, "lastUpdatedTime": now}


@logs.operation(on=Group.identified)
def get_data_protection_policy(call: Call, group: Group) -> Members:
    found = Protection.get(call, group.id)
    if found is None:
        return {}
    return {
        "logGroupIdentifier": group.name,
        "policyDocument": found.document,
        "lastUpdatedTime": found.updated,
    }


@logs.operation(on=Group.identified)
def delete_data_protection_policy(call: Call, group: Group) -> None:
    if found := Protection.get(call, group.id):
        found.delete(call)
        group.masked = False
        group.put(call)


class Rules(NamedTuple):
    """What a policy says."""

    finders: list[Finder]
    destinations: dict[str, str]
    """Where findings are reported."""


@lru_cache(maxsize=256)
def rules(document: str) -> Rules:
    """What a policy says; InvalidParameterException for a text that is no policy."""
    if len(document) > LONGEST:
        raise faults.limit(f"A data protection policy can have up to {LONGEST} characters.")
    try:
        policy = json.loads(document)
        names = [statement["DataIdentifier"] for statement in policy["Statement"]]
        operations = {name: how for statement in policy["Statement"] for name, how in statement["Operation"].items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise faults.invalid("The data protection policy is not a valid policy document.") from None
    if policy.get("Version") != VERSION or operations.keys() != {"Audit", "Deidentify"} or len(names) != 2:
        raise faults.invalid(
            f"A data protection policy has the version {VERSION}, and an Audit and a Deidentify statement."
        )
    if operations["Deidentify"] != {"MaskConfig": {}}:
        raise faults.invalid("The Deidentify operation must have an empty MaskConfig.")
    if names[0] != names[1] or not names[0]:
        raise faults.invalid("The DataIdentifier arrays of the two statements must match exactly.")
    try:
        custom = sensitive.custom_identifiers(policy)
        found = [sensitive.finder(name, custom) for name in names[0]]
        return Rules(found, findings.checked((operations["Audit"] or {}).get("FindingsDestination")))
    except Unknown as problem:
        raise faults.invalid(f"The data protection policy is not valid: {problem}.") from None


def policies(call: Call, group: Group) -> list[tuple[int, Rules]]:
    """The policies that a group's events are under, and since when: its own and the account's."""
    found = Protection.get(call, group.id) if group.masked else None
    told = [(found.since, rules(found.document))] if found else []
    return told + [(one.since, rules(one.document)) for one in AccountPolicy.scan(call, "DATA_PROTECTION_POLICY")]


def mask(call: Call, group: Group) -> Mask | None:
    """How the group's messages are shown; None if as they are."""
    held = policies(call, group)
    if not held:
        return None

    def masked(ingested: int, message: str) -> str:
        finders = [finder for since, policy in held if ingested >= since for finder in policy.finders]
        spans = sensitive.apart(span for finder in finders for span in finder.found(message))
        return sensitive.replaced(message, spans, MASK)

    return masked


def audit(call: Call, group: Group, messages: list[str]) -> None:
    """Report and count what is sensitive in events that have arrived."""
    held = policies(call, group)
    if not held:
        return
    resource, counted = f"{group.arn(call)}:*", set[int]()
    for _, policy in held:
        told = {
            at: found
            for at, message in enumerate(messages)
            if (found := findings.finding(call, policy.finders, message, resource))
        }
        counted |= told.keys()
        if told and policy.destinations:
            report_findings.later(call, group=group.name, destinations=policy.destinations, told=list(told.values()))
    if counted:
        count(call, group, len(counted))


def count(call: Call, group: Group, events: int) -> None:
    from .metric_filters import publish

    datum = {
        "MetricName": "LogEventsWithFindings",
        "Dimensions": [{"Name": "LogGroupName", "Value": group.name}],
        "Timestamp": call.now,
        "Value": float(events),
        "Unit": "None",
    }
    publish.later(call, namespace="AWS/Logs", data=[datum])


@logs.task(retries=2)
async def report_findings(call: Call, group: str, destinations: dict[str, str], told: list[Members]) -> None:
    stream = group.strip("/").replace(":", "_").replace("*", "_")
    try:
        await findings.deliver(call, destinations, call.arn(f"log-group:{group}"), stream, told)
    except Fault as fault:
        log.warning("%s: findings were not taken: %s", group, fault)


def shown(call: Call, group: Group, unmask: bool) -> Mask:
    """How a reader sees messages, who may have asked to see them as they are."""
    masked = mask(call, group)
    if masked is None:
        return lambda ingested, message: message
    if unmask:
        enforcement.authorize(call, "logs:Unmask", Target(group.arn(call), call.account))
        return lambda ingested, message: message
    return masked
