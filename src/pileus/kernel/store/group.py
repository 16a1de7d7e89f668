"""Group commit: the writes of one tick share a transaction, and each attempt among them has a savepoint of its own.

Nothing is opened before the first write, so calls that only read pay nothing. SQLite may roll a whole transaction back
when a single statement meets a full disk or a failing one (sqlite.org/lang_transaction.html, section 4): then the group
is lost, and everybody in it is told so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from types import TracebackType

import apsw

from .store import Committed, Schedule, StoreCorrupt, StoreFailed, StoreFull

log = logging.getLogger("pileus")


class Group:
    """The writes since the last commit, the attempts under way, and who waits for the commit.

    It is the context manager of every attempt; entering it again begins a nested one. Without a `schedule`, the group
    ends with the outermost attempt.
    """

    __slots__ = (
        "_connection",
        "_execute",
        "_lost",
        "_marks",
        "_savepoints",
        "_schedule",
        "_ticking",
        "_undone",
        "_waiting",
        "before_commit",
        "pending",
        "ready",
    )

    def __init__(
        self, connection: apsw.Connection, schedule: Schedule | None, *, undone: Callable[[], None] = lambda: None
    ) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self.pending = False
        """Whether a transaction is open."""
        self.ready = False
        """Whether the transaction and the savepoints of all attempts under way are open, so that one may write."""
        self._schedule = schedule
        self._undone = undone
        """Told when writes have been undone, so that nobody remembers them."""
        self._ticking = False
        self._marks: list[int] = []  # how many waited when each of the attempts under way began
        self._savepoints = 0  # how many of the attempts have one: the outer ones, for they are opened together
        self._waiting: list[Committed] = []
        self.before_commit: list[Callable[[], None]] = []
        """What still wants to write before each commit."""
        self._lost: StoreFailed | None = None  # why the attempts under way have lost their writes

    # Attempts

    def __enter__(self) -> None:
        self._marks.append(len(self._waiting))
        self.ready = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        mark = self._marks.pop()
        depth = len(self._marks)
        if error is not None:
            self._undo(depth, mark, error)
        elif self._savepoints > depth:
            self._savepoints = depth
            self._execute("RELEASE attempt")
        self.ready = self.pending and self._savepoints == depth
        if self._lost is not None:
            self._leave_lost(depth, error)
        elif depth == 0 and self._schedule is None and self.pending and (lost := self.commit()) and error is None:
            raise lost

    def prepare(self) -> None:
        """Make ready for a write: open the transaction, and a savepoint for each attempt that has none."""
        if self._lost is not None:
            raise self._lost
        if not self.pending:
            if not self._marks and self._schedule is None:
                return  # SQLite commits a statement outside a transaction by itself
            self._open()
        while self._savepoints < len(self._marks):
            self._execute("SAVEPOINT attempt")
            self._savepoints += 1
        self.ready = True

    def _open(self) -> None:
        if self._schedule is not None and not self._ticking:
            self._schedule(self._tick)
            self._ticking = True
        try:
            self._execute("BEGIN IMMEDIATE")
        except apsw.Error as error:
            raise failure(error) from error
        self.pending = True

    def _undo(self, depth: int, mark: int, error: BaseException) -> None:
        if self._savepoints > depth:
            self._savepoints = depth
            self._undone()
            try:
                self._execute("ROLLBACK TO attempt; RELEASE attempt")
            except apsw.Error as reason:
                self.failed(reason)
        if undone := self._waiting[mark:]:
            del self._waiting[mark:]
            tell(undone, error)

    def _leave_lost(self, depth: int, error: BaseException | None) -> None:
        lost = self._lost
        if depth == 0:
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
        if not self.pending:
            return None
        for write in self.before_commit:
            write()
        if not self.pending:  # that took the group with it, and everybody has been told
            return StoreFailed("The group of writes was lost")
        lost = None
        try:
            self._execute("COMMIT")
        except apsw.Error as error:
            lost = failure(error)
        self._end(lost)
        return lost

    def failed(self, error: apsw.Error) -> StoreFailed:
        """What to raise for a statement's error, after finding out whether it took the group with it."""
        reason = failure(error)
        if self.pending and not self._connection.in_transaction:
            self._end(reason)
        return reason

    def _tick(self) -> None:
        self._ticking = False
        if self._marks and self.pending:
            self._end(StoreFailed("An attempt was held across an await, with the writes of other calls inside it"))
        else:
            self.commit()

    def _end(self, lost: StoreFailed | None) -> None:
        self.pending = self.ready = False
        self._savepoints = 0
        waiting, self._waiting = self._waiting, []
        if lost is not None:
            self._undone()
            log.error("A group of writes is lost: %s", lost)
            self._lost = lost if self._marks else None
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


def failure(error: apsw.Error) -> StoreFailed:
    """SQLite's error in the store's terms."""
    if isinstance(error, apsw.FullError):
        return StoreFull(f"The store is full: {error}")
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return StoreCorrupt(f"The store is damaged: {error}")
    return StoreFailed(f"The store failed: {error}")
