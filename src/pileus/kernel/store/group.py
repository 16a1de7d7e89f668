"""Group commit: the writes of one tick share a transaction, and each attempt among them can be undone by itself.

What the calls of a tick read, they read in the transaction too, for the locks that SQLite takes for a statement outside
of one cost more than the reading. Writes are noted, and brought into the database together when the group commits: an
attempt that fails has its notes struck out. Where a statement must see them earlier, or writes by itself, they are
brought in before, behind a savepoint for each attempt they belong to.

SQLite may roll a whole transaction back when a single statement meets a full disk or a failing one
(sqlite.org/lang_transaction.html, section 4): then the group is lost, and everybody in it is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType

import apsw

from .store import Committed, Schedule, StoreCorrupt, StoreFailed, StoreFull

log = logging.getLogger("pileus")

Noted = tuple[bytes, bytes | None]
"""A key and what is to be its value; None deletes it."""


class Group:
    """The writes since the last commit, the attempts under way, and who waits for the commit.

    It is the context manager of every attempt; entering it again begins a nested one. Without a `schedule`, the group
    ends with the outermost attempt. `write` brings what was noted into the database.
    """

    __slots__ = (
        "_connection",
        "_execute",
        "_lost",
        "_marks",
        "_savepoints",
        "_schedule",
        "_shared",
        "_ticking",
        "_undone",
        "_waiting",
        "_write",
        "before_commit",
        "noted",
        "open",
        "pending",
    )

    def __init__(
        self,
        connection: apsw.Connection,
        schedule: Schedule | None,
        *,
        write: Callable[[list[Noted]], None],
        undone: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self.open = False
        """Whether a transaction is open."""
        self.pending = False
        """Whether there is anything to commit."""
        self.noted: list[Noted] = []
        """What was written and is not in the database yet, in its order."""
        self._schedule = schedule
        self._write = write
        self._undone = undone
        """Told when writes have been undone, so that nobody remembers them."""
        self._ticking = False
        self._shared = False  # whether this is a `tick`, of which all share the fate
        # How many waited, and how much was noted, when each of the attempts under way began.
        self._marks: list[tuple[int, int]] = []
        self._savepoints = 0  # how many of the attempts have one: the outer ones, for they are opened together
        self._waiting: list[Committed] = []
        self.before_commit: list[Callable[[], None]] = []
        """What still wants to write before each commit."""
        self._lost: StoreFailed | None = None  # why the attempts under way, or all of a `tick`, have lost their writes

    # Attempts

    def __enter__(self) -> None:
        self._marks.append((len(self._waiting), len(self.noted)))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        waiting, noted = self._marks.pop()
        depth = len(self._marks)
        if error is not None:
            self._undo(depth, waiting, noted, error)
        elif self._savepoints > depth:
            self._savepoints = depth
            self._execute("RELEASE attempt")
        if self._lost is not None:
            self._leave_lost(depth, error)
        elif self._schedule is None and depth == 0 and self.open and (lost := self.commit()) and error is None:
            raise lost

    @property
    def alone(self) -> bool:
        """Whether nothing is under way with whose end a transaction would be committed."""
        return self._schedule is None and not self._marks and not self.open

    def begin(self) -> None:
        """Open the transaction, if there will be an end to it."""
        if self.alone:
            return
        if self._schedule is not None and not self._ticking:
            self._schedule(self._tick)
            self._ticking = True
        try:
            self._execute("BEGIN")
        except apsw.Error as error:
            raise failure(error) from error
        self.open = True

    def prepare(self) -> None:
        """Make ready for a write."""
        if self._lost is not None:
            raise self._lost
        if not self.open:
            self.begin()
        self.pending = True

    def settle(self, *, whole: bool = False) -> None:
        """Bring what was noted into the transaction; attempts that noted some of it get savepoints, or all attempts."""
        noted, marks = self.noted, self._marks
        at = 0
        try:
            self._claim()
            while self._savepoints < len(marks):
                mark = marks[self._savepoints][1]
                if mark == len(noted) and not whole:
                    break  # this attempt, and those within it, have noted nothing
                self._write(noted[at:mark])
                self._execute("SAVEPOINT attempt")
                self._savepoints += 1
                at = mark
            self._write(noted[at:])
        except Exception as error:
            lost = failure(error)
            self._end(lost)
            raise lost from error
        noted.clear()
        self._marks = [(waiting, 0) for waiting, _ in marks]

    def _claim(self) -> None:
        """Become the one who writes. Others at the file, such as an administrator's shell, are waited for."""
        if self._connection.txn_state("main") != apsw.SQLITE_TXN_WRITE:
            self._execute("ROLLBACK")  # of what only read
            self._execute("BEGIN IMMEDIATE")

    def _undo(self, depth: int, waiting: int, noted: int, error: BaseException) -> None:
        written = self._savepoints > depth
        if written or len(self.noted) > noted:
            del self.noted[noted:]
            self._undone()
        if written:
            self._savepoints = depth
            try:
                self._execute("ROLLBACK TO attempt; RELEASE attempt")
            except apsw.Error as reason:
                self.failed(reason)
        if undone := self._waiting[waiting:]:
            del self._waiting[waiting:]
            tell(undone, error)

    def _leave_lost(self, depth: int, error: BaseException | None) -> None:
        lost = self._lost
        if depth == 0 and not self._shared:
            self._lost = None
        if error is None and lost is not None:
            raise lost

    # Commits

    def after_commit(self, callback: Committed) -> None:
        if self.pending:
            self._waiting.append(callback)
        else:
            callback(self._lost)

    def commit(self) -> StoreFailed | None:
        """Commit what is pending, and tell those who wait; the reason, if it is lost."""
        if self._marks:
            raise RuntimeError("An attempt is under way; it cannot be committed in parts")
        if not self.open:
            return None
        if self.pending:
            for write in self.before_commit:
                self._try(write)
            if not self.pending:  # that took the group with it, and everybody has been told
                return StoreFailed("The group of writes was lost")
        return self._commit()

    def _try(self, write: Callable[[], None]) -> None:
        """Have something written; if that fails, it is by itself, and what waits for the commit goes on."""
        noted = len(self.noted)
        try:
            write()
        except Exception:
            log.exception("What is written before a commit failed")
            del self.noted[noted:]
            self._undone()

    def _commit(self) -> StoreFailed | None:
        lost = None
        try:
            if self.noted and self._connection.in_transaction:  # else it was rolled back, as COMMIT will say
                self._write_last()
            self._execute("COMMIT")
        except Exception as error:  # whatever it is, such as no memory: who waits must be told, and the group be over
            lost = failure(error)
        self._end(lost)
        return lost

    def _write_last(self) -> None:
        """Bring in what is noted, mostly without having claimed to be the one who writes."""
        try:
            self._write(self.noted)
        except apsw.BusyError:
            self._claim()
            self._write(self.noted)

    def failed(self, error: apsw.Error) -> StoreFailed:
        """What to raise for a statement's error, after finding out whether it took the group with it."""
        reason = failure(error)
        if self.open and not self._connection.in_transaction:
            self._end(reason)
        return reason

    @contextmanager
    def tick(self) -> Iterator[None]:
        """A tick whose end is known, and need not be waited for; of a loss within it all are told who ask in it."""
        self._ticking = self._shared = True
        try:
            yield
        finally:
            self._ticking = self._shared = False
            self._lost = None
            self.commit()

    def _tick(self) -> None:
        self._ticking = False
        if not self._marks:
            self.commit()
        elif self.pending:
            self._end(StoreFailed("An attempt was held across an await, with the writes of other calls inside it"))
        elif self.open:
            self._commit()

    def _end(self, lost: StoreFailed | None) -> None:
        self.open = self.pending = False
        self._savepoints = 0
        self.noted.clear()
        waiting, self._waiting = self._waiting, []
        if lost is not None:
            self._undone()
            log.error("A group of writes is lost: %s", lost)
            self._lost = lost if self._marks or self._shared else None
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
        tell(waiting, lost)


def tell(callbacks: Iterable[Committed], error: BaseException | None) -> None:
    """Call all of them; one that fails is logged and keeps nobody else from being told."""
    for callback in callbacks:
        try:
            callback(error)
        except Exception:
            log.exception("A callback after a commit failed")


def failure(error: Exception) -> StoreFailed:
    """SQLite's error, or Python's on the way to it, in the store's terms."""
    if isinstance(error, apsw.FullError):
        return StoreFull(f"The store is full: {error}")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return StoreCorrupt(f"The store is damaged: {error}")
    return StoreFailed(f"The store failed: {error}")
