"""Checkpoints: what the SDK in a function has done since the last one, and what it must know for a replay."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names
from pileus.services.lambda_ import faults, lambda_

from .executions import Execution
from .operations import Operation, apply, replayed

Members = dict[str, Any]

MOST_UPDATES = 500


def check_token(execution: Execution, token: str) -> None:
    if not execution.token or token != execution.token:
        raise faults.invalid("Invalid Checkpoint Token")


@lambda_.operation(on=Execution.by_arn)
def checkpoint_durable_execution(
    call: Call, execution: Execution, checkpoint_token: str, updates: list[Members] = [], client_token: str = ""
) -> Members:
    """Keep what was done: all of it or, where something of it cannot be, nothing."""
    if client_token and client_token == execution.client_token:
        return answered(call, execution)
    check_token(execution, checkpoint_token)
    if len(updates) > MOST_UPDATES:
        raise faults.invalid(f"A checkpoint has at most {MOST_UPDATES} updates.")
    execution.fresh = [each for each in execution.woken if each in execution.fresh]
    for update in updates:
        apply(call, execution, update)
    execution.client_token = client_token
    if execution.status == "PAUSING":
        execution.status = "PAUSED"
        execution.pause["Interrupted"] = True
        execution.token = ""
    elif execution.token:
        execution.token = names.token(32)
    execution.put(call)
    return answered(call, execution)


def answered(call: Call, execution: Execution) -> Members:
    changed = [Operation.by_id(call, execution.id, each) for each in execution.fresh]
    operations = [each.shown() for each in changed if each]
    return {"CheckpointToken": execution.token or None, "NewExecutionState": {"Operations": operations}}


@lambda_.operation(on=Execution.by_arn)
def get_durable_execution_state(
    call: Call, execution: Execution, checkpoint_token: str, marker: str = "", max_items: int = 0
) -> Members:
    """The operations that a replay needs, from where the last page, or the invocation's event, has ended."""
    check_token(execution, checkpoint_token)
    if marker and not marker.isdigit():
        raise faults.invalid("The marker is invalid.")
    most, following = max_items or 100, None
    found: list[Operation] = []
    for operation in replayed(call, execution):
        if operation.number <= int(marker or 0):
            continue
        if len(found) == most:
            following = str(found[-1].number)
            break
        found.append(operation)
    return {"Operations": [each.shown() for each in found], "NextMarker": following}
