"""Blobs: written whole, adopted with a transaction, read in ranges, discarded after the commit."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pileus.kernel.blobs import BATCH, PIECE, SMALL, Blobs
from pileus.kernel.store import Durability, StoreFailed, StoreFull, sqlite

from .store.conftest import Oops, undone

Scenario = Callable[[sqlite.SqliteStore, Blobs], Awaitable[None]]
Run = Callable[[Scenario], None]


@pytest.fixture(params=["memory", "process", "disk"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a scenario with a store and its blobs."""

    def running(scenario: Scenario) -> None:
        async def inside() -> None:
            folder = None if request.param == "memory" else tmp_path / "data"
            durability: Durability = "disk" if request.param == "disk" else "process"
            store = sqlite.open(folder, durability=durability, schedule=asyncio.get_running_loop().call_soon)
            blobs = Blobs(store, folder and folder / "blobs", durability=durability)
            await scenario(store, blobs)
            blobs.close()
            store.close()

        asyncio.run(inside())

    return running


async def written(blobs: Blobs, store: sqlite.SqliteStore, *chunks: bytes) -> str:
    async with blobs.writer() as writer:
        for chunk in chunks:
            await writer.write(chunk)
        name = await writer.keep()
        with store.attempt():
            blobs.adopt(name)
    store.flush()
    return name


async def read(blobs: Blobs, name: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join([piece async for piece in blobs.open(name, offset, length)])


def files(blobs: Blobs) -> set[str]:
    return {path.name for path in blobs.storage.folder.glob("*/*")}


async def removals() -> None:
    """Let the thread that removes files do it."""
    for _ in range(3):
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        await asyncio.sleep(0.002)


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, PIECE, BATCH, 3 * BATCH + 17])
@pytest.mark.parametrize("chunk", [1000, 65536, 5 * BATCH])
def test_what_is_written_is_read(run: Run, size: int, chunk: int) -> None:
    content = (b"%d;" % size * (size // 2 + 1))[:size]

    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, *[content[at : at + chunk] for at in range(0, size, chunk)])
        assert blobs.open(name).size == size
        assert await read(blobs, name) == content
        assert blobs.storage.path(name).read_bytes() == content

    run(scenario)


def test_what_is_poured_is_made_as_it_is_written(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        room, makers = bytearray(SMALL), set[int]()

        def made(letters: bytes) -> Iterator[memoryview]:
            for letter in letters:
                room[:] = bytes([letter]) * SMALL
                makers.add(threading.get_ident())
                yield memoryview(room)

        async with blobs.writer() as writer:
            await writer.write(b"first")
            await writer.pour(made(b"abc"))
            await writer.pour(made(b"d"))
            await writer.write(b"last")
            name = await writer.keep()
            with store.attempt():
                blobs.adopt(name)
        store.flush()
        content = b"".join([bytes([letter]) * SMALL for letter in b"abcd"])
        assert await read(blobs, name) == b"first" + content + b"last"
        assert makers and threading.get_ident() not in makers

    run(scenario)


def test_ranges(run: Run) -> None:
    content = os.urandom(PIECE * 2 + 100)

    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, content)
        for offset in (0, 1, PIECE, len(content) - 1, len(content), len(content) + 1):
            for length in (0, 1, SMALL, PIECE + 1, len(content), None):
                end = None if length is None else offset + length
                assert await read(blobs, name, offset, length) == content[offset:end]
        pieces = [piece async for piece in blobs.open(name)]
        assert [len(piece) for piece in pieces] == [PIECE, PIECE, 100]

    run(scenario)


def test_a_blob_is_there_when_its_record_is(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, b"content")
        assert files(blobs) == {name}
        with store.attempt():
            blobs.discard(name)
            assert files(blobs) == {name}
        await asyncio.sleep(0)
        await removals()
        assert files(blobs) == set()
        with pytest.raises(FileNotFoundError):
            blobs.open(name)

    run(scenario)


def test_what_is_not_kept_or_not_adopted_goes(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        async with blobs.writer() as writer:
            await writer.write(bytes(BATCH + 1))
        async with blobs.writer() as writer:
            await writer.write(bytes(BATCH + 1))
            await writer.keep()
        with suppress(Oops):
            async with blobs.writer() as writer:
                await writer.write(b"1")
                await writer.keep()
                raise Oops
        await removals()
        assert files(blobs) == set()

    run(scenario)


def test_an_attempt_that_fails_neither_adopts_nor_discards(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        kept = await written(blobs, store, b"kept")
        async with blobs.writer() as writer:
            await writer.write(b"1")
            name = await writer.keep()
            with undone(store):
                blobs.discard(kept)
                blobs.adopt(name)
        await removals()
        assert files(blobs) == {kept}

    run(scenario)


def test_an_attempt_may_be_made_again(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        async with blobs.writer() as writer:
            await writer.write(b"1")
            name = await writer.keep()
            with undone(store):
                blobs.adopt(name)
            await removals()
            with store.attempt():
                blobs.adopt(name)
        store.flush()
        await removals()
        assert await read(blobs, name) == b"1"

    run(scenario)


def test_a_commit_that_fails_adopts_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = sqlite.open(tmp_path, schedule=lambda callback: None)
        blobs = Blobs(store, tmp_path / "blobs")
        kept = await written(blobs, store, b"kept")
        async with blobs.writer() as writer:
            await writer.write(b"lost")
            name = await writer.keep()
            blobs.adopt(name)
        blobs.discard(kept)
        store.connection.execute("ROLLBACK")  # as SQLite does by itself when it must
        with pytest.raises(StoreFailed):
            store.flush()
        await removals()
        assert files(blobs) == {kept}
        store.close()

    asyncio.run(scenario())


def test_reading_goes_on_while_a_blob_is_discarded(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, bytes(PIECE), b"end")
        reader = blobs.open(name)
        blobs.discard(name)
        store.flush()
        await removals()
        assert files(blobs) == set()
        assert [len(piece) async for piece in reader] == [PIECE, 3]

    run(scenario)


def test_a_reader_closes_its_file(run: Run) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, bytes(PIECE + 1))
        before = opened()
        await read(blobs, name)
        blobs.open(name)
        reader = blobs.open(name)
        await reader.__anext__()
        await reader.aclose()
        await reader.aclose()
        assert [piece async for piece in reader] == []
        assert opened() == before

    run(scenario)


def test_sweeping_removes_what_has_no_record_and_nothing_else(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        names = [await written(blobs, store, b"1") for _ in range(5)]
        for shard, orphan in (("ab", "ab00"), (names[0][:2], f"{names[0][:2]}00")):
            (blobs.storage.folder / shard).mkdir(exist_ok=True)
            (blobs.storage.folder / shard / orphan).write_bytes(b"left behind")
        aside = blobs.storage.folder.with_name(f"{blobs.storage.folder.name}.00.old")
        aside.mkdir()
        async with blobs.writer() as writer:
            await writer.write(bytes(BATCH))
            adopting = await writer.keep()
            assert await blobs.sweep() == 2
            await removals()
            blobs.adopt(adopting)
            assert await blobs.sweep() == 0
        await removals()
        assert files(blobs) == {*names, adopting}
        assert not aside.exists()

    run(scenario)


def test_sweeping_spares_what_a_lost_commit_brings_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        store = sqlite.open(tmp_path, schedule=lambda callback: None)
        blobs = Blobs(store, tmp_path / "blobs")
        name = await written(blobs, store, b"1")
        blobs.discard(name)
        assert await blobs.sweep() == 0
        store.connection.execute("ROLLBACK")
        with pytest.raises(StoreFailed):
            store.flush()
        await removals()
        assert await read(blobs, name) == b"1"
        store.close()

    asyncio.run(scenario())


def test_nothing_goes_while_somebody_holds_the_files(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        name = await written(blobs, store, b"1")
        with blobs.hold():
            with blobs.hold():
                blobs.discard(name)
                store.flush()
            await removals()
            assert files(blobs) == {name}
        await removals()
        assert files(blobs) == set()

    run(scenario)


def test_reset_puts_everything_aside(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        blobs.reset()
        await written(blobs, store, b"1")
        store.reset()
        blobs.reset()
        assert not blobs.storage.folder.exists()
        name = await written(blobs, store, b"2")
        await removals()
        assert files(blobs) == {name}
        assert list(blobs.storage.folder.parent.glob(f"{blobs.storage.folder.name}.*.old")) == []

    run(scenario)


def test_a_writer_that_is_cancelled_leaves_nothing(run: Run) -> None:
    async def scenario(store: sqlite.SqliteStore, blobs: Blobs) -> None:
        async def upload() -> None:
            async with blobs.writer() as writer:
                while True:
                    await writer.write(bytes(BATCH))

        for delay in (0.0, 0.001, 0.003):
            uploading = asyncio.ensure_future(upload())
            await asyncio.sleep(delay)
            uploading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await uploading
            await removals()
            assert files(blobs) == set()

    run(scenario)


def test_a_cloud_in_memory_leaves_no_folder() -> None:
    async def scenario() -> Path:
        store = sqlite.open(None)
        blobs = Blobs(store)
        await written(blobs, store, b"1")
        folder = blobs.storage.folder
        assert folder.is_dir()
        blobs.close()
        return folder

    assert not asyncio.run(scenario()).exists()


def test_a_full_disk_is_a_full_store(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting a file system is not permitted here")

    async def scenario() -> None:
        store = sqlite.open(None)
        blobs = Blobs(store, disk / "blobs")
        with pytest.raises(StoreFull):
            async with blobs.writer() as writer:
                await writer.write(bytes(3 * BATCH))
        await removals()
        assert files(blobs) == set()
        name = await written(blobs, store, bytes(BATCH))
        assert len(await read(blobs, name)) == BATCH

    try:
        asyncio.run(scenario())
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.parametrize("cached", [0, 1, PIECE // 3])
def test_what_is_not_in_memory_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cached: int) -> None:
    content = os.urandom(2 * PIECE + 100)

    def partly(file: int, rooms: list[bytearray], at: int, flags: int) -> int:
        if at % PIECE >= cached:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        rooms[0][:cached] = os.pread(file, cached, at)
        return cached

    async def scenario() -> None:
        store = sqlite.open(None)
        blobs = Blobs(store, tmp_path)
        name = await written(blobs, store, content)
        monkeypatch.setattr(os, "preadv", partly)
        assert await read(blobs, name) == content

    asyncio.run(scenario())


def test_a_disk_that_fails_is_a_store_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    async def scenario() -> None:
        store = sqlite.open(None)
        blobs = Blobs(store, tmp_path)
        name = await written(blobs, store, b"1")
        monkeypatch.setattr(os, "pread", broken)
        with pytest.raises(StoreFailed, match="Input/output error"):
            await read(blobs, name)
        monkeypatch.undo()
        reader = blobs.open(name)
        blobs.storage.path(name).write_bytes(b"")
        with pytest.raises(StoreFailed, match="ends before"):
            await reader.__anext__()

    asyncio.run(scenario())
