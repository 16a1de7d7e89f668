"""The log: moved into the database beside the loop, and begun anew before it grows for ever."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from pileus.kernel.store import checkpoint, sqlite
from pileus.kernel.store.keys import LAST

PAGE = 4096


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite.SqliteStore]:
    monkeypatch.setattr(checkpoint, "LONG", 50)
    monkeypatch.setattr(checkpoint, "VERY_LONG", 400)
    store = sqlite.open(tmp_path)
    yield store
    store.close()


def log_size(store: sqlite.SqliteStore) -> int:
    return os.stat(f"{store.path}-wal").st_size


def write(store: sqlite.SqliteStore, rounds: int) -> int:
    """Commit so often, changing some pages each time; the longest that the log was."""
    longest = 0
    for number in range(rounds):
        with store.attempt():
            for key in range(5):
                store.put(b"%d" % (number * 7 % 300 + key), b"%d" % number * 200)
        longest = max(longest, log_size(store))
    return longest


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "pileus-checkpoint":
            thread.join()


def test_a_short_log_is_left_alone(store: sqlite.SqliteStore) -> None:
    write(store, 3)
    assert not any(thread.name == "pileus-checkpoint" for thread in threading.enumerate())


def test_a_long_log_is_moved_and_begun_anew(store: sqlite.SqliteStore) -> None:
    for _ in range(20):
        write(store, 40)
        settle()
    assert os.stat(store.path or "").st_size > 10 * PAGE
    assert log_size(store) < 20 * 40 * 5 * PAGE / 4


def test_the_log_does_not_grow_for_ever_under_constant_load(store: sqlite.SqliteStore) -> None:
    assert write(store, 10_000) < 40 * 400 * PAGE
    assert store.get(b"1") is not None


def test_a_reader_of_the_log_hinders_nobody(store: sqlite.SqliteStore) -> None:
    write(store, 20)
    reader = apsw.Connection(str(store.path))
    reader.execute("BEGIN")
    before = reader.execute("SELECT count(*) FROM kv").get
    store.put(b"new", b"")
    longest = write(store, 600)
    assert longest > 400 * PAGE
    assert reader.execute("SELECT count(*) FROM kv").get == before
    reader.close()
    for _ in range(3):
        settle()
        write(store, 200)
    assert log_size(store) <= longest + 200 * PAGE


def test_a_commit_succeeds_where_no_thread_can_be_started(
    store: sqlite.SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    write(store, 60)
    assert not store.pending
    assert store.get(b"1") is not None


def test_memory_has_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LONG", 1)
    store = sqlite.open(None)
    store.put(b"k", b"")
    assert store.count(b"", LAST) == 1
    store.close()
