"""The invocations of an execution: one after the other, whenever there is something that its function can go on with.

An invocation that fails as a whole, rather than saying that its execution has failed, is repeated twice.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, names
from pileus.services.lambda_ import lambda_, traces
from pileus.services.lambda_.fleet import Fleet
from pileus.services.lambda_.functions import Function, Version
from pileus.services.lambda_.invocation import Invocation, Outcome
from pileus.services.lambda_.qualifiers import Meant
from pileus.services.lambda_.throttling import admit
from pileus.services.lambda_.waiting import active

from . import history
from .executions import Execution, end, start
from .operations import OPEN, Operation, complete, replayed

Members = dict[str, Any]

RETRIES = 2
RETRY_AFTER = 2.0
THROTTLED_AFTER = 1.0
MOST_STATE = 4 * 1024 * 1024
"""Bytes of operations that go into an invocation's event; the others are asked for."""
TIMES = ("StartTimestamp", "EndTimestamp", "NextAttemptTimestamp", "ScheduledEndTimestamp")
UNREADABLE: Members = {"ErrorMessage": "Invalid Status in invocation output."}
HOPELESS: Members = {"ErrorMessage": "Cannot return PENDING status with no pending operations."}


def proceed(call: Call, execution: Execution, delay: float = 0.0) -> None:
    """Have the next invocation; whoever calls puts the execution."""
    execution.driving = True
    drive.later(call, **execution.place_of, delay=delay)


def woken(call: Call, execution: Execution, operation: Operation) -> None:
    """Something that the execution waited for is over."""
    if operation.id not in execution.woken:
        execution.woken.append(operation.id)
    if operation.id not in execution.fresh:
        execution.fresh.append(operation.id)
    if execution.status == "RUNNING" and not execution.driving:
        proceed(call, execution)
    execution.put(call)


@lambda_.task(retries=20)
async def drive(call: Call, function: str, started: float, id: str) -> None:  # noqa: A002
    """One invocation, and what follows from it."""
    with call.transaction():
        execution = Execution.get(call, function, started, id)
        if execution is None:
            return
        version = Version.get(call, function, execution.number)
        if execution.status not in ("RUNNING", "PAUSING") or version is None:
            rest(call, execution, version)
            return
        execution.token, execution.client_token = names.token(32), ""
        updated, execution.woken, execution.fresh = execution.woken, [], []
        execution.put(call)
        payload = event(call, execution, updated)
    began, request_id = call.now, names.uuid4()
    outcome = await invoked(call, execution, version, payload, request_id)
    call = call.at(now=call.cloud.clock.now())
    with call.transaction():
        if execution := Execution.get(call, function, started, id):
            told = {"StartTimestamp": began, "EndTimestamp": call.now, "RequestId": request_id}
            settled(call, execution, outcome, told)


def rest(call: Call, execution: Execution, version: Version | None) -> None:
    """There is nothing to invoke, or it is not the time for it."""
    execution.driving = False
    if version is None and execution.status in ("RUNNING", "PAUSING"):
        end(call, execution, "FAILED", error={"ErrorMessage": "The function's version has been deleted."})
    else:
        execution.pause |= {"Interrupted": True} if execution.status == "PAUSED" else {}
        execution.put(call)


async def invoked(
    call: Call, execution: Execution, version: Version, payload: bytes, request_id: str
) -> Outcome | None:
    """Run the function; None where it was throttled."""
    try:
        admit(call, execution.function)
        version = await active(call, version)
        function = Function.named(call, execution.function)
        trace = traces.continued(call, function, version, execution.trace)
        invocation = Invocation(payload, execution.function_arn(call), trace=trace, request_id=request_id)
        return await call.cloud.engine(Fleet).invoke(call, version, invocation)
    except Fault as fault:
        if fault.code == "TooManyRequestsException":
            return None
        return Outcome.failure(fault.code, fault.message)


def settled(call: Call, execution: Execution, outcome: Outcome | None, told: Members) -> None:
    """What an invocation has come to."""
    execution.driving = False
    if outcome and outcome.error:
        told = told | {"Error": {"Payload": error_of(outcome)}}
    if outcome:
        history.tell(call, execution, "InvocationCompleted", None, told)
    if execution.status == "PAUSING":
        execution.status = "PAUSED"
        execution.pause["Interrupted"] = True
    elif execution.status == "RUNNING":
        execution.token = ""
        if outcome is None:
            proceed(call, execution, THROTTLED_AFTER)
        elif outcome.error:
            failed(call, execution, outcome)
        else:
            answered(call, execution, outcome.payload)
    execution.put(call)


def failed(call: Call, execution: Execution, outcome: Outcome) -> None:
    execution.tries += 1
    if execution.tries > RETRIES:
        end(call, execution, "FAILED", error=error_of(outcome))
    else:
        proceed(call, execution, RETRY_AFTER**execution.tries)


def answered(call: Call, execution: Execution, payload: bytes) -> None:
    """The function says whether it is done, has failed, or waits."""
    execution.tries = 0
    try:
        told = json.loads(payload)
        status = told["Status"]
    except (ValueError, KeyError, TypeError):
        status = ""
    if status == "SUCCEEDED":
        end(call, execution, "SUCCEEDED", told.get("Result") or "")
    elif status == "FAILED":
        end(call, execution, "FAILED", error=told.get("Error") or {})
    elif status != "PENDING":
        end(call, execution, "FAILED", error=UNREADABLE)
    elif execution.woken:
        proceed(call, execution)
    elif not any(pending(each) for each in Operation.scan(call, execution.id)):
        end(call, execution, "FAILED", error=HOPELESS)


def pending(operation: Operation) -> bool:
    """Whether an operation will be over without an invocation."""
    if operation.kind == "STEP":
        return operation.status == "PENDING"
    return operation.kind != "CONTEXT" and operation.status in OPEN


def error_of(outcome: Outcome) -> Members:
    try:
        told = json.loads(outcome.payload)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        return {"ErrorMessage": outcome.payload.decode("utf-8", "replace")}
    return {
        "ErrorType": str(told.get("errorType", "Unhandled")),
        "ErrorMessage": str(told.get("errorMessage", "")),
        "StackTrace": [str(line) for line in told.get("stackTrace", [])],
    }


# What an invocation is told


def event(call: Call, execution: Execution, updated: list[str]) -> bytes:
    operations: list[Members] = [
        {
            "Id": execution.id,
            "Name": execution.name,
            "Type": "EXECUTION",
            "StartTimestamp": execution.started,
            "Status": "STARTED",
            "ExecutionDetails": {"InputPayload": execution.input},
        }
    ]
    size, marker = len(execution.input), ""
    for operation in replayed(call, execution):
        shown = in_milliseconds(operation.shown())
        size += len(json.dumps(shown))
        if size > MOST_STATE and len(operations) > 1:
            marker = str(operation.number - 1)
            break
        operations.append(shown)
    operations[0] = in_milliseconds(operations[0])
    told = {
        "DurableExecutionArn": execution.arn(call),
        "CheckpointToken": execution.token,
        "InitialExecutionState": {"Operations": operations, "NextMarker": marker},
        "UpdatedOperationIds": updated,
    }
    return json.dumps(told).encode()


def in_milliseconds(document: Members) -> Members:
    """Times as events have them."""
    return {
        name: int(value * 1000) if name in TIMES else in_milliseconds(value) if isinstance(value, dict) else value
        for name, value in document.items()
    }


# Whoever waits for an execution


async def finished(call: Call, execution: Execution) -> Execution:
    """The execution, once it is over."""
    while execution.ended == 0:
        await call.wait(execution.waited_for)
        found = Execution.get(call, execution.function, execution.started, execution.id)
        if found is None:
            return execution
        execution = found
    return execution


def outcome_of(execution: Execution) -> Outcome:
    """An execution's end as the answer of an invocation."""
    if execution.status == "SUCCEEDED":
        outcome = Outcome((execution.result or "null").encode())
    else:
        error = execution.error or {}
        told = {
            "errorType": error.get("ErrorType", execution.status),
            "errorMessage": error.get("ErrorMessage", ""),
            "stackTrace": error.get("StackTrace", []),
        }
        outcome = Outcome(json.dumps(told).encode(), "Unhandled")
    outcome.version = execution.version
    return outcome


@lambda_.task(retries=5)
async def chain(
    call: Call,
    function: str,
    started: float,
    id: str,  # noqa: A002
    operation: str,
    callee: str,
    payload: str,
) -> None:
    """Invoke another function for an execution, as its function's role. A durable one is found again after a crash."""
    execution = Execution.get(call, function, started, id)
    version = Version.get(call, function, execution.number) if execution else None
    if execution is None or version is None:
        return
    outcome = await tried(call, version, f"{id}-{operation}"[:64], callee, payload)
    call = call.at(now=call.cloud.clock.now())
    with call.transaction():
        execution, found = Execution.get(call, function, started, id), Operation.by_id(call, id, operation)
        if execution is None or found is None or found.status != "STARTED":
            return
        if outcome.error:
            complete(call, execution, found, "FAILED", error=error_of(outcome))
        else:
            complete(call, execution, found, "SUCCEEDED", outcome.payload.decode("utf-8", "replace"))
        woken(call, execution, found)


async def tried(call: Call, version: Version, name: str, callee: str, payload: str) -> Outcome:
    principal = call.cloud.engine(Fleet).session(call, version).principal
    try:
        meant = Meant.by_name(call, callee)
        as_role = call.aws("lambda", principal=principal)
        data = (payload or "{}").encode()
        if "DurableConfig" in meant.version.settings:
            answer = await as_role.invoke(
                function_name=callee, payload=data, invocation_type="Event", durable_execution_name=name
            )
            return outcome_of(await finished(call, Execution.by_arn(call, answer["DurableExecutionArn"])))
        answer = await as_role.invoke(function_name=callee, payload=data)
        return Outcome(answer["Payload"], answer.get("FunctionError", ""))
    except Fault as fault:
        return Outcome.failure(fault.code, fault.message)


__all__ = ["chain", "drive", "finished", "outcome_of", "proceed", "start", "woken"]
