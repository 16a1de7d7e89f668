"""Namespaces of networks: making, entering, finding and removing them.

Which one a thread is in is the thread's own affair: so whatever happens inside one happens in a thread that goes there
and comes back.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pileus.engines.sandbox.isolation import BIND, DETACH, NEW_NETWORK, checked, libc, mount, unshare

if TYPE_CHECKING:
    from pyroute2 import IPRoute

FOLDER = Path("/run/netns")
"""Where iproute2 keeps namespaces that have names, and we do too, so that `ip netns` shows them."""
OWN = "/proc/thread-self/ns/net"
SHARED = 1 << 20


class Space:
    """A namespace that has a name, held open."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = FOLDER / name
        self.fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        self._netlink: IPRoute | None = None
        self.indexes: dict[str, int] = {}
        """Numbers of interfaces by their names, as far as they were asked for."""

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Be inside, in this thread."""
        before = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
        try:
            checked(libc.setns(self.fd, NEW_NETWORK), f"setns {self.name}")
            try:
                yield
            finally:
                checked(libc.setns(before, NEW_NETWORK), "setns")
        finally:
            os.close(before)

    @property
    def netlink(self) -> IPRoute:
        """A conversation with the kernel about what is inside. Of one thread, which made it."""
        if self._netlink is None:
            from pyroute2 import IPRoute

            with self.entered():
                self._netlink = IPRoute()
        return self._netlink

    def index(self, device: str) -> int:
        """The number of an interface."""
        found = self.indexes.get(device)
        if found is None:
            found = self.indexes[device] = self.netlink.link_lookup(ifname=device)[0]
        return found

    def set(self, **values: Any) -> None:
        """Settings of the kernel for what is inside: `ipv4__ip_forward=1`."""
        with self.entered():
            for name, value in values.items():
                Path("/proc/sys/net", *name.split("__")).write_text(str(value))

    def hang_up(self) -> None:
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def close(self) -> None:
        self.hang_up()
        os.close(self.fd)


def create(name: str, provide: Callable[[Path], None] | None = None) -> Space:
    """A new namespace; nothing is in it but a loopback interface, which is up. `provide` mounts one at the path."""
    _share_folder()
    path = FOLDER / name
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0))
    (provide or unshared)(path)
    space = Space(name)
    space.netlink.link("set", index=1, state="up")
    return space


def unshared(path: Path) -> None:
    """Mount a new namespace there, which belongs to this machine's own users."""
    before = os.open(OWN, os.O_RDONLY | os.O_CLOEXEC)
    try:
        unshare(NEW_NETWORK)
        try:
            mount(OWN, str(path), flags=BIND)
        finally:
            checked(libc.setns(before, NEW_NETWORK), "setns")
    finally:
        os.close(before)


def _share_folder() -> None:
    """What is mounted there must be seen in other namespaces of mounts, and its removal too, as with ip-netns(8)."""
    if any(line.split()[4] == str(FOLDER) for line in Path("/proc/self/mountinfo").read_text().splitlines()):
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    mount(str(FOLDER), str(FOLDER), flags=BIND)
    mount("", str(FOLDER), flags=SHARED)


def remove(name: str) -> None:
    """Remove a namespace; one that is not there is no error. What is inside goes with the last process in it."""
    path = FOLDER / name
    libc.umount2(str(path).encode(), DETACH)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


def named(prefix: str) -> list[str]:
    """The names of the namespaces that begin so."""
    if not FOLDER.is_dir():
        return []
    return sorted(entry.name for entry in FOLDER.iterdir() if entry.name.startswith(prefix))


def endpoint(space: Space, address: tuple[str, int] | None, kind: int, listens: bool) -> socket.socket:
    """A socket that lives in a namespace, whichever thread uses it; bound, if it has an address."""
    v6 = address is not None and ":" in address[0]
    with space.entered():
        made = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind)
    made.setblocking(False)
    if address is not None:
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            if listens and kind == socket.SOCK_STREAM:
                made.listen(1024)
        except OSError:
            made.close()
            raise
    return made
