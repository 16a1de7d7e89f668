"""A disk without room: the group that met it is lost as a whole, everybody in it is told, and the store works on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pileus.kernel.store import Store, StoreFull, sqlite
from pileus.kernel.store.keys import LAST

from .conftest import Ticks

MANY = 4000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture(params=["disk", "pages", "memory"])
def full(request: pytest.FixtureRequest, tmp_path: Path, ticks: Ticks) -> Iterator[sqlite.SqliteStore]:
    """A store with room for some hundred kilobytes, in one way or another."""
    if request.param == "disk":
        store = sqlite.open(request.getfixturevalue("small_disk") / "data", schedule=ticks)
    else:
        store = sqlite.open(tmp_path if request.param == "pages" else None, schedule=ticks)
        store.connection.pragma("max_page_count", 200)
    store.put(b"first", b"1")
    ticks.end()
    yield store
    store.close()


def fill(store: Store, size: int = 1000) -> None:
    for number in range(MANY):
        store.put(b"%05d" % number, bytes(size))


def test_a_group_that_finds_no_room_is_lost_and_told(full: sqlite.SqliteStore, ticks: Ticks) -> None:
    others: list[BaseException | None] = []
    mine: list[BaseException | None] = []
    with full.attempt():
        full.put(b"other", b"")
    full.after_commit(others.append)
    # Where no statement meets the limit, because all fits into the cache, the commit does.
    with suppress(StoreFull), full.attempt():
        fill(full)
    full.after_commit(mine.append)
    ticks.end()
    assert isinstance(others[0], StoreFull)
    assert len(others) == len(mine) == 1
    assert dict(full.scan(b"", LAST)) == {b"first": b"1"}


def test_it_works_on_with_what_fits(full: sqlite.SqliteStore, ticks: Ticks) -> None:
    for _ in range(3):
        with suppress(StoreFull), full.attempt():
            fill(full)
        ticks.end()
        full.put(b"little", b"2")
        full.flush()
    assert dict(full.scan(b"", LAST)) == {b"first": b"1", b"little": b"2"}


def test_a_lost_attempt_cannot_go_on(tmp_path: Path, ticks: Ticks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What catches the failure inside an attempt must not commit the half that comes after it."""
    store = sqlite.open(tmp_path, schedule=ticks)
    store.connection.pragma("cache_size", 10)  # so that writes spill, and meet the limit in mid-transaction
    store.connection.pragma("max_page_count", 50)
    attempt = store.attempt()
    attempt.__enter__()
    store.put(b"half", b"")
    with suppress(StoreFull), store.attempt():
        fill(store)
    assert not store.pending
    told: list[BaseException | None] = []
    store.after_commit(told.append)
    assert isinstance(told[0], StoreFull)
    with pytest.raises(StoreFull):
        store.put(b"other half", b"")
    with pytest.raises(StoreFull):
        attempt.__exit__(None, None, None)
    ticks.end()
    assert list(store.scan(b"", LAST)) == []
    store.put(b"next", b"")
    store.flush()
    store.close()


def commits_until_full(store: Store, ticks: Ticks, act: Callable[[int], None]) -> list[int]:
    """Commit one act after the other until one is lost; those that were safe."""
    safe: list[int] = []
    errors: list[BaseException] = []
    for number in range(MANY):

        def settled(error: BaseException | None, number: int = number) -> None:
            if error is None:
                safe.append(number)
            else:
                errors.append(error)

        try:
            with store.attempt():
                act(number)
            store.after_commit(settled)
        except StoreFull as error:
            errors.append(error)
        ticks.end()
        if errors:
            assert isinstance(errors[0], StoreFull)
            return safe
    raise AssertionError("There was room for everything")


def test_a_full_disk_keeps_what_was_safe_and_heals(small_disk: Path, ticks: Ticks) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(700_000))
    store = sqlite.open(small_disk / "data", schedule=ticks)
    safe = commits_until_full(store, ticks, lambda number: store.put(b"%05d" % number, bytes(3000)))
    assert [int(key) for key, _ in store.scan(b"", LAST)] == safe
    ballast.unlink()
    store.put(b"more", bytes(3000))
    store.flush()
    again = commits_until_full(store, ticks, lambda number: store.put(b"x%05d" % number, bytes(3000)))
    assert store.count(b"", LAST) == len(safe) + 1 + len(again)
    store.close()
    reopened = sqlite.open(small_disk / "data")
    assert reopened.count(b"", LAST) == len(safe) + 1 + len(again)
    reopened.close()
