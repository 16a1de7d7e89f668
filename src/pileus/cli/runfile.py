"""The run file: which server works on a data directory, and where it listens."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

NAME = "server.json"
LOG = "server.log"


class Running(msgspec.Struct):
    """A server that was started on a data directory."""

    pid: int
    endpoint: str
    log: str = ""
    """Its log file; empty where it writes to its terminal."""

    @property
    def alive(self) -> bool:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return not ended(self.pid)


def ended(pid: int) -> bool:
    """Whether a process has ended and only its parent has not noticed, as happens in containers (proc_pid_stat(5))."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def read(home: Path) -> Running | None:
    """The server that runs on a data directory, if one does."""
    try:
        running = msgspec.json.decode((home / NAME).read_bytes(), type=Running)
    except (OSError, msgspec.DecodeError):
        return None
    return running if running.alive else None


def write(home: Path, running: Running, *, sole: bool = True) -> None:
    """Announce a server; one that is not the `sole` one on its data gives way to another that lives."""
    if not sole and (other := read(home)) and other.pid != running.pid:
        return
    draft = home / f"{NAME}.{running.pid}"
    draft.write_bytes(msgspec.json.encode(running) + b"\n")
    draft.replace(home / NAME)


def remove(home: Path) -> None:
    """Take back this process's own announcement."""
    if (running := read(home)) and running.pid == os.getpid():
        (home / NAME).unlink(missing_ok=True)
