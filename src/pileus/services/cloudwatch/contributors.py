"""Contributor Insights rules: what of log events counts, and for whom ("Contributor Insights rule syntax", User Guide).

A rule looks at what is logged from when it is enabled on. Managed rules are kept; the services that they would watch
write no such logs.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record, jsonpath
from pileus.kernel.resource_type import resource_type

from . import cloudwatch
from .dashboards import tagged
from .faults import bad_token, bad_value

MOST_KEYS, MOST_FILTERS = 4, 4
OPERATORS = {"In", "NotIn", "StartsWith", "GreaterThan", "LessThan", "EqualTo", "NotEqualTo", "IsPresent"}
MOST_RULES = 100

Definition = dict[str, Any]


@resource_type(
    cloudwatch,
    "RuleName",
    create="PutInsightRule",
    delete="DeleteInsightRules",
    missing="ResourceNotFoundException",
)
class Rule(
    Record,
    arn="arn:{partition}:cloudwatch:{region}:{account}:insight-rule/{name}",
    cfn="AWS::CloudWatch::InsightRule",
    table="cloudwatch.InsightRule",
):
    name: str
    enabled: bool
    definition: str
    since: float
    """When it was enabled."""
    template: str = ""
    """Of a managed rule."""
    resource: str = ""
    tags: dict[str, str] = {}
    transformed: bool = False
    """Whether it looks at what transformers have made of log events."""

    @property
    def state(self) -> str:
        return "ENABLED" if self.enabled else "DISABLED"

    def described(self) -> dict[str, Any]:
        schema = {"Name": "ServiceLogRule" if self.template else "CloudWatchLogRule", "Version": 1}
        return {
            "Name": self.name,
            "State": self.state,
            "Schema": json.dumps(schema),
            "Definition": self.definition,
            "ManagedRule": bool(self.template),
            "ApplyOnTransformedLogs": self.transformed,
        }


def existing(call: Call, rule_name: str) -> Rule:
    found = Rule.get(call, rule_name)
    if found is None:
        raise Fault("ResourceNotFoundException", f"Insight Rule {rule_name} does not exist")
    return found


def parsed(text: str) -> Definition:
    """A definition, if it is one."""
    try:
        found = json.loads(text)
    except ValueError:
        raise bad_value("RuleDefinition is not valid JSON.") from None
    wrong = problem(found)
    if wrong:
        raise bad_value(f"RuleDefinition is invalid: {wrong}")
    definition: Definition = found
    return definition


def problem(found: Any) -> str:
    if not isinstance(found, dict) or found.get("Schema") != {"Name": "CloudWatchLogRule", "Version": 1}:
        return "Schema must be CloudWatchLogRule, version 1."
    groups = found.get("LogGroupNames", found.get("LogGroupARNs"))
    if not isinstance(groups, list) or not groups:
        return "LogGroupNames must name log groups."
    if found.get("LogFormat") not in ("JSON", "CLF"):
        return "LogFormat must be JSON or CLF."
    if found.get("AggregateOn", "Count") not in ("Count", "Sum"):
        return "AggregateOn must be Count or Sum."
    contribution = found.get("Contribution")
    if not isinstance(contribution, dict):
        return "Contribution is required."
    keys = contribution.get("Keys")
    if not isinstance(keys, list) or not 1 <= len(keys) <= MOST_KEYS:
        return f"Contribution must have 1 to {MOST_KEYS} Keys."
    if found.get("AggregateOn") == "Sum" and "ValueOf" not in contribution:
        return "ValueOf is required where AggregateOn is Sum."
    filters = contribution.get("Filters", [])
    if not isinstance(filters, list) or len(filters) > MOST_FILTERS:
        return f"There can be {MOST_FILTERS} Filters."
    if any("Match" not in one or len(one.keys() - {"Match"}) != 1 or not one.keys() & OPERATORS for one in filters):
        return "A filter has Match and one operator."
    paths = [*keys, contribution.get("ValueOf", "$"), *(one["Match"] for one in filters)]
    if found["LogFormat"] == "JSON":
        for path in paths:
            try:
                jsonpath.parse(path)
            except (ValueError, AttributeError):
                return f"{path} is not a valid path."
    return ""


@cloudwatch.operation
def put_insight_rule(
    call: Call,
    rule_name: str,
    rule_definition: str,
    rule_state: str = "ENABLED",
    tags: list[dict[str, str]] = [],
    apply_on_transformed_logs: bool = False,
) -> None:
    """Make a rule, or replace its definition and state."""
    parsed(rule_definition)
    if rule_state not in ("ENABLED", "DISABLED"):
        raise bad_value("RuleState must be ENABLED or DISABLED.")
    old = Rule.get(call, rule_name)
    if old and old.template:
        raise bad_value(f"{rule_name} is a managed rule.")
    if old is None and sum(1 for _ in Rule.scan(call, limit=MOST_RULES)) == MOST_RULES:
        raise Fault("LimitExceededException", f"An account can have {MOST_RULES} Contributor Insights rules.")
    enabled = rule_state == "ENABLED"
    since = old.since if old and old.enabled and enabled else call.now
    held = old.tags if old else tagged(tags)
    Rule(rule_name, enabled, rule_definition, since, tags=held, transformed=apply_on_transformed_logs).put(call)


@cloudwatch.operation
def describe_insight_rules(call: Call, next_token: str = "", max_results: int = 500) -> dict[str, Any]:
    page = Rule.page(call, limit=max_results, token=next_token, invalid=bad_token())
    return {"InsightRules": [one.described() for one in page.items], "NextToken": page.token}


def each(call: Call, names: list[str], what: str) -> tuple[list[Rule], dict[str, Any]]:
    """The rules of these names, and the failures for those that are not there."""
    found = {name: Rule.get(call, name) for name in dict.fromkeys(names)}
    failures = [
        {
            "FailureResource": name,
            "ExceptionType": "ResourceNotFoundException",
            "FailureCode": "404",
            "FailureDescription": f"Insight Rule {name} could not be {what}: it does not exist.",
        }
        for name, rule in found.items()
        if rule is None
    ]
    return [rule for rule in found.values() if rule], {"Failures": failures}


@cloudwatch.operation
def enable_insight_rules(call: Call, rule_names: list[str]) -> dict[str, Any]:
    rules, told = each(call, rule_names, "enabled")
    for rule in rules:
        if not rule.enabled:
            rule.enabled, rule.since = True, call.now
            rule.put(call)
    return told


@cloudwatch.operation
def disable_insight_rules(call: Call, rule_names: list[str]) -> dict[str, Any]:
    rules, told = each(call, rule_names, "disabled")
    for rule in rules:
        rule.enabled = False
        rule.put(call)
    return told


@cloudwatch.operation
def delete_insight_rules(call: Call, rule_names: list[str]) -> dict[str, Any]:
    rules, told = each(call, rule_names, "deleted")
    for rule in rules:
        rule.delete(call)
    return told


# Managed rules


@cloudwatch.operation
def put_managed_insight_rules(call: Call, managed_rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Enable rules by templates for resources."""
    for one in managed_rules:
        template, resource = one["TemplateName"], one["ResourceARN"]
        name = f"{template}-{resource.rpartition('/')[2]}"
        definition = json.dumps({"Schema": {"Name": "ServiceLogRule", "Version": 1}})
        Rule(name, True, definition, call.now, template, resource, tagged(one.get("Tags", []))).put(call)
    return {"Failures": []}


@cloudwatch.operation
def list_managed_insight_rules(
    call: Call, resource_arn: str, next_token: str = "", max_results: int = 100
) -> dict[str, Any]:
    page = Rule.page(
        call,
        limit=max_results,
        token=next_token,
        invalid=bad_token(),
        where=lambda one: bool(one.template) and one.resource == resource_arn,
    )
    told = [
        {
            "TemplateName": one.template,
            "ResourceARN": one.resource,
            "RuleState": {"RuleName": one.name, "State": one.state},
        }
        for one in page.items
    ]
    return {"ManagedRules": told, "NextToken": page.token}
