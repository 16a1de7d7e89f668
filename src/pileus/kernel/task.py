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
import heapq
import inspect
import itertools
import logging
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .call import Call
from .clock import Timer
from .errors import Unfinished
from .identity import Principal
from .record import Record
from .watch import Watches

if TYPE_CHECKING:
    from .cloud import Cloud

log = logging.getLogger("pileus.task")

TaskFunction = Any

AT_ONCE = 64
"""How many async tasks of one kind, that is one name and account, run at the same time."""
SLICE = 64
"""How many tasks are begun in one turn of the event loop."""
PAGE = 256
"""How many tasks are read from the store at a time."""
MOST_IN_MEMORY = 20_000
"""Tasks that are read, and neither run nor parked, before the store keeps the rest."""
TURNS = 4
"""So often the event loop comes round before a watch that was woken is seen at work."""
SHORTEST = 0.001
"""Seconds until a task looks again at what has not expired yet."""
NOTHING = (-math.inf, "")
BEHIND_ALL = "\U0010ffff"

Kind = tuple[str, str, str]


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
    trace: str = ""
    """The trace header of the call that enqueued it."""

    def waiting(self, call: Call) -> bool:
        """Whether it is still in the store: it may have been done, moved or forgotten since it was read."""
        return call.store.get(self.layout.path("", "", self.due, self.id)) is not None


class Dead(Record, scope="cloud"):
    """A task that failed for good, kept to be looked at."""

    id: str
    task: Pending
    failed: float


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

    @cached_property
    def _arguments(self) -> tuple[frozenset[str], frozenset[str]]:
        """The names that it needs, and those that it knows. Few of a service's tasks are enqueued in a run."""
        parameters = list(inspect.signature(self.function).parameters.values())[1:]  # without the call
        required = frozenset(one.name for one in parameters if one.default is one.empty)
        return required, frozenset(one.name for one in parameters)

    def later(self, call: Call, *, delay: float = 0.0, due: float | None = None, **arguments: Any) -> str:
        """Enqueue the task, to run after `delay` seconds of cloud time or at `due`. Its id."""
        required, known = self._arguments
        if not required <= arguments.keys() <= known:
            inspect.signature(self.function).bind(call, **arguments)  # which says what is wrong
        task = Pending(
            due=call.now + delay if due is None else due,
            id=call.cloud.runner.number(),
            service=self.service,
            name=self.name,
            arguments=arguments,
            account=call.account,
            region=call.region,
            principal=call.principal,
            endpoint=call.endpoint,
            trace=call.trace,
        )
        task.put(call)
        call.after_commit(lambda: call.cloud.runner.notice(task))
        return task.id

    def __call__(self, call: Call, **arguments: Any) -> Any:
        return self.function(call, **arguments)


def next_look(call: Call, expires: float, least: float = SHORTEST) -> float:
    """When a task that clears away what has expired comes again, for what expires next: then, and later than now.

    Were it due at this very instant, it might find by its own sum of floats that nothing has expired yet, come again at
    once, and find the same.
    """
    return max(expires, call.now + least)


def doubling(tries: int) -> float:
    """Seconds until the next try: 1, 2, 4, … five minutes."""
    return float(min(2 ** (tries - 1), 300))


class Runner:
    """Runs the tasks of a cloud, on its event loop.

    Tasks that are due are read from the store once, a page at a time, and wait in memory in the order of their times;
    what is enqueued later with an earlier time goes among them. So a task costs the same however many there are.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self.on_run: Callable[[Pending, Exception | None], None] | None = None
        """Told of every try of a task and how it failed, if it did, while somebody listens."""
        self._numbers = itertools.count(time.time_ns())
        self._timer: Timer | None = None
        self._ready: list[tuple[float, str, Pending]] = []
        """A heap of what has been read."""
        self._known: set[str] = set()
        """What has been read and is not done."""
        self._read: tuple[float, str] = NOTHING
        """Up to where, in the order of the store, everything has been read."""
        self._parked: dict[Kind, deque[Pending]] = {}
        """Async tasks of whose kind as many are running as may."""
        self._running: dict[Kind, dict[str, asyncio.Task[None]]] = {}
        self.watches = Watches(cloud)
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopped = False

    def number(self) -> str:
        """An id for a task. Later ones sort behind: tasks of the same time run in the order of their enqueueing."""
        return f"{next(self._numbers):016x}{os.urandom(4).hex()}"

    def notice(self, task: Pending) -> None:
        """A task was enqueued, and is safe."""
        if self._stopped:
            return
        if (task.due, task.id) <= self._read:
            self._take(task)
        self._wake_at(task.due)

    def start(self) -> None:
        """Take up what is pending in the store: after a start, and after the store was replaced."""
        self._stopped = False
        self.watches.start()
        self._wait()

    async def stop(self) -> None:
        """Cancel what runs; it is still in the store, and runs again after the next start."""
        self._stopped = True
        if self._timer:
            self._timer.cancel()
            self._timer = None
        await self.watches.stop()
        self._parked.clear()
        running = [task for kind in self._running.values() for task in kind.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._running.clear()  # those that had not begun could not say that they ended
        self._rest()
        self._ready.clear()
        self._known.clear()
        self._read = NOTHING

    @contextmanager
    def working(self) -> Iterator[None]:
        """While the block runs there is something left to do, which `settle` waits for: a watch is at work."""
        self._working += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._working -= 1
            self._rest()

    def _rest(self) -> None:
        if not self._running and not self._working:
            self._idle.set()

    async def settle(self) -> None:
        """Wait until nothing that is due is left to do."""
        while True:
            for _ in range(TURNS):
                await asyncio.sleep(0)
            self._cloud.store.flush()
            await self._idle.wait()
            due = self._timer.due if self._timer else math.inf
            if not self._running and not self._working and due > self._cloud.clock.now():
                return

    # What is next

    def _take(self, task: Pending) -> None:
        if task.id not in self._known:
            self._known.add(task.id)
            heapq.heappush(self._ready, (task.due, task.id, task))

    def _load(self, now: float) -> bool:
        """Read more of what is due; whether there was any."""
        if self._read >= (now, BEHIND_ALL) or len(self._known) > MOST_IN_MEMORY:
            return False
        found = list(Pending.scan(self._cloud.system, above=self._read, upto=(now,), limit=PAGE))
        for task in found:
            self._take(task)
        self._read = (found[-1].due, found[-1].id) if len(found) == PAGE else (now, BEHIND_ALL)
        return bool(found)

    def _next(self, now: float) -> Pending | None:
        while (self._ready and self._ready[0][0] <= now) or self._load(now):
            if self._ready[0][0] > now:
                return None
            return heapq.heappop(self._ready)[2]
        return None

    def _wake_at(self, due: float) -> None:
        if self._timer and self._timer.due <= due:
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._cloud.clock.call_at(due, self._run_due)

    def _wait(self) -> None:
        """Set the timer for the earliest task that is not running."""
        if self._ready:
            self._wake_at(self._ready[0][0])
        elif len(self._known) <= MOST_IN_MEMORY and (first := Pending.first(self._cloud.system, above=self._read)):
            self._wake_at(first.due)

    def _run_due(self) -> None:
        """Run what is due: a slice of it, whose writes are committed together, before others have their turn."""
        self._timer = None
        now = self._cloud.clock.now()
        for _ in range(SLICE):
            task = self._next(now)
            if task is None:
                break
            self._run(task)
        if not self._stopped:
            self._wait()

    # Running

    def _run(self, task: Pending) -> None:
        try:
            declared = self._cloud.service(task.service).tasks[task.name]
        except (KeyError, Unfinished):
            self._failed(task, LookupError(f"there is no task {task.service}.{task.name}"), retries=0)
            return
        if declared.is_async:
            self._begin(declared, task)
            return
        self._known.discard(task.id)
        call = self._call(task)
        try:
            with self._cloud.store.attempt():
                if not task.waiting(call):
                    return
                task.delete(call)
                declared.function(call, **task.arguments)
        except Exception as error:
            self._failed(task, error, declared.retries, declared.backoff)
        else:
            self._tell(task)

    def _begin(self, declared: Task, task: Pending) -> None:
        """Start an async task, or park it while there are enough of its kind: others need not wait for those."""
        kind = task.service, task.name, task.account
        running = self._running.setdefault(kind, {})
        if len(running) >= AT_ONCE:
            self._parked.setdefault(kind, deque()).append(task)
            return
        self._idle.clear()
        running[task.id] = asyncio.get_running_loop().create_task(self._run_async(declared, task))

    async def _run_async(self, declared: Task, task: Pending) -> None:
        call = self._call(task)
        try:
            if not task.waiting(call):
                self._known.discard(task.id)
                return
            await declared.function(call, **task.arguments)
            with self._cloud.store.attempt():
                task.delete(call)
        except Exception as error:
            self._failed(task, error, declared.retries, declared.backoff)
        else:
            self._known.discard(task.id)
            self._tell(task)
        finally:
            self._ended(declared, task)

    def _ended(self, declared: Task, task: Pending) -> None:
        kind = task.service, task.name, task.account
        running = self._running[kind]
        del running[task.id]
        if parked := self._parked.get(kind):
            self._begin(declared, parked.popleft())
        else:
            self._parked.pop(kind, None)
            if not running:
                del self._running[kind]
        self._rest()
        if self._timer is None and not self._stopped:
            self._wait()

    def _tell(self, task: Pending, error: Exception | None = None) -> None:
        if self.on_run is not None:
            self.on_run(task, error)

    def _call(self, task: Pending) -> Call:
        call = self._cloud.call(
            task.service,
            task.name,
            account=task.account,
            region=task.region,
            principal=task.principal,
            endpoint=task.endpoint,
        )
        call.trace = task.trace
        return call

    def _failed(
        self, task: Pending, error: Exception, retries: int, backoff: Callable[[int], float] = doubling
    ) -> None:
        self._known.discard(task.id)
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
        self.notice(task)


async def run_until(cloud: Cloud, instant: float) -> None:
    """Move the clock forward to an instant, stopping at everything that falls due on the way, in order."""
    clock = cloud.clock
    cloud.trail.write()  # what was noted up to now may make something due
    await cloud.runner.settle()
    while (due := clock.next_due()) is not None and due <= instant:
        clock.jump(max(due, clock.now()))
        clock.ring()
        await cloud.runner.settle()
    clock.jump(max(instant, clock.now()))
