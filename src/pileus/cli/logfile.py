"""The log of a server in the background: a file, and the one before it."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT = 64 * 1024 * 1024


class LogFile:
    """Appends to a file; when that is full it becomes `….1` and a new one is begun.

    Once `attach` was called, the process's standard output and error go there too.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        self.path = path
        self._limit = limit
        self._attached = False
        self._open()

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def fileno(self) -> int:
        return self._file

    def write(self, text: str) -> int:
        data = text.encode()
        if self._size and self._size + len(data) > self._limit:
            self._turn()
        self._size += os.write(self._file, data)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def attach(self) -> None:
        self._attached = True
        os.dup2(self._file, 1)
        os.dup2(self._file, 2)

    def _turn(self) -> None:
        os.close(self._file)
        self.path.replace(self.path.with_name(self.path.name + ".1"))
        self._open()
        if self._attached:
            self.attach()
