"""InvokeWithResponseStream: the answer as it comes; and InvokeAsync, which was there before events had a type."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from pileus.kernel import Call

from . import lambda_, traces
from .events import accept
from .fleet import Fleet
from .invocation import Invocation, Outcome
from .invoking import MOST_EVENT, MOST_PAYLOAD, check_tenant, checked, context_of
from .qualifiers import Meant, whole
from .throttling import admit
from .waiting import active


class Stream:
    """An invocation whose answer is passed on as it comes."""

    def __init__(self, call: Call, invocation: Invocation) -> None:
        self._pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._head: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()
        self._running: asyncio.Task[Outcome] | None = None
        self.invocation = invocation
        invocation.on_piece = self._pieces.put_nowait
        invocation.on_head = self._begun

    def _begun(self, headers: dict[str, str]) -> None:
        if not self._head.done():
            self._head.set_result(headers)

    def run(self, running: asyncio.Task[Outcome]) -> None:
        self._running = running
        running.add_done_callback(self._over)

    def _over(self, running: asyncio.Task[Outcome]) -> None:
        self._pieces.put_nowait(None)
        if not self._head.done():
            self._head.set_result({})

    async def head(self) -> dict[str, str]:
        """The headers with which the runtime began; raises where it could not begin at all."""
        headers = await self._head
        if self._running and self._running.done() and not self._running.cancelled():
            self._running.result()
        return headers

    async def pieces(self) -> AsyncIterator[bytes]:
        while (piece := await self._pieces.get()) is not None:
            yield piece

    async def outcome(self) -> Outcome:
        assert self._running
        return await self._running


def started(call: Call, meant: Meant, payload: bytes, context: str = "", tenant: str = "") -> Stream:
    """Invoke a function for a stream."""
    admit(call, meant.name)
    if traces.looping(call, meant.function, call.trace):
        raise traces.refusal()
    trace = traces.continued(call, meant.function, meant.version, call.trace)
    invocation = Invocation(
        payload, meant.arn(call), client_context=context, trace=trace, request_id=call.request_id, tenant=tenant
    )
    stream = Stream(call, invocation)

    async def run() -> Outcome:
        version = await active(call, meant.chosen(call))
        return await call.cloud.engine(Fleet).invoke(call, version, invocation)

    stream.run(asyncio.get_running_loop().create_task(run()))
    return stream


@lambda_.operation(on=Meant.by_name)
async def invoke_with_response_stream(
    call: Call,
    meant: Meant,
    invocation_type: str = "RequestResponse",
    log_type: str = "None",
    client_context: str = "",
    payload: bytes = b"",
    tenant_id: str = "",
) -> dict[str, Any]:
    """Run a function, and pass its answer on piece by piece."""
    payload = checked(payload, MOST_PAYLOAD)
    if invocation_type == "DryRun":
        return {"StatusCode": 204}
    check_tenant(meant, tenant_id)
    stream = started(call, meant, payload, context_of(client_context), tenant_id)
    headers = await stream.head()
    return {
        "StatusCode": 200,
        "ExecutedVersion": meant.version.label,
        "ResponseStreamContentType": headers.get("content-type", "application/octet-stream"),
        "EventStream": events(stream, log_type == "Tail"),
    }


async def events(stream: Stream, with_log: bool) -> AsyncIterator[dict[str, Any]]:
    async for piece in stream.pieces():
        yield {"PayloadChunk": {"Payload": piece}}
    outcome = await stream.outcome()
    complete: dict[str, Any] = {}
    if outcome.error:
        complete = failure(outcome)
    if with_log:
        complete["LogResult"] = outcome.log
    yield {"InvokeComplete": complete}


def failure(outcome: Outcome) -> dict[str, Any]:
    try:
        told = json.loads(outcome.payload)
    except ValueError:
        told = {}
    kind = told.get("errorType", "Unhandled") if isinstance(told, dict) else "Unhandled"
    return {"ErrorCode": kind, "ErrorDetails": outcome.payload.decode("utf-8", "replace")}


@lambda_.operation(on=whole)
async def invoke_async(call: Call, meant: Meant, invoke_args: Any) -> dict[str, Any]:
    """Take in an event."""
    data = invoke_args if isinstance(invoke_args, bytes) else b"".join([piece async for piece in invoke_args])
    payload = checked(data, MOST_EVENT)
    with call.transaction():
        accept(call, meant, payload)
    return {"Status": 202}
