"""A container engine of this machine, asked by the command line of `docker`: what the driver `docker` works with.

The program is the one that PILEUS_DOCKER names, with options of its own if need be, else `docker`, else `podman`, which
has the same command line.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from . import skeleton
from .groups import MOST_PROCESSES

LABEL = "pileus.cloud"
"""Marks what is ours; its value is the process that owns it."""
OWNER = re.compile(rf"{re.escape(LABEL)}[=:](\d+)")
REPOSITORY = "pileus/sandbox"
PROBED_SECONDS = 30
EXPORTED_SECONDS = 600


class Engine:
    """The program, asked."""

    def __init__(self, program: Sequence[str]) -> None:
        self.program = tuple(program)
        self.own_users = False
        """Whether a user in a container is the same one outside."""

    def asked(self, *words: str, data: bytes | None = None) -> str:
        """What it answers; OSError where it refuses."""
        return self._octets(words, data, PROBED_SECONDS).decode().strip()

    def exported(self, image: str) -> bytes:
        """An image as an archive; OSError where there is no such image."""
        self.asked("image", "inspect", image)
        return self._octets(("image", "save", image), None, EXPORTED_SECONDS)

    def _octets(self, words: Sequence[str], data: bytes | None, seconds: float) -> bytes:
        try:
            command = [*self.program, *words]
            done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise OSError(f"it has not answered within {seconds} seconds") from None
        if done.returncode:
            raise OSError(reason(done.stderr))
        return done.stdout

    def probe(self) -> None:
        """Run something in a container; OSError if that does not work."""
        shown = [word for source, target in skeleton.binds() for word in bound(source, target)]
        basic = ("run", "--rm", "--pull", "never", "--network", "none", *ULIMITS, *RESTRICTED, *shown)
        users = self.asked(*basic, self.plain(), "/bin/cat", "/proc/self/uid_map").split()
        self.own_users = users[:2] == ["0", "0"]

    def plain(self) -> str:
        """The image of a root in which the machine's own programs are mounted."""
        data = skeleton.archive()
        return self._imported(hashlib.sha256(data).hexdigest()[:16], lambda: data)

    def image_of(self, root: Path) -> str:
        """The image of a folder."""
        digest = hashlib.sha256(f"{root} {root.stat().st_mtime_ns}".encode()).hexdigest()[:16]
        return self._imported(f"{digest}-{os.getpid()}", lambda: skeleton.packed(root))

    def _imported(self, tag: str, data: Callable[[], bytes]) -> str:
        name = f"{REPOSITORY}:{tag}"
        with contextlib.suppress(OSError):
            self.asked("image", "inspect", name)
            return name
        self.asked("import", "-", name, data=data())
        return name

    def sweep(self) -> None:
        """Remove what clouds that are gone have left."""
        with contextlib.suppress(OSError):
            listed = self.asked("ps", "--all", f"--filter=label={LABEL}", "--format={{.ID}} {{.Labels}}").splitlines()
            left = [line.partition(" ")[0] for line in listed if (owner := OWNER.search(line)) and gone(owner[1])]
            if left:
                self.asked("rm", "--force", *left)
            tags = self.asked("image", "ls", "--format={{.Tag}}", REPOSITORY).splitlines()
            images = [f"{REPOSITORY}:{tag}" for tag in tags if gone(tag.partition("-")[2])]
            if images:
                self.asked("image", "rm", "--force", *images)


ULIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", f"nproc={MOST_PROCESSES}:{MOST_PROCESSES}")
RESTRICTED = (
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--security-opt=label=disable",
    "--log-driver=none",
)


def reason(told: bytes) -> str:
    lines = [line for line in told.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else "it does not say why"


def gone(owner: str) -> bool:
    return owner.isdigit() and not Path("/proc", owner).exists()


def programs() -> list[list[str]]:
    named = shlex.split(os.environ.get("PILEUS_DOCKER", ""))
    return [named] if named else [["docker"], ["podman"]]


def found(candidates: Sequence[Sequence[str]]) -> Engine:
    """The first engine that works; OSError, which says why, where there is none."""
    refused = []
    for program in candidates:
        if shutil.which(program[0]) is None:
            refused.append(f"there is no {program[0]}")
            continue
        engine = Engine(program)
        try:
            engine.probe()
        except OSError as error:
            refused.append(f"{program[0]} refuses: {error}")
        else:
            return engine
    raise OSError("; ".join(refused))


def bound(source: str, target: str, writable: bool = False) -> list[str]:
    return ["--mount", f"type=bind,source={source},target={target}" + ("" if writable else ",readonly")]
