"""Commands: a document carried out on nodes, on so many at a time, until too many have failed.

Systems Manager User Guide, "AWS Systems Manager Run Command". Left out: resource groups as targets, alarms that stop a
command, and the time until delivery: a node that is managed is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, Unfinished, names, paging

from . import changes, ssm
from .documents import steps, version_of
from .nodes import Node, node, nodes

Members = dict[str, Any]

PENDING, IN_PROGRESS, SUCCESS, FAILED, CANCELLED = "Pending", "InProgress", "Success", "Failed", "Cancelled"
TIMED_OUT = "TimedOut"
ENDED = (SUCCESS, FAILED, CANCELLED, TIMED_OUT)

MOST_NAMED = 50
"""Instances that a command may name one by one."""
AT_ONCE, ERRORS = "50", "0"
"""MaxConcurrency and MaxErrors by default."""
KEPT = 30 * 86400.0
EXPIRES = 3600
MOST_LISTED = 50
SHOWN, SHOWN_LISTED = 24000, 2500
"""Characters of the output that are told of one invocation, and in lists."""
PLACE = re.compile(r"\{\{\s*(?:ssm:)?([\w.-]+)\s*\}\}")


class Step(msgspec.Struct):
    """One step of an invocation."""

    name: str
    action: str
    inputs: Members
    status: str = PENDING
    code: int = -1
    began: float = 0.0
    ended: float = 0.0
    output: str = ""
    errors: str = ""


class Command(Record, scope="region", kw_only=True):
    """A command that was sent."""

    id: str
    document: str
    version: str
    asked: Members
    """The request, in wire names."""
    sent: float
    nodes: list[str]
    waiting: list[str]
    """Nodes that it has not been sent to yet."""
    at_once: int
    most_errors: int
    running: int = 0
    completed: int = 0
    errors: int = 0
    status: str = PENDING
    cancelled: bool = False


class Invocation(Record, key=("command", "node"), kw_only=True):
    """A command on one node."""

    command: str
    node: str
    name: str
    role: str
    sent: float
    status: str = PENDING
    details: str = PENDING
    steps: list[Step]


@ssm.operation
def send_command(
    call: Call,
    document_name: str,
    instance_ids: list[str] = [],
    targets: list[Members] = [],
    document_version: str = "",
    timeout_seconds: int = EXPIRES,
    comment: str = "",
    parameters: dict[str, list[str]] = {},
    output_s3_region: str = "",
    output_s3_bucket_name: str = "",
    output_s3_key_prefix: str = "",
    max_concurrency: str = AT_ONCE,
    max_errors: str = ERRORS,
    service_role_arn: str = "",
    notification_config: Members = {},
    cloud_watch_output_config: Members = {},
) -> Members:
    """Carry out a document on nodes."""
    document, version = version_of(call, document_name, document_version)
    given = arguments(document, parameters)
    if notification_config.get("NotificationArn") and not service_role_arn:
        raise Fault("InvalidRole", "A service role is required to send notifications.")
    found = meant(call, instance_ids, targets)
    command = Command(
        id=names.uuid4(),
        document=document_name,
        version=version,
        asked=dict(call.members),
        sent=call.now,
        nodes=[one.id for one in found],
        waiting=[one.id for one in found],
        at_once=number(max_concurrency, len(found), least=1),
        most_errors=number(max_errors, len(found), least=0),
        status=PENDING if found else SUCCESS,
    )
    for one in found:
        Invocation(
            command=command.id,
            node=one.id,
            name=one.tags.get("Name", ""),
            role=one.role,
            sent=call.now,
            steps=[Step(name, action, filled(inputs, given)) for name, action, inputs in steps(document)],
        ).put(call)
    for _ in range(command.at_once):
        begin_next(call, command)
    command.put(call)
    return {"Command": shown(command)}


def arguments(document: Members, given: dict[str, list[str]]) -> dict[str, Any]:
    """The values of a document's parameters; InvalidParameters for those that it has not, or that do not fit."""
    declared = document.get("parameters") or {}
    if unknown := given.keys() - declared.keys():
        raise Fault("InvalidParameters", f"Parameters {sorted(unknown)} are not defined in the document.")
    values: dict[str, Any] = {}
    for name, told in declared.items():
        if name in given:
            values[name] = given[name] if told.get("type") == "StringList" else "".join(given[name][:1])
        elif "default" in told:
            values[name] = told["default"]
        else:
            raise Fault("InvalidParameters", f"Parameter {name} is required by the document.")
        texts = values[name] if isinstance(values[name], list) else [values[name]]
        allowed = told.get("allowedValues")
        if allowed and not all(text in allowed for text in texts):
            raise Fault("InvalidParameters", f"Parameter {name} has a value that is not allowed.")
        if (pattern := told.get("allowedPattern")) and not all(re.fullmatch(pattern, str(text)) for text in texts):
            raise Fault("InvalidParameters", f"Parameter {name} does not match the pattern {pattern}.")
    return values


def filled(told: Any, values: dict[str, Any]) -> Any:
    """A part of a document with the values of the parameters that it names."""
    if isinstance(told, dict):
        return {name: filled(inner, values) for name, inner in told.items()}
    if isinstance(told, list):
        return [one for inner in told for one in _spread(filled(inner, values), inner)]
    if not isinstance(told, str):
        return told
    whole = PLACE.fullmatch(told.strip())
    if whole and whole[1] in values:
        return values[whole[1]]
    return PLACE.sub(lambda place: _joined(values.get(place[1], place[0])), told)


def _spread(value: Any, written: Any) -> list[Any]:
    """A list that stands for one line of a list is lines of it."""
    return value if isinstance(value, list) and isinstance(written, str) else [value]


def _joined(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def meant(call: Call, instance_ids: list[str], targets: list[Members]) -> list[Node]:
    """The nodes that a command is for."""
    if bool(instance_ids) == bool(targets):
        raise Fault("ValidationException", "Specify either InstanceIds or Targets.", status=400)
    if len(instance_ids) > MOST_NAMED:
        raise Fault("ValidationException", f"At most {MOST_NAMED} instances can be named.", status=400)
    if len(set(instance_ids)) < len(instance_ids):
        raise Fault("DuplicateInstanceId", "You cannot specify an instance ID in more than one association.")
    if instance_ids:
        found = {one: node(call, one) for one in instance_ids}
        if absent := [one for one, there in found.items() if there is None]:
            told = f"Instances [[{', '.join(absent)}]] not in a valid state for account {call.account}"
            raise Fault("InvalidInstanceId", told)
        return [there for there in found.values() if there]
    filters = [_filter(one.get("Key", ""), one.get("Values", [])) for one in targets]
    return list(nodes(call, [one for one in filters if one]))


def _filter(key: str, values: list[str]) -> Members:
    if key == "InstanceIds":
        return {} if values == ["*"] else {"Name": "instance-id", "Values": values}
    if key.startswith("tag:") or key == "tag-key":
        return {"Name": key, "Values": values}
    if key.startswith("resource-groups:"):
        raise Unfinished("Pileus does not find nodes by resource groups yet.")
    raise Fault("ValidationException", f"{key} is not a valid key of a target.", status=400)


def number(text: str, of: int, *, least: int) -> int:
    """A number of nodes, which may be told in per cent of them."""
    if text.endswith("%"):
        return max(least, of * int(text[:-1]) // 100)
    return max(least, int(text))


def begin_next(call: Call, command: Command) -> None:
    """Send a command to the next node that waits for it."""
    from .running import run  # which needs commands

    if command.waiting:
        command.status = IN_PROGRESS
        command.running += 1
        run.later(call, command_id=command.id, node_id=command.waiting.pop(0))


def ended(call: Call, invocation: Invocation) -> None:
    """Count an invocation that has ended; go on with others, or end the command with the last of them."""
    command = Command.get(call, invocation.command)
    assert command
    command.running -= 1
    command.completed += 1
    command.errors += invocation.status in (FAILED, TIMED_OUT)
    told(call, command, "Invocation", invocation.status, {"instance-id": invocation.node})
    if command.errors > command.most_errors:
        give_up(call, command, command.waiting, "Terminated")
    begin_next(call, command)
    if not command.running:
        end(call, command)
    command.put(call)


def give_up(call: Call, command: Command, left: list[str], details: str) -> None:
    """Send a command to some of the nodes that wait for it no more."""
    for one in [*left]:
        invocation = Invocation.get(call, command.id, one)
        assert invocation
        invocation.status, invocation.details = CANCELLED, details
        invocation.put(call)
        command.waiting.remove(one)
        command.completed += 1


def end(call: Call, command: Command) -> None:
    """A command has ended: with the worst that became of it anywhere."""
    if command.errors:
        command.status = FAILED
    else:
        command.status = CANCELLED if command.cancelled else SUCCESS
    told(call, command, "Command", command.status, {})


def told(call: Call, command: Command, kind: str, status: str, more: dict[str, str]) -> None:
    """Tell EventBridge of a state, and the topic that the command names."""
    detail = {
        "command-id": command.id,
        "document-name": command.document,
        "requested-date-time": changes.stamp(command.sent),
        "status": status,
    } | more
    event = "EC2 Command Invocation Status-change Notification" if kind == "Invocation" else ""
    resource = call.arn(f"instance/{more['instance-id']}", "ec2") if more else call.arn(f"command/{command.id}")
    changes.tell.later(call, kind=event or "EC2 Command Status-change Notification", resource=resource, detail=detail)
    wanted = command.asked.get("NotificationConfig") or {}
    events = wanted.get("NotificationEvents") or ["All"]
    asked = wanted.get("NotificationArn") and wanted.get("NotificationType", "Command") == kind
    if asked and ("All" in events or status in events):
        role = command.asked["ServiceRoleArn"]
        changes.publish.later(call, topic=wanted["NotificationArn"], role=role, detail=_notice(detail))


def _notice(detail: dict[str, str]) -> dict[str, str]:
    """What a topic is told: the names of an event in another spelling."""
    return {re.sub(r"-(\w)", lambda letter: letter[1].upper(), name): value for name, value in detail.items()}


@ssm.operation
def cancel_command(call: Call, command_id: str, instance_ids: list[str] = []) -> None:
    """Cancel a command where it has not begun. What runs goes on: AWS promises no more."""
    command = existing(call, command_id)
    if unknown := set(instance_ids) - set(command.nodes):
        raise Fault("InvalidInstanceId", f"The command was not sent to {', '.join(sorted(unknown))}.")
    if command.status in ENDED:
        return
    chosen = [one for one in command.waiting if not instance_ids or one in instance_ids]
    command.cancelled = bool(chosen)
    give_up(call, command, chosen, CANCELLED)
    if not command.running:
        end(call, command)
    command.put(call)


def existing(call: Call, command_id: str) -> Command:
    command = Command.get(call, command_id)
    if command is None or command.sent + KEPT <= call.now:
        raise Fault("InvalidCommandId", "The specified command ID isn't valid.")
    return command


def shown(command: Command) -> Members:
    """Command."""
    asked = command.asked
    same = ("Comment", "Parameters", "InstanceIds", "Targets", "OutputS3Region", "OutputS3BucketName")
    more = ("OutputS3KeyPrefix", "NotificationConfig", "CloudWatchOutputConfig")
    expires = command.sent + asked.get("TimeoutSeconds", EXPIRES) + EXPIRES
    return {name: asked.get(name) for name in (*same, *more)} | {
        "CommandId": command.id,
        "DocumentName": command.document,
        "DocumentVersion": asked.get("DocumentVersion", "$DEFAULT"),
        "Comment": asked.get("Comment", ""),
        "InstanceIds": asked.get("InstanceIds", []),
        "Targets": asked.get("Targets", []),
        "ExpiresAfter": expires,
        "RequestedDateTime": command.sent,
        "Status": command.status,
        "StatusDetails": command.status,
        "MaxConcurrency": asked.get("MaxConcurrency", AT_ONCE),
        "MaxErrors": asked.get("MaxErrors", ERRORS),
        "TargetCount": len(command.nodes),
        "CompletedCount": command.completed,
        "ErrorCount": command.errors,
        "DeliveryTimedOutCount": 0,
        "ServiceRole": asked.get("ServiceRoleArn", ""),
        "TimeoutSeconds": asked.get("TimeoutSeconds", EXPIRES),
    }


def fits(command: Command, status: str, filters: list[Members]) -> bool:
    """Whether a command, or its invocation of that status, fits the filters of a list."""
    sent = changes.stamp(command.sent)
    stage = "Complete" if status in ENDED else "Executing"
    tests: dict[str, Callable[[str], bool]] = {
        "InvokedAfter": lambda value: sent > value,
        "InvokedBefore": lambda value: sent < value,
        "Status": lambda value: status == value,
        "ExecutionStage": lambda value: stage == value,
        "DocumentName": lambda value: command.document == value,
    }
    return all(tests[one["key"]](one["value"]) for one in filters)


@ssm.operation
def list_commands(
    call: Call,
    command_id: str = "",
    instance_id: str = "",
    max_results: int = MOST_LISTED,
    next_token: str = "",
    filters: list[Members] = [],
) -> Members:
    """The commands of thirty days, the latest first."""
    if command_id:
        return {"Commands": [shown(existing(call, command_id))]}
    found = [
        one
        for one in sorted(Command.scan(call), key=lambda one: -one.sent)
        if one.sent + KEPT > call.now
        and (not instance_id or instance_id in one.nodes)
        and fits(one, one.status, filters)
    ]
    return paged(call, "Commands", [shown(one) for one in found], max_results, next_token)


def paged(call: Call, member: str, found: list[Members], most: int, token: str) -> Members:
    bad = Fault("InvalidNextToken", "The specified token is not valid.")
    start = paging.opened(call, token, bad) if token else 0
    answer: Members = {member: found[start : start + most]}
    return answer | ({"NextToken": paging.sealed(call, start + most)} if start + most < len(found) else {})
