"""Images as disks: a file system of what an image has of its own, which the host's own system is not."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

from . import images


def exported(image: Path, machines: Path, target: Path, size: int) -> None:
    """Make a sparse file of that size with a file system (ext4) of the layers of an image that lie below a folder."""
    staging = target.with_name("root")
    staging.mkdir()
    for layered in images.read(image):
        for source in reversed(layered.lower):
            if Path(source).is_relative_to(machines):
                place = staging / layered.at.lstrip("/")
                place.mkdir(parents=True, exist_ok=True)
                laid(Path(source), place)
    with target.open("wb") as file:
        file.truncate(size)
    options = ["-q", "-E", "lazy_itable_init=1,lazy_journal_init=1", "-d", str(staging)]
    done = subprocess.run(["mkfs.ext4", *options, str(target)], capture_output=True, text=True, check=False)
    shutil.rmtree(staging, ignore_errors=True)
    if done.returncode:
        raise OSError(f"the disk gets no file system: {done.stderr.strip()}")


def laid(source: Path, place: Path) -> None:
    """Lay a layer over those below it: what it says is gone, goes."""
    gone = []
    for folder, names, files in os.walk(source):
        here = place / Path(folder).relative_to(source)
        for name in (*names, *files):
            found, below = os.lstat(os.path.join(folder, name)), here / name
            if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
                gone.append(below)
            elif os.path.lexists(below) and (
                not stat.S_ISDIR(found.st_mode) or not below.is_dir() or below.is_symlink()
            ):
                removed(below)
    for below in gone:
        removed(below)
    subprocess.run(["cp", "-a", "--reflink=auto", f"{source}/.", str(place)], check=True)
    for below in gone:
        removed(below)


def removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
