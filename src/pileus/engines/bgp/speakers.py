"""Speakers that run: started, told to say something else, started again when they have ended, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .bird import asked, configuration, program, state
from .plans import Speaker, State

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.bgp")

FOLDER = Path("/run/pileus/bgp")
"""Where each speaker has a folder, called after its namespace."""
SPACES = Path("/run/netns")
AGAIN = 2.0
"""Seconds of real time until a process that has ended is started again."""

Hear = Callable[[str, State], None]
"""Is told how the session with a peer of that name is, whenever that changes."""


class Speakers:
    """The speakers of a cloud (`cloud.engine(Speakers)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._running: dict[str, Running] = {}
        self._clean = False

    async def run(self, speaker: Speaker, hear: Hear) -> None:
        """Let a speaker run, and say what it shall."""
        self._sweep()
        there = self._running.get(speaker.name)
        if there and there.speaker.space == speaker.space:
            await there.change(speaker)
            return
        await self.end(speaker.name)
        self._running[speaker.name] = Running(speaker, FOLDER / speaker.space.name, hear)

    def names(self) -> set[str]:
        return {*self._running}

    def state(self, name: str, peer: str) -> State:
        found = self._running.get(name)
        return found.states.get(peer, State()) if found else State()

    async def end(self, name: str) -> None:
        """End a speaker; its peers are not told, but notice."""
        if found := self._running.pop(name, None):
            await found.close()

    def _sweep(self) -> None:
        """Remove what clouds have left whose namespaces are gone: their processes ended with them."""
        if not self._clean:
            self._clean = True
            for folder in FOLDER.iterdir() if FOLDER.is_dir() else ():
                if not (SPACES / folder.name).exists():
                    shutil.rmtree(folder, ignore_errors=True)

    async def close(self) -> None:
        for name in self.names():
            await self.end(name)


class Running:
    """One speaker."""

    def __init__(self, speaker: Speaker, folder: Path, hear: Hear) -> None:
        self.speaker = speaker
        self.states: dict[str, State] = {}
        self._folder = folder
        self._hear = hear
        self._life = asyncio.get_running_loop().create_task(self._live())

    @property
    def _control(self) -> Path:
        return self._folder / "bird"

    async def _live(self) -> None:
        while True:
            try:
                await self._once()
            except OSError as error:
                log.warning("%s cannot speak BGP: %s", self.speaker.name, error)
            for peer in self.states:
                self._tell(peer, State())
            await asyncio.sleep(AGAIN)

    async def _once(self) -> None:
        """Run a process to its end. It dies with this one, however that ends."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write()
        self._control.unlink(missing_ok=True)
        words = ("-f", "-c", str(self._folder / "bird.conf"), "-s", str(self._control))
        enter = ("nsenter", f"--net={self.speaker.space}", "setpriv", "--pdeathsig", "KILL")
        silent = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *enter, program(), *words, "-P", str(self._folder / "pid"),
            stdin=silent, stdout=silent, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        try:
            assert process.stderr
            while line := await process.stderr.readline():
                log.debug("%s: %s", self.speaker.name, line.decode(errors="replace").rstrip())
                with contextlib.suppress(FileNotFoundError, ConnectionError):
                    await self.look()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    def _write(self) -> None:
        path = self._folder / "bird.conf"
        path.touch(mode=0o600)
        path.write_text(configuration(self.speaker))

    async def look(self) -> None:
        """It has said something: is anything otherwise than it was?"""
        for peer in self.speaker.peers:
            self._tell(peer.name, await state(self._control, peer.name))

    def _tell(self, peer: str, now: State) -> None:
        if self.states.get(peer, State()) != now:
            self.states[peer] = now
            self._hear(peer, now)

    async def change(self, speaker: Speaker) -> None:
        """Say something else, to perhaps others."""
        if speaker == self.speaker:
            return
        gone = {peer.name for peer in self.speaker.peers} - {peer.name for peer in speaker.peers}
        self.speaker = speaker
        self._write()
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            await asked(self._control, "configure")
        for peer in gone:
            self._tell(peer, State())

    async def close(self) -> None:
        """Nobody is told any more."""
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)
