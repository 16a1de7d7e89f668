"""Operations: what an execution does and waits for, and how a checkpoint changes them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record
from pileus.services.lambda_ import faults

from . import history

if TYPE_CHECKING:
    from .executions import Execution

Members = dict[str, Any]

OPEN = {"STARTED", "PENDING", "READY"}
DETAILS = {
    "STEP": "StepDetails",
    "WAIT": "WaitDetails",
    "CALLBACK": "CallbackDetails",
    "CONTEXT": "ContextDetails",
    "CHAINED_INVOKE": "ChainedInvokeDetails",
}
NAMES = {
    "STEP": "Step",
    "WAIT": "Wait",
    "CALLBACK": "Callback",
    "CONTEXT": "Context",
    "CHAINED_INVOKE": "ChainedInvoke",
}
ACTIONS = {
    "STEP": {"START", "SUCCEED", "FAIL", "RETRY"},
    "WAIT": {"START", "CANCEL"},
    "CALLBACK": {"START"},
    "CONTEXT": {"START", "SUCCEED", "FAIL"},
    "CHAINED_INVOKE": {"START", "CANCEL"},
    "EXECUTION": {"SUCCEED", "FAIL"},
}


class Operation(Record, key=("execution", "number"), indexes={"id": ("execution", "id")}, kw_only=True):
    """A step, a wait, a callback, a context or a chained invocation."""

    execution: str
    number: int
    id: str
    kind: str
    name: str = ""
    subtype: str = ""
    parent: str = ""
    status: str = "STARTED"
    started: float
    ended: float = 0.0
    details: Members = {}
    limits: Members = {}
    """Of a callback: when it will have taken too long, and how often it has to be heard of."""

    def shown(self) -> Members:
        found = {
            "Id": self.id,
            "ParentId": self.parent or None,
            "Name": self.name or None,
            "Type": self.kind,
            "SubType": self.subtype or None,
            "StartTimestamp": self.started,
            "EndTimestamp": self.ended or None,
            "Status": self.status,
            DETAILS[self.kind]: self.details,
        }
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def by_id(cls, call: Call, execution: str, id: str) -> Operation | None:  # noqa: A002
        return cls.first(call, execution, id, index="id")


def replayed(call: Call, execution: Execution) -> Iterator[Operation]:
    """The operations that a replay needs: not those within a context that is over."""
    closed: set[str] = set()
    for operation in Operation.scan(call, execution.id):
        within = operation.parent in closed
        over = operation.kind == "CONTEXT" and operation.status not in OPEN
        if within or (over and not operation.details.get("ReplayChildren")):
            closed.add(operation.id)
        if not within:
            yield operation


# What a checkpoint says


def apply(call: Call, execution: Execution, update: Members) -> None:
    """Carry out one update."""
    kind, action = update["Type"], update["Action"]
    if action not in ACTIONS[kind]:
        raise faults.invalid(f"Invalid action {action} for an operation of type {kind}.")
    if kind == "EXECUTION":
        conclude(call, execution, update)
        return
    operation = Operation.by_id(call, execution.id, update["Id"])
    if action == "START":
        if operation is None:
            begin(call, execution, update)
        elif kind == "STEP" and operation.status in ("READY", "PENDING"):
            restarted(call, execution, operation)
        else:
            raise faults.invalid(f"Operation {update['Id']} has already been started.")
        return
    if operation is None and kind == "STEP":  # one that was not announced
        operation = begin(call, execution, update)
    if operation is None or operation.kind != kind:
        raise faults.invalid(f"Operation {update['Id']} has not been started.")
    if operation.status not in OPEN:
        raise faults.invalid(f"Operation {update['Id']} is already {operation.status}.")
    if action == "RETRY":
        retried(call, execution, operation, update)
    else:
        status = {"SUCCEED": "SUCCEEDED", "FAIL": "FAILED", "CANCEL": "CANCELLED"}[action]
        if (update.get("ContextOptions") or {}).get("ReplayChildren"):
            operation.details["ReplayChildren"] = True
        complete(call, execution, operation, status, update.get("Payload"), update.get("Error"))


def conclude(call: Call, execution: Execution, update: Members) -> None:
    """The execution itself is over."""
    from .executions import end

    if update["Action"] == "SUCCEED":
        end(call, execution, "SUCCEEDED", update.get("Payload", ""))
    else:
        end(call, execution, "FAILED", error=update.get("Error", {}))


def begin(call: Call, execution: Execution, update: Members) -> Operation:
    from . import timers

    if parent := update.get("ParentId"):
        above = Operation.by_id(call, execution.id, parent)
        if above is None or above.kind != "CONTEXT":
            raise faults.invalid(f"Parent operation {parent} is no context of this execution.")
    execution.operations += 1
    operation = Operation(
        execution=execution.id,
        number=execution.operations,
        id=update["Id"],
        kind=update["Type"],
        name=update.get("Name", ""),
        subtype=update.get("SubType", ""),
        parent=update.get("ParentId", ""),
        started=call.now,
    )
    details: Members = {}
    match operation.kind:
        case "STEP":
            operation.details = {"Attempt": 0}
        case "WAIT":
            seconds = (update.get("WaitOptions") or {}).get("WaitSeconds")
            if not seconds:
                raise faults.invalid("WaitOptions.WaitSeconds is required to start a WAIT operation.")
            operation.details = {"ScheduledEndTimestamp": call.now + seconds}
            details = {"Duration": seconds, "ScheduledEndTimestamp": call.now + seconds}
            timers.plan(call, execution, operation, call.now + seconds)
        case "CALLBACK":
            options = update.get("CallbackOptions") or {}
            operation.details = {"CallbackId": callback_id(call, execution, operation)}
            operation.limits = timers.limits(call, execution, operation, options)
            details = {
                "CallbackId": operation.details["CallbackId"],
                "Timeout": options.get("TimeoutSeconds"),
                "HeartbeatTimeout": options.get("HeartbeatTimeoutSeconds"),
            }
        case "CHAINED_INVOKE":
            details = chained(call, execution, operation, update)
    operation.put(call)
    changed(execution, operation)
    if update["Action"] == "START":
        history.tell(call, execution, f"{NAMES[operation.kind]}Started", operation, details)
    return operation


def chained(call: Call, execution: Execution, operation: Operation, update: Members) -> Members:
    from .driving import chain

    options = update.get("ChainedInvokeOptions")
    if not options:
        raise faults.invalid("ChainedInvokeOptions are required to start a CHAINED_INVOKE operation.")
    payload = update.get("Payload") or ""
    chain.later(call, **execution.place_of, operation=operation.id, callee=options["FunctionName"], payload=payload)
    return {"FunctionName": options["FunctionName"], "Input": {"Payload": payload}}


def restarted(call: Call, execution: Execution, operation: Operation) -> None:
    operation.status = "STARTED"
    operation.details.pop("NextAttemptTimestamp", None)
    operation.put(call)
    changed(execution, operation)
    history.tell(call, execution, "StepStarted", operation, {})


def retried(call: Call, execution: Execution, operation: Operation, update: Members) -> None:
    """A step has failed, and is to be tried again; or has come to something that it goes on from then."""
    from . import timers

    delay = (update.get("StepOptions") or {}).get("NextAttemptDelaySeconds", 1)
    operation.status = "PENDING"
    operation.details = {
        "Attempt": operation.details.get("Attempt", 0) + 1,
        "NextAttemptTimestamp": call.now + delay,
        **outcome(update.get("Payload"), update.get("Error")),
    }
    timers.plan(call, execution, operation, call.now + delay)
    operation.put(call)
    changed(execution, operation)
    retry = {"CurrentAttempt": operation.details["Attempt"], "NextAttemptDelaySeconds": delay}
    if error := update.get("Error"):
        told: Members = {"Error": {"Payload": error}, "RetryDetails": retry}
        history.tell(call, execution, "StepFailed", operation, told)
    else:
        told = {"Result": {"Payload": update.get("Payload")}, "RetryDetails": retry}
        history.tell(call, execution, "StepSucceeded", operation, told)


def complete(
    call: Call,
    execution: Execution,
    operation: Operation,
    status: str,
    payload: str | None = None,
    error: Members | None = None,
) -> None:
    """An operation is over."""
    operation.status, operation.ended = status, call.now
    operation.details.pop("NextAttemptTimestamp", None)
    operation.details |= outcome(payload, error)
    operation.put(call)
    changed(execution, operation)
    event = "".join(part.capitalize() for part in status.split("_"))
    if operation.kind == "WAIT":
        details: Members = {"Duration": round(call.now - operation.started)} if status == "SUCCEEDED" else {}
    elif status == "SUCCEEDED":
        details = {"Result": {"Payload": payload}}
    else:
        details = {"Error": {"Payload": error or {}}}
    if operation.kind == "STEP":
        details["RetryDetails"] = {"CurrentAttempt": operation.details.get("Attempt", 0) + 1}
    history.tell(call, execution, f"{NAMES[operation.kind]}{event}", operation, details)


def outcome(payload: str | None, error: Members | None) -> Members:
    found: Members = {"Result": payload, "Error": error}
    return {name: value for name, value in found.items() if value is not None}


def changed(execution: Execution, operation: Operation) -> None:
    if operation.id not in execution.fresh:
        execution.fresh.append(operation.id)


def fail_open(call: Call, execution: Execution) -> None:
    """What an execution that is over still waited for is not waited for any more."""
    for operation in list(Operation.scan(call, execution.id)):
        if operation.status in OPEN:
            operation.status, operation.ended = "STOPPED", call.now
            operation.put(call)


def callback_id(call: Call, execution: Execution, operation: Operation) -> str:
    """Names an operation to whoever is to complete it."""
    where = [execution.function, execution.started, execution.id, operation.id]
    return base64.b64encode(json.dumps([call.account, call.region, *where]).encode()).decode()
