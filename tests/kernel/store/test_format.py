"""The data directory: its lock, its format, and what is no store at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from pileus.kernel.store import FormatTooNew, StoreCorrupt, StoreLocked, sqlite
from pileus.kernel.store import format as formats


def test_a_second_server_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path)
    with pytest.raises(StoreLocked, match=rf"{tmp_path}.*process {os.getpid()}\b"):
        sqlite.open(tmp_path)
    opening = f"from pathlib import Path; from pileus.kernel.store import sqlite; sqlite.open(Path({str(tmp_path)!r}))"
    second = subprocess.run([sys.executable, "-c", opening], capture_output=True, text=True)
    assert f"process {os.getpid()}" in second.stderr
    store.close()
    sqlite.open(tmp_path).close()


def test_a_store_that_cannot_be_opened_is_not_locked(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"something else" * 1000)
    with pytest.raises(StoreCorrupt):
        sqlite.open(tmp_path)
    (tmp_path / "store.db").unlink()
    sqlite.open(tmp_path).close()


def test_a_newer_format_is_refused_and_untouched(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path)
    store.connection.pragma("user_version", formats.FORMAT + 1)
    store.close()
    before = (tmp_path / "store.db").read_bytes()
    with pytest.raises(
        FormatTooNew, match=f"format {formats.FORMAT + 1}; this Pileus knows formats up to {formats.FORMAT}"
    ):
        sqlite.open(tmp_path)
    assert (tmp_path / "store.db").read_bytes() == before


def test_migrations_bring_an_older_format_up(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path)
    store.put(b"k", b"1")
    connection = store.connection

    def stored() -> bytes:
        """As it is in the database, whatever the store remembers."""
        value: bytes = connection.execute("SELECT v FROM kv").get
        return value

    def double(connection: apsw.Connection) -> None:
        connection.execute("UPDATE kv SET v = CAST(v || v AS BLOB)")

    def wrong(connection: apsw.Connection) -> None:
        double(connection)
        raise KeyError

    formats.prepare(connection, [double, double])
    assert stored() == b"1111"
    assert connection.pragma("user_version") == 3
    formats.prepare(connection, [double, double])
    assert stored() == b"1111"
    with pytest.raises(KeyError):
        formats.prepare(connection, [double, double, double, wrong])
    assert stored() == b"1111"
    assert connection.pragma("user_version") == 3
    store.close()


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    other = apsw.Connection(str(tmp_path / "store.db"))
    other.execute("CREATE TABLE theirs(x)")
    other.close()
    with pytest.raises(StoreCorrupt, match="not a database of Pileus"):
        sqlite.open(tmp_path)


def test_a_reset_that_was_killed_half_way_is_finished(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path)
    store.connection.execute("DROP TABLE kv")
    store.close()
    store = sqlite.open(tmp_path)
    store.put(b"k", b"1")
    assert store.get(b"k") == b"1"
    store.close()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path / "data")
    store.put(b"k", b"1")
    files = [tmp_path / "data", *(tmp_path / "data").iterdir()]
    assert len(files) == 5
    assert [path.stat().st_mode & 0o077 for path in files] == [0] * 5
    store.close()


def test_damage_is_called_so(tmp_path: Path) -> None:
    store = sqlite.open(tmp_path)
    with store.attempt():
        for number in range(1000):
            store.put(b"%d" % number, bytes(400))
    store.close()
    with (tmp_path / "store.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 200_000)
    store = sqlite.open(tmp_path)
    with pytest.raises(StoreCorrupt, match="damaged"):
        store.get(b"500")
    with pytest.raises(StoreCorrupt, match="damaged"):
        store.put(b"500", b"")
    store.close()


def test_the_settings_that_durability_means(tmp_path: Path) -> None:
    for durability, synchronous in (("process", 1), ("disk", 2)):
        store = sqlite.open(tmp_path / durability, durability=durability)  # type: ignore[arg-type]
        assert store.connection.pragma("journal_mode") == "wal"
        assert store.connection.pragma("synchronous") == synchronous
        assert store.connection.pragma("application_id") == formats.APPLICATION_ID
        store.close()
