"""What is to run in a sandbox, and within which limits."""

from __future__ import annotations

import sys
from typing import Literal

import msgspec

MEGABYTE = 1024 * 1024


class Mount(msgspec.Struct, frozen=True):
    """A directory or file of the host, and where the sandbox sees it."""

    source: str
    target: str
    writable: bool = False


class Image(msgspec.Struct, frozen=True):
    """What sandboxes of one kind have in common; the first of a kind starts a launcher, the others are its forks."""

    interpreter: str = sys.executable
    """The Python that launches them."""
    shown: tuple[str, ...] = ()
    """Places of the host that they see, read-only, where they are."""
    root: str = ""
    """The folder that is their root, in place of the machine's programs and libraries."""
    path: tuple[str, ...] = ()
    """Where the launcher looks for modules beside the standard library."""
    preload: tuple[str, ...] = ()
    """Modules that it imports before it forks."""


PLAIN = Image()
"""For programs that bring all they need."""


class Plan(msgspec.Struct, kw_only=True):
    """One sandbox."""

    argv: list[str] = []
    """The program, and what it is told."""
    entry: str = ""
    """Instead of a program: a function of a module that the image preloads, as `module:function`."""
    beside: list[list[str]] = []
    """Programs that are started before, and end with it."""
    beside_output: int = 0
    """The descriptor that those have for their standard output and error, and nobody else has; 1 and 2 if not told."""
    environment: dict[str, str] = {}
    directory: str = "/"
    mounts: list[Mount] = []
    tmp_bytes: int = 512 * MEGABYTE
    memory_bytes: int = 128 * MEGABYTE
    cpus: float = 1.0
    """Its share of the processors when they are short."""
    user: int | None = None
    """Who it is to the machine; nobody else (`Sandboxes.user`) unless the plan says so."""
    network: Literal["host", "none"] = "host"
    limits: dict[str, int] = msgspec.field(default_factory=lambda: {"NOFILE": 1024, "CORE": 0})
    """Resource limits of each process, by their names (getrlimit(2))."""
