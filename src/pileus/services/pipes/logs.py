"""What a pipe tells of its work, in CloudWatch Logs. User Guide, "Logging Amazon EventBridge Pipes"."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, identity, names

from . import pipes
from .definitions import LEVELS, Pipe


def note(call: Call, pipe: Pipe, level: str, kind: str, message: str = "", records: list[Any] | None = None) -> None:
    """Log a step of a pipe, if it logs steps of that level."""
    destination = pipe.logs.get("CloudwatchLogsLogDestination")
    if not destination or LEVELS.index(level) > LEVELS.index(pipe.logs["Level"]):
        return
    told = {
        "resourceArn": pipe.arn(call),
        "timestamp": int(call.now * 1000),
        "executionId": names.uuid4(),
        "messageType": kind,
        "logLevel": level,
    }
    if message:
        told["error"] = {"message": message}
    if records is not None and "ALL" in (pipe.logs.get("IncludeExecutionData") or ()):
        told["payload"] = json.dumps(records)
    with call.transaction():
        write.later(call, pipe=pipe.name, group=destination["LogGroupArn"], line=json.dumps(told), at=told["timestamp"])


@pipes.task(retries=2)
def write(call: Call, pipe: str, group: str, line: str, at: int) -> None:
    from .processing import put_line

    logs = call.aws("logs", principal=identity.service("delivery.logs.amazonaws.com", source_account=call.account))
    name = group.split(":", 6)[6].removesuffix(":*")
    try:
        put_line(logs, name, f"pipes/{pipe}", {"timestamp": at, "message": line})
    except Fault as fault:
        if "NotFound" not in fault.code:
            raise  # a group that is gone hears nothing
