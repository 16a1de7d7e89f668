"""Whether this host can have machines, and why not."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache

from pileus.engines.sandbox.survey import choice

OLDEST = (5, 19)
"""The first Linux whose overlays may lie on mounts that map users."""
SERVER = "/usr/sbin/sshd"


@cache
def unable() -> str:
    """Why there can be no machines; empty if there can."""
    if sys.platform != "linux":
        return "only Linux has what machines are made of"
    if os.geteuid() != 0:
        return "only root can make machines"
    if choice().driver == "docker":
        return "the driver of sandboxes is docker, and machines need namespaces"
    if choice().driver != "namespaces":
        return choice().why
    version = tuple(int(part) for part in platform.release().split("-")[0].split(".")[:2])
    if version < OLDEST:
        return f"Linux {platform.release()} is older than 5.19"
    with open("/proc/filesystems") as known:
        if "\toverlay\n" not in known.read() and os.system("modprobe -q overlay") != 0:
            return "this Linux has no overlay file system"
    return ""


def missing() -> list[str]:
    """The Debian packages that machines use, and that are not installed."""
    wanted = {"openssh-server": SERVER, "iproute2": "/usr/sbin/ip", "sudo": "/usr/bin/sudo"}
    return [package for package, program in wanted.items() if not os.path.exists(program)]
