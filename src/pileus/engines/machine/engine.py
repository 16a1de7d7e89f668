"""The machines of a cloud: started by a launcher, spoken to by their inits, ended."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import random
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import msgspec

from pileus.engines.disks import Disks
from pileus.engines.sandbox.engine import Launcher
from pileus.engines.sandbox.groups import Groups
from pileus.engines.sandbox.plans import Image
from pileus.engines.sandbox.sandbox import SandboxFailed

from . import exports, images
from .console import Console
from .machine import Machine, MachineFailed
from .plans import MEGABYTE, Plan
from .survey import unable

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.machine")

LAUNCHER = str(Path(__file__).with_name("maker.py"))
PRELOADED = (
    "argparse",
    "base64",
    "calendar",
    "email",
    "email.charset",
    "email.mime.text",
    "encodings.idna",
    "encodings.latin_1",
    "fcntl",
    "gzip",
    "http.client",
    "linecache",
    "quopri",
    "shlex",
    "shutil",
    "ssl",
    "subprocess",
    "textwrap",
    "urllib.request",
    "yaml",
    "init",
)
MOMENT = 2.0
"""Seconds that machines have to end by themselves when the cloud does."""
FIRST_USER, BLOCKS, USERS = 0x10000000, 20_000, 65536


class Machines:
    """An engine of the cloud: `Machines.of(cloud)`, or `cloud.engine(Machines)` where there surely are some."""

    @classmethod
    def of(cls, cloud: Cloud) -> Machines | None:
        """None where there can be no machines, or shall be none.

        They end before their disks do: engines are closed the latest first.
        """
        if cloud.options.get("machines") == "none" or unable():
            return None
        cloud.engine(Disks)
        return cloud.engine(cls)

    def __init__(self, cloud: Cloud) -> None:
        if why := unable():
            raise MachineFailed(f"there can be no machines here: {why}")
        self.running: dict[str, Machine] = {}
        self._temporary = None if cloud.folder else Path(tempfile.mkdtemp(prefix="pileus-"))
        self.folder = (cloud.folder or self._temporary or Path()) / "machines"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)  # its users are not ours: nobody must find programs here that belong to somebody
        self._hidden = [cloud.folder] if cloud.folder else []
        self._groups = Groups()
        self._numbers = itertools.count(1)
        self._orders: dict[int, asyncio.Future[None]] = {}
        self._launcher: Launcher[Machine] | None = None
        self._doing: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._closed = False
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    # Images

    def image(self, name: str = "") -> Path:
        """An image's folder; without a name, that of the host's own system."""
        if name:
            return self.folder / "images" / name
        return images.of_host(self.folder / "host", self._hidden)

    def holds(self, name: str) -> bool:
        return images.finished(self.image(name))

    async def imported(self, source: Path, name: str) -> None:
        """Make an image of a folder, or of an archive of one, or of what OCI tools and `docker save` write."""
        await asyncio.to_thread(images.imported, source, self.image(name))

    async def captured(self, machine: str, name: str) -> None:
        """Make an image of what a machine has changed over its own."""
        own = self.folder / machine
        if own.is_dir():
            await asyncio.to_thread(images.captured, self.image(images.of_machine(own)), own, self.image(name))

    async def exported(self, name: str, target: Path, size: int) -> None:
        """Make a file with a file system of what an image has of its own."""
        await asyncio.to_thread(exports.exported, self.image(name), self.folder, target, size)

    def copied(self, source: str, name: str) -> None:
        """Make an image that is as another one."""
        images.copied(self.image(source), self.image(name))

    def discard(self, name: str) -> None:
        """An image is not needed any more; it goes when nothing is left that is made of it."""
        images.discard(self.image(name))
        images.sweep(self.folder)

    # Machines

    def turn(self, name: str) -> asyncio.Lock:
        """What one holds who starts or ends a machine that others may start or end at the same time."""
        return self._turns.setdefault(name, asyncio.Lock())

    async def prepare(self) -> None:
        """Make what every machine needs, and what takes the first one a moment: the host's image and the launcher."""
        async with self._starting:
            await asyncio.to_thread(self.image)
        await self._ready()

    async def start(self, plan: Plan) -> Machine:
        """Start a machine. What it has changed when it ran before is still so."""
        if plan.name in self.running:
            raise MachineFailed(f"{plan.name} runs already")
        own = self.folder / plan.name
        async with self._starting:  # the first one makes the image
            image = await asyncio.to_thread(self.image, images.of_machine(own, plan.image))
        launcher = await self._ready()
        layers = images.read(image)
        for layered in layers:
            for name in ("upper", "work"):
                (own / layered.name / name).mkdir(parents=True, exist_ok=True)
        group = self._groups.make(plan.name) if self._groups else None
        if group:
            group.limit(plan.memory_bytes + 16 * MEGABYTE, plan.cpus)
        machine = Machine(self, plan, group, Console(own / "console"))
        self.running[plan.name] = launcher.launched[plan.name] = machine
        launcher.send(self._order(plan, machine, own, layers), [machine.theirs, machine.init.fileno()])
        machine.init.close()
        await machine.up()
        for device, path in list(plan.devices.items()):
            await machine.attach(device, path)
        return machine

    def _order(self, plan: Plan, machine: Machine, own: Path, layers: list[images.Layered]) -> dict[str, Any]:
        told: dict[str, Any] = msgspec.to_builtins(plan)
        return told | {
            "start": plan.name,
            "instance": plan.instance or plan.name,
            "user_data": base64.b64encode(plan.user_data).decode(),
            "users": self._users(),
            "own": str(own),
            "layers": msgspec.to_builtins(layers),
            "shown": [],
            "groups": machine.group.entrances if machine.group else [],
            "limits": {"CORE": 0},
        }

    async def network(self, path: Path) -> None:
        """Mount at a path a network in which a machine will be, and whose root may do there what it likes."""
        await self._ready()
        await self.order("provide", str(path), users=self._users())

    def _users(self) -> int:
        """The first of users that hardly any other machine has."""
        return FIRST_USER + random.SystemRandom().randrange(BLOCKS) * USERS

    def kill(self, name: str) -> None:
        if self._launcher and name in self.running:
            self._launcher.send({"kill": name})

    async def order(self, what: str, name: str, **more: Any) -> None:
        """Have the launcher do something to a machine; MachineFailed says why not."""
        if self._launcher is None or not self._launcher.alive:
            raise MachineFailed(f"{name} does not run")
        number = next(self._numbers)
        done = self._orders[number] = asyncio.get_running_loop().create_future()
        self._launcher.send({what: name, "id": number, **more})
        try:
            await done
        finally:
            self._orders.pop(number, None)

    def doing(self, what: Any) -> None:
        task = asyncio.get_running_loop().create_task(what)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    def forget(self, name: str) -> None:
        """Remove what a machine has left; it must not run."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        images.sweep(self.folder)

    def console(self, name: str) -> Console:
        """What a machine has said, whether it runs or not."""
        found = self.running.get(name)
        return found.console if found else Console(self.folder / name / "console")

    async def _ready(self) -> Launcher[Machine]:
        async with self._starting:
            if self._closed:
                raise MachineFailed("the cloud ends")
            launcher = self._launcher
            if launcher is None or not launcher.alive:
                launcher = self._launcher = Launcher(
                    Image(path=modules(), preload=PRELOADED), self.folder / "stage", LAUNCHER
                )
                launcher.on_end = self._ended
                launcher.on_report = self._reported
                launcher.on_lost = self._lost
            try:
                await asyncio.shield(launcher.ready)
            except SandboxFailed as failed:
                raise MachineFailed(str(failed)) from failed
            return launcher

    def _reported(self, report: dict[str, Any]) -> None:
        if done := self._orders.pop(report["done"], None):
            if error := report.get("error"):
                done.set_exception(MachineFailed(error))
            else:
                done.set_result(None)

    def _lost(self) -> None:
        """Nobody is left to carry out what was ordered."""
        while self._orders:
            self._orders.popitem()[1].set_exception(MachineFailed("the launcher is gone"))

    def _ended(self, machine: Machine) -> None:
        self.running.pop(machine.name, None)
        if machine.group:
            self._groups.discard(machine.group)

    async def close(self) -> None:
        """End all, who get a moment for it; those that should run are started again by whoever wants them."""
        self._closed = True
        await asyncio.gather(*(machine.stop(MOMENT) for machine in list(self.running.values())))
        if self._launcher:
            self._launcher.close()
        self._groups.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def modules() -> tuple[str, ...]:
    """Where the launcher finds what inits are made of."""
    import yaml

    here = Path(__file__).parent
    return str(here), str(here.parent / "sandbox"), str(Path(yaml.__file__).parent.parent)
