"""Carrying out a command on one node: its steps one after the other, as root, until one fails."""

from __future__ import annotations

import inspect
import os
import tempfile
from datetime import UTC, datetime
from typing import Any

from pileus.engines.machine import Machine, MachineFailed
from pileus.kernel import Call, Fault, roles
from pileus.kernel.identity import Principal, service

from . import ssm
from .commands import CANCELLED, ENDED, FAILED, IN_PROGRESS, SUCCESS, TIMED_OUT, Command, Invocation, Step, ended
from .documents import SHELL
from .nodes import machine

Members = dict[str, Any]

SECONDS = 3600
KILLED_AFTER = "5"
TIMED_OUT_STATUS = 124
"""How timeout(1) ends."""
MOST_KEPT = 64 * 1024
NO_AGENT = "The agent is not there any more."


@ssm.task(retries=0)
async def run(call: Call, command_id: str, node_id: str) -> None:
    """Carry out a command on a node. What a crash of the cloud has interrupted has failed, and is not begun again."""
    with call.transaction():
        invocation = Invocation.get(call, command_id, node_id)
        command = Command.get(call, command_id)
        if invocation is None or command is None or invocation.status in ENDED:
            return
        interrupted = invocation.status == IN_PROGRESS
        invocation.status = invocation.details = IN_PROGRESS
        invocation.put(call)
    found = machine(call, node_id)
    for step in invocation.steps:
        if interrupted or found is None:
            step.status, step.errors = FAILED, NO_AGENT
            break
        await carried_out(call, found, step)
        with call.transaction():
            invocation.put(call)
        if step.status != SUCCESS:
            break
    with call.transaction():
        conclude(call, invocation)
    await delivered(call, command, invocation)


def conclude(call: Call, invocation: Invocation) -> None:
    """An invocation has become what the last of its steps that was carried out has."""
    last = next((step.status for step in reversed(invocation.steps) if step.status != "Pending"), FAILED)
    invocation.status = last
    invocation.details = "Execution Timed Out" if last == TIMED_OUT else last
    for step in invocation.steps:
        if step.status == "Pending":
            step.status = CANCELLED
    invocation.put(call)
    ended(call, invocation)


async def carried_out(call: Call, node: Machine, step: Step) -> None:
    """Carry out one step."""
    step.began = call.cloud.clock.now()
    if step.action != SHELL:
        step.status, step.code, step.errors = FAILED, 1, f"Pileus does not carry out {step.action} yet."
    else:
        await scripted(node, step)
    step.ended = call.cloud.clock.now()


async def scripted(node: Machine, step: Step) -> None:
    """Run a step's commands as one script."""
    lines = step.inputs.get("runCommand") or []
    script = "\n".join(lines if isinstance(lines, list) else [lines])
    seconds = str(int(step.inputs.get("timeoutSeconds") or SECONDS))
    argv = ["timeout", "-k", KILLED_AFTER, seconds, "sh", "-c", script]
    with open(os.devnull, "rb") as nothing, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        given = (nothing.fileno(), output.fileno(), errors.fileno())
        directory = step.inputs.get("workingDirectory") or "/usr/bin"
        try:
            status = await node.begin(argv, given, directory=directory)
        except MachineFailed:
            status = 1
        step.code = status
        step.output, step.errors = said(output), said(errors)
    if status == TIMED_OUT_STATUS:
        step.status = TIMED_OUT
    else:
        step.status = SUCCESS if status == 0 else FAILED
    if step.status == FAILED:
        step.errors = "\n".join([*step.errors.splitlines(), f"failed to run commands: exit status {status}"])


def said(file: Any) -> str:
    """What a program has written into a file, as far as it is kept."""
    file.seek(0)
    return str(file.read(MOST_KEPT).decode(errors="replace"))


async def delivered(call: Call, command: Command, invocation: Invocation) -> None:
    """Put the output where the command wants it: a bucket, a log group. The instance's role has to be allowed to."""
    bucket = command.asked.get("OutputS3BucketName", "")
    logs = command.asked.get("CloudWatchOutputConfig") or {}
    if not bucket and not logs.get("CloudWatchOutputEnabled"):
        return
    with call.transaction():
        who = roles.taken_on(call, invocation.role, invocation.node, service("ec2.amazonaws.com"))
    for step in invocation.steps:
        for kind, text in (("stdout", step.output), ("stderr", step.errors)):
            if not text:
                continue
            plugin = step.name.replace(":", "")
            try:
                if bucket:
                    prefix = command.asked.get("OutputS3KeyPrefix", "").strip("/")
                    place = [prefix, command.id, invocation.node, plugin, f"0.{plugin}", kind]
                    await stored(call, who, bucket, "/".join(part for part in place if part), text)
                if logs.get("CloudWatchOutputEnabled"):
                    group = logs.get("CloudWatchLogGroupName") or f"/aws/ssm/{command.document}"
                    stream = f"{command.id}/{invocation.node}/{step.name.replace(':', '-')}/{kind}"
                    await logged(call, who, group, stream, text)
            except Fault:
                return  # as with the agent: the output is still told by GetCommandInvocation


async def stored(call: Call, who: Principal, bucket: str, key: str, text: str) -> None:
    done = call.aws("s3", principal=who).put_object(bucket=bucket, key=key, body=text.encode())
    if inspect.isawaitable(done):
        await done


async def logged(call: Call, who: Principal, group: str, stream: str, text: str) -> None:
    logs = call.aws("logs", principal=who)
    with call.transaction():
        for operation, members in (
            (logs.create_log_group, {"log_group_name": group}),
            (logs.create_log_stream, {"log_group_name": group, "log_stream_name": stream}),
        ):
            try:
                operation(**members)
            except Fault as fault:
                if fault.code != "ResourceAlreadyExistsException":
                    raise
        now = int(call.now * 1000)
        events = [{"timestamp": now, "message": line} for line in text.splitlines() if line]
        done = logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=events)
    if inspect.isawaitable(done):
        await done


def iso(moment: float) -> str:
    """`2026-01-31T12:00:00.123Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
