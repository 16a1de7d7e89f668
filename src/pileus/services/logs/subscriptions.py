"""Subscription filters: what matches a pattern goes to a function, a Kinesis stream, a Firehose, or a destination.

Each PutLogEvents makes one delivery for each filter, a durable task (User Guide, "Real-time processing of log data with
subscriptions").
"""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any, NamedTuple

from pileus.kernel import Call, Fault, Record, identity, roles
from pileus.kernel import arn as arns
from pileus.kernel.access import enforcement
from pileus.kernel.access.standing import standing
from pileus.kernel.access.target import Target

from . import faults, logs, metrics, selection
from .account_policies import AccountPolicy, parsed
from .destinations import Destination
from .groups import Group, standard
from .parts import Stream
from .patterns import compiled
from .scanning import Found, event_id

MOST = 2
"""Subscription filters of a group (User Guide, "CloudWatch Logs quotas")."""
LARGEST = 600_000
"""Characters of messages in one delivery: what a function may be handed asynchronously, once it is packed."""
RETRIES = 24
PRINCIPAL = "logs.amazonaws.com"

Members = dict[str, Any]


class SubscriptionFilter(Record, key=("group", "name"), cfn="AWS::Logs::SubscriptionFilter", kw_only=True):
    """A filter of a group."""

    group: str
    name: str
    group_name: str
    pattern: str
    destination: str
    role: str = ""
    distribution: str = "ByLogStream"
    created: float
    transformed: bool = False
    """Whether it takes what a transformer has made of events."""
    criteria: str = ""
    """Which events it takes, by their account, Region and group."""


@logs.operation(on=Group.named)
async def put_subscription_filter(
    call: Call,
    group: Group,
    filter_name: str,
    filter_pattern: str,
    destination_arn: str,
    role_arn: str = "",
    distribution: str = "ByLogStream",
    apply_on_transformed_logs: bool = False,
    field_selection_criteria: str = "",
) -> None:
    """Create a filter, or replace the one of that name, once its destination takes a test message."""
    standard(group)
    compiled(filter_pattern)
    selection.check(field_selection_criteria)
    kind = destination_kind(destination_arn)
    if kind in ("kinesis", "firehose") and not role_arn:
        raise faults.invalid("Role ARN is required for this destination.")
    if role_arn:
        check_role(role_arn)
    if kind == "lambda" and role_arn:
        raise faults.invalid("destinationArn for vendor lambda cannot be used with roleArn")
    if kind == "logs":
        check_destination(call, destination_arn)
    else:
        await check_delivery(call, group, kind, destination_arn, role_arn)
    with call.transaction():
        group = Group.named(call, group.name)
        if not SubscriptionFilter.get(call, group.id, filter_name):
            if group.subscriptions >= MOST:
                raise faults.limit()
            group.subscriptions += 1
            group.put(call)
        SubscriptionFilter(
            group=group.id,
            name=filter_name,
            group_name=group.name,
            pattern=filter_pattern,
            destination=destination_arn,
            role=role_arn,
            distribution=distribution,
            created=call.now,
            transformed=apply_on_transformed_logs,
            criteria=field_selection_criteria,
        ).put(call)


def check_role(arn: str) -> None:
    try:
        service = arns.parse(arn).service
    except ValueError:
        service = ""
    if service != "iam":
        raise faults.invalid("roleArn is not the ARN of a role.")


def destination_kind(arn: str) -> str:
    """`lambda`, `kinesis`, `firehose`, or `logs` for a destination of CloudWatch Logs."""
    try:
        kind = arns.parse(arn).service
    except ValueError:
        kind = ""
    if kind not in ("lambda", "kinesis", "firehose", "logs"):
        raise faults.invalid("destinationArn is not a valid destination.")
    return kind


def check_destination(call: Call, arn: str) -> None:
    """Whether the destination is there and its policy lets the caller subscribe."""
    named = arns.parse(arn)
    there = call.at(account=named.account, region=named.region)
    found = Destination.get(there, named.resource.removeprefix("destination:"))
    if found is None:
        raise faults.missing("The specified destination does not exist.")
    if named.account == call.account:
        return
    target = Target(arn, named.account, found.policy)
    try:
        enforcement.check(there, standing(call), None, "logs:PutSubscriptionFilter", target, {})
    except Fault:
        raise Fault(
            "AccessDeniedException", f"User with accountId: {call.account} is not authorized to perform the action."
        ) from None


async def check_delivery(call: Call, group: Group, kind: str, arn: str, role: str) -> None:
    """Whether the destination would take something."""
    try:
        if kind == "lambda":
            await settled(functions(call, group).invoke(function_name=arn, invocation_type="DryRun"))
        else:
            message = {"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": ""}
            test = message | {"subscriptionFilters": [], "logEvents": [control_event(call)]}
            await hand_over(call, kind, arn, role, group.arn(call), packed(test), group.id)
    except Fault as fault:
        if fault.code == "NotImplemented":
            raise
        raise faults.invalid(COULD_NOT[kind]) from None


COULD_NOT = {
    "lambda": "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
    "your function.",
    "kinesis": "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in "
    "ACTIVE state.",
    "firehose": "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in "
    "ACTIVE state.",
}


def control_event(call: Call) -> Members:
    message = "CWL CONTROL MESSAGE: Checking health of destination."
    return {"id": "", "timestamp": int(call.now * 1000), "message": message}


@logs.operation(on=Group.named)
def delete_subscription_filter(call: Call, group: Group, filter_name: str) -> None:
    if (found := SubscriptionFilter.get(call, group.id, filter_name)) is None:
        raise faults.missing("The specified subscription filter does not exist.")
    found.delete(call)
    group.subscriptions -= 1
    group.put(call)


@logs.operation(on=Group.named)
def describe_subscription_filters(
    call: Call, group: Group, filter_name_prefix: str = "", next_token: str = "", limit: int = 50
) -> Members:
    page = SubscriptionFilter.page(
        call,
        group.id,
        limit=limit,
        token=next_token,
        since=(filter_name_prefix,),
        before=(filter_name_prefix + "\U0010ffff",),
    )
    return {
        "subscriptionFilters": [
            {
                "filterName": one.name,
                "logGroupName": one.group_name,
                "filterPattern": one.pattern,
                "destinationArn": one.destination,
                "roleArn": one.role or None,
                "distribution": one.distribution,
                "applyOnTransformedLogs": one.transformed,
                "fieldSelectionCriteria": one.criteria or None,
                "creationTime": int(one.created * 1000),
            }
            for one in page.items
        ],
        "nextToken": page.token,
    }


class Rule(NamedTuple):
    """What is passed on, and where to: a filter of a group, or the account's policy."""

    name: str
    pattern: str
    destination: str
    role: str
    distribution: str
    transformed: bool = False
    criteria: str = ""


def rules(call: Call, group: Group) -> list[Rule]:
    """A group's filters, and the account's, if that is about the group."""
    found = [
        Rule(one.name, one.pattern, one.destination, one.role, one.distribution, one.transformed, one.criteria)
        for one in (SubscriptionFilter.scan(call, group.id) if group.subscriptions else ())
    ]
    for policy in AccountPolicy.scan(call, "SUBSCRIPTION_FILTER_POLICY"):
        if policy.selects(group.name):
            told = parsed(policy.document)
            place = (told["DestinationArn"], told.get("RoleArn", ""), told.get("Distribution", "Random"))
            found.append(Rule(f"ACCOUNT_LEVEL_POLICY/{policy.name}", told.get("FilterPattern", ""), *place))
    return found


def check_policy(call: Call, told: Members) -> None:
    """Refuse a subscription policy of the account that leads nowhere."""
    compiled(told.get("FilterPattern", ""))
    destination_kind(told.get("DestinationArn", ""))


def pass_on(call: Call, group: Group, stream: Stream, found: list[Found], shaped: list[Found]) -> None:
    """Have what a group's filters want of events that have arrived delivered, or of what has been made of them."""
    for rule in rules(call, group):
        if not selection.selected(call, group, rule.criteria):
            continue
        pattern, seen = compiled(rule.pattern), shaped if rule.transformed else found
        for piece in sized([event for event in seen if pattern.matches(event.message)]):
            message = {
                "messageType": "DATA_MESSAGE",
                "owner": call.account,
                "logGroup": group.name,
                "logStream": stream.name,
                "subscriptionFilters": [rule.name],
                "logEvents": [
                    {"id": event_id(stream, event), "timestamp": event.at, "message": event.message} for event in piece
                ],
            }
            spread = stream.id if rule.distribution == "ByLogStream" else event_id(stream, piece[0])
            deliver.later(call, group=group.name, name=rule.name, data=packed(message), spread=spread, count=len(piece))


def sized(found: list[Found]) -> list[list[Found]]:
    pieces: list[list[Found]] = []
    size = LARGEST
    for event in found:
        if size + len(event.message) > LARGEST:
            pieces.append([])
            size = 0
        pieces[-1].append(event)
        size += len(event.message) + 100
    return pieces


def packed(message: Members) -> bytes:
    return gzip.compress(json.dumps(message, separators=(",", ":")).encode(), 6, mtime=0)


@logs.task(retries=RETRIES)
async def deliver(call: Call, group: str, name: str, data: bytes, spread: str, count: int = 1) -> None:
    """Hand over events to where a filter leads now; what nobody takes for a day is lost, as on AWS."""
    found = Group.get(call, group)
    rule = next((one for one in rules(call, found) if one.name == name), None) if found else None
    if found is None or rule is None:
        return
    kind = destination_kind(rule.destination)
    try:
        await hand_over(call, kind, rule.destination, rule.role, found.arn(call), data, spread)
    except Fault:
        metrics.forwarded(call, group, name, kind, len(data), count, failed=True)
        raise
    metrics.forwarded(call, group, name, kind, len(data), count, failed=False)


async def hand_over(call: Call, kind: str, arn: str, role: str, source: str, data: bytes, spread: str) -> None:
    if kind == "logs":
        named = arns.parse(arn)
        call = call.at(account=named.account, region=named.region)
        destination = Destination.named(call, named.resource.removeprefix("destination:"))
        arn, role = destination.target, destination.role
        kind = destination_kind(arn)
    ours = identity.service(PRINCIPAL, f"{source}:*", source.split(":")[4])
    if kind == "lambda":
        payload = json.dumps({"awslogs": {"data": base64.b64encode(data).decode()}}).encode()
        functions = call.aws("lambda", principal=ours)
        await settled(functions.invoke(function_name=arn, invocation_type="Event", payload=payload))
        return
    there = call.at(region=arns.parse(arn).region)
    with call.transaction():
        principal = roles.taken_on(there, role, "CloudWatchLogs", ours)
    name = arn.rpartition("/")[2]
    if kind == "kinesis":
        streams = there.aws("kinesis", principal=principal)
        await settled(streams.put_record(stream_name=name, data=data, partition_key=spread))
    else:
        firehose = there.aws("firehose", principal=principal)
        await settled(firehose.put_record(delivery_stream_name=name, record={"Data": data}))


def functions(call: Call, group: Group) -> Any:
    return call.aws("lambda", principal=identity.service(PRINCIPAL, f"{group.arn(call)}:*", call.account))


async def settled(result: Any) -> Any:
    """The result, whether the operation waits for something or not."""
    return await result if hasattr(result, "__await__") else result
