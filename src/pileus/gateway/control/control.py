"""The cloud's own API: which path means what, and who may ask."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from pileus.gateway.message import Request, Response
from pileus.kernel.store import StoreFailed

from . import addresses, answers, clock, guard, health, localstack, outbox, snapshots, state, tasks
from .answers import Refused
from .events import Events

if TYPE_CHECKING:
    from pileus.initscripts import InitScripts
    from pileus.server import Server

log = logging.getLogger("pileus.control")

Handler = Callable[..., Any]
"""A function of the control, the request, and what stands in the path for `{…}`: it returns a response, or JSON."""

ROUTES: dict[str, dict[str, Handler]] = {
    "/_pileus/health": {"GET": health.health},
    "/_pileus/coverage": {"GET": health.coverage},
    "/_pileus/metrics": {"GET": health.metrics},
    "/_pileus/ca.pem": {"GET": health.authority},
    "/_pileus/reset": {"POST": state.reset},
    "/_pileus/stop": {"POST": state.stop},
    "/_pileus/clock": {"GET": clock.show, "POST": clock.turn},
    "/_pileus/snapshots": {"GET": snapshots.saved},
    "/_pileus/snapshots/{}": {"POST": snapshots.save, "DELETE": snapshots.delete},
    "/_pileus/snapshots/{}/load": {"POST": snapshots.load},
    "/_pileus/tasks": {"GET": tasks.waiting},
    "/_pileus/tasks/{}/retry": {"POST": tasks.retry},
    "/_pileus/events": {"GET": health.events},
    "/_pileus/mail": {"GET": outbox.mail, "DELETE": outbox.clear_mail},
    "/_pileus/mail/{}": {"GET": outbox.one_mail},
    "/_pileus/sms": {"GET": outbox.sms, "DELETE": outbox.clear_sms},
    "/_pileus/push": {"GET": outbox.push, "DELETE": outbox.clear_push},
    "/_pileus/at/{}/{}": {"GET": addresses.answer, "POST": addresses.answer},
    "/_pileus/at/{}/{}/{}": {"GET": addresses.answer, "POST": addresses.answer},
    "/_pileus/at/{}/{}/{}/{}": {"GET": addresses.answer, "POST": addresses.answer},
    "/_localstack/health": {"GET": localstack.health, "POST": localstack.act},
    "/_localstack/info": {"GET": localstack.info},
    "/_localstack/init": {"GET": localstack.init},
    "/_localstack/init/{}": {"GET": localstack.stage},
    "/_localstack/state/reset": {"POST": state.reset},
}


class Control:
    """Answers requests to the cloud's own paths."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.events = Events(server)
        self.turning = asyncio.Lock()
        """Held by whoever moves the clock or replaces the cloud's state: one at a time."""
        self.scripts: InitScripts | None = None
        self.on_stop: Callable[[bool], None] | None = None
        """Stops the server, and starts it again if told True; None where it is not this process's to stop."""
        self._underway: set[asyncio.Task[None]] = set()

    def __call__(self, request: Request, reply: Callable[[Response], None]) -> None:
        try:
            guard.check(request, self.server.settings.host)
            result = self._handle(request)
        except Exception as error:
            reply(failed(request, error))
            return
        if isinstance(result, Coroutine):
            self._await(request, result, reply)
        else:
            self._reply(result, reply)

    def _handle(self, request: Request) -> Any:
        methods, arguments = find(request.path)
        method = "GET" if request.method == "HEAD" else request.method
        if method not in methods:
            raise Refused(405, f"{request.path} takes {' or '.join(methods)}, not {request.method}.")
        return methods[method](self, request, *arguments)

    def _await(self, request: Request, result: Awaitable[Any], reply: Callable[[Response], None]) -> None:
        async def finish() -> None:
            try:
                answer = await result
            except Exception as error:
                reply(failed(request, error))
            else:
                self._reply(answer, reply)

        task = asyncio.get_running_loop().create_task(finish())
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)

    def _reply(self, result: Any, reply: Callable[[Response], None]) -> None:
        """Answer once what the handler wrote is safe."""

        def committed(error: BaseException | None) -> None:
            reply(answers.shown(result) if error is None else answers.error(503, f"{error}."))

        self.server.cloud.store.after_commit(committed)

    async def close(self) -> None:
        """End the event streams, and cancel what is under way."""
        self.events.close()
        for task in list(self._underway):
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)


def find(path: str) -> tuple[dict[str, Handler], list[str]]:
    """The handlers of a path by method, and the parts of it that the pattern leaves open."""
    parts = path.rstrip("/").split("/")
    for pattern, methods in ROUTES.items():
        pieces = pattern.split("/")
        if len(pieces) == len(parts) and all(piece in ("{}", part) for piece, part in zip(pieces, parts, strict=True)):
            return methods, [part for piece, part in zip(pieces, parts, strict=True) if piece == "{}"]
    raise Refused(404, f"{path} is no address of the cloud's own; there are {', '.join(ROUTES)}.")


def failed(request: Request, error: Exception) -> Response:
    if isinstance(error, Refused):
        return answers.error(error.status, error.reason)
    if isinstance(error, StoreFailed):
        return answers.error(503, f"{error}.")
    log.error("%s %s failed", request.method, request.path, exc_info=error)
    return answers.error(500, "An internal error occurred; the log has more.")
