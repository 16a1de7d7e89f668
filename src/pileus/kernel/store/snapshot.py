"""Snapshots: consistent copies of the whole cloud, database and blobs, each a folder with a name.

The database is copied as it stands after some commit, and all blobs that it knows become files beside it, by links
(blobs never change) where the blobs are files of the same file system. The cloud goes on working meanwhile.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import apsw

from pileus.kernel import files
from pileus.kernel.blobs import RECORDS, Blobs, threaded

from .format import connect_to_read
from .group import failure
from .keys import prefix_range
from .sqlite import SqliteStore
from .store import Store

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


async def save(store: Store, blobs: Blobs, folder: Path, name: str, home: Path | None = None) -> None:
    """Copy everything to the snapshot of that name in `folder`, over one that is there; `home` is where engines' files
    are."""
    target = _place(folder, name)
    assert isinstance(store, SqliteStore)
    partial = folder / f".{name}.{os.urandom(4).hex()}"
    partial.mkdir(mode=0o700, parents=True)
    try:
        with blobs.hold():  # what the copy knows must not vanish before it has been linked
            await _save_database(store, partial / "store.db")
            await threaded(_save_blobs, partial, blobs)
            if home:
                await threaded(files.save, home, partial)
        await threaded(_put_in_place, partial, target)
    except apsw.Error as error:
        raise failure(error) from error
    finally:
        await threaded(shutil.rmtree, partial, True)


async def load(store: Store, blobs: Blobs, folder: Path, name: str, home: Path | None = None) -> None:
    """Put everything back as the snapshot has it; what the cloud had is gone, and whatever caches it must be told.

    Engines that keep files at `home` must be closed.
    """
    assert isinstance(store, SqliteStore)
    check(folder, name)
    source = _existing(folder, name)
    with blobs.hold():
        await blobs.settled()  # what is being removed may be what comes back
        await threaded(_load_blobs, source, blobs)
        store.replace(source / "store.db")
        if home:
            await threaded(files.load, source, home)
    await blobs.sweep()


def check(folder: Path, name: str) -> None:
    """Raise what `load` would say of a snapshot that is not there, or cannot be read."""
    connect_to_read(_existing(folder, name) / "store.db").close()


def names(folder: Path) -> list[str]:
    """The snapshots there are."""
    if not folder.is_dir():
        return []
    return sorted(entry.name for entry in folder.iterdir() if NAME.fullmatch(entry.name) and entry.is_dir())


def delete(folder: Path, name: str) -> None:
    """Remove a snapshot."""
    shutil.rmtree(_existing(folder, name))


def _place(folder: Path, name: str) -> Path:
    if not NAME.fullmatch(name):
        raise ValueError("A snapshot's name has up to 100 letters, digits, dots, hyphens and underscores, no dot first")
    return folder / name


def _existing(folder: Path, name: str) -> Path:
    source = _place(folder, name)
    if not source.is_dir():
        raise FileNotFoundError(f"There is no snapshot {name}")
    return source


async def _save_database(store: SqliteStore, target: Path) -> None:
    store.flush()
    if store.path is None:
        await threaded(target.write_bytes, store.connection.serialize("main"))
    else:
        await threaded(_copy_database, store.path, target)


def _copy_database(source: Path, target: Path) -> None:
    connection = apsw.Connection(str(source))
    try:
        connection.execute("VACUUM INTO ?", (str(target),))
    finally:
        connection.close()


def _save_blobs(partial: Path, blobs: Blobs) -> None:
    connection = connect_to_read(partial / "store.db")
    try:
        for (key,) in connection.execute("SELECT k FROM kv WHERE k >= ? AND k < ?", prefix_range(RECORDS)):
            name = key[len(RECORDS) + 1 : -1].decode()
            blobs.storage.save(name, partial / "blobs" / name[:2] / name)
    finally:
        connection.close()


def _load_blobs(source: Path, blobs: Blobs) -> None:
    for path in source.glob("blobs/*/*"):
        blobs.storage.load(path, path.name)


def _put_in_place(partial: Path, target: Path) -> None:
    if target.exists():
        old = partial.with_name(f"{partial.name}.old")
        os.rename(target, old)
        os.rename(partial, target)
        shutil.rmtree(old)
    else:
        os.rename(partial, target)
