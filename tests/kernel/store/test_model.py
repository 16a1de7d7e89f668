"""The store against a dict: any writes, attempts that nest and fail, commits, scans, reopening and killing."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pileus.kernel.store import sqlite
from pileus.kernel.store.keys import LAST

from .conftest import Ticks

keys = st.binary(min_size=1, max_size=2).map(lambda key: bytes(byte % 4 for byte in key)) | st.sampled_from(
    [b"", b"\xfe"]
)
values = st.binary(max_size=3) | st.integers(1, 20_000).map(bytes)

MOST_NOTED, MOST_KEPT = sqlite.MOST_NOTED, sqlite.MOST_KEPT


class Failure(Exception):
    pass


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.ticks = Ticks()
        self.open()
        self.now: dict[bytes, bytes] = {}
        self.committed: dict[bytes, bytes] = {}
        self.attempts: list[dict[bytes, bytes]] = []
        self.waiting: list[tuple[int, list[BaseException | None]]] = []

    @initialize(few=st.booleans())
    def limit(self, few: bool) -> None:
        """Let the store go over its limits, or not."""
        sqlite.MOST_NOTED, sqlite.MOST_KEPT = (3, 4) if few else (MOST_NOTED, MOST_KEPT)

    def open(self) -> None:
        self.store = sqlite.open(self.folder / "data", schedule=self.ticks)

    def teardown(self) -> None:
        while self.attempts:
            self.succeed()
        self.store.close()
        sqlite.MOST_NOTED, sqlite.MOST_KEPT = MOST_NOTED, MOST_KEPT
        shutil.rmtree(self.folder)

    # Writes

    @rule(key=keys, value=values)
    def put(self, key: bytes, value: bytes) -> None:
        self.store.put(key, value)
        self.now[key] = value

    @rule(key=keys)
    def delete(self, key: bytes) -> None:
        self.store.delete(key)
        self.now.pop(key, None)

    @rule(start=keys, end=keys)
    def delete_range(self, start: bytes, end: bytes) -> None:
        gone = self.within(start, end)
        assert self.store.delete_range(start, end) == len(gone)
        for key, _ in gone:
            del self.now[key]

    # Reads

    def within(self, start: bytes, end: bytes) -> list[tuple[bytes, bytes]]:
        return sorted(item for item in self.now.items() if start <= item[0] < end)

    @rule(key=keys)
    def get(self, key: bytes) -> None:
        assert self.store.get(key) == self.now.get(key)

    @rule(start=keys, end=keys, reverse=st.booleans(), limit=st.none() | st.integers(0, 5))
    def scan(self, start: bytes, end: bytes, reverse: bool, limit: int | None) -> None:
        expected = self.within(start, end)
        found = self.store.scan(start, end, reverse=reverse, limit=limit)
        assert list(found) == (expected[::-1] if reverse else expected)[:limit]
        assert self.store.count(start, end) == len(expected)

    # Attempts

    @precondition(lambda self: len(self.attempts) < 4)
    @rule()
    def attempt(self) -> None:
        self.store.attempt().__enter__()
        self.attempts.append(dict(self.now))

    @precondition(lambda self: self.attempts)
    @rule()
    def succeed(self) -> None:
        self.store.attempt().__exit__(None, None, None)
        self.attempts.pop()
        self.waiting = [(min(depth, len(self.attempts)), errors) for depth, errors in self.waiting]

    @precondition(lambda self: self.attempts)
    @rule()
    def fail(self) -> None:
        error = Failure()
        self.store.attempt().__exit__(Failure, error, None)
        self.now = self.attempts.pop()
        undone = [errors for depth, errors in self.waiting if depth > len(self.attempts)]
        assert all(errors in ([error], [None]) for errors in undone)
        self.waiting = [(depth, errors) for depth, errors in self.waiting if depth <= len(self.attempts)]

    # Commits

    @rule()
    def wait(self) -> None:
        errors: list[BaseException | None] = []
        pending = self.store.pending
        self.store.after_commit(errors.append)
        assert errors == ([] if pending else [None])
        self.waiting.append((len(self.attempts), errors))

    @precondition(lambda self: not self.attempts)
    @rule()
    def tick(self) -> None:
        self.ticks.end()
        assert not self.store.pending
        self.settled()

    @precondition(lambda self: not self.attempts)
    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.settled()
        self.open()

    @precondition(lambda self: not self.attempts)
    @rule()
    def reset(self) -> None:
        self.store.reset()
        self.now = {}
        self.settled()

    def settled(self) -> None:
        self.committed = dict(self.now)
        assert all(len(errors) == 1 for _, errors in self.waiting)
        self.waiting.clear()

    @rule()
    def kill(self) -> None:
        """What another process would find if this one were killed now."""
        (left := self.folder / "left").mkdir()
        for name in ("store.db", "store.db-wal"):
            shutil.copy(self.folder / "data" / name, left / name)
        found = sqlite.open(left)
        assert dict(found.scan(b"", LAST)) == self.committed
        found.close()
        shutil.rmtree(left)

    @invariant()
    def waiting_ones_are_told_once(self) -> None:
        assert all(len(errors) <= 1 for _, errors in self.waiting)


Machine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestModel = Machine.TestCase
