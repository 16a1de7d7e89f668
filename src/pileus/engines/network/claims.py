"""What a cloud claims of the machine: a token for names, and public addresses that no other cloud there has.

A claim is a locked file, so it ends with its cloud however that ends. Whoever finds a claim without an owner sweeps
what was left behind.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

FOLDER = Path("/run/pileus/networks")
ADDRESSES = IPv4Network("198.18.0.0/15")
"""Reserved for measuring networks (RFC 2544), so that nothing real has them."""
SIZE = 21
"""The prefix length of one cloud's share: 2,048 addresses, for 64 clouds."""
API, MACHINE = 1, 2
"""Which of its addresses a cloud's own services have, and which one the machine itself has."""
SERVICES = slice(16, 64)
"""Further ones that its services may have, so that routes and rules can tell them apart."""
ALONE = IPv4Network("198.18.0.0/21")
"""The share of a cloud that claims nothing, because nobody can reach its addresses."""


class Taken(Exception):
    """There is nothing left to claim, or somebody has claimed the same."""


def token(folder: Path) -> str:
    """What all names in the kernel begin with after `pileus-`: eight characters, of the cloud's folder."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:8]


class Claim:
    """One cloud's; it lasts until it is dropped or the process ends."""

    def __init__(self, folder: Path) -> None:
        self.token = token(folder)
        FOLDER.mkdir(parents=True, exist_ok=True)
        with _alone():
            self._file = _locked(FOLDER / self.token)
            if self._file is None:
                raise Taken(f"another cloud uses {folder}")
            self.public = self._choose(folder / "public-addresses")
            self._file.truncate()
            self._file.write(str(self.public))
            self._file.flush()

    def _choose(self, memory: Path) -> IPv4Network:
        """The share that the cloud had before, if it still can, else one that is free."""
        shares = list(ADDRESSES.subnets(new_prefix=SIZE))
        first = int(self.token, 16) % len(shares)
        wanted = [*shares[first:], *shares[:first]]
        if memory.exists():
            wanted.insert(0, IPv4Network(memory.read_text().strip()))
        others = (path for path in FOLDER.iterdir() if path.name not in (self.token, "lock"))
        taken = {path.read_text() for path in others if _held(path)}
        for share in wanted:
            if str(share) not in taken:
                memory.write_text(f"{share}\n")
                return share
        raise Taken(f"all of {ADDRESSES} is taken by other clouds on this machine")

    def bury(self, left: Iterable[str], sweep: Callable[[str], None]) -> None:
        """Sweep what the dead have left, and an earlier cloud of the same folder: these are tokens of what there is."""
        with _alone():
            sweep(self.token)
            claimed = {path.name for path in FOLDER.iterdir()} - {"lock"}
            for name in (claimed | {*left}) - {self.token}:
                if file := _locked(FOLDER / name):
                    sweep(name)
                    (FOLDER / name).unlink(missing_ok=True)
                    file.close()

    def drop(self) -> None:
        if self._file:
            (FOLDER / self.token).unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _locked(path: Path) -> IO[str] | None:
    """The file, if nobody else holds it."""
    file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "r+")  # noqa: SIM115
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _held(path: Path) -> bool:
    """Whether a cloud that lives has that claim."""
    if file := _locked(path):
        file.close()
    return file is None


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One cloud at a time chooses."""
    with open(FOLDER / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
