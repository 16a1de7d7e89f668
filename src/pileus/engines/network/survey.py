"""Whether this machine allows networks, and why not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import threading
from functools import cache

PATHS = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
"""Programs for administrators are not on everybody's path."""


def nft() -> str:
    """Where nftables' program is; empty if nowhere."""
    return shutil.which("nft", path=PATHS) or ""


@cache
def unable() -> str:
    """Why there can be no networks; empty if there can."""
    if os.environ.get("PILEUS_NETWORK") == "none":
        return "PILEUS_NETWORK says none"
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    if os.geteuid() != 0:
        return "it takes root to make network namespaces"
    if importlib.util.find_spec("pyroute2") is None:
        return 'pyroute2 is not installed: pip install "pileus[network]"'
    if not nft():
        return "nft is not installed: see your system's package nftables"
    refused: list[str] = []
    trial = threading.Thread(target=_try, args=(refused,))
    trial.start()
    trial.join()
    return refused[0] if refused else ""


def _try(refused: list[str]) -> None:
    """Make a namespace with rules in it, in a thread that ends with them."""
    from pileus.engines.sandbox.isolation import NEW_NETWORK, unshare

    rules = "table inet t { chain c { type filter hook forward priority 0; ct state established accept; }; }"
    try:
        unshare(NEW_NETWORK)
        done = subprocess.run([nft(), "-f", "-"], input=rules, capture_output=True, text=True, timeout=20)
    except OSError as error:
        refused.append(f"namespaces may not be made here ({error.strerror})")
        return
    if done.returncode != 0:
        refused.append(f"nftables does not work here ({done.stderr.strip().splitlines()[0]})")
