"""One tunnel, from its processes to its state. The processes end with this one, however it ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from . import bird, charon, survey, vici
from .plans import End, State

log = logging.getLogger("pileus.tunnels")

DEVICE = "ipsec0"
"""What kernel-libipsec calls its first."""
TABLE, CHARONS = 77, 220
"""Our table of routes, and the one in which kernel-libipsec leads everything into the tunnel, whatever it is told."""
STARTING = 10.0
AGAIN, LONGEST = 1.0, 60.0
"""Seconds after which what has failed is tried again, at first and at most."""
NOTICE = 4096
PATIENCE = 5000
"""Milliseconds in which the other end may answer."""
SEGMENT = 1360
"""What is left for TCP of the 1,400 bytes that kernel-libipsec lets through."""
RULES = (
    "table inet tunnels { chain forward { type filter hook forward priority mangle; "
    f"tcp flags & (syn | rst) == syn tcp option maxseg size set {SEGMENT}; }} }}"
)
IKE, BGP = "IKE", "BGP"
"""What is said of."""
EVENTS = ("child-updown", "child-rekey", "ike-updown", "ike-rekey")


class Running:
    """A tunnel that is there."""

    def __init__(
        self, end: End, folder: Path, changed: Callable[[State], None], said: Callable[[str, str], None]
    ) -> None:
        self.end = end
        self._folder = folder
        self._changed = changed
        self._said = said
        self.state = State()
        self._processes: list[asyncio.subprocess.Process] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._life = asyncio.get_running_loop().create_task(self._live())

    async def _live(self) -> None:
        """Be there; and be there again if strongSwan or BIRD ends, after a while that grows as long as none starts."""
        pause = AGAIN
        while True:
            try:
                await self._start()
                pause = AGAIN
                ended = await self._first_end()
                log.warning("%s of the tunnel in %s has ended", ended, self.end.namespace.name)
            except (OSError, vici.Refused, asyncio.IncompleteReadError, TimeoutError) as error:
                log.warning("the tunnel in %s does not start: %s", self.end.namespace.name, error)
            await self._stop()
            self._tell(State())
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)

    async def _first_end(self) -> str:
        """Wait until a process ends, or what listens to one; why."""
        ends = [asyncio.ensure_future(process.wait()) for process in self._processes]
        try:
            done, _ = await asyncio.wait([*ends, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ends:
                one.cancel()
        failed = next((one.exception() for one in done if not one.cancelled() and one.exception()), None)
        return f"a process ({failed})" if failed else "a process"

    async def _start(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._charon()
        await self._wire()
        self._tasks.append(asyncio.create_task(self._listen_to_charon()))
        if self.end.tunnel.bgp:
            await self._bird()
        await self._configure()

    # strongSwan

    async def _charon(self) -> None:
        """Start it, and wait until it says (sd_notify(3)) that it is ready."""
        settings, ready = self._folder / "strongswan.conf", self._folder / "ready"
        settings.write_text(charon.settings(self._vici, IKE in self.end.tunnel.logged))
        for leftover in (ready, self._vici):
            leftover.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.setblocking(False)
            notices.bind(str(ready))
            told = {"STRONGSWAN_CONF": str(settings), "NOTIFY_SOCKET": str(ready), "SWANCTL_DIR": str(self._folder)}
            stderr = asyncio.subprocess.PIPE if IKE in self.end.tunnel.logged else asyncio.subprocess.DEVNULL
            process = await self._run(survey.program("charon-systemd"), environment=told, stderr=stderr)
            if process.stderr:
                self._tasks.append(asyncio.create_task(self._overhear(process.stderr)))
            async with asyncio.timeout(STARTING):
                while b"READY=1" not in await asyncio.get_running_loop().sock_recv(notices, NOTICE):
                    pass

    async def _overhear(self, log: asyncio.StreamReader) -> None:
        while line := await log.readline():
            if text := charon.said(line.decode(errors="replace")):
                self._said(IKE, text)

    async def _configure(self) -> None:
        """Let in the other end, or call it."""
        told = await vici.Conversation.begun(self._vici)
        try:
            await told.ask(*charon.credentials(self.end.tunnel))
            await told.ask("load-conn", charon.connection(self.end.tunnel))
        finally:
            told.close()
        if self.end.tunnel.starts:
            self._tasks.append(asyncio.create_task(self._call()))

    async def _call(self) -> None:
        """Call the other end, again and again until it answers, and whenever the tunnel has gone down."""
        told = await vici.Conversation.begun(self._vici)
        try:
            while True:
                if not self.state.up:
                    with contextlib.suppress(vici.Refused):
                        await told.ask("initiate", {"child": charon.NAME, "timeout": PATIENCE})
                await asyncio.sleep(AGAIN)
        finally:
            told.close()

    async def _listen_to_charon(self) -> None:
        told = await vici.Conversation.begun(self._vici)
        try:
            async for _ in told.heard(*EVENTS):
                found = charon.state(await self._associations())
                self._tell(msgspec.structs.replace(found, session=self.state.session, told=self.state.told))
        finally:
            told.close()

    async def _associations(self) -> list[vici.Message]:
        told = await vici.Conversation.begun(self._vici)
        try:
            return await told.ask("list-sas", streamed="list-sa")
        finally:
            told.close()

    async def moved(self) -> tuple[int, int]:
        """How many bytes have come and gone by the keys that there are at present."""
        if not self.state.up:
            return 0, 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            return charon.moved(await self._associations())
        return 0, 0

    @property
    def _vici(self) -> Path:
        return self._folder / "vici"

    # The namespace

    async def _wire(self) -> None:
        """What comes in goes through the tunnel, and what comes out of the tunnel goes on."""
        lines = (
            f"address replace {self.end.tunnel.inside} dev {DEVICE}",
            f"route replace default dev {DEVICE} table {TABLE}",
            f"rule del priority {CHARONS}",
            f"rule del priority {TABLE}",
            f"rule add priority {TABLE} iif {self.end.device} lookup {TABLE}",
        )
        ip, nft = survey.program("ip"), survey.program("nft")
        await self._done((ip, "-force", "-batch", "-"), "\n".join(lines))
        await self._done((nft, "-f", "-"), f"table inet tunnels; delete table inet tunnels; {RULES}\n")
        forwarding = "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter"
        await self._done(("/bin/sh", "-c", forwarding), "")

    # BIRD

    async def _bird(self) -> None:
        self._write_bird()
        control = self._folder / "bird"
        control.unlink(missing_ok=True)
        words = ("-f", "-c", str(self._folder / "bird.conf"), "-s", str(control), "-P", str(self._folder / "bird.pid"))
        process = await self._run(survey.program("bird"), *words, stderr=asyncio.subprocess.PIPE)
        self._tasks.append(asyncio.create_task(self._listen_to_bird(process)))

    def _write_bird(self) -> None:
        if self.end.tunnel.bgp:
            (self._folder / "bird.conf").write_text(bird.configuration(self.end.tunnel, self.end.tunnel.bgp))

    async def _listen_to_bird(self, process: asyncio.subprocess.Process) -> None:
        """It tells of each route and each state; what there is then is asked for."""
        assert process.stderr
        while line := await process.stderr.readline():
            if BGP in self.end.tunnel.logged:
                self._said(BGP, line.decode(errors="replace").strip())
            with contextlib.suppress(FileNotFoundError, ConnectionError):
                await self._look()

    async def _look(self) -> None:
        session, told = await bird.look(self._folder / "bird")
        self._tell(msgspec.structs.replace(self.state, session=session, told=told))

    async def change(self, end: End) -> None:
        """Announce something else."""
        self.end = end
        self._write_bird()
        with contextlib.suppress(FileNotFoundError, ConnectionError):
            await bird.asked(self._folder / "bird", "configure")

    # Processes

    async def _run(
        self, *words: str, environment: dict[str, str] | None = None, stderr: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        enter = (survey.program("nsenter"), f"--net={self.end.namespace}")
        die = (survey.program("setpriv"), "--pdeathsig", "KILL")
        silent = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *enter, *die, *words, env={**os.environ, **(environment or {})}, stdin=silent, stdout=silent, stderr=stderr
        )
        self._processes.append(process)
        return process

    async def _done(self, words: tuple[str, ...], text: str) -> None:
        """Run a command in the namespace to its end."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            survey.program("nsenter"), f"--net={self.end.namespace}", *words, stdin=pipe, stdout=pipe, stderr=pipe
        )
        _, refused = await process.communicate(text.encode())
        log.debug("%s: %s", words[0], refused.decode(errors="replace").strip())

    def _tell(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._changed(state)

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for process in self._processes:
            if process.returncode is None:
                process.terminate()
        for process in self._processes:
            try:
                await asyncio.wait_for(process.wait(), AGAIN)
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._processes, self._tasks = [], []

    async def close(self) -> None:
        """End the processes. Nobody is told any more."""
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        await self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)
