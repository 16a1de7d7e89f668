"""What engines keep in the cloud's folder beside the store: it goes with a snapshot of the cloud, and with a reset.

Disks and what machines have changed are copied as they lie there, once engines have `settle`d: as after a power cut, if
machines go on meanwhile. Blocks never change, so that a copy has links to them. Before files are put back or removed,
all engines must be closed.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

FOLDERS = ("disks", "machines", "hsm")
PASSING = ("host", "stage")
"""What is made anew, and differs from machine to machine."""
SAME = ("blocks",)
"""What is only ever added and removed."""


def save(home: Path, target: Path) -> None:
    """Copy it all beside a snapshot's other things."""
    for name in FOLDERS:
        for source in lasting(home / name):
            copy(source, target / name)


def load(source: Path, home: Path) -> None:
    """Put it all back as the snapshot has it."""
    clear(home)
    for name in FOLDERS:
        for kept in lasting(source / name):
            copy(kept, home / name)


def clear(home: Path) -> None:
    """Remove it all."""
    for name in FOLDERS:
        for found in lasting(home / name):
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink(missing_ok=True)


def lasting(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in PASSING] if folder.is_dir() else []


def copy(source: Path, folder: Path) -> None:
    """By cp(1), which keeps owners, holes and attributes, and shares what the file system can share."""
    folder.mkdir(parents=True, exist_ok=True)
    how = ["-al"] if source.name in SAME else ["-a", "--reflink=auto", "--sparse=always"]
    done = subprocess.run(["cp", *how, str(source), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode and source.name in SAME:  # another file system
        done = subprocess.run(["cp", "-a", str(source), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{source.name} cannot be copied: {done.stderr.strip()}")
