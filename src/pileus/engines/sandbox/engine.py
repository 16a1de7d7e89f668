"""The sandboxes of a cloud: started by launchers, watched, ended."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import msgspec

from .containers import Containers
from .groups import Groups
from .plans import MEGABYTE, PLAIN, Image, Plan
from .sandbox import PIECE, Output, Reader, Sandbox, SandboxFailed
from .survey import Choice, choice

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.sandbox")

LAUNCHER = str(Path(__file__).with_name("launcher.py"))
FIRST_USER = 0x60000000


class Launched(Protocol):
    """What a launcher has made, as far as it reports of it."""

    def started(self, pid: int) -> None: ...

    def over(self, status: int, error: str = "") -> None: ...


L = TypeVar("L", bound=Launched)


class Launcher(Generic[L]):
    """A launcher process, and what it has made."""

    def __init__(self, image: Image, root: Path, script: str = LAUNCHER, driver: str = "") -> None:
        self.launched: dict[str, L] = {}
        self.on_end: Callable[[L], None] = lambda one: None
        self.on_report: Callable[[dict[str, Any]], None] = lambda report: None
        """Is told what is neither a beginning nor an end."""
        self.on_lost: Callable[[], None] = lambda: None
        """Is told that the launcher is gone, and all that it made with it."""
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._control, theirs = socket.socketpair()
        self._received = bytearray()
        root.mkdir(parents=True, exist_ok=True)
        options = {
            "driver": driver or choice().driver,
            "root": str(root),
            "shown": image.shown,
            "own": image.root,
            "path": image.path,
            "preload": image.preload,
        }
        program = [image.interpreter, "-I", "-S", script, str(theirs.fileno()), json.dumps(options)]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            program, pass_fds=[theirs.fileno()], env=environment, stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        self._control.setblocking(False)
        asyncio.get_running_loop().add_reader(self._control.fileno(), self._readable)

    def send(self, order: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
        data = json.dumps(order).encode()
        self._control.setblocking(True)  # the launcher reads at once, and never waits for us
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its end is reported by `_readable`
                socket.send_fds(self._control, [len(data).to_bytes(4, "big")], list(descriptors))
                self._control.sendall(data)
        finally:
            self._control.setblocking(False)

    def end(self, name: str) -> None:
        self.send({"kill": name})

    def _readable(self) -> None:
        try:
            data = self._control.recv(PIECE)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self._lost()
            return
        self._received += data
        while len(self._received) >= 4:
            end = 4 + int.from_bytes(self._received[:4], "big")
            if len(self._received) < end:
                return
            self._told(json.loads(self._received[4:end]))
            del self._received[:end]

    def _told(self, report: dict[str, Any]) -> None:
        if "ready" in report:
            self.ready.set_result(True)
        elif "started" in report:
            self.launched[report["started"]].started(report["pid"])
        elif "ended" in report:
            self._ended(report["ended"], report["status"], report.get("error", ""))
        else:
            self.on_report(report)

    def _ended(self, name: str, status: int, error: str = "") -> None:
        one = self.launched.pop(name)
        one.over(status, error)
        self.on_end(one)

    def _lost(self) -> None:
        """The launcher is gone, and what it made with it."""
        asyncio.get_running_loop().remove_reader(self._control.fileno())
        self._control.close()
        if not self.ready.done():
            self.ready.set_exception(SandboxFailed(f"the launcher ended with status {self.process.wait()}"))
        for name in list(self.launched):
            self._ended(name, 128 + 9, "the launcher is gone")
        self.on_lost()

    @property
    def alive(self) -> bool:
        return self._control.fileno() >= 0

    def close(self) -> None:
        """End it, and so what it made."""
        if self.alive:
            self._control.shutdown(socket.SHUT_RDWR)
            self._lost()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Sandboxes:
    """An engine of the cloud (`cloud.engine(Sandboxes)`)."""

    def __init__(self, cloud: Cloud, chosen: Choice | None = None) -> None:
        self._chosen = chosen or choice()
        self._launchers: dict[Image, Launcher[Sandbox]] = {}
        self._groups = Groups() if self._chosen.driver == "namespaces" else None
        self._numbers = itertools.count()
        self._users = itertools.count()
        self._folder = cloud.folder / "sandboxes" if cloud.folder else Path(tempfile.mkdtemp(prefix="pileus-"))
        shutil.rmtree(self._folder, ignore_errors=True)
        self._containers = Containers(self._chosen.docker, self._folder) if self._chosen.docker else None

    async def warm(self, image: Image) -> None:
        """Have a launcher ready, so that the first sandbox of an image starts as quickly as the others."""
        if self._containers:
            await self._containers.image(image)
        else:
            await self._launcher(image)

    async def start(self, plan: Plan, image: Image = PLAIN, outputs: Sequence[Output] = ()) -> Sandbox:
        """Start a sandbox. What it writes to its descriptors 1, 2, … goes to these functions."""
        name = str(next(self._numbers))
        plan.user = self.user() if plan.user is None else plan.user
        if self._containers:
            return await self._containers.start(name, plan, image, outputs)
        launcher = await self._launcher(image)
        group = self._groups.make(name) if self._groups else None
        pipes = [os.pipe() for _ in outputs]
        readers = [Reader(ours, take) for (ours, _), take in zip(pipes, outputs, strict=True)]
        sandbox = launcher.launched[name] = Sandbox(
            name, plan, group, readers, lambda name: launcher.send({"kill": name})
        )
        limits = dict(plan.limits)
        if group:
            # /tmp lies in memory too: what is beyond it `watch` sees to.
            group.limit(plan.memory_bytes + plan.tmp_bytes + 32 * MEGABYTE, plan.cpus)
        else:
            limits.setdefault("DATA", plan.memory_bytes)
        if self._chosen.driver == "process":
            plan = self._relocated(plan, name)
        order = msgspec.to_builtins(plan) | {
            "start": name,
            "limits": limits,
            "groups": group.entrances if group else [],
            "outputs": len(pipes),
        }
        launcher.send(order, [theirs for _, theirs in pipes])
        for _, theirs in pipes:
            os.close(theirs)
        await sandbox.running()
        return sandbox

    def _relocated(self, plan: Plan, name: str) -> Plan:
        """The plan as it can be carried out where nothing can be mounted: with the host's own paths in it."""
        temporary = self._folder / f"tmp-{name}"
        temporary.mkdir(parents=True)
        places = sorted(plan.mounts, key=lambda mount: -len(mount.target))

        def there(text: str) -> str:
            for mount in places:
                text = re.sub(rf"(?<![\w./-]){re.escape(mount.target)}(?![\w.-])", mount.source, text)
            return text

        return msgspec.structs.replace(
            plan,
            argv=[there(word) for word in plan.argv],
            beside=[[there(word) for word in program] for program in plan.beside],
            directory=there(plan.directory),
            environment={"TMPDIR": str(temporary)} | {key: there(text) for key, text in plan.environment.items()},
        )

    def user(self) -> int | None:
        """Another user for each sandbox, so that none can meddle with another's processes; only root can have that."""
        docker = self._chosen.docker
        if not (docker.own_users if docker else os.geteuid() == 0 and self._chosen.driver == "namespaces"):
            return None
        return FIRST_USER + (os.getpid() << 12 & 0xFFFF000) + next(self._users) % 4096

    async def _launcher(self, image: Image) -> Launcher[Sandbox]:
        launcher = self._launchers.get(image)
        if launcher is None or not launcher.alive:
            began = time.perf_counter()
            launcher = self._launchers[image] = Launcher(
                image, self._folder / str(next(self._numbers)), driver=self._chosen.driver
            )
            launcher.on_end = self._ended
            await asyncio.shield(launcher.ready)
            log.info("launcher of %s is ready after %.2f s", image.interpreter, time.perf_counter() - began)
        elif not launcher.ready.done():
            await asyncio.shield(launcher.ready)
        return launcher

    def _ended(self, sandbox: Sandbox) -> None:
        shutil.rmtree(self._folder / f"tmp-{sandbox.name}", ignore_errors=True)
        if self._groups and sandbox.group:
            self._groups.discard(sandbox.group)

    async def close(self) -> None:
        if self._containers:
            await self._containers.close()
        for launcher in self._launchers.values():
            launcher.close()
        self._launchers.clear()
        if self._groups:
            self._groups.close()
        shutil.rmtree(self._folder, ignore_errors=True)
