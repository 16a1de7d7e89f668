"""Retention rules: for all resources of a type, but for some, or for those with certain tags; and their locks.

A locked rule can be neither changed nor deleted until the delay has passed that begins when it is unlocked.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import ALPHANUMERIC, token
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tagging import declare
from pileus.kernel.tags import as_map

from . import rbin

Members = dict[str, Any]

DAY = 86400.0
MOST = 250
"""Rules of an account in a Region (Recycle Bin quotas)."""
MOST_TAGS = 50
LOCKED, UNLOCKING, UNLOCKED = "locked", "pending_unlock", "unlocked"


@resource_type(
    rbin,
    "Identifier",
    missing=("ResourceNotFoundException", "Rule {} does not exist."),
    create="CreateRule",
    read="GetRule",
    update="UpdateRule",
    list="ListRules",
    delete="DeleteRule",
)
class Rule(Record, arn="rule/{identifier}", cfn="AWS::Rbin::Rule"):
    """A retention rule."""

    identifier: str
    type: str
    days: int
    description: str = ""
    wanted: list[Members] = []
    """The tags of which a resource has one that the rule is for; none for a rule for all."""
    excluded: list[Members] = []
    tags: dict[str, str] = {}
    delay: int = 0
    """Days from unlocking to being unlocked; 0 for a rule that was never locked."""
    unlocks: float = 0.0
    """When it is unlocked; 0 while nobody has unlocked it."""

    def lock_state(self, now: float) -> str:
        if not self.delay or (self.unlocks and self.unlocks <= now):
            return UNLOCKED
        return UNLOCKING if self.unlocks else LOCKED


declare(rbin)


def named(call: Call, identifier: str) -> Rule:
    found = Rule.get(call, identifier)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Rule {identifier} does not exist.", Reason="RULE_NOT_FOUND")
    return found


def open_to_change(call: Call, rule: Rule) -> None:
    if (state := rule.lock_state(call.now)) != UNLOCKED:
        text = f"Rule {rule.identifier} is {state} and cannot be changed."
        raise Fault("ConflictException", text, Reason="INVALID_RULE_STATE")


def invalid(text: str) -> Fault:
    return Fault("ValidationException", text, Reason="INVALID_PARAMETER_VALUE")


@rbin.operation
def create_rule(
    call: Call,
    retention_period: dict[str, Any],
    resource_type: str,
    description: str = "",
    tags: list[dict[str, str]] = [],
    resource_tags: list[dict[str, Any]] = [],
    lock_configuration: dict[str, Any] = {},
    exclude_resource_tags: list[dict[str, Any]] = [],
) -> Members:
    """Keep what is deleted from now on."""
    check(resource_type, retention_period, resource_tags, exclude_resource_tags)
    if lock_configuration and resource_tags:
        raise invalid("Only rules for all resources of a type can be locked.")
    if len([*Rule.scan(call, limit=MOST)]) == MOST:
        text = f"You have reached the limit of {MOST} rules."
        raise Fault("ServiceQuotaExceededException", text, Reason="SERVICE_QUOTA_EXCEEDED")
    rule = Rule(
        identifier=token(11, ALPHANUMERIC),
        type=resource_type,
        days=retention_period["RetentionPeriodValue"],
        description=description,
        wanted=resource_tags,
        excluded=exclude_resource_tags,
        tags=as_map(tags),
        delay=_delay(lock_configuration),
    )
    rule.put(call)
    told = shown(call, rule)
    told.pop("LockEndTime", None)
    return told | {"Tags": tags}


def check(kind: str, period: Members, wanted: list[Members], excluded: list[Members]) -> None:
    if wanted and excluded:
        raise invalid("ResourceTags and ExcludeResourceTags cannot be specified together.")
    if len(wanted) > MOST_TAGS or len(excluded) > 5:
        raise invalid("There are too many tags.")
    most = 7 if kind == "EBS_VOLUME" else 365
    if period and not 1 <= period["RetentionPeriodValue"] <= most:
        raise invalid(f"The retention period must be between 1 and {most} days.")


def _delay(configuration: Members) -> int:
    return int(configuration["UnlockDelay"]["UnlockDelayValue"]) if configuration else 0


def shown(call: Call, rule: Rule) -> Members:
    told: Members = {
        "Identifier": rule.identifier,
        "Description": rule.description,
        "ResourceType": rule.type,
        "RetentionPeriod": {"RetentionPeriodValue": rule.days, "RetentionPeriodUnit": "DAYS"},
        "ResourceTags": rule.wanted,
        "ExcludeResourceTags": rule.excluded,
        "Status": "available",
        "LockState": rule.lock_state(call.now),
        "RuleArn": rule.arn(call),
    }
    if rule.delay:
        told["LockConfiguration"] = {"UnlockDelay": {"UnlockDelayValue": rule.delay, "UnlockDelayUnit": "DAYS"}}
    if rule.unlocks:
        told["LockEndTime"] = rule.unlocks
    return told


@rbin.operation(on=named)
def get_rule(call: Call, rule: Rule) -> Members:
    return shown(call, rule)


@rbin.operation
def list_rules(
    call: Call,
    resource_type: str,
    max_results: int = 1000,
    next_token: str = "",
    resource_tags: list[dict[str, Any]] = [],
    lock_state: str = "",
    exclude_resource_tags: list[dict[str, Any]] = [],
) -> Members:
    """The rules for a type of resources, perhaps only those with these tags, or in this state of their lock."""

    def fits(rule: Rule) -> bool:
        return (
            rule.type == resource_type
            and all(tag in rule.wanted for tag in resource_tags)
            and all(tag in rule.excluded for tag in exclude_resource_tags)
            and (not lock_state or rule.lock_state(call.now) == lock_state)
        )

    broken = Fault("ValidationException", "The token is not valid.", Reason="INVALID_PAGE_TOKEN")
    page = Rule.page(call, limit=max_results, token=next_token, where=fits, invalid=broken)
    names = ("Identifier", "Description", "RetentionPeriod", "LockState", "RuleArn")
    told = [{name: shown(call, rule)[name] for name in names} for rule in page.items]
    return {"Rules": told} | ({"NextToken": page.token} if page.token else {})


@rbin.operation(on=named)
def update_rule(
    call: Call,
    rule: Rule,
    retention_period: dict[str, Any] = {},
    description: str | None = None,
    resource_type: str = "",
    resource_tags: list[dict[str, Any]] | None = None,
    exclude_resource_tags: list[dict[str, Any]] | None = None,
) -> Members:
    """Change a rule. What is in the bin already stays for as long as it was to."""
    open_to_change(call, rule)
    wanted = rule.wanted if resource_tags is None else resource_tags
    excluded = rule.excluded if exclude_resource_tags is None else exclude_resource_tags
    check(resource_type or rule.type, retention_period, wanted, excluded)
    rule.type, rule.wanted, rule.excluded = resource_type or rule.type, wanted, excluded
    rule.days = retention_period.get("RetentionPeriodValue", rule.days)
    if description is not None:
        rule.description = description
    rule.put(call)
    told = shown(call, rule)
    told.pop("LockConfiguration", None)
    return told


@rbin.operation(on=named)
def delete_rule(call: Call, rule: Rule) -> None:
    open_to_change(call, rule)
    rule.delete(call)


@rbin.operation(on=named)
def lock_rule(call: Call, rule: Rule, lock_configuration: dict[str, Any]) -> Members:
    """Let a rule for all resources of a type be neither changed nor deleted."""
    if rule.wanted:
        raise invalid("Only rules for all resources of a type can be locked.")
    open_to_change(call, rule)
    rule.delay, rule.unlocks = _delay(lock_configuration), 0.0
    rule.put(call)
    return shown(call, rule)


@rbin.operation(on=named)
def unlock_rule(call: Call, rule: Rule) -> Members:
    """Let a rule be changed again, when the delay has passed."""
    if rule.lock_state(call.now) != LOCKED:
        text = f"Rule {rule.identifier} is not locked."
        raise Fault("ConflictException", text, Reason="INVALID_RULE_STATE")
    rule.unlocks = call.now + rule.delay * DAY
    rule.put(call)
    return shown(call, rule)
