"""The way of one request: routed, its signature verified, decoded, performed, encoded. The rooms in their order.

The door is what every listener hands its requests to, and what an in-process client calls without a socket.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from pileus.kernel import names
from pileus.kernel.call import Call, Signature
from pileus.kernel.cloud import Cloud
from pileus.kernel.edge import Answer, Edge
from pileus.kernel.errors import Fault, Unfinished
from pileus.kernel.identity import ANONYMOUS
from pileus.kernel.operation import Service
from pileus.kernel.regions import DEFAULT_REGION

from . import protocols, routing
from .callers import caller, made_at
from .message import Request, Response
from .requestlog import Entry, RequestLog
from .signed import Signed

if TYPE_CHECKING:
    from .websocket import WebSocket

log = logging.getLogger("pileus.gateway")

Reply = Callable[[Response], None]
Control = Callable[[Request, Reply], None]

SHORT = 32 * 1024
"""Bytes of a body that is not streamed although its operation would take a stream."""

_AT = re.compile(r"/_pileus/at/([a-z0-9-]+)/(.+)")

OWN_PATHS = ("/_pileus", "/_localstack")


class Door:
    """Answers requests for a cloud. `control` answers those under the cloud's own paths."""

    def __init__(self, cloud: Cloud, requests: RequestLog, control: Control | None = None) -> None:
        self.cloud = cloud
        self.requests = requests
        self.control = control
        self._underway: set[asyncio.Task[None]] = set()

    def accept(self, request: Request) -> Response | None:
        """The headers are there: refuse the request, or say what becomes of its body."""
        if request.path.startswith(OWN_PATHS):
            return None
        try:
            route = request.route = routing.route(request)
        except routing.Unroutable:
            return None
        operation = route.operation
        if operation is None:
            request.streamed = route.beside and not route.whole
        else:
            request.streamed = operation.streaming_input is not None and not comes_at_once(request)
        return None

    def answer(self, request: Request, reply: Reply) -> None:
        if self.control and request.path.startswith(OWN_PATHS):
            self.control(request, reply)
            return
        entry = Entry(names.request_id(), time.perf_counter())
        try:
            route = routing.finish(request.route or routing.route(request), request)
        except routing.Unroutable as unroutable:
            route = unroutable.route
            self._reply(reply, refusal(route, unroutable.fault, entry), entry)
            return
        entry.service = route.model.name
        service, call, ignored = None, None, ""
        try:
            service = self._service(route)
            call = self._admit(request, route, service.edge if service else None, entry)
            if route.operation is None:
                result = beside(call, request, route, service)
            else:
                members = protocols.named(route.protocol).decode(route.operation, request, route.labels)
                if route.labels:
                    named_by_address(route, members)
                result = self.cloud.perform(call, call.operation, members, patient=True)
                ignored = without_effect(service, call, members)
            if type(result) is CoroutineType:
                self._await(request, route, service, call, result, ignored, reply, entry)
                return
            response = encoded(route, result, ignored, entry)
        except Exception as error:
            response = refusal(route, error, entry)
        self._finish(request, route, service, call, response, reply, entry)

    def upgrade(self, request: Request, socket: WebSocket) -> Awaitable[None] | None:
        """What a service says over a WebSocket at its own address; None where there is no such thing."""
        found = _AT.fullmatch(request.path)
        if found is None or not self.cloud.built(found[1]):
            return None
        declared = self.cloud.service(found[1]).socket_of
        if declared is None:
            return None
        call = self.cloud.call(found[1], endpoint=f"{request.scheme}://{request.host}")
        life: Awaitable[None] = declared(call, socket, *found[2].split("/"))
        return life

    def _admit(self, request: Request, route: routing.Route, edge: Edge | None, entry: Entry) -> Call:
        """Who calls, if they may come in."""
        cloud, operation, headers = self.cloud, route.operation, request.headers.first
        entry.operation = operation.name if operation else request.method
        principal = caller(cloud, request)
        if principal is ANONYMOUS and edge is None and operation is None:
            raise Fault("MissingAuthenticationToken", "Missing Authentication Token")
        if edge is not None and operation is not None:
            edge.admit(operation, request)
        entry.account = principal.account
        return Call(
            cloud,
            account=principal.account,
            region=route.region or DEFAULT_REGION,
            principal=principal,
            service=route.model.name,
            operation=operation.name if operation else "",
            id=entry.request_id,
            endpoint=f"{request.scheme}://{request.host}" if request.host else "",
            source_ip=request.client,
            passage=request.passage,
            user_agent=headers.get("user-agent", ""),
            trace=headers.get("x-amzn-trace-id", ""),
            secure=request.scheme == "https",
            signature=None if request.signed is None else partial(signature, cloud, request.signed),
            json=route.protocol == "json",
        )

    def _service(self, route: routing.Route) -> Service | None:
        """The service, or None for one that is not built."""
        try:
            return self.cloud.service(route.model.name)
        except Unfinished:
            return None

    def _finish(
        self,
        request: Request,
        route: routing.Route,
        service: Service | None,
        call: Call | None,
        response: Response,
        reply: Reply,
        entry: Entry,
    ) -> None:
        """Send a response, as a page of another origin may read it, and have the service take note of it."""
        if service and service.edge and "origin" in request.headers.first:
            service.edge.dress(self.cloud.system, request, route.labels, response.headers)
        if service and service.notes:
            try:
                service.notes(call or self.cloud.call(service.name), request, route.labels, response, entry)
            except Exception:  # it costs the note, and not the answer
                log.exception("%s: %s took no note of the answer", entry.request_id, service.name)
        self._reply(reply, response, entry)

    def _await(
        self,
        request: Request,
        route: routing.Route,
        service: Service | None,
        call: Call,
        result: Coroutine[Any, Any, Any],
        ignored: str,
        reply: Reply,
        entry: Entry,
    ) -> None:
        async def finish() -> None:
            try:
                response = encoded(route, await waiting, ignored, entry)
            except Exception as error:
                response = refusal(route, error, entry)
            self._finish(request, route, service, call, response, reply, entry)

        waiting: Awaitable[Any] = result
        if request.stream is None and route.operation and route.operation.streaming_input is not None:
            try:  # with its whole body there it seldom waits for anything, and then needs no task
                waiting = Begun(result, result.send(None))
            except StopIteration as done:
                self._finish(request, route, service, call, encoded(route, done.value, ignored, entry), reply, entry)
                return
            except Exception as error:
                self._finish(request, route, service, call, refusal(route, error, entry), reply, entry)
                return
        task = asyncio.get_running_loop().create_task(finish())
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)
        request.on_gone = task.cancel

    def _reply(self, reply: Reply, response: Response, entry: Entry) -> None:
        """Answer once everything that was written up to now is safe, or say that it is lost."""

        def committed(error: BaseException | None) -> None:
            answer = response
            if error is not None:
                log.error("%s: not stored: %s", entry.request_id, error)
                answer = Response(503, [("retry-after", "1")], b"The cloud could not store this: is its disk full?\n")
            entry.status = answer.status
            self.requests.add(entry)
            reply(answer)

        self.cloud.store.after_commit(committed)

    async def close(self) -> None:
        """Cancel the calls that still wait."""
        for task in list(self._underway):
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)


def signature(cloud: Cloud, signed: Signed) -> Signature:
    """How a request is signed."""
    place = "REST-QUERY-STRING" if signed.presigned else "REST-HEADER"
    return Signature(signed.algorithm, place, made_at(cloud, signed))


class Begun:
    """The rest of a coroutine that was begun outside a task, and waits for what it yielded first."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], yielded: Any) -> None:
        self._coroutine = coroutine
        self._yielded = yielded

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            while True:
                try:
                    sent = yield self._yielded
                except BaseException as error:
                    self._yielded = self._coroutine.throw(error)
                else:
                    self._yielded = self._coroutine.send(sent)
        except StopIteration as done:
            return done.value


def comes_at_once(request: Request) -> bool:
    """Whether a body is so short that waiting for all of it is quicker than reading it as it comes.

    Who asks beforehand whether it is wanted is told by those who read it.
    """
    fields = request.headers.first
    length = fields.get("content-length", "")
    short = len(length) < 6 and length.isdigit() and int(length) <= SHORT
    return short and "x-amz-decoded-content-length" not in fields and "expect" not in fields


def beside(call: Call, request: Request, route: routing.Route, service: Service | None) -> Any:
    """What a service answers beside the operations of its model."""
    if service is None or service.edge is None:
        raise Fault("UnknownOperationException")
    return service.edge.beside(call, request, route.labels)


def without_effect(service: Service | None, call: Call, members: dict[str, Any]) -> str:
    """The members that nobody heeds, for the header that names them."""
    ignored = service.bound(call.operation).ignored if service else None
    return ",".join(sorted(ignored & members.keys())) if ignored else ""


def named_by_address(route: routing.Route, members: dict[str, Any]) -> None:
    """Members that the address gives and the body leaves out: a queue's URL in the query protocol, a host's label."""
    known = route.operation.input.members if route.operation and route.operation.input else {}
    for name, value in route.labels.items():
        if name in known and name not in members:
            members[name] = value


def encoded(route: routing.Route, result: Any, ignored: str, entry: Entry) -> Response:
    if isinstance(result, Answer):
        return Response(*result)
    assert route.operation
    response = protocols.named(route.protocol).encode(
        route.operation, {} if result is None else result, entry.request_id
    )
    if ignored:
        response.headers.append(("x-pileus-ignored", ignored))
    return response


def refusal(route: routing.Route, error: Exception, entry: Entry) -> Response:
    """The error as the caller's protocol spells it; what is not a Fault is a bug of ours, and says so."""
    if not isinstance(error, Fault):
        log.error("%s: %s.%s failed", entry.request_id, entry.service, entry.operation, exc_info=error)
        error = Fault("InternalFailure", f"An internal error occurred; the log has more under {entry.request_id}.")
    entry.error = error.code
    codec = protocols.named(route.protocol)
    try:
        return codec.encode_error(route.model, route.operation, error, entry.request_id)
    except LookupError as unknown:  # an error that the service cannot have, such as another service's
        return refusal(route, unknown, entry)
