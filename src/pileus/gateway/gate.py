"""Whether a transport takes more data, and the waiting until it does."""

from __future__ import annotations

import asyncio


class Gate:
    """Driven by a protocol's pause_writing and resume_writing."""

    __slots__ = ("_opened", "shut")

    def __init__(self) -> None:
        self.shut = False
        self._opened: asyncio.Future[None] | None = None

    def close(self) -> None:
        self.shut = True

    def open(self) -> None:
        self.shut = False
        opened, self._opened = self._opened, None
        if opened is not None and not opened.done():
            opened.set_result(None)

    async def passed(self) -> None:
        """Return as soon as there is room for more, and others have had their turn."""
        await asyncio.sleep(0)
        while self.shut:
            if self._opened is None or self._opened.done():
                self._opened = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._opened)  # others may be waiting too
