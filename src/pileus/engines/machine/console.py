"""A console: what a machine has said last, kept in a file so that it can still be read when the machine has ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

KEPT = 64 * 1024
"""Bytes that are kept at least; the file grows to twice as much."""


class Console:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.watchers: list[Callable[[bytes], None]] = []
        """Who reads along, such as somebody at the serial console."""
        path.parent.mkdir(parents=True, exist_ok=True)

    def take(self, data: bytes) -> None:
        with open(self.path, "ab") as file:
            file.write(data)
            size = file.tell()
        if size > 2 * KEPT:
            rest = self.path.read_bytes()[-KEPT:]
            fresh = self.path.with_suffix(".new")
            fresh.write_bytes(rest)
            os.replace(fresh, self.path)
        for watcher in self.watchers:
            watcher(data)

    def read(self) -> bytes:
        """The last 64 KB."""
        with contextlib.suppress(FileNotFoundError):
            return self.path.read_bytes()[-KEPT:]
        return b""

    def text(self) -> str:
        return self.read().decode(errors="replace")

    def written(self) -> float:
        """When something was said last, by the host's clock; 0 if nothing was."""
        with contextlib.suppress(FileNotFoundError):
            return self.path.stat().st_mtime
        return 0.0
