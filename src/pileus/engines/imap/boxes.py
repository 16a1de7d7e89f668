"""What a mailbox has to be able to do, for the server to show it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """A letter in a mailbox."""

    uid: int
    at: float
    """When it came."""
    flags: frozenset[str]
    raw: Callable[[], bytes]
    """Reads it."""


class Box(Protocol):
    """A mailbox. Its letters' uids grow."""

    @property
    def validity(self) -> int:
        """Another number whenever uids begin anew."""

    def entries(self) -> list[Entry]:
        """All letters, by their uids."""

    def flag(self, uid: int, flags: frozenset[str]) -> None: ...

    def remove(self, uids: list[int]) -> None: ...

    async def changed(self) -> None:
        """Wait until there may be something new."""


Login = Callable[[str, str], Box | None]
"""The mailbox of a name, if the password is right."""
