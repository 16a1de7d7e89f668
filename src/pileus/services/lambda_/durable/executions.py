"""Executions: one run of a durable function, from its start to its end, and what is kept of it thereafter."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, names
from pileus.services.lambda_ import faults, lambda_
from pileus.services.lambda_.functions import LATEST
from pileus.services.lambda_.qualifiers import Meant

from . import history
from .operations import Operation, fail_open

Members = dict[str, Any]

TIMEOUT = 86_400
"""Seconds that an execution may take, unless its function says otherwise."""
RETENTION = 30
"""Days for which it is kept afterwards."""
LONGEST = 366 * 86_400
"""Seconds that it may take, however long it was paused."""
MOST_WAITED = 900
"""Seconds that an execution may take for which somebody waits."""
ARN = re.compile(r"arn:[^:]+:lambda:[^:]+:\d{12}:function:([^:]+):([^/]+)/durable-execution/([^/]+)/([^/]+)")
OPEN = {"RUNNING", "PAUSING", "PAUSED"}


class Execution(
    Record,
    key=("function", "started", "id"),
    arn="function:{function}:{version}/durable-execution/{name}/{id}",
    indexes={"name": ("function", "name")},
    kw_only=True,
):
    """An execution."""

    function: str
    started: float
    id: str
    name: str
    version: str
    input: str
    timeout: int
    retention: int
    deadline: float
    """When it will have taken too long."""
    trace: str = ""
    status: str = "RUNNING"
    ended: float = 0.0
    result: str | None = None
    error: Members | None = None
    token: str = ""
    """What the next checkpoint must show."""
    client_token: str = ""
    """That of the last checkpoint, in case it comes again."""
    fresh: list[str] = []
    """Operations that have changed since the last checkpoint."""
    woken: list[str] = []
    """Operations that were completed from outside since the last invocation began."""
    driving: bool = False
    """Whether an invocation runs, or is about to."""
    tries: int = 0
    """How many invocations in a row have failed."""
    operations: int = 0
    events: int = 0
    turned: str = ""
    """The client's token of what paused or resumed it the last time."""
    pause: Members = {}
    """When it was to be paused, and how."""

    @classmethod
    def by_arn(cls, call: Call, durable_execution_arn: str) -> Execution:
        found = ARN.fullmatch(durable_execution_arn)
        if found:
            for execution in cls.scan(call, found[1], found[3], index="name"):
                if execution.id == found[4]:
                    return execution
        raise faults.none_such(f"Durable execution not found: {durable_execution_arn}")

    @property
    def number(self) -> int:
        return 0 if self.version == LATEST else int(self.version)

    @property
    def place_of(self) -> Members:
        """What a task needs to find it again."""
        return {"function": self.function, "started": self.started, "id": self.id}

    @property
    def waited_for(self) -> tuple[str, str]:
        return ("durable", self.id)

    def function_arn(self, call: Call) -> str:
        return call.arn(f"function:{self.function}:{self.version}")

    def summary(self, call: Call) -> Members:
        return {
            "DurableExecutionArn": self.arn(call),
            "DurableExecutionName": self.name,
            "FunctionArn": self.function_arn(call),
            "Status": self.status,
            "StartTimestamp": self.started,
            "EndTimestamp": self.ended or None,
        }


def start(call: Call, meant: Meant, payload: bytes, name: str = "", trace: str = "") -> Execution:
    """Begin an execution; or find the one that has begun with the same name and the same input."""
    from .driving import proceed
    from .timers import execution_due

    config = meant.version.settings["DurableConfig"]
    text = payload.decode()
    if name and (before := Execution.first(call, meant.name, name, index="name")):
        if before.input != text:
            raise Fault(
                "DurableExecutionAlreadyStartedException",
                f"A durable execution named {name} has already been started with a different payload.",
                Type="User",
            )
        return before
    timeout = config.get("ExecutionTimeout", TIMEOUT)
    execution = Execution(
        function=meant.name,
        started=call.now,
        id=names.uuid4(),
        name=name or names.uuid4(),
        version=meant.version.label,
        input=text,
        timeout=timeout,
        retention=config.get("RetentionPeriodInDays", RETENTION),
        deadline=call.now + timeout,
        trace=trace,
    )
    details = {"Input": {"Payload": text}, "ExecutionTimeout": timeout}
    history.tell(call, execution, "ExecutionStarted", None, details)
    execution_due.later(call, **execution.place_of, due=execution.deadline)
    proceed(call, execution)
    return execution.put(call)


def end(call: Call, execution: Execution, status: str, result: str | None = None, error: Members | None = None) -> None:
    """It is over: whoever waits is told, and what it still waited for is not waited for any more."""
    from .timers import forgotten

    execution.status, execution.ended = status, call.now
    execution.result, execution.error = result, error
    execution.token = ""
    event = {
        "SUCCEEDED": "ExecutionSucceeded",
        "FAILED": "ExecutionFailed",
        "TIMED_OUT": "ExecutionTimedOut",
        "STOPPED": "ExecutionStopped",
    }[status]
    details = {"Result": {"Payload": result}} if status == "SUCCEEDED" else {"Error": {"Payload": error or {}}}
    history.tell(call, execution, event, None, details)
    fail_open(call, execution)
    forgotten.later(call, **execution.place_of, delay=execution.retention * 86_400.0)
    execution.put(call)
    call.wake(execution.waited_for)


@lambda_.operation(on=Execution.by_arn)
def get_durable_execution(call: Call, execution: Execution, include_execution_data: bool = True) -> Members:
    """An execution: how it goes, and what it was given and has come to."""
    answer = execution.summary(call) | {
        "Version": execution.version,
        "ExecutionDataIncluded": include_execution_data,
        "DurableConfig": {"ExecutionTimeout": execution.timeout, "RetentionPeriodInDays": execution.retention},
    }
    if execution.trace:
        answer["TraceHeader"] = {"XAmznTraceId": execution.trace}
    if include_execution_data:
        answer |= {"InputPayload": execution.input, "Result": execution.result, "Error": execution.error}
    if execution.status in OPEN:
        kept = execution.status == "PAUSED" and execution.pause["ExecutionTimeoutPaused"]
        answer["ExpectedExecutionTimeoutTimestamp"] = execution.started + LONGEST if kept else execution.deadline
    if execution.status in ("PAUSING", "PAUSED"):
        answer["PauseDetails"] = execution.pause
    return answer


@lambda_.operation(on=Meant.by_name)
def list_durable_executions_by_function(
    call: Call,
    meant: Meant,
    durable_execution_name: str = "",
    statuses: list[str] = [],
    started_after: float | None = None,
    started_before: float | None = None,
    reverse_order: bool = False,
    marker: str = "",
    max_items: int = 0,
) -> Members:
    """A function's executions, the newest first."""

    def wanted(execution: Execution) -> bool:
        return (
            (not meant.qualifier or execution.version == meant.version.label)
            and (not durable_execution_name or execution.name == durable_execution_name)
            and (not statuses or execution.status in statuses)
        )

    bounds: Members = {}
    if started_after is not None:
        bounds["since"] = (started_after,)
    if started_before is not None:
        bounds["before"] = (started_before,)
    found = Execution.page(
        call, meant.name, limit=max_items or 100, token=marker, where=wanted, reverse=not reverse_order, **bounds
    )
    return {"DurableExecutions": [each.summary(call) for each in found.items], "NextMarker": found.token}


@lambda_.operation(on=Execution.by_arn)
def stop_durable_execution(call: Call, execution: Execution, error: Members | None = None) -> Members:
    """End an execution that is not over."""
    if execution.status not in OPEN:
        return {"StopTimestamp": execution.ended}
    end(call, execution, "STOPPED", error=error or {})
    return {"StopTimestamp": call.now}


@lambda_.operation(on=Execution.by_arn)
def delete_durable_execution(call: Call, execution: Execution) -> Members:
    """Delete what is kept of an execution that is over."""
    if execution.status in OPEN:
        raise faults.conflict(f"Durable execution {execution.arn(call)} is not in a terminal state: {execution.status}")
    forget(call, execution)
    return {"DeletionRequestTimestamp": call.now}


def forget(call: Call, execution: Execution) -> None:
    for operation in list(Operation.scan(call, execution.id)):
        operation.delete(call)
    history.Happened.delete_all(call, execution.id)
    execution.delete(call)


# Pauses


@lambda_.operation(on=Execution.by_arn)
def pause_durable_execution(
    call: Call,
    execution: Execution,
    reason: str = "",
    execution_timeout_paused: bool = True,
    client_token: str = "",
) -> None:
    """Have no more invocations for now: at once, or from the next checkpoint of the one that runs."""
    if client_token and execution.turned == f"pause {client_token}":
        return
    if execution.status != "RUNNING":
        raise faults.conflict(f"Durable execution {execution.arn(call)} is not running: {execution.status}")
    execution.turned = f"pause {client_token}"
    execution.pause = {"PauseRequestTimestamp": call.now, "ExecutionTimeoutPaused": execution_timeout_paused}
    details = dict(execution.pause)
    if reason:
        details["Reason"] = {"Payload": reason}
    history.tell(call, execution, "ExecutionPaused", None, details)
    execution.status = "PAUSING" if execution.driving else "PAUSED"
    execution.put(call)


@lambda_.operation(on=Execution.by_arn)
def resume_durable_execution(call: Call, execution: Execution, reason: str = "", client_token: str = "") -> None:
    """Go on after a pause."""
    from .driving import proceed
    from .timers import execution_due

    if client_token and execution.turned == f"resume {client_token}":
        return
    if execution.status not in ("PAUSING", "PAUSED"):
        raise faults.conflict(f"Durable execution {execution.arn(call)} is not paused: {execution.status}")
    execution.turned = f"resume {client_token}"
    details: Members = {"ResumeRequestTimestamp": call.now}
    if reason:
        details["Reason"] = {"Payload": reason}
    history.tell(call, execution, "ExecutionResumed", None, details)
    if execution.pause["ExecutionTimeoutPaused"]:
        paused = call.now - execution.pause["PauseRequestTimestamp"]
        execution.deadline = min(execution.deadline + paused, execution.started + LONGEST)
        execution_due.later(call, **execution.place_of, due=execution.deadline)
    interrupted = execution.status == "PAUSED" and execution.pause.get("Interrupted")
    execution.status, execution.pause = "RUNNING", {}
    if interrupted or execution.woken:
        proceed(call, execution)
    execution.put(call)
