"""A session: a program in a machine at a terminal of the machine's own, as Session Manager and the like have it."""

from __future__ import annotations

import array
import asyncio
import fcntl
import os
import socket
import struct
import termios
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .machine import Machine

PIECE = 64 * 1024


class Session:
    def __init__(self, machine: Machine, argv: list[str], user: str, size: tuple[int, int]) -> None:
        self.machine = machine
        self.argv = argv
        self.user = user
        self.size = size
        self.terminal = -1

    async def __aenter__(self) -> Session:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            given = theirs.fileno()
            self.ended = self.machine.begin(self.argv, (given, given, given), user=self.user, terminal=self.size)
            theirs.close()
            ours.setblocking(False)
            await readable(ours.fileno())
            self.terminal = handed_over(ours)
        os.set_blocking(self.terminal, False)
        return self

    async def __aexit__(self, *_: object) -> None:
        os.close(self.terminal)  # which hangs up on the program

    async def read(self) -> bytes:
        """What it shows next; nothing when it has ended."""
        await readable(self.terminal)
        try:
            return os.read(self.terminal, PIECE)
        except OSError:  # a terminal whose program has ended
            return b""

    def write(self, data: bytes) -> None:
        os.write(self.terminal, data)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


async def readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


def handed_over(asked: socket.socket) -> int:
    """The descriptor that has come; of several the first."""
    _, more, _, _ = asked.recvmsg(1, socket.CMSG_SPACE(array.array("i").itemsize))
    descriptors = array.array("i")
    for level, kind, data in more:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    if not descriptors:
        raise ConnectionError("there is no terminal")
    return descriptors[0]
