"""One machine that runs: what it says, what it asks for, and what can be done with it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pileus.engines.sandbox.groups import Group
from pileus.engines.sandbox.sandbox import Reader

from .console import Console
from .plans import Plan
from .session import Session

if TYPE_CHECKING:
    from .engine import Machines

log = logging.getLogger("pileus.machine")

GRACE = 30.0
"""Seconds that a machine has to end by itself when it is stopped."""
MOST_SAID = 1024 * 1024
"""Bytes of a message that is taken from a machine: it may say anything."""
KINDS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat")


class MachineFailed(Exception):
    """A machine could not be made, or could not do what it was asked for."""


class Ran(msgspec.Struct):
    """How a program in a machine ended."""

    status: int
    output: bytes

    def __str__(self) -> str:
        return self.output.decode(errors="replace")


class Machine:
    """A running machine."""

    def __init__(self, machines: Machines, plan: Plan, group: Group | None, console: Console) -> None:
        self.name = plan.name
        self.plan = plan
        self.console = console
        self.group = group
        self.pid = 0
        """Its init, as the host sees it."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.power: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """What the machine itself asks for: its end ("off") or a new beginning ("reboot")."""
        self.terminal, self.theirs = os.openpty()
        """Its serial console: our end, and its own, which stays open here too, for there may be nobody who has it."""
        self._machines = machines
        self._control, self.init = socket.socketpair()
        self._control.setblocking(False)
        self._received = bytearray()
        self._numbers = itertools.count(1)
        self._running: dict[int, asyncio.Future[int]] = {}
        self._up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._error = ""
        self.frozen = False
        """Whether it hibernates: it has its memory, and does nothing."""
        self._login: asyncio.Future[int] | None = None
        self._reader = Reader(self.terminal, console.take)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._readable)

    # What the launcher reports

    def started(self, pid: int) -> None:
        self.pid = pid

    def over(self, status: int, error: str = "") -> None:
        self._reader.read()
        self._reader.close()
        os.close(self.theirs)
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        for waiting in self._running.values():
            if not waiting.done():
                waiting.set_result(128 + 9)
        if not self._up.done():
            self._up.set_exception(MachineFailed(error or f"{self.name} ended with status {status} before it was up"))
        if not self.ended.done():
            self.ended.set_result(status)

    # What its init reports

    def _readable(self) -> None:
        try:
            data = self._control.recv(64 * 1024)
        except (BlockingIOError, ConnectionResetError):
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            return
        self._received += data
        while len(self._received) >= 4:
            size = int.from_bytes(self._received[:4], "big")
            if size > MOST_SAID:
                self.kill()
                return
            if len(self._received) < 4 + size:
                return
            try:
                self._told(msgspec.json.decode(self._received[4 : 4 + size], type=Report))
            except msgspec.DecodeError:
                log.warning("%s says what nobody understands", self.name)
            del self._received[: 4 + size]

    def _told(self, report: Report) -> None:
        if report.up and not self._up.done():
            self._up.set_result(None)
        if (waiting := self._running.pop(report.ended, None)) and not waiting.done():
            waiting.set_result(report.status)
        if report.power and not self.power.done():
            self.power.set_result(report.power)
        if report.mount:
            self._machines.doing(self._mount(report))

    async def _mount(self, asked: Report) -> None:
        error = ""
        try:
            if asked.kind not in KINDS:
                raise MachineFailed(f"unknown filesystem type '{asked.kind}'.")
            await self._machines.order(
                "mount",
                self.name,
                device=asked.device,
                directory=asked.directory,
                kind=asked.kind,
                read_only="ro" in asked.options.split(","),
            )
        except MachineFailed as failed:
            error = str(failed)
        self.send({"answer": asked.mount, "error": error.replace("\n", " ")})

    def send(self, order: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
        data = msgspec.json.encode(order)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._control, [len(data).to_bytes(4, "big") + data], list(descriptors))

    # What can be done with it

    async def up(self) -> None:
        await asyncio.shield(self._up)

    async def run(self, *argv: str, user: str = "root", input: bytes = b"", directory: str = "") -> Ran:  # noqa: A002
        """Run a program in it: what it says, on both outputs, and how it ends."""
        output = bytearray()
        ours, theirs = os.pipe()
        reader = Reader(ours, output.extend)
        with tempfile.TemporaryFile() as given:
            given.write(input)
            given.seek(0)
            ended = self.begin(list(argv), (given.fileno(), theirs, theirs), user=user, directory=directory)
            os.close(theirs)
            status = await ended
        reader.read()
        reader.close()
        return Ran(status, bytes(output))

    def begin(
        self,
        argv: list[str],
        descriptors: tuple[int, ...],
        *,
        user: str = "root",
        directory: str = "",
        terminal: tuple[int, int] | None = None,
    ) -> asyncio.Future[int]:
        """Start a program in it with these descriptors; or at a terminal of rows and columns (see `session`)."""
        number = next(self._numbers)
        ended = self._running[number] = asyncio.get_running_loop().create_future()
        order = {
            "run": number,
            "argv": argv,
            "user": user,
            "directory": directory,
            "environment": self.plan.environment,
            "terminal": terminal,
        }
        if self.ended.done():
            raise MachineFailed(f"{self.name} does not run")
        self.send(order, descriptors)
        return ended

    def session(self, argv: list[str], user: str = "root", size: tuple[int, int] = (24, 80)) -> Session:
        """A program in it at a terminal: `async with` it."""
        return Session(self, argv, user, size)

    def freeze(self) -> bool:
        """Let nothing in it go on until it is thawed; whether that can be."""
        if not self.ended.done() and self.group:
            self.group.freeze(True)
            self.frozen = True
        return self.frozen

    def thaw(self) -> None:
        if self.frozen and self.group:
            self.group.freeze(False)
        self.frozen = False

    async def stop(self, grace: float = GRACE) -> None:
        """End it: its programs are asked to, and ended if they have not by then."""
        self.thaw()
        if not self.ended.done():
            self.send({"stop": grace})
            done, _ = await asyncio.wait([self.ended], timeout=grace + 5)
            if not done:
                self.kill()
                await self.ended

    def kill(self) -> None:
        """End it at once, as by pulling the plug."""
        self.thaw()  # what is frozen does not even die
        self._machines.kill(self.name)

    async def attach(self, device: str, path: Path | str) -> None:
        """Give it a block device, which is one of the host's, or a file."""
        await self._machines.order("attach", self.name, device=device, path=str(path))
        self.plan.devices[device] = str(path)

    async def detach(self, device: str) -> None:
        await self._machines.order("detach", self.name, device=device)
        self.plan.devices.pop(device, None)

    def typed(self, data: bytes) -> None:
        """Somebody has typed at its serial console."""
        if not self.ended.done():
            os.write(self.terminal, data)

    def getty(self, argv: tuple[str, ...]) -> None:
        """Let a login wait at its serial console, if none does."""
        if self._login is None or self._login.done():
            with open(os.devnull, "r+b") as nothing:
                self._login = self.begin([*argv], (nothing.fileno(),) * 3, directory="/")

    def resident(self) -> int:
        """Bytes of memory in use."""
        return self.group.resident() if self.group else 0


class Report(msgspec.Struct):
    """What an init says."""

    up: bool = False
    ended: int = 0
    status: int = 0
    power: str = ""
    mount: str = ""
    device: str = ""
    directory: str = ""
    kind: str = ""
    options: str = ""
