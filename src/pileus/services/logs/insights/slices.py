"""What a query is fed: some events of a stream, and what is known of them."""

from __future__ import annotations

from typing import NamedTuple

from pileus.services.logs.parts import Part


class Slice(NamedTuple):
    """The events of a part that are in a time."""

    packed: bytes
    """The part as it lies in the store."""
    part: Part
    start: int
    end: int
    log: str
    """The account and the group, as queries name them."""
    stream: str
    documents: list[str] | None = None
    """What a transformer has made of the messages, from which their fields are then taken."""
    raw: list[str] | None = None
    """The messages without masks."""
    earlier: bool = False
    """Whether this is of the time before that of the query."""
