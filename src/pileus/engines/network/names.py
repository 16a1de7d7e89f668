"""What things are called in the kernel, where a name has fifteen characters at most."""

from __future__ import annotations

import hashlib

VOID = "lo"
"""Where routers send what is to go nowhere: their rules let nothing out there."""


def _short(letter: str, name: str) -> str:
    return letter + hashlib.sha256(name.encode()).hexdigest()[:12]


def device(port: str) -> str:
    """A port's interface in its router."""
    return _short("p", port)


def link_device(link: str) -> str:
    """A link's interface, at both its ends."""
    return _short("l", link)


def mirror_device(mirror: str) -> str:
    """The interface through which copies go."""
    return _short("v", mirror)


def link_mac(first: bool) -> str:
    """Hardware addresses of links, which have two ends and nobody else on them."""
    return "02:00:00:00:00:01" if first else "02:00:00:00:00:02"


def link_address(first: bool) -> str:
    """How the ends of a link name each other: IPv4 goes by way of these as well (RFC 5549)."""
    return "fe80::1" if first else "fe80::2"


GATEWAY = "fe80::1"
"""The router's address at each port, for IPv6."""
