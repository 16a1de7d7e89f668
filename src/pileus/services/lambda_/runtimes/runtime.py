"""What a runtime is, and where what it needs is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from pileus.engines.sandbox import Image, Mount

BOOTSTRAP = Path(__file__).parent.parent / "bootstrap"
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"


class Runtime(msgspec.Struct, frozen=True):
    """How a runtime starts."""

    name: str
    image: Image
    argv: tuple[str, ...] = ()
    """The program; if empty it is the function's own `bootstrap`."""
    entry: str = ""
    """Instead of a program, unless a wrapper script (AWS_LAMBDA_EXEC_WRAPPER) is to start it."""
    mounts: tuple[Mount, ...] = ()
    path: str = PATH
    directory: str = "/var/task"
    variables: tuple[tuple[str, str], ...] = ()
    bring: Callable[[Path], str] | None = None
    """Fetches what the code in a folder asks for; what it says is wrong, if something is."""


def cache(name: str) -> Path:
    """A folder of that name for what is made or fetched once and serves every cloud of this user."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pileus" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shown(prefix: str) -> tuple[str, ...]:
    """The folder that an interpreter lies in, unless every sandbox sees it anyway."""
    return () if prefix == "/usr" or prefix.startswith("/usr/") else (prefix,)
