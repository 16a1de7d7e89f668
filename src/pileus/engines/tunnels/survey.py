"""Whether this machine has what tunnels take, and what is missing."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from pileus.engines.network import Networks
from pileus.engines.network.survey import PATHS

PLUGIN = "libstrongswan-kernel-libipsec.so"
FOLDERS = ("/usr/lib/ipsec/plugins", "/usr/lib/strongswan/plugins", "/usr/lib64/strongswan/plugins")
PACKAGES = ("charon-systemd", "libcharon-extra-plugins", "libstrongswan-standard-plugins")
"""Debian's."""


def program(name: str) -> str:
    """Where a program is; empty if nowhere."""
    return shutil.which(name, path=PATHS) or ""


@cache
def unable() -> str:
    """Why there can be no tunnels; empty if there can."""
    if reason := Networks.available():
        return reason
    if not program("charon-systemd"):
        return f"strongSwan is not installed: apt-get install {' '.join(PACKAGES)}"
    if not any(Path(folder, PLUGIN).exists() for folder in FOLDERS):
        return "strongSwan's kernel-libipsec is not installed: see your system's package libcharon-extra-plugins"
    if not Path("/dev/net/tun").exists():
        return "there is no /dev/net/tun"
    for name, package in (("ip", "iproute2"), ("nsenter", "util-linux"), ("setpriv", "util-linux")):
        if not program(name):
            return f"{name} is not installed: see your system's package {package}"
    return ""


@cache
def silent() -> str:
    """Why tunnels cannot tell each other of routes; empty if they can."""
    return unable() or ("" if program("bird") else "BIRD is not installed: see your system's package bird2")
