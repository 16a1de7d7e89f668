"""What became of a command on each of its nodes."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault

from . import ssm
from .commands import MOST_LISTED, SHOWN, SHOWN_LISTED, Command, Invocation, Step, existing, fits, paged
from .running import iso

Members = dict[str, Any]


@ssm.operation
def list_command_invocations(
    call: Call,
    command_id: str = "",
    instance_id: str = "",
    max_results: int = MOST_LISTED,
    next_token: str = "",
    filters: list[Members] = [],
    details: bool = False,
) -> Members:
    """The invocations of a command, or all of them, the latest first; with the output of their steps if wanted."""
    commands = [existing(call, command_id)] if command_id else sorted(Command.scan(call), key=lambda one: -one.sent)
    found = [
        shown(command, one, details=details)
        for command in commands
        if not instance_id or instance_id in command.nodes
        for one in Invocation.scan(call, command.id)
        if (not instance_id or one.node == instance_id) and fits(command, one.status, filters)
    ]
    return paged(call, "CommandInvocations", found, max_results, next_token)


def shown(command: Command, one: Invocation, *, details: bool) -> Members:
    """CommandInvocation."""
    asked = command.asked
    return {
        "CommandId": command.id,
        "InstanceId": one.node,
        "InstanceName": one.name,
        "Comment": asked.get("Comment", ""),
        "DocumentName": command.document,
        "DocumentVersion": asked.get("DocumentVersion", "$DEFAULT"),
        "RequestedDateTime": command.sent,
        "Status": one.status,
        "StatusDetails": one.details,
        "StandardOutputUrl": "",
        "StandardErrorUrl": "",
        "CommandPlugins": [plugin(asked, step) for step in one.steps] if details else [],
        "ServiceRole": asked.get("ServiceRoleArn", ""),
        "NotificationConfig": asked.get("NotificationConfig"),
        "CloudWatchOutputConfig": asked.get("CloudWatchOutputConfig"),
    }


def plugin(asked: Members, step: Step) -> Members:
    """CommandPlugin."""
    output = step.output + (f"\n----------ERROR-------\n{step.errors}" if step.errors else "")
    return {
        "Name": step.name,
        "Status": step.status,
        "StatusDetails": step.status,
        "ResponseCode": step.code,
        "ResponseStartDateTime": step.began or None,
        "ResponseFinishDateTime": step.ended or None,
        "Output": output[:SHOWN_LISTED],
        "OutputS3BucketName": asked.get("OutputS3BucketName", ""),
        "OutputS3KeyPrefix": asked.get("OutputS3KeyPrefix", ""),
    }


@ssm.operation
def get_command_invocation(call: Call, command_id: str, instance_id: str, plugin_name: str = "") -> Members:
    """One invocation, and what the first of its steps, or the one of that name, has said."""
    command = existing(call, command_id)
    one = Invocation.get(call, command_id, instance_id)
    if one is None:
        raise Fault(
            "InvocationDoesNotExist", "The command ID and managed node ID you specified didn't match any invocations."
        )
    step = next((step for step in one.steps if plugin_name in ("", step.name)), None)
    if step is None:
        raise Fault("InvalidPluginName", "The plugin name isn't valid.")
    return {
        "CommandId": command_id,
        "InstanceId": instance_id,
        "Comment": command.asked.get("Comment", ""),
        "DocumentName": command.document,
        "DocumentVersion": command.asked.get("DocumentVersion", "$DEFAULT"),
        "PluginName": step.name,
        "ResponseCode": step.code,
        "ExecutionStartDateTime": iso(step.began) if step.began else "",
        "ExecutionElapsedTime": f"PT{step.ended - step.began:.3f}S" if step.ended else "",
        "ExecutionEndDateTime": iso(step.ended) if step.ended else "",
        "Status": one.status,
        "StatusDetails": one.details,
        "StandardOutputContent": step.output[:SHOWN],
        "StandardOutputUrl": "",
        "StandardErrorContent": step.errors[:SHOWN],
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": command.asked.get("CloudWatchOutputConfig") or {"CloudWatchOutputEnabled": False},
    }
