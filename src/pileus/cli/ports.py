"""Who listens on a port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LISTEN = "0A"
"""The state of a listening socket in /proc/net/tcp (proc_net_tcp.txt of the Linux documentation)."""


class Process(NamedTuple):
    pid: int
    command: str

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command})"


def owner(port: int) -> Process | None:
    """The process that listens there; None where there is none, or where it may not be seen."""
    if Path("/proc/net/tcp").exists():
        return next(_linux(port), None)
    return _lsof(port)


def free(above: int) -> int:
    """The next port above one that nobody has."""
    for port in range(above + 1, 65536):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0


def _linux(port: int) -> Iterator[Process]:
    sockets = {f"socket:[{inode}]" for inode in _inodes(port)}
    if not sockets:
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and any(target in sockets for target in _open_files(entry.path)):
            yield Process(int(entry.name), command(entry.name))


def _inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTEN and int(local.rpartition(":")[2], 16) == port:
                yield inode


def _open_files(process: str) -> Iterator[str]:
    try:
        for descriptor in os.scandir(f"{process}/fd"):
            yield os.readlink(descriptor.path)
    except OSError:  # it is another user's, or has ended
        return


def command(pid: str) -> str:
    """The command line of a process, shortened."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "unknown"
    line = " ".join(words).strip()
    return line if len(line) <= 80 else f"{line[:79]}…"


def _lsof(port: int) -> Process | None:
    if not shutil.which("lsof"):
        return None
    asked = ["lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.splitlines()
    fields = {line[0]: line[1:] for line in reversed(found) if line}
    return Process(int(fields["p"]), fields.get("c", "unknown")) if "p" in fields else None
