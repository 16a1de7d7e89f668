"""Targets: what a rule calls, with which input, as whom, and how often it is tried."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, Record, arn, jsonpath

from . import buses, events, faults
from .buses import DEFAULT, Bus
from .rules import Rule

PER_PAGE = 100
MOST_TARGETS = 5
PLACES = ("Input", "InputPath", "InputTransformer")
WANT_ROLE = {"kinesis", "states", "firehose", "batch", "ssm", "ecs", "codebuild", "codepipeline", "redshift-data"}
MOST_PATHS = 100

Target = dict[str, Any]


class Held(Record, key=("bus", "rule", "id"), indexes={"by_arn": ("bus", "arn_of_target")}):
    """A target of a rule, as PutTargets has it."""

    bus: str
    rule: str
    id: str
    arn_of_target: str
    target: Target


@events.operation(on=lambda call, rule, event_bus_name=DEFAULT: Rule.on_bus(call, rule, event_bus_name))
def put_targets(call: Call, rule: Rule, targets: list[Target], event_bus_name: str = DEFAULT) -> dict[str, Any]:
    """Add targets to a rule, or put others in the places of theirs."""
    rule.check_mine(call)
    here = buses.at(call, event_bus_name)
    ids = [target["Id"] for target in targets]
    if len({*ids}) < len(ids):
        raise faults.validation("Two or more targets in the request have the same Id.")
    for target in targets:
        check(here, target)
    held = {one.id for one in Held.scan(here, rule.bus, rule.name)}
    if len(held | {*ids}) > MOST_TARGETS:
        raise Fault("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
    for target in targets:
        Held(rule.bus, rule.name, target["Id"], target["Arn"], target).put(here)
    return {"FailedEntryCount": 0, "FailedEntries": []}


def check(call: Call, target: Target) -> None:
    where = f"target {target['Id']}"
    try:
        found = arn.parse(target["Arn"])
    except ValueError:
        raise faults.parameter(target["Arn"], "Provided Arn is not in correct format.") from None
    if sum(name in target for name in PLACES) > 1:
        words = f"Only one of Input, InputPath, or InputTransformer must be provided for {where}."
        raise faults.validation(words)
    elsewhere = found.service == "events" and found.account != call.account
    if found.resource.startswith("event-bus/") and elsewhere and any(name in target for name in PLACES):
        raise faults.validation(f"Input, InputPath and InputTransformer are not supported for {where}.")
    own = found.service == "events" and found.resource.startswith(("api-destination/", "target/"))
    if (found.service in WANT_ROLE or own) and not target.get("RoleArn"):
        raise faults.validation(f"RoleArn is required for target {target['Arn']}.")
    if found.service == "sqs" and found.resource.endswith(".fifo") and "SqsParameters" not in target:
        raise faults.validation(f"Parameter(s) SqsParameters must be specified for target: {target['Id']}.")
    if found.service == "ecs" and "EcsParameters" not in target:
        raise faults.validation(f"Parameter(s) EcsParameters must be specified for target: {target['Id']}.")
    check_input(target)


def check_input(target: Target) -> None:
    if (given := target.get("Input")) is not None:
        try:
            json.loads(given)
        except ValueError:
            raise faults.validation(f"JSON syntax error in input for target {target['Id']}.") from None
    transformer = target.get("InputTransformer", {})
    paths = transformer.get("InputPathsMap", {})
    if len(paths) > MOST_PATHS:
        raise faults.validation(f"InputPathsMap of target {target['Id']} has more than {MOST_PATHS} entries.")
    for name in paths:
        if name.lower().startswith("aws"):
            raise faults.validation(f"InputPathsMap of target {target['Id']} contains a reserved key: {name}.")
    kinesis = [target["KinesisParameters"]["PartitionKeyPath"]] if "KinesisParameters" in target else []
    for path in [*paths.values(), *([target["InputPath"]] if target.get("InputPath") else []), *kinesis]:
        try:
            jsonpath.parse(path)
        except ValueError:
            raise faults.parameter("InputPath", f"Invalid JSON path {path} in target {target['Id']}.") from None


@events.operation(on=lambda call, rule, event_bus_name=DEFAULT: Rule.on_bus(call, rule, event_bus_name))
def list_targets_by_rule(
    call: Call, rule: Rule, event_bus_name: str = DEFAULT, next_token: str = "", limit: int = PER_PAGE
) -> dict[str, Any]:
    page = Held.page(buses.at(call, event_bus_name), rule.bus, rule.name, limit=limit, token=next_token)
    return {"Targets": [held.target for held in page.items], "NextToken": page.token}


@events.operation
def list_rule_names_by_target(
    call: Call, target_arn: str, event_bus_name: str = DEFAULT, next_token: str = "", limit: int = PER_PAGE
) -> dict[str, Any]:
    bus = Bus.by_name(call, event_bus_name)
    here = buses.at(call, event_bus_name)
    page = Held.page(here, bus.name, target_arn, index="by_arn", limit=limit, token=next_token)
    return {"RuleNames": list(dict.fromkeys(held.rule for held in page.items)), "NextToken": page.token}


@events.operation(on=lambda call, rule, event_bus_name=DEFAULT: Rule.on_bus(call, rule, event_bus_name))
def remove_targets(
    call: Call, rule: Rule, ids: list[str], event_bus_name: str = DEFAULT, force: bool = False
) -> dict[str, Any]:
    """Take targets from a rule; one that is not there is a failed entry."""
    rule.check_mine(call, force)
    here = buses.at(call, event_bus_name)
    failed = []
    for identity in ids:
        if held := Held.get(here, rule.bus, rule.name, identity):
            held.delete(here)
        else:
            words = f"Rule {rule.name} does not have any targets with the Id {identity}."
            failed.append({"TargetId": identity, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": words})
    return {"FailedEntryCount": len(failed), "FailedEntries": failed}
