"""Snapshots: the whole cloud under a name, to go back to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pileus import durations
from pileus.gateway.message import Request

from .answers import Refused

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud
    from pileus.kernel.store.sqlite import SqliteStore

    from .control import Control

FOLDER = "snapshots"


def saved(control: Control, request: Request) -> dict[str, Any]:
    from pileus.kernel.store import snapshot

    folder = control.server.folder / FOLDER
    return {"snapshots": [described(folder / name) for name in snapshot.names(folder)]}


def described(folder: Path) -> dict[str, Any]:
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {"name": folder.name, "saved": durations.iso(folder.stat().st_mtime), "bytes": size}


async def save(control: Control, request: Request, name: str) -> dict[str, Any]:
    """Keep everything as it is now, over a snapshot of the same name."""
    from pileus.kernel.store import snapshot

    cloud = control.server.cloud
    folder = control.server.folder / FOLDER
    async with control.turning:
        try:
            await cloud.settle()
            await snapshot.save(kept(cloud), cloud.blobs, folder, name, cloud.folder)
        except ValueError as error:
            raise Refused(400, f"{error}.") from None
    return described(folder / name)


async def load(control: Control, request: Request, name: str) -> dict[str, Any]:
    """Put everything back as the snapshot has it, the clock too."""
    from pileus.kernel.store import snapshot

    server = control.server
    cloud = server.cloud
    async with control.turning:
        await cloud.runner.stop()
        try:
            cloud.trail.forget()
            snapshot.check(server.folder / FOLDER, name)
            await cloud.close()  # what runs is begun anew, as after a restart
            await snapshot.load(kept(cloud), cloud.blobs, server.folder / FOLDER, name, cloud.folder)
            cloud.access.forget()
            server.cloud.take_up_clock()
        except ValueError as error:
            raise Refused(400, f"{error}.") from None
        except FileNotFoundError as error:
            raise Refused(404, f"{error}.") from None
        finally:
            cloud.runner.start()
    control.events.tell("snapshot", {"loaded": name})
    return {"loaded": name}


def delete(control: Control, request: Request, name: str) -> dict[str, Any]:
    from pileus.kernel.store import snapshot

    try:
        snapshot.delete(control.server.folder / FOLDER, name)
    except ValueError as error:
        raise Refused(400, f"{error}.") from None
    except FileNotFoundError as error:
        raise Refused(404, f"{error}.") from None
    return {"deleted": name}


def kept(cloud: Cloud) -> SqliteStore:
    """The cloud's store, of the one kind of which there are snapshots."""
    from pileus.kernel.store.sqlite import SqliteStore

    if isinstance(cloud.store, SqliteStore):
        return cloud.store
    raise Refused(501, "There are no snapshots of this kind of store.")
