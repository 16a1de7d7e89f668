"""Sandboxes: programs that run locked in, and leave nothing behind.

    sandbox = await cloud.engine(Sandboxes).start(Plan(argv=["/bin/sh", "-c", "echo hello"]), outputs=[print])
    status = await sandbox.ended

A sandbox is a tree of processes that sees a file system of its own: the machine's programs and libraries, what the
plan mounts, all of it read-only, and a `/tmp` of a set size. It has its own processes, host name, System V objects and,
where the plan asks for it, network; no privileges, limited memory and processor time, and the environment of the plan.
It is killed whole, and it dies with the cloud, even if that is killed.

    plans         what is to run, and within which limits
    sandbox       one that runs
    engine        the sandboxes of a cloud
    launcher      the process that makes them; it and `isolation` are programs of their own
    groups        memory and processor time, by control groups
    peers         which sandbox a connection comes from
    containers    the same made by a container engine, which is asked by `docker`, in a root out of `skeleton`
    survey        which driver this machine allows, and why

Drivers: `namespaces` does all this on Linux, as root or where users may have namespaces of their own; `docker` does it
where only a container engine may; `process` runs anywhere and isolates nothing. PILEUS_SANDBOX names one.
"""

from .engine import Sandboxes
from .plans import Image, Mount, Plan
from .sandbox import Sandbox

__all__ = ["Image", "Mount", "Plan", "Sandbox", "Sandboxes"]
