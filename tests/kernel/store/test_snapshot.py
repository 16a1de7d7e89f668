"""Snapshots: everything as it was, while the cloud goes on."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pileus.kernel.blobs import Blobs
from pileus.kernel.store import FormatTooNew, Store, snapshot, sqlite
from pileus.kernel.store import format as formats
from pileus.kernel.store.keys import LAST

Scenario = Callable[[sqlite.SqliteStore, Blobs, Path], Awaitable[None]]


@pytest.fixture(params=["memory", "file"])
def cloud(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Scenario], None]:
    """Runs a scenario with a store, its blobs, and a folder for snapshots."""

    def run(scenario: Scenario) -> None:
        async def running() -> None:
            loop = asyncio.get_running_loop()
            folder = tmp_path / "data" if request.param == "file" else None
            store = sqlite.open(folder, schedule=loop.call_soon)
            blobs = Blobs(store, folder and folder / "blobs")
            await scenario(store, blobs, tmp_path / "snapshots")
            blobs.close()
            store.close()

        asyncio.run(running())

    return run


async def blob(store: Store, blobs: Blobs, content: bytes) -> str:
    async with blobs.writer() as writer:
        await writer.write(content)
        name = await writer.keep()
        with store.attempt():
            blobs.adopt(name)
    store.flush()
    return name


async def read(blobs: Blobs, name: str) -> bytes:
    return b"".join([piece async for piece in blobs.open(name)])


def test_what_was_saved_comes_back(cloud: Callable[[Scenario], None]) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        for number in range(500):
            store.put(b"%d" % number, bytes(100))
        kept, discarded = await blob(store, blobs, b"kept"), await blob(store, blobs, b"discarded" * 100_000)
        store.put(b"pending", b"1")
        before = dict(store.scan(b"", LAST))
        await snapshot.save(store, blobs, folder, "one")
        store.delete_range(b"0", b"3")
        store.put(b"new", b"2")
        blobs.discard(discarded)
        late = await blob(store, blobs, b"late")
        for _ in range(2):
            await snapshot.load(store, blobs, folder, "one")
            assert dict(store.scan(b"", LAST)) == before
            assert await read(blobs, kept) == b"kept"
            assert await read(blobs, discarded) == b"discarded" * 100_000
        await asyncio.sleep(0.01)
        assert not blobs.storage.path(late).exists()
        store.put(b"goes on", b"3")
        store.flush()
        assert store.get(b"goes on") == b"3"

    cloud(scenario)


def test_names_are_listed_replaced_and_deleted(cloud: Callable[[Scenario], None]) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        assert snapshot.names(folder) == []
        for number, name in enumerate(["b", "a.1", "b"]):
            store.put(b"number", b"%d" % number)
            await snapshot.save(store, blobs, folder, name)
        assert snapshot.names(folder) == ["a.1", "b"]
        assert sorted(os.listdir(folder)) == ["a.1", "b"]
        await snapshot.load(store, blobs, folder, "a.1")
        assert store.get(b"number") == b"1"
        await snapshot.load(store, blobs, folder, "b")
        assert store.get(b"number") == b"2"
        snapshot.delete(folder, "b")
        assert snapshot.names(folder) == ["a.1"]
        with pytest.raises(FileNotFoundError, match="no snapshot b"):
            await snapshot.load(store, blobs, folder, "b")
        with pytest.raises(FileNotFoundError, match="no snapshot b"):
            snapshot.delete(folder, "b")

    cloud(scenario)


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "../a", "a\0", "a\n", "x" * 101, "-", "ä"])
def test_names_lead_nowhere_else(cloud: Callable[[Scenario], None], name: str) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        for act in (snapshot.save, snapshot.load):
            with pytest.raises(ValueError, match="name"):
                await act(store, blobs, folder, name)
        with pytest.raises(ValueError, match="name"):
            snapshot.delete(folder, name)

    cloud(scenario)


def test_a_discarded_blob_stays_until_the_snapshot_has_it(
    cloud: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        name = await blob(store, blobs, b"content")
        copy: Any = snapshot._save_blobs

        def slowly(*arguments: Any) -> None:
            asyncio.run_coroutine_threadsafe(discard(), loop).result(5)
            copy(*arguments)

        async def discard() -> None:
            blobs.discard(name)
            store.flush()
            await asyncio.sleep(0.01)

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(snapshot, "_save_blobs", slowly)
        await snapshot.save(store, blobs, folder, "one")
        await asyncio.sleep(0.05)
        assert not blobs.storage.path(name).exists()
        await snapshot.load(store, blobs, folder, "one")
        assert await read(blobs, name) == b"content"

    cloud(scenario)


def test_blobs_are_copied_where_they_cannot_be_linked(
    cloud: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        name = await blob(store, blobs, b"content")
        await snapshot.save(store, blobs, folder, "one")
        store.reset()
        blobs.reset()
        await snapshot.load(store, blobs, folder, "one")
        assert await read(blobs, name) == b"content"

    cloud(scenario)


def test_a_newer_snapshot_is_refused_and_nothing_changes(
    cloud: Callable[[Scenario], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        await snapshot.save(store, blobs, folder, "one")
        store.put(b"k", b"1")
        monkeypatch.setattr(formats, "FORMAT", 0)
        with pytest.raises(FormatTooNew):
            await snapshot.load(store, blobs, folder, "one")
        assert store.get(b"k") == b"1"

    cloud(scenario)


def test_writes_go_on_while_a_snapshot_is_taken(cloud: Callable[[Scenario], None]) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs, folder: Path) -> None:
        with store.attempt():
            for number in range(20_000):
                store.put(b"%05d" % number, bytes(100))
        saving = asyncio.ensure_future(snapshot.save(store, blobs, folder, "one"))
        written = 0
        while not saving.done():
            with store.attempt():
                store.put(b"a%05d" % written, b"")
                store.put(b"b%05d" % written, b"")
            written += 1
            await asyncio.sleep(0)
        await saving
        assert written
        await snapshot.load(store, blobs, folder, "one")
        assert store.count(b"0", b":") == 20_000
        assert store.count(b"a", b"b") == store.count(b"b", b"c")

    cloud(scenario)
