"""Callbacks: what others tell an execution that waits for them."""

from __future__ import annotations

import base64
import json
from typing import Any

from pileus.kernel import Call, Fault
from pileus.services.lambda_ import faults, lambda_

from .driving import woken
from .executions import OPEN, Execution
from .operations import Operation, complete
from .timers import plan

Members = dict[str, Any]


def awaited(call: Call, callback_id: str) -> tuple[Execution, Operation]:
    """The execution and its operation that a callback's id names."""
    try:
        account, region, *where, operation_id = json.loads(base64.b64decode(callback_id, validate=True))
        execution = Execution.get(call, *where) if (account, region) == (call.account, call.region) else None
        operation = Operation.by_id(call, where[2], operation_id) if execution else None
    except (ValueError, TypeError, IndexError):
        raise faults.invalid("Invalid callback ID") from None
    if execution is None or operation is None:
        raise faults.none_such("Callback not found")
    if operation.status != "STARTED" or execution.status not in OPEN:
        raise Fault("CallbackTimeoutException", "The callback is not awaited any more.", Type="User")
    return execution, operation


@lambda_.operation
def send_durable_execution_callback_success(call: Call, callback_id: str, result: bytes = b"") -> None:
    execution, operation = awaited(call, callback_id)
    complete(call, execution, operation, "SUCCEEDED", result.decode("utf-8", "replace"))
    woken(call, execution, operation)


@lambda_.operation
def send_durable_execution_callback_failure(call: Call, callback_id: str, error: Members | None = None) -> None:
    execution, operation = awaited(call, callback_id)
    complete(call, execution, operation, "FAILED", error=error or {})
    woken(call, execution, operation)


@lambda_.operation
def send_durable_execution_callback_heartbeat(call: Call, callback_id: str) -> None:
    """Still at it."""
    execution, operation = awaited(call, callback_id)
    if every := operation.limits.get("every"):
        operation.limits["heartbeat"] = call.now + every
        operation.put(call)
        plan(call, execution, operation, call.now + every)
