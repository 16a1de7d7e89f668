"""Invoke: run a function now, run it soon, or only see whether it could be run."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec

from pileus.kernel import Call, Fault
from pileus.kernel.edge import Result

from . import faults, lambda_, traces
from .durable.driving import finished, outcome_of, start
from .durable.executions import MOST_WAITED, TIMEOUT
from .events import accept
from .fleet import Fleet
from .invocation import Invocation
from .qualifiers import Meant
from .throttling import admit
from .waiting import active

JSON = [("Content-Type", "application/json")]
MOST_PAYLOAD = 6_291_456
MOST_EVENT = 1_048_576
MOST_CONTEXT = 3583


@lambda_.operation(on=Meant.by_name)
async def invoke(
    call: Call,
    meant: Meant,
    invocation_type: str = "RequestResponse",
    log_type: str = "None",
    client_context: str = "",
    payload: bytes = b"",
    durable_execution_name: str = "",
    tenant_id: str = "",
) -> dict[str, Any]:
    """Run a function, and answer what it answers; or take in an event for it."""
    payload = checked(payload, MOST_EVENT if invocation_type == "Event" else MOST_PAYLOAD)
    if invocation_type == "DryRun":
        return {"StatusCode": 204}
    check_tenant(meant, tenant_id)
    if "DurableConfig" in meant.version.settings:
        return await execute(call, meant, payload, invocation_type == "Event", durable_execution_name)
    if durable_execution_name:
        raise faults.invalid("DurableExecutionName can only be given for a durable function.")
    if invocation_type == "Event":
        with call.transaction():
            accept(call, meant, payload, call.trace, tenant_id)
        return {"StatusCode": 202}
    if traces.looping(call, meant.function, call.trace):
        raise traces.refusal()
    admit(call, meant.name)
    version = await active(call, meant.chosen(call))
    context = context_of(client_context)
    trace = traces.continued(call, meant.function, version, call.trace)
    invocation = Invocation(
        payload,
        meant.arn(call),
        client_context=context,
        trace=trace,
        request_id=call.request_id,
        tenant=tenant_id,
    )
    outcome = await call.cloud.engine(Fleet).invoke(call, version, invocation)
    answer: dict[str, Any] = {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": outcome.version}
    if outcome.error:
        answer["FunctionError"] = outcome.error
    if log_type == "Tail":
        answer["LogResult"] = outcome.log
    return Result(answer, 200, JSON)


def check_tenant(meant: Meant, tenant: str) -> None:
    """A function that keeps tenants apart must be told whose an invocation is, and no other may be."""
    apart = "TenancyConfig" in meant.version.settings
    if apart and not tenant:
        raise faults.invalid(
            "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try "
            "again."
        )
    if tenant and not apart:
        raise faults.invalid(
            "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from your request "
            "and try again."
        )


async def execute(call: Call, meant: Meant, payload: bytes, as_event: bool, name: str) -> dict[str, Any]:
    """Begin an execution of a durable function, and wait for its end unless it is an event."""
    if not meant.qualifier:
        raise faults.invalid("You cannot invoke a durable function using an unqualified ARN.")
    if not as_event and meant.version.settings["DurableConfig"].get("ExecutionTimeout", TIMEOUT) > MOST_WAITED:
        raise faults.invalid(
            "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes."
        )
    with call.transaction():
        chosen = Meant(
            name=meant.name,
            qualifier=meant.qualifier,
            function=meant.function,
            version=meant.chosen(call),
            alias=meant.alias,
        )
        execution = start(call, chosen, payload, name, call.trace)
    arn = execution.arn(call)
    if as_event:
        return {"StatusCode": 202, "DurableExecutionArn": arn}
    outcome = outcome_of(await finished(call, execution))
    answer = {"StatusCode": 200, "Payload": outcome.payload, "ExecutedVersion": outcome.version}
    return Result(answer | {"FunctionError": outcome.error or None, "DurableExecutionArn": arn}, 200, JSON)


def checked(payload: bytes, most: int) -> bytes:
    """The event, if it is a JSON document and not too large."""
    if len(payload) > most:
        raise Fault(
            "RequestTooLargeException",
            f"Request must be smaller than {most} bytes for the InvokeFunction operation",
            status=413,
        )
    if not payload:
        return b"{}"
    try:
        msgspec.json.decode(payload, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        try:
            json.loads(payload)  # it knows NaN, and says what is wrong in more familiar words
        except ValueError as error:
            raise faults.unreadable(str(error)) from None
    return payload


def context_of(client_context: str) -> str:
    """The client's context, which comes in base 64."""
    if not client_context:
        return ""
    try:
        text = base64.b64decode(client_context, validate=True).decode()
        json.loads(text)
    except ValueError:
        raise Fault(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            Type="User",
        ) from None
    return text
