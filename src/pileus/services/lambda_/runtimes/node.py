"""Node.js: the one of this machine, and the packages of the AWS SDK v3 that functions ask for.

AWS's runtimes bring all of the SDK along, four hundred packages of it. Here npm fetches those that a function's code
names and does not bring itself, once for all functions of this user.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache as cached
from pathlib import Path

from pileus.engines.sandbox import Image, Mount

from .runtime import BOOTSTRAP, PATH, Runtime, cache, shown

log = logging.getLogger("pileus.lambda")

MODULES = "/node_modules"
"""Where the SDK lies: what is in `/var/task` finds it there, whether it is imported or required."""
NODE_PATH = "/opt/nodejs/node{major}/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/node_modules"
NAMED = re.compile(r"""["'`](@aws-sdk/[a-z0-9-]+|@smithy/[a-z0-9-]+)["'`/]""")
SOURCES = {".js", ".cjs", ".mjs"}
LARGEST = 16 * 1024 * 1024
NPM_SECONDS = 120


def runtime(name: str) -> Runtime | str:
    found = installed()
    if found is None:
        return f"This machine has no Node.js for the runtime {name}."
    program, major = found
    if f"nodejs{major}.x" != name:
        log.warning("%s runs on Node.js %s: there is no other on this machine", name, major)
    prefix = str(Path(program).parent.parent)
    seen = shown(prefix)
    return Runtime(
        name,
        Image(shown=seen),
        argv=(program, "/var/runtime/index.mjs"),
        mounts=(Mount(str(BOOTSTRAP / "pileus_node.mjs"), "/var/runtime/index.mjs"), Mount(str(packages()), MODULES)),
        path=f"{prefix}/bin:{PATH}" if seen else PATH,
        variables=(("NODE_PATH", NODE_PATH.format(major=major)),),
        bring=bring,
    )


@cached
def installed() -> tuple[str, str] | None:
    """The program and its major version."""
    found = shutil.which("node")
    if found is None:
        return None
    program = os.path.realpath(found)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    major = re.match(r"v(\d+)", version)
    return program, major[1] if major else ""


def packages() -> Path:
    """The folder of the packages that have been fetched."""
    folder = cache("node") / "node_modules"
    folder.mkdir(exist_ok=True)
    return folder


def bring(task: Path) -> str:
    """Fetch what a function's code names and neither it nor the cache has; why that failed, if it did."""
    missing = [name for name in sorted(named(task)) if not (packages() / name).exists()]
    if not missing:
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return f"This machine has no npm to fetch {', '.join(missing)} with."
    with (packages().parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return fetched(npm, missing)


def named(task: Path) -> set[str]:
    """The packages of the SDK that a function's own code names, without those that lie in its `node_modules`."""
    found: set[str] = set()
    for file in sources(task):
        found.update(NAMED.findall(file.read_text("utf-8", "replace")))
    return {name for name in found if not (task / "node_modules" / name).exists()}


def sources(task: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(task):
        folders[:] = [name for name in folders if name not in ("node_modules", ".git")]
        for name in files:
            path = Path(place, name)
            if path.suffix in SOURCES and path.stat().st_size < LARGEST:
                yield path


def fetched(npm: str, missing: Iterable[str]) -> str:
    folder = packages().parent
    if not (folder / "package.json").exists():
        (folder / "package.json").write_text(json.dumps({"private": True}))
    command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *missing]
    try:
        subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=NPM_SECONDS)
    except subprocess.CalledProcessError as error:
        return f"npm cannot fetch {', '.join(missing)}: {error.stderr.strip()}"
    except subprocess.TimeoutExpired:
        return f"npm has not fetched {', '.join(missing)} within {NPM_SECONDS} seconds."
    return ""


def told() -> str:
    """What `pileus doctor` says."""
    found = installed()
    if found is None:
        return ""
    without = "" if shutil.which("npm") else " without npm, and so without the AWS SDK"
    return f"Node.js {found[1]}{without}"
