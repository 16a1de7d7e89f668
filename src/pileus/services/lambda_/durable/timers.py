"""What becomes due on the cloud's clock: waits, the next attempts of steps, limits of callbacks and of executions."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.lambda_ import lambda_

from .driving import woken
from .executions import OPEN, Execution, end, forget
from .operations import Operation, complete

Members = dict[str, Any]

TIMED_OUT = {"ErrorType": "Callback.Timeout", "ErrorMessage": "Callback timed out"}
SILENT = {"ErrorType": "Callback.Heartbeat", "ErrorMessage": "Callback heartbeat timed out"}


def plan(call: Call, execution: Execution, operation: Operation, at: float) -> None:
    """Look at an operation again at that time."""
    operation_due.later(call, **execution.place_of, operation=operation.id, due=at)


def limits(call: Call, execution: Execution, operation: Operation, options: Members) -> Members:
    """When a callback will have taken too long, and when it is too long silent."""
    found: Members = {}
    if seconds := options.get("TimeoutSeconds"):
        found["timeout"] = call.now + seconds
        plan(call, execution, operation, call.now + seconds)
    if seconds := options.get("HeartbeatTimeoutSeconds"):
        found |= {"every": seconds, "heartbeat": call.now + seconds}
        plan(call, execution, operation, call.now + seconds)
    return found


@lambda_.task
def operation_due(call: Call, function: str, started: float, id: str, operation: str) -> None:  # noqa: A002
    """An operation's time has come, unless it has been put off or is over."""
    execution = Execution.get(call, function, started, id)
    found = Operation.by_id(call, id, operation)
    if execution is None or found is None or execution.status not in OPEN:
        return
    now = call.now + 0.001
    if found.kind == "WAIT" and found.status == "STARTED" and found.details["ScheduledEndTimestamp"] <= now:
        complete(call, execution, found, "SUCCEEDED")
    elif found.kind == "STEP" and found.status == "PENDING" and found.details["NextAttemptTimestamp"] <= now:
        found.status = "READY"
        found.put(call)
    elif found.kind == "CALLBACK" and found.status == "STARTED" and found.limits.get("timeout", now + 1) <= now:
        complete(call, execution, found, "TIMED_OUT", error=TIMED_OUT)
    elif found.kind == "CALLBACK" and found.status == "STARTED" and found.limits.get("heartbeat", now + 1) <= now:
        complete(call, execution, found, "TIMED_OUT", error=SILENT)
    else:
        return
    woken(call, execution, found)


@lambda_.task
def execution_due(call: Call, function: str, started: float, id: str) -> None:  # noqa: A002
    """An execution has taken too long, unless it has been paused meanwhile."""
    execution = Execution.get(call, function, started, id)
    if execution is None or execution.status not in OPEN or execution.deadline > call.now + 0.001:
        return
    if execution.status == "PAUSED" and execution.pause["ExecutionTimeoutPaused"]:
        return
    end(call, execution, "TIMED_OUT", error={"ErrorMessage": "The execution has timed out."})


@lambda_.task
def forgotten(call: Call, function: str, started: float, id: str) -> None:  # noqa: A002
    """An execution has been kept for as long as was asked for."""
    if (execution := Execution.get(call, function, started, id)) and execution.status not in OPEN:
        forget(call, execution)
