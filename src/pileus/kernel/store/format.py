"""The database file: its format, the migrations from older ones, and the settings it is opened with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import apsw

from .store import Durability, FormatTooNew, StoreCorrupt

APPLICATION_ID = 0x50494C45  # "PILE", in the file's header (sqlite.org/fileformat.html, section 1.3.15)
Migration = Callable[[apsw.Connection], None]
MIGRATIONS: list[Migration] = []
"""The first brings format 1 to 2, the second 2 to 3, and so on; they run in one transaction."""
FORMAT = 1 + len(MIGRATIONS)

# WITHOUT ROWID would keep whole rows in the inner nodes of its tree, and spill those of more than some 1,000 bytes (see
# sqlite.org/withoutrowid.html, section 5). Measured among 100,000 rows of 400 bytes, a new one took 15 µs instead of 8;
# of 1,000 bytes 45 instead of 14, a get 19 instead of 5, and three times the room. What it does faster is to scan rows
# that were put in without any order: ten of 400 bytes in 13 µs instead of 17.
TABLE = "CREATE TABLE kv(k BLOB NOT NULL UNIQUE, v BLOB NOT NULL) STRICT"

BUSY_TIMEOUT = 1000
"""Milliseconds to wait for others at the file, such as an administrator's shell."""
CACHE = 8192
"""KB of pages that SQLite keeps. What it does not, the kernel has: reading that again costs a microsecond. But a commit
after which a page was split looks through all that is kept; with eight times as much, among 100,000 rows of 1,000
bytes, a new one took 24 µs instead of 12, and a get 4.2 instead of 3.1."""
SYNCHRONOUS = {"process": "NORMAL", "disk": "FULL"}


def connect(name: str, durability: Durability) -> apsw.Connection:
    """A connection with the store's settings; `:memory:` for one without a file."""
    connection = apsw.Connection(name)
    connection.set_busy_timeout(BUSY_TIMEOUT)
    for setting in (
        "journal_mode = WAL",
        f"synchronous = {SYNCHRONOUS[durability]}",
        f"fullfsync = {durability == 'disk':d}",
        f"cache_size = -{CACHE}",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


def connect_to_read(path: Path) -> apsw.Connection:
    """A connection to a database that stays as it is, such as a snapshot's, once its format is known to be readable."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        check(connection, FORMAT)
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: apsw.Connection, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Make the database one of the present format: create what an empty one lacks, migrate an older one."""
    if not connection.execute("SELECT count(*) FROM sqlite_schema").get:
        return create(connection)
    newest = 1 + len(migrations)
    found = check(connection, newest)
    if found < newest:
        with connection:
            for migrate in migrations[found - 1 :]:
                migrate(connection)
            connection.pragma("user_version", newest)
    return None


def check(connection: apsw.Connection, newest: int) -> int:
    """The format of a database, if it is one of Pileus and no newer than `newest`."""
    found: int = connection.pragma("user_version")
    if connection.pragma("application_id") != APPLICATION_ID:
        raise StoreCorrupt(f"{connection.filename} is not a database of Pileus")
    if found > newest:
        raise FormatTooNew(
            f"{connection.filename} has format {found}; this Pileus knows formats up to {newest}: use a newer one"
        )
    return found


def create(connection: apsw.Connection) -> None:
    """The table of the present format, in an empty database."""
    with connection:
        connection.execute(TABLE)
        connection.pragma("application_id", APPLICATION_ID)
        connection.pragma("user_version", FORMAT)
