"""The root of a container in which the machine's own programs run: places to mount them, and a few files of /etc.

It is to the driver `docker` what `isolation.make_root` is to namespaces: the same places, the same files.
"""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

from . import isolation

PLACES = ("proc", "sys", "dev", "tmp", "run/pileus", "opt", "var/task", "var/runtime", "var/lang", "mnt", "etc")
OPEN = 0o1777
GROUPS = "root:x:0:\nnobody:x:65534:\n"
ENGINE_S = ("resolv.conf", "hosts")
"""Files that a container engine writes itself."""


def archive() -> bytes:
    """The root as an archive, always the same octets for the same machine."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as out:
        folders = {str(folder) for place in PLACES for folder in (Path(place), *Path(place).parents)} - {"."}
        for folder in sorted(folders):
            add(out, folder, tarfile.DIRTYPE, OPEN if folder == "tmp" else 0o755)
        for path in isolation.SYSTEM:
            if os.path.islink(path):
                add(out, path[1:], tarfile.SYMTYPE, 0o777, target=os.readlink(path))
            elif os.path.isdir(path):
                add(out, path[1:], tarfile.DIRTYPE, 0o755)
        for name, content in settings().items():
            add(out, f"etc/{name}", tarfile.REGTYPE, 0o644, content)
    return data.getvalue()


def add(out: tarfile.TarFile, name: str, kind: bytes, mode: int, content: bytes = b"", target: str = "") -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.size, entry.linkname = kind, mode, len(content), target
    out.addfile(entry, io.BytesIO(content))


def settings() -> dict[str, bytes]:
    found = {"passwd": isolation.USERS.encode(), "group": GROUPS.encode()}
    for name in isolation.COPIED:
        path = Path("/etc", name)
        if name not in ENGINE_S and path.is_file():
            found[name] = path.read_bytes()
    return found


def binds() -> list[tuple[str, str]]:
    """What of the machine every container sees, and where."""
    java = [name for name in os.listdir("/etc") if name.startswith("java")]
    named = [*isolation.SYSTEM, *(f"/etc/{name}" for name in (*isolation.SETTINGS, *java))]
    return [(path, path) for path in named if os.path.exists(path) and not os.path.islink(path)]


def users(user: int) -> str:
    """The list of users with a sandbox's own in it."""
    return f"{isolation.USERS}sbx_user1051:x:{user}:{user}::/home/sbx_user1051:/sbin/nologin\n"


def packed(root: Path) -> bytes:
    """A folder as an archive."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as out:
        out.add(root, arcname=".", filter=opened)
    return data.getvalue()


def opened(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Everybody may write to `/tmp`: engines mount it with the mode that it has."""
    if entry.name == "./tmp":
        entry.mode = OPEN
    return entry
