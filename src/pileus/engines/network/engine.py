"""The networks of a cloud: what was asked for, what the kernel has, and the difference.

One thread does all of it, in the order in which it was asked for; so two changes never meet, and the event loop does
not wait.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .claims import ALONE, API, Claim
from .flows import Flow, Key
from .plans import Network
from .survey import unable

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

    from .fabric import Fabric


LISTENING = 2.0
"""Seconds, of real time, after which what the kernel tells of flows is taken in."""


class Absent(Exception):
    """What networks need is not there."""


class Networks:
    """An engine of the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._folder = cloud.folder
        self._lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, "networks")
        self._claim: Claim | None = None
        self._fabric: Fabric | None = None
        self._asked: set[str] = set()
        """The networks that there are to be."""
        self._recorded: set[str] = set()
        self._listening: asyncio.Task[None] | None = None
        self.closed = False
        self.provide: Callable[[Path], None] | None = None
        """Mounts the namespace of a new host at its path, where hosts belong to others than this machine's own users.

        It is called in another thread than the loop's.
        """

    @staticmethod
    def available() -> str:
        """Why there can be no networks on this machine; empty if there can."""
        return unable()

    async def apply(self, *networks: Network) -> None:
        """Make networks as these plans say, whatever they were before."""
        if networks:
            self._asked.update(network.name for network in networks)
            await self._do("apply", networks)
            self._recorded = {name for name in self._recorded if name not in {one.name for one in networks}}
            self._recorded |= {one.name for one in networks if one.recorded}
            if self._recorded and self._listening is None:
                self._listening = asyncio.get_running_loop().create_task(self._listen())

    async def remove(self, *names: str) -> None:
        """Remove networks; those that are not there are no error."""
        if there := tuple(name for name in names if name in self._asked):
            self._asked.difference_update(there)
            await self._do("remove", there)

    async def host(self, name: str) -> Path:
        """The namespace of a host, where programs that shall use its ports have to run. It is there until released."""
        return Path(await self._do("hold", name))

    async def release(self, name: str) -> None:
        """A host is not needed any more, unless it still has ports."""
        await self._do("release", name)

    async def socket(
        self,
        where: str,
        address: tuple[str, int] | None = None,
        kind: int = socket.SOCK_STREAM,
        *,
        listens: bool = True,
    ) -> socket.socket:
        """A socket of a network's router, or of a host, for use on the caller's loop.

        With an address it is bound; and a stream then listens, unless told not to.
        """
        return cast(socket.socket, await self._do("socket", where, address, kind, listens))

    @property
    def public(self) -> IPv4Network:
        """The public addresses of this cloud. The first 64 are its own: the second, and those from 16 on, are served in
        the internet. Other clouds have others."""
        return self._claimed().public if self._folder and not unable() else ALONE

    @property
    def api(self) -> str:
        """The public address of the cloud's own services."""
        return str(self.public[API])

    async def names(self) -> dict[str, str]:
        """The namespaces that there are, by networks and hosts."""
        return cast(dict[str, str], await self._do("spaces_by_name"))

    async def flows(self, name: str) -> dict[Key, Flow]:
        """What went through a network whose flows are recorded, and what was refused, since this was last asked."""
        return cast(dict[Key, Flow], await self._do("flows", name))

    async def listen(self) -> None:
        """Take in what the kernel has told of flows up to now."""
        await self._do("listen")

    async def _listen(self) -> None:
        """As long as flows are recorded: the kernel does not keep for long what it has told."""
        while self._recorded & self._asked:
            await asyncio.sleep(LISTENING)
            await self.listen()
        self._listening = None

    async def settled(self) -> None:
        """Everything that was asked for up to now has been done."""
        await self._do("settled")

    async def close(self) -> None:
        """Remove everything."""
        if self.closed:
            return
        self.closed = True
        if self._listening is not None:
            self._listening.cancel()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._removed)
        if self._claim is not None:
            self._claim.drop()
            self._claim = None
        self._thread.shutdown()

    def _removed(self) -> None:
        if self._fabric is not None:
            self._fabric.close()
            self._fabric = None

    async def _do(self, what: str, *arguments: Any) -> Any:
        work = partial(self._in_thread, what, *arguments)
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _in_thread(self, what: str, *arguments: Any) -> Any:
        if self._fabric is None:
            self._fabric = self._made()
        self._fabric.provide = self.provide
        return getattr(self._fabric, what)(*arguments)

    def _made(self) -> Fabric:
        if reason := unable():
            raise Absent(f"There are no networks here: {reason}.")
        from .fabric import Fabric, left, sweep

        claim = self._claimed()
        claim.bury(left(), sweep)
        try:
            return Fabric(claim)
        except BaseException:
            sweep(claim.token)
            raise

    def _claimed(self) -> Claim:
        if self._folder is None:
            raise Absent("A cloud without a folder has no name for its networks.")
        with self._lock:
            if self._claim is None:
                self._claim = Claim(self._folder)
            return self._claim
