"""OpenVPN's management interface, as of 2.6 (doc/management-notes.txt of its sources): lines of text, both ways.

What begins with `>` is told unasked, everything else answers the command that was sent first.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Protocol

from msgspec import Struct

CONNECTED, RENEWED, ESTABLISHED, LEFT = "CONNECT", "REAUTH", "ESTABLISHED", "DISCONNECT"
ASKING = (CONNECTED, RENEWED)


class Visitor(Struct):
    """Who is at the gate, or has gone through it."""

    number: int
    """The server's own for this connection."""
    key: int
    """For which negotiation of keys the server asks; -1 where it does not."""
    told: dict[str, str]
    """What is known of the connection: `common_name`, `tls_serial_0`, `untrusted_ip`, `IV_PLAT`, …"""

    @property
    def name(self) -> str:
        return self.told.get("common_name", "")


class Hearer(Protocol):
    async def heard(self, event: str, visitor: Visitor) -> None: ...


class Client(Struct):
    """One line of what a server says of who is there."""

    number: int
    name: str
    received: int
    sent: int


class Management:
    """A conversation with one server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, hearer: Hearer) -> None:
        self._reader = reader
        self._writer = writer
        self._hearer = hearer
        self._asked: deque[tuple[asyncio.Future[list[str]], bool]] = deque()
        """What has been asked and not been answered, and whether the answer has several lines."""
        self._begun: tuple[str, Visitor] | None = None
        self._busy: set[asyncio.Task[None]] = set()

    async def converse(self) -> None:
        """Listen until the server ends."""
        lines: list[str] = []
        try:
            async for raw in self._reader:
                line = raw.decode(errors="replace").rstrip("\r\n")
                if line.startswith(">"):
                    self._notified(line)
                elif self._asked:
                    lines = self._answered(lines, line)
        except ConnectionError:
            pass  # the server was killed
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        self._writer.close()
        while self._asked:
            answer, _ = self._asked.popleft()
            if not answer.done():
                answer.set_exception(ConnectionError("the server has ended"))

    def _answered(self, lines: list[str], line: str) -> list[str]:
        answer, several = self._asked[0]
        lines = [*lines, line]
        if several and line != "END" and not line.startswith("ERROR:"):
            return lines
        self._asked.popleft()
        if not answer.done():
            answer.set_result(lines)
        return []

    def _notified(self, line: str) -> None:
        kind, _, rest = line[1:].partition(":")
        if kind != "CLIENT":
            return
        event, *numbers = rest.split(",")
        if event != "ENV":
            told = [int(number) for number in numbers if number.lstrip("-").isdigit()]
            self._begun = event, Visitor(told[0], told[1] if event in ASKING else -1, {})
        elif self._begun and rest == "ENV,END":
            (event, visitor), self._begun = self._begun, None
            task = asyncio.get_running_loop().create_task(self._hearer.heard(event, visitor))
            self._busy.add(task)
            task.add_done_callback(self._busy.discard)
        elif self._begun:
            name, _, value = rest.removeprefix("ENV,").partition("=")
            self._begun[1].told[name] = value

    async def ask(self, *lines: str, several: bool = False) -> list[str]:
        """Send a command; its answer."""
        answer: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self._asked.append((answer, several))
        self._writer.write("".join(f"{line}\n" for line in lines).encode())
        return await answer

    # Commands

    async def let_in(self, visitor: Visitor, options: list[str]) -> None:
        await self.ask(f"client-auth {visitor.number} {visitor.key}", *options, "END")

    async def turn_away(self, visitor: Visitor, reason: str) -> None:
        told = reason.replace('"', "'").replace("\n", " ")
        await self.ask(f'client-deny {visitor.number} {visitor.key} "{told}" "{told}"')

    async def put_out(self, number: int, *, for_good: bool) -> bool:
        """End a connection; the client is told to try again, or not to."""
        (answer,) = await self.ask(f"client-kill {number} {'HALT' if for_good else 'RESTART'}")
        return answer.startswith("SUCCESS")

    async def clients(self) -> list[Client]:
        """Who is connected, with the bytes up to now."""
        answer = await self.ask("status 3", several=True)
        rows = [line.split("\t") for line in answer if line.startswith("CLIENT_LIST\t")]
        return [Client(int(row[10]), row[1], int(row[5]), int(row[6])) for row in rows]

    async def end(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.ask("signal SIGTERM")
