"""What is asked for: tunnels as their owners describe them; and what is told of them."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Suite(Struct, frozen=True):
    """What may be negotiated in a phase; each in the words of strongSwan's proposals."""

    encryption: tuple[str, ...]
    integrity: tuple[str, ...]
    groups: tuple[str, ...]
    lifetime: int
    """Seconds."""


class Bgp(Struct, frozen=True):
    """Routes that the ends tell each other."""

    asn: int
    peer_asn: int
    announces: tuple[str, ...] = ()
    most: int = 100
    """How many routes the other end may tell; with more of them the session ends."""
    hold: int = 30


class Certificate(Struct, frozen=True):
    """With what the ends prove who they are, where that is no secret that both know; all of it PEM."""

    own: str
    key: str
    authorities: tuple[str, ...]
    """Who may have issued the other end's."""
    subject: str
    """Whose that has to be: a distinguished name, as the hexadecimal digits of its DER."""


class Tunnel(Struct, frozen=True):
    """One tunnel, seen from the end that is ours."""

    address: str
    """Where it is in its namespace."""
    identity: str
    """What it calls itself: its address as others see it."""
    peer: str
    """From which address the other end speaks; empty if from any, with certificates."""
    secret: str
    inside: str
    """Our address inside of it, with the length of the range: `169.254.10.1/30`."""
    other: str
    """The other end's address inside."""
    ike: Suite
    esp: Suite
    versions: tuple[int, ...] = (1, 2)
    margin: int = 270
    """How long before its end a key is replaced, and by how many hundredths that may vary."""
    fuzz: int = 100
    window: int = 1024
    patience: int = 30
    """Seconds after which a silent peer is held to be dead. 0: never."""
    then: str = "clear"
    """What follows: `clear` or `restart`."""
    starts: bool = False
    """Whether this end begins."""
    ours: str = "0.0.0.0/0"
    theirs: str = "0.0.0.0/0"
    bgp: Bgp | None = None
    certificate: Certificate | None = None
    logged: tuple[str, ...] = ()
    """Who is to be heard about it, line by line: strongSwan (`IKE`), BIRD (`BGP`)."""
    edition: float = 0.0
    """Another one is another tunnel, even if nothing else differs: the one before ends."""


class End(Struct, frozen=True):
    """A tunnel and where it ends."""

    namespace: Path
    tunnel: Tunnel
    device: str = "eth0"
    """By which interface its other traffic comes and goes."""


class Negotiated(Struct, frozen=True):
    """What the ends have agreed on in a phase, in strongSwan's words."""

    encryption: str = ""
    bits: int = 0
    integrity: str = ""
    group: str = ""


class State(Struct, frozen=True):
    """How a tunnel is."""

    up: bool = False
    """Whether there are keys."""
    version: int = 0
    ike: Negotiated = Negotiated()
    esp: Negotiated = Negotiated()
    session: bool = False
    """Whether BGP is established."""
    told: dict[str, int] = {}
    """What the other end tells of: the lengths of paths of autonomous systems, by prefixes."""
