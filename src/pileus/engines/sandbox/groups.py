"""Control groups: how much memory and processor time a sandbox gets (cgroups(7), both versions).

They need root. Elsewhere each process is limited by itself (RLIMIT_DATA).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "pileus-"
WEIGHTS = {"cpu.shares": 16 * 1024, "cpu.weight": 1600}
MOST_PROCESSES = 1024


class Group:
    """The control group of one sandbox: under version 1 a folder for each controller, under version 2 one for all."""

    def __init__(self, folders: dict[str, Path], version: int) -> None:
        self.folders = folders
        self.version = version

    @property
    def memory(self) -> Path:
        return self.folders["memory"]

    @property
    def entrances(self) -> list[str]:
        """The files that a process writes itself into."""
        return sorted({str(folder / "cgroup.procs") for folder in self.folders.values()})

    def limit(self, memory_bytes: int, cpus: float) -> None:
        if self.version == 2:
            settings = {
                "memory.max": memory_bytes,
                "memory.swap.max": 0,
                "memory.oom.group": 1,
                "cpu.weight": max(1, min(10_000, int(cpus * 100))),
                "pids.max": MOST_PROCESSES,
            }
        else:
            settings = {
                "memory.limit_in_bytes": memory_bytes,
                "memory.memsw.limit_in_bytes": memory_bytes,
                "cpu.shares": max(2, int(cpus * 1024)),
                "pids.max": MOST_PROCESSES,
            }
        for name, value in settings.items():
            folder = self.folders.get(name.partition(".")[0])
            with contextlib.suppress(FileNotFoundError):  # without swap accounting there is no such file
                if folder:
                    (folder / name).write_text(str(value))

    def freeze(self, frozen: bool) -> None:
        """Let nothing in it go on, or go on.

        Version 1 does not let what is frozen die, and would leave it behind when its cloud is killed: so it is stopped.
        """
        if self.version == 2:
            (self.memory / "cgroup.freeze").write_text("1" if frozen else "0")
            return
        seen: set[str] = set()
        while fresh := {*(self.memory / "cgroup.procs").read_text().split()} - seen:
            for process in fresh:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process), signal.SIGSTOP if frozen else signal.SIGCONT)
            seen |= fresh

    def resident(self) -> int:
        """Bytes of memory that are neither files nor `/tmp`."""
        name = "anon" if self.version == 2 else "rss"
        with contextlib.suppress(OSError):
            for line in (self.memory / "memory.stat").read_text().splitlines():
                if line.startswith(f"{name} "):
                    return int(line[len(name) :])
        return 0

    def ran_out(self) -> bool:
        """Whether something in it was killed because the memory was used up."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        with contextlib.suppress(OSError):
            return any(
                line.startswith("oom_kill ") and not line.endswith(" 0")
                for line in (self.memory / name).read_text().splitlines()
            )
        return False

    def remove(self) -> bool:
        """Whether it is gone: the kernel may still be busy with the last of its processes."""
        for folder in set(self.folders.values()):
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True


class Groups:
    """The control groups of a cloud."""

    def __init__(self) -> None:
        self.parents = parents()
        self.version = 2 if (ROOT / "cgroup.controllers").exists() else 1
        self._emptying: list[Group] = []
        self._numbers = itertools.count(1)
        sweep({parent.parent for parent in self.parents.values()})
        for parent in set(self.parents.values()):
            parent.mkdir(exist_ok=True)
            for name, value in WEIGHTS.items():  # all sandboxes together are more than one process beside them
                if (parent / name).exists():
                    (parent / name).write_text(str(value))
        if self.version == 2:
            for parent in set(self.parents.values()):
                (parent / "cgroup.subtree_control").write_text("+memory +cpu +pids")

    def __bool__(self) -> bool:
        return bool(self.parents)

    def make(self, name: str) -> Group:
        own = f"{name}.{next(self._numbers)}"  # one of the same name before may not be empty yet
        group = Group({controller: parent / own for controller, parent in self.parents.items()}, self.version)
        for folder in set(group.folders.values()):
            folder.mkdir()
        return group

    def discard(self, group: Group) -> None:
        """Remove a group once its processes are gone."""
        self._emptying = [each for each in (*self._emptying, group) if not each.remove()]

    def close(self) -> None:
        self._emptying = [each for each in self._emptying if not each.remove()]
        for parent in set(self.parents.values()):
            with contextlib.suppress(OSError):
                parent.rmdir()


def parents() -> dict[str, Path]:
    """Where a cloud's groups go, by controller; empty where it may make none."""
    if os.geteuid() != 0:
        return {}
    name = f"{PREFIX}{os.getpid()}-{os.urandom(3).hex()}"
    if (ROOT / "cgroup.controllers").exists():
        given = set((ROOT / "cgroup.subtree_control").read_text().split())
        whole = {"memory", "cpu", "pids"} <= given and os.access(ROOT, os.W_OK)
        return dict.fromkeys(("memory", "cpu", "pids"), ROOT / name) if whole else {}
    found = {controller: ROOT / controller / name for controller in ("memory", "cpu", "pids")}
    usable = {controller: path for controller, path in found.items() if os.access(path.parent, os.W_OK)}
    return usable if "memory" in usable else {}


def of_process(pid: int) -> Group | None:
    """The group that a process is in, to be looked at; None where nobody can tell."""
    paths: dict[str, Path] = {}
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = ROOT / controller / path.lstrip("/")
    version = 2 if (ROOT / "cgroup.controllers").exists() else 1
    memory = paths.get("" if version == 2 else "memory")
    return Group({"memory": memory}, version) if memory and (memory / "memory.stat").exists() else None


def sweep(places: set[Path]) -> None:
    """Remove what a cloud that was killed has left: its processes died with it."""
    for place in places:
        for folder in place.glob(f"{PREFIX}*"):
            owner = folder.name.removeprefix(PREFIX).partition("-")[0]
            if owner.isdigit() and not Path("/proc", owner).exists():
                with contextlib.suppress(OSError):
                    for inner in folder.iterdir():
                        if inner.is_dir():
                            inner.rmdir()
                    folder.rmdir()
