"""The container engine of this machine that tests of the driver `docker` work with, if there is one that runs."""

from __future__ import annotations

import atexit
import shlex
import shutil
import subprocess
import tempfile
from functools import cache

import pytest

from pileus.engines.sandbox import docker


@cache
def engine() -> docker.Engine | str:
    """An engine, or why there is none. Podman gets a store of its own, and forms that work inside of containers too."""
    candidates = docker.programs()
    if shutil.which("podman"):
        store = tempfile.mkdtemp(prefix="pileus-store-")
        own = ["podman", "--root", f"{store}/root", "--runroot", f"{store}/run", "--storage-driver", "vfs"]
        own += ["--cgroup-manager", "cgroupfs"]
        candidates += [[*own, "--runtime", runtime] for runtime in ("runc", "crun") if shutil.which(runtime)]
        atexit.register(removed, own, store)
    try:
        return docker.found(candidates)
    except OSError as error:
        return str(error)


def removed(podman: list[str], store: str) -> None:
    subprocess.run([*podman, "image", "rm", "--all", "--force"], capture_output=True, check=False)
    shutil.rmtree(store, ignore_errors=True)


def needed() -> docker.Engine:
    found = engine()
    if isinstance(found, str):
        pytest.skip(f"no container engine: {found}")
    return found


def words(found: docker.Engine) -> str:
    """For PILEUS_DOCKER."""
    return shlex.join(found.program)
