"""Python: every interpreter of this machine, and what functions may import beside its standard library."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from pileus.engines.sandbox import Image, Mount

from .runtime import BOOTSTRAP, PATH, Runtime

log = logging.getLogger("pileus.lambda")

BROUGHT = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3", "simplejson")
"""What Python functions may import beside the standard library, as on AWS."""
PRELOADED = (
    "snapshot_restore_py",
    "pileus_python",
    "argparse",
    "base64",
    "boto3",
    "botocore.session",
    "concurrent.futures",
    "csv",
    "datetime",
    "email.message",
    "hashlib",
    "http.client",
    "s3transfer.manager",
    "simplejson",
    "ssl",
    "subprocess",
    "tempfile",
    "urllib.request",
    "uuid",
    "zipfile",
)
SHOWN_AT = "/var/runtime/bootstrap"
OLDEST, NEWEST = (3, 8), (3, 14)


class Interpreter(msgspec.Struct, frozen=True):
    """A Python that is installed: its program, and the folder that it all lies in."""

    version: tuple[int, int]
    program: str
    prefix: str


def runtime(name: str) -> Runtime | str:
    found = interpreters()
    if not found:
        return f"This machine has no interpreter for the runtime {name}."
    wanted = tuple(int(part) for part in name.removeprefix("python").split("."))
    chosen = min(found, key=lambda version: (abs(version[1] - wanted[1]), -version[1]))
    if chosen != wanted:
        log.warning("%s runs on Python %d.%d: there is no other on this machine", name, *chosen)
    interpreter = found[chosen]
    shown, path = brought()
    image = Image(
        interpreter=interpreter.program,
        shown=(interpreter.prefix, *shown),
        path=(str(BOOTSTRAP), *path),
        preload=PRELOADED,
    )
    programs = f"{interpreter.prefix}/bin:" if not interpreter.prefix.startswith("/usr") else ""
    wrapped = f"import sys; sys.path += {[SHOWN_AT, *path]}; import pileus_python; pileus_python.main()"
    return Runtime(
        name,
        image,
        argv=(interpreter.program, "-c", wrapped),
        entry="pileus_python:main",
        mounts=(Mount(str(BOOTSTRAP), SHOWN_AT),),
        path=f"{programs}{PATH}",
    )


@cache
def interpreters() -> dict[tuple[int, int], Interpreter]:
    """The Pythons of this machine that can run functions, by version."""
    found: dict[tuple[int, int], Interpreter] = {}
    for program in candidates():
        real = os.path.realpath(program)
        named = re.fullmatch(r"python3\.(\d+)", os.path.basename(real))
        if named and os.access(real, os.X_OK):
            version = (3, int(named[1]))
            found.setdefault(version, Interpreter(version, real, str(Path(real).parent.parent)))
    return found


def candidates() -> Iterator[str]:
    """Programs that may be a Python: the one that runs this, those in the search path, and those of pyenv and uv."""
    yield getattr(sys, "_base_executable", "") or sys.executable
    homes = (
        Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions",
        Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "uv/python",
    )
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        if (path := shutil.which(f"python3.{minor}")) and "/shims/" not in path:
            yield path
        for home in homes:
            for program in sorted(home.glob(f"*/bin/python3.{minor}"), reverse=True):
                yield str(program)


@cache
def brought() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What Python functions may import: its files and folders, and the folders to look for it in."""
    import importlib.metadata  # it brings half of `email` along, and most calls of Lambda run nothing

    shown: dict[str, None] = {}
    path: dict[str, None] = {}
    for name in BROUGHT:
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        home = Path(str(distribution.locate_file("")))
        path[str(home)] = None
        for file in distribution.files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__"):
                shown[str(home / top)] = None
    return tuple(shown), tuple(path)


def told() -> str:
    """What `pileus doctor` says."""
    return ", ".join(f"Python {major}.{minor}" for major, minor in sorted(interpreters()))
