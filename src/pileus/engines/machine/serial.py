"""Serial consoles over SSH: OpenSSH's server, of which each connection has one, with users that only it knows.

It is started in mounts of its own, where the accounts of the system are those who may come in by now: one for each
machine, by keys. It runs nothing but two pipes, between the client's terminal and us, who are at the machine's: there a
login waits, as at any serial line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pileus.engines.sandbox.sandbox import Reader

from .machine import Machine

SERVER = "/usr/sbin/sshd"
NOBODY = 65534
PASSWD = """\
root:*:0:0::/:/bin/sh
sshd:*:{nobody}:{nobody}::/run/sshd:/usr/sbin/nologin
"""
CONNECT = """\
d={folder}/users/$USER
[ -t 0 ] && stty raw -echo
echo "$USER" > {folder}/hello
cat $d/out &
exec cat > $d/in
"""
CONFIGURATION = """\
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {folder}/users/%u/keys
ForceCommand exec /bin/sh {folder}/connect
DisableForwarding yes
PermitUserRC no
PrintMotd no
PrintLastLog no
"""
START = """\
mkdir -p /run/sshd
mount --bind {folder}/passwd /etc/passwd && mount --bind {folder}/group /etc/group &&
exec {server} -i -e -f {folder}/configuration
"""
BUSY = b"Another session is at this serial console.\r\n"
GETTY = "/sbin/agetty", "--noclear", "--keep-baud", "console", "115200", "vt220"

Keys = Callable[[], Mapping[str, Sequence[str]]]
"""Who may come in now: public keys by users' names."""
Find = Callable[[str], Machine | None]
"""The machine at whose console a user is."""


def lacking() -> str:
    """Why there can be no consoles over SSH; empty if there can."""
    if os.geteuid():
        return "this takes root"
    missing = [name for name in (SERVER, "unshare", "mount") if not shutil.which(name)]
    return f"{', '.join(missing)} is not installed (openssh-server, util-linux)" if missing else ""


class SerialConsoles:
    """A port at which the consoles of machines are."""

    @classmethod
    async def start(cls, host: str, port: int, host_key: bytes, keys: Keys, find: Find) -> SerialConsoles:
        made = cls(host_key, keys, find)
        made._listener = socket.create_server((host, port))
        made._listener.setblocking(False)
        made.port = made._listener.getsockname()[1]
        made._accepting = asyncio.get_running_loop().create_task(made._accept())
        return made

    def __init__(self, host_key: bytes, keys: Keys, find: Find) -> None:
        self.port = 0
        self._host_key, self._keys, self._find = host_key, keys, find
        self._taken: set[str] = set()
        """The machines at whose consoles somebody is."""
        self._sessions: set[asyncio.Task[None]] = set()
        self._accepting: asyncio.Task[None] | None = None
        self._listener: socket.socket

    async def close(self) -> None:
        if self._accepting:
            self._accepting.cancel()
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        self._listener.close()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            session = loop.create_task(self._serve(connection))
            self._sessions.add(session)
            session.add_done_callback(self._sessions.discard)

    async def _serve(self, connection: socket.socket) -> None:
        with tempfile.TemporaryDirectory(prefix="pileus-serial-") as place:
            folder = Path(place)
            self._prepare(folder)
            with connection:
                connection.setblocking(True)
                server = await asyncio.create_subprocess_exec(
                    "unshare", "-m", "--propagation", "private", "/bin/sh", "-c",
                    START.format(folder=folder, server=SERVER),
                    stdin=connection.fileno(), stdout=connection.fileno(), stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
            session = Attached(folder, self._find, self._taken)
            try:
                await server.wait()
            finally:
                session.close()
                with contextlib.suppress(ProcessLookupError):
                    server.terminate()

    def _prepare(self, folder: Path) -> None:
        users = self._keys()
        folder.chmod(0o711)
        (folder / "users").mkdir(mode=0o711)
        lines = [f"{user}:*:{NOBODY}:{NOBODY}::/:/bin/sh\n" for user in users]
        (folder / "passwd").write_text(PASSWD.format(nobody=NOBODY) + "".join(lines))
        (folder / "group").write_text(f"root:x:0:\nnogroup:x:{NOBODY}:\n")
        (folder / "connect").write_text(CONNECT.format(folder=folder))
        (folder / "configuration").write_text(CONFIGURATION.format(folder=folder))
        key = os.open(folder / "host_key", os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(key, self._host_key)
        os.close(key)
        pipe(folder / "hello")
        for user, keys in users.items():
            own = folder / "users" / user
            own.mkdir(mode=0o711)
            (own / "keys").write_text("".join(f"{key}\n" for key in keys))
            for name in ("in", "out"):
                pipe(own / name)


def pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)
    os.chown(path, NOBODY, NOBODY)


class Attached:
    """A session, which is at a machine's console once its user is known."""

    def __init__(self, folder: Path, find: Find, taken: set[str]) -> None:
        self._folder, self._find, self._taken = folder, find, taken
        self._machine: Machine | None = None
        self._out = -1
        self._readers = [self._reads(folder / "hello", self._begin)]

    def _reads(self, path: Path, take: Callable[[bytes], None]) -> Reader:
        return Reader(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC), take)

    def _begin(self, said: bytes) -> None:
        user = said.decode(errors="replace").strip()
        machine = self._find(user)
        if machine is None or self._machine or not (self._folder / "users" / user / "out").exists():
            return
        self._out = os.open(self._folder / "users" / user / "out", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        if machine.name in self._taken:
            self._show(BUSY)
            return
        self._machine = machine
        self._taken.add(machine.name)
        machine.console.watchers.append(self._show)
        self._readers.append(self._reads(self._folder / "users" / user / "in", machine.typed))
        machine.getty(GETTY)

    def _show(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):  # whoever reads too slowly misses something, as at a serial line
            os.write(self._out, data)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        if self._machine:
            self._machine.console.watchers.remove(self._show)
            self._taken.discard(self._machine.name)
        if self._out >= 0:
            os.close(self._out)
