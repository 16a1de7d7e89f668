"""The store on SQLite: one table of keys and values, in a file with a write-ahead log or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import apsw

from .checkpoint import Checkpoints
from .format import connect, connect_to_read, create, prepare
from .group import Group, failure
from .lock import Lock
from .store import Committed, Durability, Schedule

GET = "SELECT v FROM kv WHERE k = ?"
PUT = "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
DELETE = "DELETE FROM kv WHERE k = ?"
DELETE_RANGE = "DELETE FROM kv WHERE k >= ? AND k < ?"
COUNT = "SELECT count(*) FROM kv WHERE k >= ? AND k < ?"
FORWARD = "SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k LIMIT ?"
REVERSE = "SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k DESC LIMIT ?"

FIRST = 100
"""Rows that a scan reads at first; how many at a time after that depends on their size."""
PIECE = 256 * 1024

MOST_KEPT = 4096
"""Values that are remembered: those of a key or a queue are asked for with every call that names it."""
LONGEST_KEPT = 2048

Row = tuple[bytes, bytes]


def open(  # noqa: A001
    folder: Path | None, *, durability: Durability = "process", schedule: Schedule | None = None
) -> SqliteStore:
    """The store in a folder, which is made if need be and locked against other servers; or, without one, in memory.

    `schedule` runs a function at the end of the tick, as `loop.call_soon` does: all writes of the tick then commit
    together. Without one, each outermost attempt commits as it ends, and each write outside an attempt at once.
    """
    if folder is None:
        return SqliteStore(connect(":memory:", durability), schedule=schedule)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = Lock(folder / "lock")
    database = folder / "store.db"
    try:
        database.touch(mode=0o600)  # keys and secrets are in there; SQLite's other files take after it
        return SqliteStore(connect(str(database), durability), schedule=schedule, lock=lock)
    except apsw.Error as error:
        lock.release()
        raise failure(error) from error
    except BaseException:
        lock.release()
        raise


class SqliteStore:
    """A `Store`."""

    def __init__(
        self, connection: apsw.Connection, *, schedule: Schedule | None = None, lock: Lock | None = None
    ) -> None:
        prepare(connection)
        self.connection = connection
        """For the snapshots of this package alone."""
        self.path = Path(connection.filename) if lock else None
        """The database's file, if it has one."""
        self._execute = connection.cursor().execute
        self._kept: dict[bytes, bytes | None] = {}
        """What some keys have: nobody else writes to the file, so it stays true until they are written or undone."""
        self._group = Group(connection, schedule, undone=self._kept.clear)
        self._lock = lock
        self._checkpoints = Checkpoints(connection) if lock else None

    # Reads. Every statement runs to its end before its rows are handed on, so none is open when something is undone.

    def get(self, key: bytes) -> bytes | None:
        kept = self._kept
        if key in kept:
            return kept[key]
        try:
            value: bytes | None = self._execute(GET, (key,)).get
        except apsw.Error as error:
            raise self._group.failed(error) from error
        if len(kept) >= MOST_KEPT:
            kept.clear()
        if value is None or len(value) <= LONGEST_KEPT:
            kept[key] = value
        return value

    def scan(self, start: bytes, end: bytes, *, reverse: bool = False, limit: int | None = None) -> Iterator[Row]:
        size = FIRST if limit is None or limit > FIRST else limit
        rows = self._rows(start, end, reverse, size)
        if len(rows) < size or size == limit:
            return iter(rows)
        return self._onward(rows, start, end, reverse, limit)

    def count(self, start: bytes, end: bytes) -> int:
        try:
            return cast(int, self._execute(COUNT, (start, end)).get)
        except apsw.Error as error:
            raise self._group.failed(error) from error

    def _rows(self, start: bytes, end: bytes, reverse: bool, size: int) -> list[Row]:
        try:
            return cast(list[Row], self._execute(REVERSE if reverse else FORWARD, (start, end, size)).fetchall())
        except apsw.Error as error:
            raise self._group.failed(error) from error

    def _onward(self, rows: list[Row], start: bytes, end: bytes, reverse: bool, limit: int | None) -> Iterator[Row]:
        while rows:
            yield from rows
            if limit is not None:
                limit -= len(rows)
            if reverse:
                end = rows[-1][0]
            else:
                start = rows[-1][0] + b"\0"
            average = sum(len(value) for _, value in rows) // len(rows)
            size = max(10, PIECE // (average + 50))
            rows = self._rows(start, end, reverse, size if limit is None else min(size, limit))

    # Writes

    def put(self, key: bytes, value: bytes) -> None:
        group = self._group
        if not group.ready:
            group.prepare()
        self._kept.pop(key, None)
        try:
            self._execute(PUT, (key, value))
        except apsw.Error as error:
            raise group.failed(error) from error

    def delete(self, key: bytes) -> None:
        self._kept.pop(key, None)
        self._change(DELETE, (key,))

    def delete_range(self, start: bytes, end: bytes) -> int:
        self._kept.clear()
        self._change(DELETE_RANGE, (start, end))
        return self.connection.changes()

    def _change(self, statement: str, bindings: tuple[bytes, ...]) -> None:
        if not self._group.ready:
            self._group.prepare()
        try:
            self._execute(statement, bindings)
        except apsw.Error as error:
            raise self._group.failed(error) from error

    # Attempts and commits

    def attempt(self) -> AbstractContextManager[None]:
        return self._group

    def after_commit(self, callback: Committed) -> None:
        self._group.after_commit(callback)

    def before_commit(self, callback: Callable[[], None]) -> None:
        self._group.before_commit.append(callback)

    @property
    def pending(self) -> bool:
        return self._group.pending

    def flush(self) -> None:
        if lost := self._group.commit():
            raise lost

    # The whole

    def reset(self) -> None:
        """Delete everything, in a millisecond however much there was (sqlite.org/c3ref/c_dbconfig_defensive.html)."""
        self._group.commit()
        self._kept.clear()
        try:
            self.connection.config(apsw.SQLITE_DBCONFIG_RESET_DATABASE, 1)
            try:
                self.connection.execute("VACUUM")
            finally:
                self.connection.config(apsw.SQLITE_DBCONFIG_RESET_DATABASE, 0)
            create(self.connection)
        except apsw.Error as error:
            raise failure(error) from error

    def replace(self, source: Path) -> None:
        """Take over everything from another database file, in one transaction; what was here is gone."""
        self._group.commit()
        self._kept.clear()
        try:
            other = connect_to_read(source)
            try:
                with self.connection.backup("main", other, "main") as copying:
                    copying.step()
            finally:
                other.close()
            prepare(self.connection)
        except apsw.Error as error:
            raise failure(error) from error

    def close(self) -> None:
        try:
            self.flush()
        finally:
            if self._checkpoints is not None:
                self._checkpoints.close()
            self.connection.close()
            if self._lock is not None:
                self._lock.release()
