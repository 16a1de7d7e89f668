"""One server at a time on a data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from .store import StoreLocked


class Lock:
    """An advisory lock on a file that names the process which holds it; the system frees it when that process ends."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._file)
            raise StoreLocked(f"{path.parent} is in use by another Pileus, process {holder}") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)
