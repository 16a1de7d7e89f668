"""The store on SQLite: one table of keys and values, in a file with a write-ahead log or in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import cast

import apsw

from .checkpoint import Checkpoints
from .format import connect, connect_to_read, create, prepare
from .group import Group, Noted, failure
from .lock import Lock
from .store import Committed, Durability, Schedule

GET = "SELECT v FROM kv WHERE k = ?"
PUT = "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
DELETE = "DELETE FROM kv WHERE k = ?"
DELETE_RANGE = "DELETE FROM kv WHERE k >= ? AND k < ?"
COUNT = "SELECT count(*) FROM kv WHERE k >= ? AND k < ?"
# A limit that is a parameter and nothing else is part of the plan: SQLite would make a new one for every scan.
FORWARD = "SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k LIMIT ? + 0"
REVERSE = "SELECT k, v FROM kv WHERE k >= ? AND k < ? ORDER BY k DESC LIMIT ? + 0"

FIRST = 100
"""Rows that a scan reads at first; how many at a time after that depends on their size."""
PIECE = 256 * 1024

MOST_KEPT = 4096
"""Values that are remembered: those of a key or a queue are asked for with every call that names it."""
LONGEST_KEPT = 2048

MOST_NOTED = 256
"""Writes that wait for the commit before they are brought into the database."""

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
        cursor = connection.cursor()
        self._execute, self._execute_many = cursor.execute, cursor.executemany
        self._group = Group(connection, schedule, write=self._write, undone=self._forget)
        self._noted = self._group.noted
        self._kept: dict[bytes, bytes | None] = {}
        """What some keys have, among them all that are noted. Nobody else writes to the file, so it stays true."""
        self._lock = lock
        self._checkpoints = Checkpoints(connection) if lock else None

    # Reads. Every statement runs to its end before its rows are handed on, so none is open when something is undone.

    def get(self, key: bytes) -> bytes | None:
        kept = self._kept
        if key in kept:
            return kept[key]
        if not self._group.open:
            self._group.begin()
        try:
            value: bytes | None = self._execute(GET, (key,)).get
        except apsw.Error as error:
            raise self._group.failed(error) from error
        if len(kept) >= MOST_KEPT:
            self._forget()
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
        self._settle(start, end)
        try:
            return cast(int, self._execute(COUNT, (start, end)).get)
        except apsw.Error as error:
            raise self._group.failed(error) from error

    def _settle(self, start: bytes, end: bytes) -> None:
        """Make ready to read a range, for which what was noted of it must be in the database."""
        if not self._group.open:
            self._group.begin()
        for key, _ in self._noted:
            if start <= key < end:
                self._group.settle()
                return

    def _rows(self, start: bytes, end: bytes, reverse: bool, size: int) -> list[Row]:
        self._settle(start, end)
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

    def put(self, key: bytes, value: bytes | None) -> None:
        noted = self._noted
        if not noted:
            if self._group.alone:
                with self._group:
                    return self.put(key, value)
            self._group.prepare()
        elif len(noted) >= MOST_NOTED:
            self._group.settle()
        noted.append((key, value))
        self._kept[key] = value
        return None

    def delete(self, key: bytes) -> None:
        self.put(key, None)

    def delete_range(self, start: bytes, end: bytes) -> int:
        group = self._group
        if group.alone:
            with group:
                return self.delete_range(start, end)
        group.prepare()
        group.settle(whole=True)
        self._forget()
        try:
            self._execute(DELETE_RANGE, (start, end))
        except apsw.Error as error:
            raise group.failed(error) from error
        return self.connection.changes()

    def _write(self, noted: list[Noted]) -> None:
        """Bring writes into the database: of those of a key the last one."""
        last = dict(noted)
        rows = [row for row in last.items() if row[1] is not None]
        if len(rows) < len(last):
            self._execute_many(DELETE, [(key,) for key, value in last.items() if value is None])
        self._execute_many(PUT, rows)
        kept = self._kept
        for key, value in rows:
            if value and len(value) > LONGEST_KEPT:
                kept.pop(key, None)
        if len(kept) > MOST_KEPT:
            self._forget()

    def _forget(self) -> None:
        """Keep only what the database does not know yet."""
        self._kept.clear()
        self._kept.update(self._noted)

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

    def tick(self) -> AbstractContextManager[None]:
        return self._group.tick()

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
