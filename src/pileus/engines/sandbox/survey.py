"""Which driver this machine allows, and why."""

from __future__ import annotations

import os
import sys
from functools import cache
from typing import Literal, NamedTuple

from . import docker

Driver = Literal["namespaces", "docker", "process"]


class Choice(NamedTuple):
    driver: Driver
    why: str
    docker: docker.Engine | None = None


@cache
def choice() -> Choice:
    """The driver to use: PILEUS_SANDBOX names one, else the best that works."""
    wanted = os.environ.get("PILEUS_SANDBOX", "")
    if wanted not in ("", "namespaces", "docker", "process"):
        raise ValueError(f"PILEUS_SANDBOX is namespaces, docker or process, not {wanted}")
    if wanted == "process":
        return Choice("process", "as PILEUS_SANDBOX says: nothing is isolated")
    refused = "" if wanted == "docker" else unable()
    if wanted != "docker" and not refused:
        return Choice("namespaces", "as root" if os.geteuid() == 0 else "in a user namespace, without control groups")
    why = "as PILEUS_SANDBOX says" if wanted == "docker" else f"because {refused}"
    if wanted == "namespaces":
        return Choice("process", f"nothing is isolated, {why}")
    try:
        engine = docker.found(docker.programs())
    except OSError as error:
        also = str(error) if wanted == "docker" else f"{refused}, and {error}"
        return Choice("process", f"nothing is isolated, because {also}")
    return Choice("docker", f"containers of {engine.program[0]}, {why}", engine)


def unable() -> str:
    """Why there can be no namespaces; empty if there can."""
    if sys.platform != "linux":
        return "only Linux has namespaces"
    child = os.fork()
    if child == 0:
        from . import isolation

        try:
            if os.geteuid() != 0:
                isolation.enter_user_namespace()
            isolation.unshare(isolation.NEW_MOUNTS | isolation.NEW_PID | isolation.NEW_IPC | isolation.NEW_NAMES)
            isolation.mount("", "/", flags=isolation.RECURSIVE | isolation.PRIVATE)
            isolation.mount("tmpfs", "/tmp", "tmpfs")
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return ""
    who = "root" if os.geteuid() == 0 else "this user"
    return f"{who} may not make namespaces here ({os.strerror(status) if status > 0 else 'killed'})"
