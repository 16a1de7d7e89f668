"""Java: the JDKs of this machine, and a runtime that the one which runs it has compiled.

Left out: SnapStart's hooks (CRaC); Javas without a compiler, for the runtime is kept as its sources.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache as cached
from pathlib import Path

from pileus.engines.sandbox import Image, Mount

from .runtime import BOOTSTRAP, PATH, Runtime, cache, shown

log = logging.getLogger("pileus.lambda")

SOURCES = BOOTSTRAP / "java"
CLASSES = "/var/runtime/java"
CLASS_PATH = f"/var/task:/var/task/lib/*:/opt/java/lib/*:{CLASSES}"
HEAP = 'exec "$0" "-XX:MaxHeapSize=$((AWS_LAMBDA_FUNCTION_MEMORY_SIZE * 7 / 10))m" "$@"'
"""A Java that sees no control groups would take the machine's memory for its own."""
OPTIONS = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")
OPENED = "--add-opens=java.base/java.io=ALL-UNNAMED"


def runtime(name: str) -> Runtime | str:
    found = homes()
    if not found:
        return f"This machine has no Java for the runtime {name}."
    number = re.match(r"\d+", name.removeprefix("java"))
    wanted = int(number[0]) if number else 0
    chosen = min(found, key=lambda version: (version < wanted, abs(version - wanted)))
    if chosen != wanted:
        log.warning("%s runs on Java %d: there is no other on this machine", name, chosen)
    home = found[chosen]
    classes = compiled(home)
    if isinstance(classes, str):
        return classes
    opened = (OPENED,) if chosen > 8 else ()
    program = (f"{home}/bin/java", *OPTIONS, *opened, "-cp", CLASS_PATH, "pileus.Runtime")
    return Runtime(
        name,
        Image(shown=shown(str(home))),
        argv=("/bin/sh", "-c", HEAP, *program),
        mounts=(Mount(str(classes), CLASSES),),
        path=f"{home}/bin:{PATH}",
    )


@cached
def homes() -> dict[int, Path]:
    """The Javas of this machine by their versions: those with a compiler rather than those without."""
    found: dict[int, Path] = {}
    for home in candidates():
        version = version_of(home)
        better = version not in found or (compiler(home).exists() and not compiler(found[version]).exists())
        if version and better and (home / "bin/java").exists():
            found[version] = home
    return found


def candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if program := shutil.which("java"):
        yield Path(os.path.realpath(program)).parent.parent
    for pattern in ("/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home"):
        yield from sorted(Path("/").glob(pattern[1:]))


def version_of(home: Path) -> int:
    """The version that a Java tells in its `release` file; 0 where there is none."""
    try:
        text = (home / "release").read_text()
    except OSError:
        return 0
    found = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', text)
    return int(found[1]) if found else 0


def compiler(home: Path) -> Path:
    return home / "bin/javac"


def compiled(home: Path) -> Path | str:
    """The folder of the runtime's classes, or why there is none."""
    sources = sorted(SOURCES.rglob("*.java"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    folder = cache("java") / f"{version_of(home)}-{digest}"
    if folder.exists():
        return folder
    if not compiler(home).exists():
        return f"{home} has no compiler, which the runtime for Java needs: a JDK has one."
    aside = folder.with_name(f"{folder.name}.{os.getpid()}")
    command = [str(compiler(home)), "-nowarn", "-encoding", "UTF-8", "-d", str(aside), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"The runtime for Java cannot be compiled: {done.stderr}"
    try:
        aside.rename(folder)
    except OSError:  # another cloud was quicker
        shutil.rmtree(aside)
    return folder


def told() -> str:
    """What `pileus doctor` says."""
    found = [
        f"Java {version}" + ("" if compiler(home).exists() else " without the compiler that functions need")
        for version, home in sorted(homes().items())
    ]
    return ", ".join(found)
