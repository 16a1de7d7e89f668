"""A running sandbox, whichever driver has made it: what it writes, how it ends, how much memory it uses."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from .groups import Group
from .plans import Plan

Output = Callable[[bytes], None]

WATCHED_EVERY = 0.1
"""Seconds between two looks at a sandbox's memory, while somebody asks for it to be watched."""
PIECE = 64 * 1024


class SandboxFailed(Exception):
    """A sandbox could not be made."""


class Sandbox:
    """A running sandbox."""

    def __init__(
        self, name: str, plan: Plan, group: Group | None, outputs: list[Reader], end: Callable[[str], None]
    ) -> None:
        self.name = name
        self.plan = plan
        self.pid = 0
        """Its first process, as the host sees it."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The exit status of its program; 128 and the number of the signal that killed it."""
        self.ran_out = False
        """Whether it was killed because it had used up its memory."""
        self.group = group
        self.outputs = outputs
        self._end = end
        self._watching: asyncio.TimerHandle | None = None
        self._started: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def kill(self) -> None:
        """End it whole, at once."""
        if not self.ended.done():
            self._end(self.name)

    def drain(self) -> None:
        """Read what it has written up to now."""
        for output in self.outputs:
            output.read()

    def watch(self) -> None:
        """Until `rest`, kill it when it uses more memory than it may, not counting its /tmp."""
        if self.group and not self._watching:
            self._watching = asyncio.get_running_loop().call_later(WATCHED_EVERY, self._look)

    def rest(self) -> None:
        if self._watching:
            self._watching.cancel()
            self._watching = None

    def resident(self) -> int:
        """Bytes of memory in use."""
        if self.group:
            return self.group.resident()
        with contextlib.suppress(OSError, IndexError):
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return int(Path(f"/proc/{children[-1]}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return 0

    def _look(self) -> None:
        self._watching = None
        assert self.group
        if self.group.resident() > self.plan.memory_bytes:
            self.ran_out = True
            self.kill()
        else:
            self.watch()

    def started(self, pid: int) -> None:
        self.pid = pid
        if not self._started.done():
            self._started.set_result(pid)

    def over(self, status: int, error: str = "") -> None:
        self.rest()
        self.drain()
        for output in self.outputs:
            output.close()
        if self.group:
            self.ran_out = self.ran_out or self.group.ran_out()
        if not self._started.done():
            self._started.set_exception(SandboxFailed(error))
        if not self.ended.done():
            self.ended.set_result(status)

    async def running(self) -> None:
        await self._started


class Reader:
    """The reading end of a pipe, whose bytes go to a function."""

    def __init__(self, descriptor: int, take: Output) -> None:
        self.descriptor = descriptor
        self.take = take
        os.set_blocking(descriptor, False)
        asyncio.get_running_loop().add_reader(descriptor, self.read)

    def read(self) -> None:
        while self.descriptor >= 0:
            try:
                data = os.read(self.descriptor, PIECE)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            self.take(data)
            if len(data) < PIECE:
                return

    def close(self) -> None:
        if self.descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self.descriptor)
            os.close(self.descriptor)
            self.descriptor = -1
