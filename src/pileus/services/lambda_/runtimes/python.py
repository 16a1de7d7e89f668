"""Which interpreter of this machine is which runtime.

A runtime whose interpreter is not installed runs on the nearest version that is, and the log says so. What is found,
and what is not, `pileus doctor` tells.
"""

from __future__ import annotations

import importlib.metadata
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec

from pileus.engines.sandbox import Image, Mount
from pileus.kernel import Fault

log = logging.getLogger("pileus.lambda")

BOOTSTRAP = Path(__file__).parent / "bootstrap"
BROUGHT = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3", "simplejson")
"""What Python functions may import beside the standard library, as on AWS."""
PRELOADED = (
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
PATH = "/var/lang/bin:/usr/local/bin:/usr/bin:/bin:/opt/bin"
OLDEST, NEWEST = (3, 8), (3, 14)


class Runtime(msgspec.Struct, frozen=True):
    """How a runtime starts."""

    name: str
    image: Image
    argv: tuple[str, ...] = ()
    entry: str = ""
    mounts: tuple[Mount, ...] = ()
    path: str = PATH


class Interpreter(msgspec.Struct, frozen=True):
    """A Python that is installed: its program, and the folder that it all lies in."""

    version: tuple[int, int]
    program: str
    prefix: str


def runtime(name: str) -> Runtime:
    """The runtime of that name; InvalidRuntimeException where this machine has nothing for it."""
    found = known(name)
    if isinstance(found, str):
        raise Fault("InvalidRuntimeException", found, Type="Server")
    return found


@cache
def known(name: str) -> Runtime | str:
    """A runtime, or why there is none."""
    if name.startswith("provided"):
        return Runtime(name, Image())
    if name.startswith("python"):
        return python(name)
    if name.startswith("nodejs"):
        return node(name)
    return f"This machine has no interpreter for the runtime {name}."


def python(name: str) -> Runtime | str:
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
    return Runtime(name, image, entry="pileus_python:main", path=f"{programs}{PATH}")


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


def node(name: str) -> Runtime | str:
    program = shutil.which("node")
    if program is None:
        return f"This machine has no Node.js for the runtime {name}."
    real = os.path.realpath(program)
    prefix = str(Path(real).parent.parent)
    shown = () if prefix == "/usr" or prefix.startswith("/usr/") else (prefix,)
    version = subprocess.run([real, "--version"], capture_output=True, text=True, check=True).stdout
    major = re.match(r"v(\d+)", version)
    if major and f"nodejs{major[1]}.x" != name:
        log.warning("%s runs on Node.js %s: there is no other on this machine", name, major[1])
    mount = Mount(str(BOOTSTRAP / "pileus_node.mjs"), "/var/runtime/index.mjs")
    path = PATH if not shown else f"{prefix}/bin:{PATH}"
    return Runtime(name, Image(shown=shown), argv=(real, "/var/runtime/index.mjs"), mounts=(mount,), path=path)
