"""Watches: what a service does for as long as something exists, such as polling a queue or emptying one.

    @lambda_.watch
    async def poll(call: Call, mapping: str) -> None: ...

    poll.begin(call, mapping=uuid)      # in the caller's transaction, undone with it
    poll.end(call, mapping=uuid)        # also in the watch's own, when it finds that there is nothing left to do

A watch runs from its beginning on, and again after each start of the cloud, until it is ended. One that raises is run
again, later and later. It waits for things as operations do (`call.wait`), which costs nothing, and says by
`with call.cloud.runner.working():` when it is at something that a turn of the clock should wait for.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from .call import Call
from .errors import Unfinished
from .identity import Principal
from .record import Record

if TYPE_CHECKING:
    from .cloud import Cloud

log = logging.getLogger("pileus.watch")

LONGEST_PAUSE = 60.0


class Standing(Record, scope="cloud", key=("service", "name", "account", "region", "arguments"), table="pileus.Watch"):
    """A watch that has begun."""

    service: str
    name: str
    account: str
    region: str
    arguments: str
    """As a JSON document."""
    principal: Principal
    endpoint: str


class Watch:
    """A declared watch."""

    def __init__(self, service: str, function: Callable[..., Any]) -> None:
        assert inspect.iscoroutinefunction(function), f"{function.__name__}: a watch is async"
        self.service = service
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.signature = inspect.signature(function)
        self.when_forgotten: Callable[..., Any] | None = None

    def forgotten(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Declare what becomes of what a watch has kept running, when a reset has forgotten it: it was never ended.

        An async function of a call and of the watch's arguments.
        """
        self.when_forgotten = function
        return function

    def begin(self, call: Call, **arguments: Any) -> None:
        """Let it run, if it does not already."""
        self.signature.bind(call, **arguments)
        record = Standing(*self._place(call, arguments), principal=call.principal, endpoint=call.endpoint)
        record.put(call)
        call.after_commit(lambda: call.cloud.runner.watches.run(record))

    def end(self, call: Call, **arguments: Any) -> None:
        """Let it run no longer: it is cancelled, unless it says so itself, and then it should return."""
        place = self._place(call, arguments)
        if record := Standing.get(call, *place):
            record.delete(call)
        call.after_commit(lambda: call.cloud.runner.watches.cancel(place))

    def _place(self, call: Call, arguments: dict[str, Any]) -> tuple[str, str, str, str, str]:
        told = msgspec.json.encode(arguments, order="sorted").decode()
        return (self.service, self.name, call.account, call.region, told)


class Watches:
    """The watches of a cloud that run."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._running: dict[tuple[Any, ...], asyncio.Task[None]] = {}
        self._records: dict[tuple[Any, ...], Standing] = {}
        """What has run since the cloud has, and was not ended."""
        self._stopped = True

    def start(self) -> None:
        """Run all that have begun: after a start, and after the store was replaced."""
        self._stopped = False
        before, self._records = self._records, {}
        for record in Standing.scan(self._cloud.call("pileus")):
            self.run(record)
        for place, record in before.items():
            if place not in self._records and (declared := self._declared(record)) and declared.when_forgotten:
                self._running[place] = asyncio.get_running_loop().create_task(self._forget(record, declared))

    async def stop(self) -> None:
        """Cancel what runs; it runs again after the next start."""
        self._stopped = True
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()  # those that had not begun could not say that they ended

    def run(self, record: Standing) -> None:
        if not self._stopped and record.place() not in self._running:
            task = asyncio.get_running_loop().create_task(self._run(record))
            self._running[record.place()] = task
            self._records[record.place()] = record

    def cancel(self, place: tuple[Any, ...]) -> None:
        task = self._running.get(place)
        if task and task is not asyncio.current_task() and Standing.get(self._cloud.system, *place) is None:
            self._records.pop(place, None)
            task.cancel()

    async def _run(self, record: Standing) -> None:
        pause = 0.5
        try:
            while Standing.get(self._cloud.system, *record.place()):
                try:
                    await self._watch(record)
                    await asyncio.sleep(0)
                except Exception as error:
                    log.error("watch %s.%s failed: %s", record.service, record.name, error, exc_info=error)
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
            self._records.pop(record.place(), None)
        finally:
            del self._running[record.place()]

    async def _watch(self, record: Standing) -> None:
        declared = self._declared(record)
        if declared is None:
            raise LookupError(f"there is no watch {record.service}.{record.name}")
        await declared.function(self._call(record), **msgspec.json.decode(record.arguments))

    async def _forget(self, record: Standing, declared: Watch) -> None:
        assert declared.when_forgotten
        try:
            await declared.when_forgotten(self._call(record), **msgspec.json.decode(record.arguments))
        except Exception:
            log.exception("what watch %s.%s left behind is still there", record.service, record.name)
        finally:
            del self._running[record.place()]

    def _declared(self, record: Standing) -> Watch | None:
        try:
            return self._cloud.service(record.service).watches.get(record.name)
        except Unfinished:
            return None

    def _call(self, record: Standing) -> Call:
        return self._cloud.call(
            record.service,
            record.name,
            account=record.account,
            region=record.region,
            principal=record.principal,
            endpoint=record.endpoint,
        )
