"""One process of BIRD's, which speaks BGP with the other end of a tunnel; and what it has learned."""

from __future__ import annotations

from pathlib import Path

from pileus.engines import bgp as speaking
from pileus.engines.bgp.bird import asked, state
from pileus.engines.bgp.bird import configuration as written

from .plans import Bgp, Tunnel

PEER = "peer"

__all__ = ["asked", "configuration", "look"]


def configuration(tunnel: Tunnel, bgp: Bgp) -> str:
    """Its bird.conf."""
    ours = tunnel.inside.partition("/")[0]
    peer = speaking.Peer(PEER, tunnel.other, bgp.peer_asn, ours, bgp.announces, most=bgp.most, hold=bgp.hold)
    return written(speaking.Speaker(PEER, Path(), ours, bgp.asn, (peer,)))


async def look(control: Path) -> tuple[bool, dict[str, int]]:
    """Whether the session is up, and what the other end tells: the lengths of paths, by prefixes."""
    found = await state(control, PEER)
    return found.up, {prefix: len(route.path) for prefix, route in found.told.items()}
