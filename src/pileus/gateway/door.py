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
from pileus.kernel.edge import Answer
from pileus.kernel.errors import Fault
from pileus.kernel.identity import ANONYMOUS
from pileus.kernel.operation import Service
from pileus.kernel.regions import DEFAULT_REGION

from . import protocols, routing
from .body import Whole
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


class Passing:
    """A request on its way through the rooms."""

    __slots__ = (
        "call",
        "entry",
        "ignored",
        "members",
        "principal",
        "reply",
        "request",
        "response",
        "result",
        "route",
        "service",
        "underway",
    )

    def __init__(self, request: Request, reply: Reply) -> None:
        self.request = request
        self.reply = reply
        self.entry = Entry(names.request_id(), time.perf_counter())
        self.route = routing.NOWHERE
        self.service: Service | None = None
        """None for one that is not built."""
        self.principal = ANONYMOUS
        self.call: Call | None = None
        self.members: dict[str, Any] = {}
        self.result: Any = None
        """What the operation gave, or a coroutine of it."""
        self.ignored = ""
        """The members without effect, for the header that names them."""
        self.underway = False
        """Whether a task goes on with it."""
        self.response: Response | None = None


class Door:
    """Answers requests for a cloud. `control` answers those under the cloud's own paths.

    The requests of one tick go through the rooms together: all have left a room before the first enters the next, so
    that the room's code and data are still in the processor's caches (docs/architecture.md).
    """

    def __init__(self, cloud: Cloud, requests: RequestLog, control: Control | None = None) -> None:
        self.cloud = cloud
        self.requests = requests
        self.control = control
        self._waiting: list[Passing] = []
        self._underway: set[asyncio.Task[None]] = set()

    def accept(self, request: Request) -> Response | None:
        """The headers are there: refuse the request, or say what becomes of its body."""
        if comes_at_once(request) or request.path.startswith(OWN_PATHS):
            return None
        try:
            route = request.route = routing.route(request)
        except routing.Unroutable:
            return None
        operation = route.operation
        request.streamed = streamed_beside(route) if operation is None else operation.streaming_input is not None
        return None

    def answer(self, request: Request, reply: Reply) -> None:
        if self.control and request.path.startswith(OWN_PATHS):
            self.control(request, reply)
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._let_in)
        self._waiting.append(Passing(request, reply))

    def _let_in(self) -> None:
        passing, self._waiting = self._waiting, []
        with self.cloud.store.tick():
            for room in (self._find_route, self._recognise, self._read, self._perform, self._run, self._tell):
                for one in passing:
                    if one.response is None and not one.underway:
                        try:
                            room(one)
                        except (Exception, asyncio.CancelledError) as error:
                            one.response = refusal(one.route, error, one.entry)
            for one in passing:
                if one.response is not None:
                    try:
                        self._finish(one, one.response)
                    except Exception:  # it keeps nobody else of the tick waiting
                        log.exception("%s: could not be answered", one.entry.request_id)

    # The rooms

    def _find_route(self, one: Passing) -> None:
        request = one.request
        try:
            route = one.route = routing.finish(request.route or routing.route(request), request)
        except routing.Unroutable as unroutable:
            one.route = unroutable.route
            raise unroutable.fault from None
        if request.stream is None and streamed_beside(route):
            request.stream = Whole(request.body)
        one.entry.service = route.model.name
        one.entry.operation = route.operation.name if route.operation else request.method
        if self.cloud.built(route.model.name):
            one.service = self.cloud.service(route.model.name)

    def _recognise(self, one: Passing) -> None:
        """Find out who calls."""
        one.principal = caller(self.cloud, one.request)

    def _read(self, one: Passing) -> None:
        """Find out what is wanted."""
        cloud, request, route, entry, principal = self.cloud, one.request, one.route, one.entry, one.principal
        operation, headers = route.operation, request.headers.first
        edge = one.service.edge if one.service else None
        if principal is ANONYMOUS and edge is None and operation is None:
            raise Fault("MissingAuthenticationToken", "Missing Authentication Token")
        if edge is not None and operation is not None:
            edge.admit(operation, request)
        entry.account = principal.account
        one.call = Call(
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
        if operation is not None:
            members = one.members = protocols.named(route.protocol).decode(operation, request, route.labels)
            if route.labels:
                named_by_address(route, members)

    def _perform(self, one: Passing) -> None:
        call, service = one.call, one.service
        assert call
        if one.route.operation is None:
            one.result = beside(call, one.request, one.route, service)
            return
        one.result = self.cloud.perform(call, call.operation, one.members, patient=True)
        if service and (ignored := service.bound(call.operation).ignored):
            one.ignored = ",".join(sorted(ignored & one.members.keys()))

    def _run(self, one: Passing) -> None:
        """Run a coroutine to its end; where that may take a while, in a task."""
        if type(one.result) is not CoroutineType:
            return
        waiting: Awaitable[Any] = one.result
        operation, request = one.route.operation, one.request
        if request.stream is None and operation and operation.streaming_input is not None:
            try:  # with its whole body there it seldom waits for anything, and then needs no task
                waiting = Begun(one.result, one.result.send(None))
            except StopIteration as done:
                one.result = done.value
                return

        async def finish() -> None:
            request.on_gone = task.cancel
            if request.gone:
                loop.call_soon(task.cancel)  # where it first waits, lest coroutines within are left unawaited
            try:
                response = encoded(one.route, await waiting, one.ignored, one.entry)
            except Exception as error:
                lost = request.gone and isinstance(error, ConnectionError)  # of the body that nobody sends any more
                response = broken_off(request) if lost else refusal(one.route, error, one.entry)
            self._finish(one, response)

        def over(task: asyncio.Task[None]) -> None:
            self._underway.discard(task)
            if task.cancelled():  # an answer ends the connection of a client that only sends no more
                self._finish(one, broken_off(request))

        loop = asyncio.get_running_loop()
        task = loop.create_task(finish())
        self._underway.add(task)
        task.add_done_callback(over)
        one.underway = True

    def _tell(self, one: Passing) -> None:
        one.response = encoded(one.route, one.result, one.ignored, one.entry)

    # After them, and beside them

    def _finish(self, one: Passing, response: Response) -> None:
        """Send a response, as a page of another origin may read it, and have the service take note of it."""
        service, request, entry = one.service, one.request, one.entry
        if service:
            if service.edge and "origin" in request.headers.first:
                service.edge.dress(self.cloud.system, request, one.route.labels, response.headers)
            if service.notes:
                try:
                    service.notes(one.call or self.cloud.call(service.name), request, one.route.labels, response, entry)
                except Exception:  # it costs the note, and not the answer
                    log.exception("%s: %s took no note of the answer", entry.request_id, service.name)
        reply = one.reply

        def committed(error: BaseException | None) -> None:
            """Answer once everything that was written up to now is safe, or say that it is lost."""
            answer = response
            if error is not None:
                log.error("%s: not stored: %s", entry.request_id, error)
                answer = Response(503, [("retry-after", "1")], b"The cloud could not store this: is its disk full?\n")
            entry.status = answer.status
            self.requests.add(entry)
            reply(answer)

        self.cloud.store.after_commit(committed)

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

    async def close(self) -> None:
        """Cancel the calls that still wait."""
        await asyncio.sleep(0)  # those of this tick begin
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
    length = fields.get("content-length")
    if length is None:
        return request.http_version != "2" and "transfer-encoding" not in fields  # there is none
    short = len(length) < 6 and length.isdigit() and int(length) <= SHORT
    return short and "x-amz-decoded-content-length" not in fields and "expect" not in fields


def streamed_beside(route: routing.Route) -> bool:
    """Whether what is none of the model's operations has its body as it arrives."""
    return route.beside and not route.whole


def beside(call: Call, request: Request, route: routing.Route, service: Service | None) -> Any:
    """What a service answers beside the operations of its model."""
    if service is None or service.edge is None:
        raise Fault("UnknownOperationException")
    return service.edge.beside(call, request, route.labels)


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


def broken_off(request: Request) -> Response:
    """The answer to a call that was cancelled: nobody waits for it any more, or the cloud stops."""
    return Response(408 if request.gone else 503, [], b"The call was broken off\n")


def refusal(route: routing.Route, error: BaseException, entry: Entry) -> Response:
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
    except Exception:  # nor may this keep the others of its tick waiting
        log.exception("%s: the error could not be told", entry.request_id)
        return Response(500, [], b"Internal Server Error\n")
