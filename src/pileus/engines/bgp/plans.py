"""What is asked for: speakers with their peers; and what is told of those."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Peer(Struct, frozen=True):
    """Who is at the other end of a session."""

    name: str
    """Letters, digits, and underscores."""
    address: str
    asn: int
    ours: str
    """The speaker's own address towards it."""
    announces: tuple[str, ...] = ()
    password: str = ""
    """Of TCP's MD5 signatures (RFC 2385)."""
    most: int = 100
    """How many routes it may tell; with more of them the session ends."""
    hold: int = 90


class Speaker(Struct, frozen=True):
    """One speaker."""

    name: str
    space: Path
    """The namespace in which it is."""
    number: str
    """Its router's id, written as an address."""
    asn: int
    peers: tuple[Peer, ...] = ()


class Learned(Struct, frozen=True):
    """A route that a peer tells."""

    path: tuple[int, ...] = ()
    """The autonomous systems that it leads through."""
    communities: tuple[str, ...] = ()


class State(Struct, frozen=True):
    """How a session is."""

    up: bool = False
    told: dict[str, Learned] = {}
    """By prefixes."""
