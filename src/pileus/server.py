"""A running cloud: its store opened, its services behind the door, its listeners on their ports."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from pileus.gateway.control import Control
from pileus.gateway.door import Door
from pileus.gateway.entrance import Entrance
from pileus.gateway.http import Server as Listener
from pileus.gateway.requestlog import RequestLog
from pileus.gateway.tls import Certificates
from pileus.kernel.blobs import Blobs, Storage
from pileus.kernel.call import Passage
from pileus.kernel.clock import Clock
from pileus.kernel.cloud import Cloud
from pileus.kernel.master_key import MasterKey
from pileus.kernel.store import open_store
from pileus.settings import Settings

GRACE = 1.0
"""Real seconds that the search for bytes that nobody kept is given when the server stops; the next start goes on."""


class Server:
    """One cloud, started. Everything of it runs on the event loop that started it."""

    def __init__(self, settings: Settings, requests: TextIO | None = None) -> None:
        self.settings = settings
        self.started = time.time()
        self.requests = RequestLog(requests)
        self.control = Control(self)
        self.cloud: Cloud
        self.door: Door
        self.certificates: Certificates
        self.folder: Path
        """The data directory, or a temporary one."""
        self._listeners: list[Listener] = []
        self.ports: dict[str, Any] = {}
        """What listens on a port of its own, by service."""
        self._sweeping: asyncio.Future[int] | None = None
        """The search for bytes that nobody kept, at the start."""

    @property
    def port(self) -> int:
        return self._listeners[0].port

    @property
    def endpoint(self) -> str:
        host = "localhost" if self.settings.host in ("127.0.0.1", "0.0.0.0", "::", "::1") else self.settings.host
        return f"http://{host}:{self.port}"

    async def start(self, *, listen: bool = True) -> None:
        """Open the store, take up its tasks, and listen. OSError where the port is taken."""
        settings = self.settings
        if settings.data is None:
            self.folder = Path(tempfile.mkdtemp(prefix="pileus-"))
        else:
            self.folder = settings.data
            self.folder.mkdir(parents=True, exist_ok=True)
        loop = asyncio.get_running_loop()
        store = open_store(settings.data, durability=settings.durability, schedule=loop.call_soon)
        clock = Clock()
        clock.attach(loop)
        blobs = Blobs(store, self.folder / "blobs", durability=settings.durability, storage=self._elsewhere())
        master_key = MasterKey(self.folder / "master.key")
        options: dict[str, str] = {
            "acm-validate": settings.acm_validate,
            "machines": settings.machines,
            "relay": settings.relay,
        }
        if settings.nitro_root:
            options["nitro-root"] = settings.nitro_root.read_text()
        if settings.maildir:
            options["maildir"] = str(settings.maildir.absolute())
        if settings.hot_reload:
            options["hot-reload"] = str(settings.hot_reload.resolve())
        self.cloud = Cloud(
            store,
            clock,
            blobs,
            strict=settings.strict,
            throttle=settings.throttle,
            master_key=master_key,
            options=options,
            folder=self.folder,
        )
        self.cloud.take_up_clock()
        self.door = Door(self.cloud, self.requests, self.control)
        self.certificates = Certificates(self.folder / "tls")
        self.cloud.tls = self.certificates.context
        self.cloud.authority = lambda: self.certificates.authority.read_text()
        if listen:
            try:
                await self._listen()
            except BaseException:
                await self.stop()
                raise
        self.cloud.runner.start()
        self._sweeping = loop.create_task(self.cloud.blobs.sweep())

    def _elsewhere(self) -> Storage | None:
        """Where large bytes are kept, if it is not the data directory."""
        if not self.settings.blobs:
            return None
        from pileus.kernel.blobs import bucket

        home = bucket.connect(self.settings.blobs)
        return bucket.Bucket(home, bucket.own_prefix(self.folder), lasting=self.settings.data is not None)

    async def _listen(self) -> None:
        settings = self.settings
        listener = await Listener.start(
            self.door, settings.host, settings.port, certificates=self.certificates, tls_port=settings.tls_port
        )
        self._listeners.append(listener)
        self.cloud.listen = self._listen_also
        self.cloud.endpoint = self.endpoint
        for what, port in settings.listen.items():
            service, _, name = what.partition("/")
            listens = self.cloud.service(service).listeners[name]
            self.ports[what] = await listens(self.cloud, settings.host, port)

    def _listen_also(self, bound: socket.socket, passage: Callable[[], Passage | None]) -> Callable[[], None]:
        """Let the door be reached at another socket too, until what is returned is called."""
        listener = Listener.at(Entrance(self.door, passage), bound, certificates=self.certificates)
        self._listeners.append(listener)
        return partial(self._no_more, listener)

    def _no_more(self, listener: Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
            listener.abort()

    async def stop(self) -> None:
        """Finish the calls that are under way, then close everything."""
        await self.control.close()
        for listener in self._listeners:
            await listener.close(2.0)
        for own in self.ports.values():
            await own.close()
        await self.door.close()
        await self.cloud.runner.stop()
        await self.cloud.close()
        if self._sweeping:
            await asyncio.wait([self._sweeping], timeout=GRACE)
            self._sweeping.cancel()
        await self.cloud.blobs.settled()
        self.cloud.blobs.close()
        self.requests.flush()
        self.cloud.meters.tell()
        self.cloud.trail.write()
        self.cloud.store.close()
        if self.settings.data is None:
            shutil.rmtree(self.folder, ignore_errors=True)
