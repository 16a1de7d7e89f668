"""Durable tasks: whatever touches the world, or happens later.

    @sns.task(retries=3)
    async def deliver(call: Call, subscription: str, message: str) -> None: ...

    deliver.later(call, subscription=arn, message=text, delay=20)

`later` is part of the caller's transaction: undone with it, and durable with it. A task runs at least once, at its due
time on the cloud clock, in the order of due times, as the account, Region and principal that enqueued it. A plain
function runs in one transaction together with the removal of its record, so its effects in the store happen exactly
once; an async one is removed when it is done. A task that raises is tried again, later and later; after its last retry
it is put on the list of dead tasks.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import names
from .call import Call
from .clock import Timer
from .errors import Unfinished
from .identity import Principal
from .record import Record

if TYPE_CHECKING:
    from .cloud import Cloud

log = logging.getLogger("pileus.task")

TaskFunction = Any

AT_ONCE = 64
"""How many async tasks run at the same time."""


class Pending(Record, scope="cloud", key=("due", "id"), table="pileus.Task"):
    """A task that waits for its time, or for another try."""

    due: float
    id: str
    service: str
    name: str
    arguments: dict[str, Any]
    account: str
    region: str
    principal: Principal
    endpoint: str
    tries: int = 0
    error: str = ""


class Dead(Record, scope="cloud"):
    """A task that failed for good, kept to be looked at."""

    id: str
    task: Pending
    failed: float


class Standing(Record, scope="cloud", key=("service", "name", "of"), table="pileus.Standing"):
    """A task to be enqueued whenever the cloud starts: what it sets up is in memory, such as a listener."""

    service: str
    name: str
    of: str
    arguments: dict[str, Any]
    account: str
    region: str
    principal: Principal


class Task:
    """A declared task."""

    def __init__(
        self, service: str, function: Callable[..., Any], retries: int, backoff: Callable[[int], float] | None = None
    ) -> None:
        self.service = service
        self.function = function
        self.name = function.__name__
        self.__doc__ = function.__doc__
        self.retries = retries
        self.backoff = backoff or doubling
        self.is_async = inspect.iscoroutinefunction(function)
        self.signature = inspect.signature(function)

    def later(self, call: Call, *, delay: float = 0.0, due: float | None = None, **arguments: Any) -> str:
        """Enqueue the task, to run after `delay` seconds of cloud time or at `due`. Its id."""
        self.signature.bind(call, **arguments)
        task = Pending(
            due=call.now + delay if due is None else due,
            id=names.uuid4(),
            service=self.service,
            name=self.name,
            arguments=arguments,
            account=call.account,
            region=call.region,
            principal=call.principal,
            endpoint=call.endpoint,
        )
        task.put(call)
        call.after_commit(lambda: call.cloud.runner.notice(task.due))
        return task.id

    def at_every_start(self, call: Call, of: str, **arguments: Any) -> None:
        """Enqueue the task now, and again whenever the cloud has started, until `no_more` is said of the same thing."""
        Standing(
            service=self.service,
            name=self.name,
            of=of,
            arguments=arguments,
            account=call.account,
            region=call.region,
            principal=call.principal,
        ).put(call)
        self.later(call, **arguments)

    def no_more(self, call: Call, of: str) -> None:
        """Enqueue it no more at the starts to come."""
        if standing := Standing.get(call, self.service, self.name, of):
            standing.delete(call)

    def __call__(self, call: Call, **arguments: Any) -> Any:
        return self.function(call, **arguments)


def doubling(tries: int) -> float:
    """Seconds until the next try: 1, 2, 4, … five minutes."""
    return float(min(2 ** (tries - 1), 300))


class Runner:
    """Runs the tasks of a cloud, on its event loop."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.on_run: Callable[[Pending, Exception | None], None] | None = None
        """Told of every try of a task and how it failed, if it did, while somebody listens."""
        self._timer: Timer | None = None
        self._running: dict[str, asyncio.Task[None]] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopped = False

    def notice(self, due: float) -> None:
        """A task was enqueued for that time."""
        if self._stopped or (self._timer and self._timer.due <= due):
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._cloud.clock.call_at(due, self._run_due)

    def start(self) -> None:
        """Take up what is pending in the store: after a start, and after the store was replaced."""
        self._stopped = False
        with self._cloud.store.attempt():
            for one in Standing.scan(self._cloud.call("pileus")):
                call = self._cloud.call(
                    one.service, one.name, account=one.account, region=one.region, principal=one.principal
                )
                self._cloud.service(one.service).tasks[one.name].later(call, **one.arguments)
        if first := next(iter(self._waiting()), None):
            self.notice(first.due)

    async def stop(self) -> None:
        """Cancel what runs; it is still in the store, and runs again after the next start."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def settle(self) -> None:
        """Wait until nothing that is due is left to do."""
        while True:
            await asyncio.sleep(0)
            self._cloud.store.flush()
            await self._idle.wait()
            due = self._timer.due if self._timer else math.inf
            if not self._running and due > self._cloud.clock.now():
                return

    def _waiting(self) -> list[Pending]:
        """The earliest tasks that are not running."""
        call = self._cloud.call("pileus")
        most = len(self._running) + AT_ONCE
        return [task for task in Pending.scan(call, limit=most) if task.id not in self._running]

    def _run_due(self) -> None:
        self._timer = None
        now = self._cloud.clock.now()
        for task in self._waiting():
            if task.due > now or len(self._running) >= AT_ONCE:
                break
            self._run(task)
        if not self._stopped and len(self._running) < AT_ONCE and (rest := self._waiting()):
            self.notice(rest[0].due)

    def _run(self, task: Pending) -> None:
        call = self._call(task)
        try:
            declared = self._cloud.service(task.service).tasks[task.name]
        except (KeyError, Unfinished):
            self._failed(task, LookupError(f"there is no task {task.service}.{task.name}"), retries=0)
            return
        if declared.is_async:
            self._idle.clear()
            self._running[task.id] = asyncio.get_running_loop().create_task(self._run_async(call, declared, task))
            return
        try:
            with self._cloud.store.attempt():
                task.delete(call)
                declared.function(call, **task.arguments)
        except Exception as error:
            self._failed(task, error, declared.retries, declared.backoff)
        else:
            self._tell(task)

    async def _run_async(self, call: Call, declared: Task, task: Pending) -> None:
        try:
            await declared.function(call, **task.arguments)
            with self._cloud.store.attempt():
                task.delete(call)
        except Exception as error:
            self._failed(task, error, declared.retries, declared.backoff)
        else:
            self._tell(task)
        finally:
            del self._running[task.id]
            if not self._running:
                self._idle.set()
            if not self._stopped:
                self.notice(self._cloud.clock.now())

    def _tell(self, task: Pending, error: Exception | None = None) -> None:
        if self.on_run is not None:
            self.on_run(task, error)

    def _call(self, task: Pending) -> Call:
        return self._cloud.call(
            task.service,
            task.name,
            account=task.account,
            region=task.region,
            principal=task.principal,
            endpoint=task.endpoint,
        )

    def _failed(
        self, task: Pending, error: Exception, retries: int, backoff: Callable[[int], float] = doubling
    ) -> None:
        call = self._call(task)
        level = logging.WARNING if task.tries < retries else logging.ERROR
        self._tell(task, error)
        log.log(level, "task %s.%s failed: %s", task.service, task.name, error, exc_info=error)
        with self._cloud.store.attempt():
            task.delete(call)
            task.tries += 1
            task.error = f"{type(error).__name__}: {error}"
            if task.tries > retries:
                Dead(id=task.id, task=task, failed=call.now).put(call)
                return
            task.due = call.now + backoff(task.tries)
            task.put(call)
        self.notice(task.due)


async def run_until(cloud: Cloud, instant: float) -> None:
    """Move the clock forward to an instant, stopping at everything that falls due on the way, in order."""
    clock = cloud.clock
    await cloud.runner.settle()
    while (due := clock.next_due()) is not None and due <= instant:
        clock.jump(max(due, clock.now()))
        clock.ring()
        await cloud.runner.settle()
    clock.jump(max(instant, clock.now()))
