"""OpenVPN servers that run: started, restarted when they shall be otherwise, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import signal
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from pileus.engines.network import Networks
from pileus.engines.network.survey import PATHS

from .management import ASKING, ESTABLISHED, LEFT, Client, Management, Visitor
from .passing import TUNNEL, Passing, lay

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.openvpn")

MANAGEMENT = 7505
"""The port, inside the host's namespace, at which a server is managed."""
PATIENCE = 20.0
"""Seconds of real time that a server may take to start, or to end."""
MOST = 65_000
"""Addresses that a server gives out at most."""
KEPT = 20
"""Lines of what a server writes that are kept, to say why it did not start."""


class Refused(Exception):
    """A visitor is not let in, for this reason."""


class Server(Struct, frozen=True):
    """What a server is to be."""

    name: str
    host: str
    """The host of the networks in which it runs."""
    protocol: str
    """`udp` or `tcp`."""
    port: int
    pool: str
    """The addresses of visitors; the first is the server's own."""
    authority: str
    """The certificates that visitors' have to be signed with."""
    certificate: str
    """Its own, and what it is signed with."""
    key: str


class Gate(Protocol):
    """Who decides."""

    async def admit(self, visitor: Visitor) -> list[str]:
        """The options that a visitor gets; raises Refused."""
        ...

    async def entered(self, visitor: Visitor) -> None: ...

    async def left(self, visitor: Visitor) -> None:
        """`visitor.told` has the bytes now. It is told again of who was put out, and not of those at a server's end."""
        ...


def program() -> str:
    """Where OpenVPN is; empty if nowhere."""
    return shutil.which("openvpn", path=PATHS) or ""


def unable() -> str:
    """Why there can be no servers; empty if there can."""
    if reason := Networks.available():
        return reason
    if not program():
        return "openvpn is not installed: apt-get install openvpn"
    return "" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


def configuration(server: Server) -> str:
    pool = ip_network(server.pool)
    last = pool[min(MOST, pool.num_addresses - 2)]
    lines = [
        "mode server",
        "tls-server",
        f"dev {TUNNEL}",
        "dev-type tun",
        "topology subnet",
        'push "topology subnet"',
        f"ifconfig {pool[1]} {pool.netmask}",
        f"ifconfig-pool {pool[2]} {last} {pool.netmask}",
        f'push "route-gateway {pool[1]}"',
        f"proto {server.protocol}{'-server' if server.protocol == 'tcp' else ''}",
        f"port {server.port}",
        "keepalive 10 60",
        "data-ciphers AES-256-GCM",
        "dh none",
        "reneg-sec 0",
        "duplicate-cn",
        "persist-key",
        "persist-tun",
        f"management 127.0.0.1 {MANAGEMENT}",
        "management-client",
        "management-client-auth",
        "auth-user-pass-optional",
        "disable-dco",
        "verb 1",
    ]
    if server.protocol == "udp":
        lines.append("explicit-exit-notify 1")
    for name, text in (("ca", server.authority), ("cert", server.certificate), ("key", server.key)):
        lines += [f"<{name}>", text.strip(), f"</{name}>"]
    return "\n".join([*lines, ""])


class OpenVpn:
    """The servers of a cloud (`cloud.engine(OpenVpn)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._running: dict[str, Running] = {}

    async def run(self, server: Server, gate: Gate, passing: Passing) -> bool:
        """Let a server run as it shall be, and its visitors' packets pass as they may; whether it was started anew."""
        there = self._running.get(server.name)
        if anew := there is None or there.server != server or there.ended:
            await self.end(server.name)
            started = Running(server, gate)
            await started.start(self._cloud.engine(Networks))
            self._running[server.name] = started
        running = self._running[server.name]
        await asyncio.to_thread(lay, running.space, passing)
        return anew

    def names(self) -> list[str]:
        return [*self._running]

    async def clients(self, name: str) -> list[Client]:
        """Who is connected to a server; nobody if it does not run."""
        found = self._running.get(name)
        try:
            return await found.management.clients() if found and found.management else []
        except ConnectionError:
            return []

    async def put_out(self, name: str, number: int, *, for_good: bool) -> bool:
        """End a visitor's connection; whether there was one."""
        found = self._running.get(name)
        try:
            return found is not None and await found.put_out(number, for_good=for_good)
        except ConnectionError:
            return False

    async def end(self, name: str) -> None:
        somebody = bool(await self.clients(name))
        if found := self._running.pop(name, None):
            await found.end(at_once=not somebody)

    async def close(self) -> None:
        for name in self.names():
            await self._running.pop(name).end(at_once=True)


class Running:
    """One server."""

    def __init__(self, server: Server, gate: Gate) -> None:
        self.server = server
        self.management: Management | None = None
        self.space = Path()
        self._gate = gate
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Server | None = None
        self._reading: asyncio.Task[None] | None = None
        self._written: list[str] = []
        self._ending = False

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def start(self, networks: Networks) -> None:
        self.space = await networks.host(self.server.host)
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.management = Management(reader, writer, self)
            if not met.done():
                met.set_result(None)
            await self.management.converse()

        bound = await networks.socket(self.server.host, ("127.0.0.1", MANAGEMENT))
        self._listener = await asyncio.start_server(connected, sock=bound)
        self._process = await asyncio.create_subprocess_exec(
            "nsenter", f"--net={self.space}", program(), "--config", "stdin",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        assert self._process.stdin
        self._process.stdin.write(configuration(self.server).encode())
        self._process.stdin.close()
        self._reading = asyncio.get_running_loop().create_task(self._read())
        done, _ = await asyncio.wait({met, self._reading}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if met not in done:
            await self.end()
            raise OSError(f"openvpn does not start: {'; '.join(self._written)}")

    async def _read(self) -> None:
        assert self._process and self._process.stdout
        async for line in self._process.stdout:
            text = line.decode(errors="replace").rstrip()
            log.debug("%s: %s", self.server.name, text)
            self._written = [*self._written, text][-KEPT:]

    async def heard(self, event: str, visitor: Visitor) -> None:
        if event in ASKING:
            await self._asked(visitor)
        elif event == ESTABLISHED:
            await self._gate.entered(visitor)
        elif event == LEFT and not self._ending:
            await self._gate.left(visitor)

    async def _asked(self, visitor: Visitor) -> None:
        assert self.management
        with contextlib.suppress(ConnectionError):
            try:
                options = await self._gate.admit(visitor)
            except Refused as refused:
                await self.management.turn_away(visitor, str(refused))
            except Exception:
                log.exception("whether a visitor of %s may come in cannot be told", self.server.name)
                await self.management.turn_away(visitor, "internal error")
            else:
                await self.management.let_in(visitor, options)

    async def put_out(self, number: int, *, for_good: bool) -> bool:
        """End a visitor's connection. The server itself says so only when the client has had time to hear of it."""
        assert self.management
        found = next((one for one in await self.management.clients() if one.number == number), None)
        if found is None or not await self.management.put_out(number, for_good=for_good):
            return False
        told = {"common_name": found.name, "bytes_received": str(found.received), "bytes_sent": str(found.sent)}
        await self._gate.left(Visitor(number, -1, told))
        return True

    async def end(self, *, at_once: bool = False) -> None:
        """End; visitors are told that they shall try again, which takes a second, or `at_once`."""
        self._ending = True
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL if at_once else signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), PATIENCE)
            except TimeoutError:
                self._process.kill()
        if self._reading:
            await self._reading
        if self._listener:
            self._listener.close()
        if self.management:
            self.management.hang_up()
