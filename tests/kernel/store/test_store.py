"""Reads, writes, attempts and groups, on files and in memory."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import apsw
import pytest

from pileus.kernel.store import Durability, Store, StoreFailed, sqlite
from pileus.kernel.store.keys import LAST

from .conftest import Oops, Ticks, undone


class Told:
    """A callback that remembers what it was told."""

    def __init__(self) -> None:
        self.errors: list[BaseException | None] = []

    def __call__(self, error: BaseException | None) -> None:
        self.errors.append(error)


def numbered(number: int) -> bytes:
    return b"%04d" % number


def fill(store: Store, count: int, value: bytes = b"v") -> None:
    for number in range(count):
        store.put(numbered(number), value)


def contents(store: Store) -> dict[bytes, bytes]:
    return dict(store.scan(b"", LAST))


# Reads and writes


def test_put_get_delete(store: Store) -> None:
    assert store.get(b"k") is None
    store.put(b"k", b"1")
    store.put(b"k", b"")
    assert store.get(b"k") == b""
    store.delete(b"k")
    store.delete(b"k")
    assert store.get(b"k") is None


def test_scan_includes_the_start_and_not_the_end(store: Store) -> None:
    fill(store, 10)
    assert [key for key, _ in store.scan(b"0003", b"0006")] == [b"0003", b"0004", b"0005"]
    assert [key for key, _ in store.scan(b"0003", b"0006", reverse=True)] == [b"0005", b"0004", b"0003"]
    assert list(store.scan(b"0006", b"0003")) == []


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 400, 100_000])
@pytest.mark.parametrize("limit", [None, 0, 1, 99, 100, 101, 333, 1000])
def test_scans_of_any_length(store: Store, limit: int | None, size: int, reverse: bool) -> None:
    count = 350 if size < 1000 else 120
    fill(store, count, bytes(size))
    expected = [numbered(number) for number in range(count)]
    found = [key for key, _ in store.scan(b"", LAST, reverse=reverse, limit=limit)]
    assert found == (expected[::-1] if reverse else expected)[:limit]


def test_a_scan_may_delete_what_it_finds(store: Store) -> None:
    fill(store, 500)
    for key, _ in store.scan(b"", LAST):
        store.delete(key)
    assert store.count(b"", LAST) == 0


def test_a_scan_may_write_around_its_range(store: Store) -> None:
    fill(store, 500)
    seen = 0
    for key, value in store.scan(b"0000", b"0500"):
        store.put(b"+" + key, value)
        store.put(b"9" + key, value)
        seen += 1
    assert seen == 500
    assert store.count(b"", LAST) == 1500


def test_a_limited_scan_is_of_the_moment_of_the_call(store: Store) -> None:
    fill(store, 100)
    scan = store.scan(b"", LAST, limit=100)
    store.delete_range(b"", LAST)
    assert len(list(scan)) == 100


def test_an_abandoned_scan_hinders_nobody(store: Store, ticks: Ticks) -> None:
    fill(store, 500)
    ticks.end()
    scan = store.scan(b"", LAST)
    next(scan)
    with undone(store):
        store.delete_range(b"", LAST)
    store.put(b"more", b"")
    ticks.end()
    assert not store.pending
    assert len(list(scan)) == 500


def test_count_and_delete_range(store: Store) -> None:
    fill(store, 100)
    assert store.count(b"0010", b"0020") == 10
    assert store.delete_range(b"0010", b"0020") == 10
    assert store.delete_range(b"0010", b"0020") == 0
    assert store.count(b"", LAST) == 90


def test_text_is_refused(at_once: Store) -> None:
    with pytest.raises(StoreFailed):
        at_once.put("text", b"")  # type: ignore[arg-type]
    assert contents(at_once) == {}


@pytest.mark.parametrize("value", [object(), "text"])
@pytest.mark.parametrize("scanned", [False, True])
def test_what_cannot_be_written_is_told_and_the_next_tick_is_well(
    store: Store, ticks: Ticks, value: Any, scanned: bool
) -> None:
    """Writes are noted first, so that what is wrong with one comes out at the commit, or at a scan before it."""
    told: list[BaseException | None] = []
    for key, content in ((b"before", b"1"), (b"wrong", value), (b"after", b"2")):
        store.put(key, content)
        store.after_commit(told.append)
    if scanned:
        with pytest.raises(StoreFailed):
            contents(store)
    ticks.end()
    assert [type(error) for error in told] == [StoreFailed] * 3
    store.put(b"next", b"3")
    store.after_commit(told.append)
    ticks.end()
    assert (told[-1], contents(store)) == (None, {b"next": b"3"})


def test_what_writes_before_commits_costs_nobody_else_the_commit(store: Store, ticks: Ticks) -> None:
    def half() -> None:
        store.put(b"half", b"1")
        raise Oops

    told: list[BaseException | None] = []
    store.before_commit(half)
    store.before_commit(lambda: store.put(b"beside", b"2"))
    store.put(b"key", b"3")
    store.after_commit(told.append)
    ticks.end()
    assert (told, contents(store)) == ([None], {b"beside": b"2", b"key": b"3"})


# Attempts


def test_a_failed_attempt_undoes_its_own_writes_alone(store: Store, ticks: Ticks) -> None:
    with store.attempt():
        store.put(b"before", b"1")
    with undone(store):
        store.put(b"before", b"2")
        store.put(b"lost", b"")
        assert store.get(b"before") == b"2"
    with store.attempt():
        store.put(b"after", b"3")
    ticks.end()
    assert contents(store) == {b"before": b"1", b"after": b"3"}


def test_an_inner_failure_that_is_caught_undoes_the_inner_alone(store: Store, ticks: Ticks) -> None:
    with store.attempt():
        store.put(b"outer", b"1")
        with undone(store):
            store.put(b"inner", b"")
            with store.attempt():
                store.put(b"innermost", b"")
        store.put(b"later", b"2")
        with store.attempt():
            store.put(b"second", b"3")
    ticks.end()
    assert contents(store) == {b"outer": b"1", b"later": b"2", b"second": b"3"}


def test_an_outer_failure_undoes_what_an_inner_attempt_wrote_first(store: Store, ticks: Ticks) -> None:
    store.put(b"other", b"")
    with undone(store):
        with store.attempt(), store.attempt():
            store.put(b"inner", b"")
        assert store.get(b"inner") == b""
    ticks.end()
    assert contents(store) == {b"other": b""}


def test_who_only_reads_waits_for_nothing_and_leaves_nothing_open(store: sqlite.SqliteStore, ticks: Ticks) -> None:
    told = Told()
    with store.attempt():
        store.get(b"k")
        list(store.scan(b"", LAST))
        store.after_commit(told)
    assert not store.pending
    assert told.errors == [None]
    ticks.end()
    assert not store.connection.in_transaction


def test_an_attempt_that_only_reads_may_be_held(store: sqlite.SqliteStore, ticks: Ticks) -> None:
    with store.attempt():
        assert store.get(b"k") is None
        ticks.end()
        assert not store.connection.in_transaction
        assert store.get(b"k") is None


def test_others_at_the_file_are_waited_for(tmp_path: Path, ticks: Ticks) -> None:
    """As they may be: an administrator's shell, say, which has changed something since the tick began to read."""
    store = sqlite.open(tmp_path, schedule=ticks)
    told = Told()
    assert store.get(b"k") is None
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("INSERT INTO kv VALUES (x'00', x'01')")
    with store.attempt():
        store.put(b"k", b"1")
    store.after_commit(told)
    ticks.end()
    assert told.errors == [None]
    assert store.count(b"", LAST) == 2
    other.execute("DELETE FROM kv WHERE k = x'00'")
    with store.attempt():
        store.put(b"l", b"2")
        assert len(list(store.scan(b"", LAST))) == 2
    store.flush()
    other.close()
    store.close()


# Groups


def test_a_tick_commits_once(store: Store, ticks: Ticks) -> None:
    told = Told()
    for number in range(3):
        with store.attempt():
            store.put(numbered(number), b"")
        store.after_commit(told)
    assert len(ticks.due) == 1
    assert store.pending
    assert told.errors == []
    ticks.end()
    assert not store.pending
    assert told.errors == [None, None, None]


def test_after_commit_is_at_once_when_nothing_is_pending(store: Store) -> None:
    told = Told()
    store.after_commit(told)
    assert told.errors == [None]


def test_flush_commits_now(store: Store, ticks: Ticks) -> None:
    told = Told()
    store.put(b"k", b"")
    store.after_commit(told)
    store.flush()
    assert told.errors == [None]
    store.put(b"l", b"")
    ticks.end()
    assert not store.pending
    store.flush()


def test_nothing_is_committed_in_parts(store: Store) -> None:
    with store.attempt():
        store.put(b"k", b"")
        for act in (store.flush, store.reset):
            with pytest.raises(RuntimeError, match="under way"):
                act()


def test_who_waits_within_an_attempt_that_is_undone_is_told_why(store: Store, ticks: Ticks) -> None:
    other, inner, outer = Told(), Told(), Told()
    store.put(b"other", b"")
    store.after_commit(other)
    with store.attempt():
        store.put(b"outer", b"")
        store.after_commit(outer)
        with undone(store) as error:
            store.after_commit(inner)
    assert inner.errors == [error]
    ticks.end()
    assert (other.errors, inner.errors, outer.errors) == ([None], [error], [None])


def test_a_callback_may_write(store: Store, ticks: Ticks) -> None:
    last = Told()

    def more(error: BaseException | None) -> None:
        store.put(b"l", b"")
        store.after_commit(last)

    store.put(b"k", b"")
    store.after_commit(more)
    ticks.end()
    assert last.errors == []
    ticks.end()
    assert last.errors == [None]


def test_a_callback_that_fails_keeps_nobody_waiting(
    store: Store, ticks: Ticks, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(error: BaseException | None) -> None:
        raise Oops

    told = Told()
    store.put(b"k", b"")
    store.after_commit(wrong)
    store.after_commit(told)
    ticks.end()
    assert told.errors == [None]
    assert "Oops" in caplog.text


def test_an_attempt_held_across_ticks_loses_everything_loudly(store: Store, ticks: Ticks) -> None:
    mine, others = Told(), Told()
    attempt = store.attempt()
    attempt.__enter__()
    store.put(b"mine", b"")
    store.after_commit(mine)
    store.after_commit(others)
    ticks.end()
    assert store.get(b"mine") is None
    with pytest.raises(StoreFailed, match="await"):
        attempt.__exit__(None, None, None)
    assert isinstance(mine.errors[0], StoreFailed)
    assert isinstance(others.errors[0], StoreFailed)
    store.put(b"next", b"")
    ticks.end()
    assert contents(store) == {b"next": b""}


def test_without_a_loop_the_outermost_attempt_commits(at_once: Store) -> None:
    told, wrong = Told(), Told()
    with at_once.attempt():
        with at_once.attempt():
            at_once.put(b"k", b"")
        at_once.after_commit(told)
        assert told.errors == []
    assert told.errors == [None]
    at_once.put(b"l", b"")
    assert not at_once.pending
    with undone(at_once):
        at_once.put(b"m", b"")
        at_once.after_commit(wrong)
    assert not at_once.pending
    assert isinstance(wrong.errors[0], Oops)
    assert contents(at_once) == {b"k": b"", b"l": b""}


def test_calls_of_one_tick_of_a_loop_share_a_commit(folder: Path | None) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        store = sqlite.open(folder, schedule=loop.call_soon)
        commits = 0

        async def call(number: int) -> None:
            nonlocal commits
            with store.attempt():
                store.put(numbered(number), b"")
            safe: asyncio.Future[None] = loop.create_future()
            commits += not number
            store.after_commit(lambda error: safe.set_exception(error) if error else safe.set_result(None))
            await safe
            assert not store.pending

        await asyncio.gather(*[call(number) for number in range(20)])
        assert store.count(b"", LAST) == 20
        store.close()

    asyncio.run(scenario())


# The whole


def test_reset_leaves_nothing_and_works_on(store: Store, ticks: Ticks) -> None:
    fill(store, 1000)
    ticks.end()
    told = Told()
    store.put(b"pending", b"")
    store.after_commit(told)
    store.reset()
    assert told.errors == [None]
    assert contents(store) == {}
    store.put(b"k", b"1")
    ticks.end()
    assert contents(store) == {b"k": b"1"}


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_closing_commits(tmp_path: Path, ticks: Ticks, durability: Durability) -> None:
    store = sqlite.open(tmp_path, durability=durability, schedule=ticks)
    told = Told()
    store.put(b"k", b"1")
    store.after_commit(told)
    store.close()
    ticks.end()
    assert told.errors == [None]
    again = sqlite.open(tmp_path, durability=durability)
    assert contents(again) == {b"k": b"1"}
    again.close()


@pytest.mark.parametrize(
    "statement", [sqlite.GET, sqlite.DELETE, sqlite.DELETE_RANGE, sqlite.COUNT, sqlite.FORWARD, sqlite.REVERSE]
)
def test_every_statement_searches_by_key(at_once: sqlite.SqliteStore, statement: str) -> None:
    rows = at_once.connection.execute(f"EXPLAIN QUERY PLAN {statement}", (b"a", b"b", 1)[: statement.count("?")])
    details = [row[3] for row in rows]
    assert len(details) == 1
    assert re.match(r"SEARCH kv USING (COVERING )?INDEX sqlite_autoindex_kv_1 \(k", details[0])
