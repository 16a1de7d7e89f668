"""kill -9 in the middle of writing: what was acknowledged is there, and nothing is there by halves."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from pileus.kernel.blobs import Blobs
from pileus.kernel.store import sqlite
from pileus.kernel.store.keys import LAST

from . import writer


def killed(what: str, folder: Path, durability: str, after: int) -> list[int]:
    """What a writer had said was safe until it was killed, soon after so many acknowledgements."""
    command = [sys.executable, writer.__file__, what, str(folder), durability]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout
        said = [int(process.stdout.readline()) for _ in range(after)]
        process.kill()
        return said + [int(line) for line in process.stdout.read().split()]


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_a_killed_store_has_all_that_was_acknowledged_and_only_whole_groups(tmp_path: Path, durability: str) -> None:
    safe: list[int] = []
    for after in (300, 2000):
        safe += killed("store", tmp_path, durability, after)
        store = sqlite.open(tmp_path)
        firsts = {int(key[1:]): value for key, value in store.scan(b"a", b"b")}
        seconds = {int(key[1:]): int(value) for key, value in store.scan(b"b", b"c")}
        assert firsts.keys() == seconds.keys() >= set(safe)
        assert all(value == writer.value(number) for number, value in firsts.items())
        groups = list(seconds.values())
        assert all(groups.count(group) == 7 for group in set(groups))
        assert store.connection.pragma("integrity_check") == "ok"
        store.close()


@pytest.mark.parametrize("durability", ["process", "disk"])
def test_killed_blobs_are_whole_or_not_there(tmp_path: Path, durability: str) -> None:
    safe = killed("blobs", tmp_path, durability, 25)
    store = sqlite.open(tmp_path)
    blobs = Blobs(store, tmp_path / "blobs")
    names = {int(key): value.decode() for key, value in store.scan(b"0", b":")}
    assert names.keys() >= {number for number in safe if number % 5 != 2}
    for number, name in names.items():
        assert blobs.storage.path(name).read_bytes() == writer.content(number)
    asyncio.run(blobs.sweep())
    assert {path.name for path in tmp_path.glob("blobs/*/*")} == set(names.values())
    assert store.count(b"0", LAST) == len(names)
    store.close()
