from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pileus.kernel.store import Store, sqlite


class Ticks:
    """The ends of ticks, when a test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None]) -> None:
        self.due.append(callback)

    def end(self) -> None:
        due, self.due = self.due, []
        for callback in due:
            callback()


class Oops(Exception):
    pass


@contextmanager
def undone(store: Store) -> Iterator[Oops]:
    """An attempt that fails at the end of the block, and what it fails with."""
    error = Oops()
    with suppress(Oops), store.attempt():
        yield error
        raise error


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture(params=["memory", "file"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "data" if request.param == "file" else None


@pytest.fixture
def store(folder: Path | None, ticks: Ticks) -> Iterator[sqlite.SqliteStore]:
    store = sqlite.open(folder, schedule=ticks)
    yield store
    store.close()


@pytest.fixture
def at_once(folder: Path | None) -> Iterator[sqlite.SqliteStore]:
    """A store without a loop."""
    store = sqlite.open(folder)
    yield store
    store.close()
