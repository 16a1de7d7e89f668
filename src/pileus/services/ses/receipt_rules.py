"""Receipt rules: what is done with mail that comes, in the order of a rule set. One set of an account is active.

"Creating receipt rules", Developer Guide. What actions need is tried when a rule is made: the bucket gets a note, a
function is invoked dry, a topic's policy is asked. Left out: contacts of Amazon Connect.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record

from . import receipt_checks, ses
from .faults import wrong

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,62}[A-Za-z0-9])?")
RULE_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?")
MOST_SETS, MOST_RULES, MOST_ACTIONS, MOST_RECIPIENTS = 40, 200, 10, 500
PAGE = 100
ACTIVE = "active"

Rule = dict[str, Any]


class RuleSet(Record):
    name: str
    created: float
    rules: list[Rule] = []
    """In their order, as the API has them."""

    def described(self) -> dict[str, Any]:
        return {"Name": self.name, "CreatedTimestamp": self.created}

    def place_of(self, name: str) -> int:
        for place, rule in enumerate(self.rules):
            if rule["Name"] == name:
                return place
        raise Fault("RuleDoesNotExistException", f"Rule does not exist: {name}", Name=name)

    def after(self, name: str) -> int:
        """Where what comes after that rule stands; without a name, the beginning."""
        return self.place_of(name) + 1 if name else 0


class Active(Record):
    """Which rule set applies to mail that comes."""

    name: str
    rule_set: str


def active(call: Call) -> RuleSet | None:
    found = Active.get(call, ACTIVE)
    return RuleSet.get(call, found.rule_set) if found else None


def existing(call: Call, rule_set_name: str) -> RuleSet:
    found = RuleSet.get(call, rule_set_name)
    if found is None:
        text = f"Rule set does not exist: {rule_set_name}"
        raise Fault("RuleSetDoesNotExistException", text, Name=rule_set_name)
    return found


def make(call: Call, name: str, rules: list[Rule]) -> None:
    if not NAME.fullmatch(name):
        raise wrong(call, f"Invalid rule set name: {name}")
    if RuleSet.get(call, name):
        raise Fault("AlreadyExistsException", f"Rule set already exists: {name}", Name=name)
    if sum(1 for _ in RuleSet.scan(call, limit=MOST_SETS)) == MOST_SETS:
        raise Fault("LimitExceededException", f"Maximum number of receipt rule sets ({MOST_SETS}) exceeded.")
    RuleSet(name, call.now, rules).put(call)


# Rule sets


@ses.operation
def create_receipt_rule_set(call: Call, rule_set_name: str) -> None:
    make(call, rule_set_name, [])


@ses.operation
def clone_receipt_rule_set(call: Call, rule_set_name: str, original_rule_set_name: str) -> None:
    make(call, rule_set_name, existing(call, original_rule_set_name).rules)


@ses.operation(on=existing)
def describe_receipt_rule_set(call: Call, found: RuleSet) -> dict[str, Any]:
    return {"Metadata": found.described(), "Rules": found.rules}


@ses.operation
def list_receipt_rule_sets(call: Call, next_token: str = "") -> dict[str, Any]:
    page = RuleSet.page(call, limit=PAGE, token=next_token, invalid=wrong(call, "Invalid NextToken"))
    return {"RuleSets": [one.described() for one in page.items], "NextToken": page.token}


@ses.operation
def set_active_receipt_rule_set(call: Call, rule_set_name: str = "") -> None:
    """Let a rule set apply from now on; without a name, mail is received no longer."""
    if rule_set_name:
        Active(ACTIVE, existing(call, rule_set_name).name).put(call)
    elif found := Active.get(call, ACTIVE):
        found.delete(call)


@ses.operation
def describe_active_receipt_rule_set(call: Call) -> dict[str, Any]:
    found = active(call)
    return {"Metadata": found.described(), "Rules": found.rules} if found else {}


@ses.operation(on=existing)
def reorder_receipt_rule_set(call: Call, found: RuleSet, rule_names: list[str]) -> None:
    """Put the rules into another order, which must name each of them once."""
    rules = [found.rules[found.place_of(name)] for name in rule_names]
    if sorted(rule_names) != sorted(rule["Name"] for rule in found.rules):
        raise wrong(call, f"The rules of rule set {found.name} must each be named once.")
    found.rules = rules
    found.put(call)


@ses.operation
def delete_receipt_rule_set(call: Call, rule_set_name: str) -> None:
    """Delete a rule set that is not active; one that is not there is as good as deleted."""
    held = Active.get(call, ACTIVE)
    if held and held.rule_set == rule_set_name:
        raise Fault("CannotDeleteException", f"Cannot delete active rule set: {rule_set_name}", Name=rule_set_name)
    if found := RuleSet.get(call, rule_set_name):
        found.delete(call)


# Rules


def whole(call: Call, rule: Rule) -> Rule:
    """A rule with its defaults; refused where it is wrong by itself."""
    if not RULE_NAME.fullmatch(rule["Name"]):
        raise wrong(call, f"Invalid rule name: {rule['Name']}")
    made: Rule = {
        "Enabled": False,
        "TlsPolicy": "Optional",
        "Recipients": [],
        "Actions": [],
        "ScanEnabled": False,
    } | rule
    for member, most in (("Actions", MOST_ACTIONS), ("Recipients", MOST_RECIPIENTS)):
        if len(made[member]) > most:
            raise Fault("LimitExceededException", f"A rule can have {most} {member.lower()}.")
    for action in made["Actions"]:
        receipt_checks.check(call, action)
    return made


@ses.operation(on=existing)
async def create_receipt_rule(call: Call, found: RuleSet, rule: Rule, after: str = "") -> None:
    """Add a rule: after another one, or before all."""
    made = whole(call, rule)
    if any(one["Name"] == made["Name"] for one in found.rules):
        raise Fault("AlreadyExistsException", f"Rule already exists: {made['Name']}", Name=made["Name"])
    if len(found.rules) >= MOST_RULES:
        raise Fault("LimitExceededException", f"Maximum number of receipt rules ({MOST_RULES}) exceeded.")
    found.after(after)
    await receipt_checks.try_all(call, found.name, made)
    with call.transaction():
        found = existing(call, found.name)
        found.rules.insert(found.after(after), made)
        found.put(call)


@ses.operation(on=existing)
def describe_receipt_rule(call: Call, found: RuleSet, rule_name: str) -> dict[str, Any]:
    return {"Rule": found.rules[found.place_of(rule_name)]}


@ses.operation(on=existing)
async def update_receipt_rule(call: Call, found: RuleSet, rule: Rule) -> None:
    found.place_of(rule["Name"])
    made = whole(call, rule)
    await receipt_checks.try_all(call, found.name, made)
    with call.transaction():
        found = existing(call, found.name)
        found.rules[found.place_of(made["Name"])] = made
        found.put(call)


@ses.operation(on=existing)
def set_receipt_rule_position(call: Call, found: RuleSet, rule_name: str, after: str = "") -> None:
    rule = found.rules[found.place_of(rule_name)]
    if after == rule_name:
        return
    found.after(after)
    found.rules.remove(rule)
    found.rules.insert(found.after(after), rule)
    found.put(call)


@ses.operation(on=existing)
def delete_receipt_rule(call: Call, found: RuleSet, rule_name: str) -> None:
    """Delete a rule; one that is not there is as good as deleted."""
    found.rules = [rule for rule in found.rules if rule["Name"] != rule_name]
    found.put(call)
