"""The tunnels of a cloud: what was asked for, what there is, and the difference."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from .plans import End, State
from .running import Running
from .survey import silent, unable

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

FOLDER = Path("/run/pileus/tunnels")
"""Where each tunnel has a folder, called after its namespace."""


class Tunnels:
    """An engine of the cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._of: dict[str, dict[str, Running]] = {}
        """The tunnels by those who asked for them."""
        self._changing = asyncio.Lock()
        self._clean = False
        self.closed = False

    @staticmethod
    def available() -> str:
        """Why there can be no tunnels on this machine; empty if there can."""
        return unable()

    @staticmethod
    def silent() -> str:
        """Why tunnels cannot tell each other of routes; empty if they can."""
        return silent()

    async def keep(
        self,
        owner: str,
        wanted: dict[str, End],
        hear: Callable[[str, State], None],
        listen: Callable[[str, str, str], None] = lambda name, kind, line: None,
    ) -> None:
        """Let somebody have these tunnels and no others. Each change of one's state is heard.

        So is what strongSwan and BIRD say (`IKE`, `BGP`) of those that are to be logged.
        """
        async with self._changing:
            self._sweep()
            there = self._of.setdefault(owner, {})
            gone = [name for name, one in there.items() if name not in wanted or not same(one.end, wanted[name])]
            await asyncio.gather(*(there.pop(name).close() for name in gone))
            for name, end in wanted.items():
                if name not in there:
                    folder = FOLDER / end.namespace.name
                    there[name] = Running(end, folder, partial(hear, name), partial(listen, name))
                elif there[name].end != end:
                    await there[name].change(end)
            if not there:
                del self._of[owner]

    async def leave(self, owner: str) -> None:
        """Somebody needs no tunnels any more."""
        if owner in self._of:
            await self.keep(owner, {}, lambda name, state: None)

    async def moved(self, owner: str) -> dict[str, tuple[int, int]]:
        """How many bytes have come in and gone out by the present keys of somebody's tunnels."""
        return {name: await one.moved() for name, one in [*self._of.get(owner, {}).items()]}

    def state(self, owner: str, name: str) -> State | None:
        """How a tunnel is; None if there is none."""
        found = self._of.get(owner, {}).get(name)
        return found.state if found else None

    def _sweep(self) -> None:
        """Remove what clouds have left whose namespaces are gone. Their processes have ended with them."""
        if not self._clean:
            self._clean = True
            for folder in FOLDER.iterdir() if FOLDER.is_dir() else ():
                if not Path("/run/netns", folder.name).exists():
                    shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        """End all of them."""
        self.closed = True
        async with self._changing:
            await asyncio.gather(*(one.close() for there in self._of.values() for one in there.values()))
            self._of.clear()


def same(one: End, other: End) -> bool:
    """Whether a tunnel may become another one as it runs: only what it announces may differ."""
    return quiet(one) == quiet(other)


def quiet(end: End) -> End:
    if end.tunnel.bgp is None:
        return end
    bgp = msgspec.structs.replace(end.tunnel.bgp, announces=())
    return msgspec.structs.replace(end, tunnel=msgspec.structs.replace(end.tunnel, bgp=bgp))
