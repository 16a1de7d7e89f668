"""Checkpoints: moving what was committed from the write-ahead log into the database, beside the event loop.

A thread does the work with a passive checkpoint, which stops nobody; once it has moved everything, the next write
begins the log anew (sqlite.org/wal.html, section 2.2). Under a load that never pauses it never quite catches up, so
when the log has become very long the loop itself moves the few pages that came in since: some milliseconds, rarely.
"""

from __future__ import annotations

import logging
import threading

import apsw

from .format import BUSY_TIMEOUT

LONG = 2048
"""Pages in the log (8 MB) that are worth a checkpoint."""
VERY_LONG = 16 * 1024
"""Pages in the log (64 MB) from which on the loop helps, if the thread has left it few to move."""
FEW = 16
"""The part of the log, one in so many pages, that is few."""

log = logging.getLogger("pileus")


class Checkpoints:
    """Watches the length of a database's log, and starts a thread when it is due."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._path = connection.filename
        self._thread: threading.Thread | None = None
        self._length = 0
        self._due = LONG
        self._moved = 0
        connection.pragma("journal_size_limit", VERY_LONG * 4096)
        connection.set_wal_hook(self._committed)  # it also takes the place of SQLite's own checkpoints

    def start(self) -> None:
        """Begin a checkpoint unless one is under way."""
        if self._thread is None or not self._thread.is_alive():
            self._due = self._length + LONG
            thread = threading.Thread(target=self._run, name="pileus-checkpoint", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:  # too many threads; the commit that led here has succeeded all the same
                log.error("A checkpoint cannot begin: %s", error)
            else:
                self._thread = thread

    def close(self) -> None:
        if self._thread is not None:
            self._thread.join()

    def _committed(self, connection: apsw.Connection, database: str, length: int) -> int:
        if length < self._length:  # the log began anew
            self._due, self._moved = LONG, 0
        self._length = length
        if length >= VERY_LONG and (length - self._moved) * FEW < length:
            self._begin_anew(connection)
        elif length >= self._due:
            self.start()
        return apsw.SQLITE_OK

    def _begin_anew(self, connection: apsw.Connection) -> None:
        connection.set_busy_timeout(0)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        except apsw.BusyError:
            pass  # the thread is at work, or somebody reads from the log, such as a snapshot under way
        except apsw.Error as error:
            log.error("A checkpoint failed: %s", error)
        finally:
            connection.set_busy_timeout(BUSY_TIMEOUT)

    def _run(self) -> None:
        try:
            connection = apsw.Connection(self._path)
            try:
                connection.pragma("journal_mode")
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                # Once more, for what came in meanwhile: that is little.
                _, self._moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            finally:
                connection.close()
        except apsw.BusyError:
            pass  # the loop is at it
        except apsw.Error as error:
            log.error("A checkpoint failed: %s", error)
