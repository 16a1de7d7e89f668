"""Which rule of a group, or line of a network ACL, is about a packet; and which ports rules tell apart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .insight_world import ANY, Entry, Packet, World, within


def decisive(entries: Iterable[Entry], packet: Packet, *, egress: bool) -> Entry | None:
    """The first line of an ACL that fits a packet."""
    peer = packet.destination if egress else packet.source
    for entry in sorted(one for one in entries if one.egress == egress):
        if fits(entry.protocol, entry.ports, packet) and within(peer, entry.block):
            return entry
    return None


def fits(protocol: str, ports: tuple[int, int] | None, packet: Packet) -> bool:
    """Whether a rule of a protocol and ports is about a packet."""
    if protocol == ANY:
        return True
    if protocol != packet.protocol:
        return False
    return ports is None or ports[0] <= packet.destination_port <= ports[1]


def boundaries(world: World, within_range: tuple[int, int], *, lists_only: bool = False) -> Sequence[int]:
    """Ports of a range of which one gets through if any does: where rules begin, or end just before.

    Groups ask for the port of the destination alone, so that for the source's port lists are enough.
    """
    low, high = within_range
    found = {low}
    for ports in _all_ports(world, lists_only):
        found |= {port for port in (ports[0], ports[1] + 1) if low <= port <= high}
    return sorted(found)


def _all_ports(world: World, lists_only: bool) -> Iterable[tuple[int, int]]:
    for entries in world.acls.values():
        yield from (entry.ports for entry in entries if entry.ports)
    if not lists_only:
        for rules in world.groups.values():
            yield from (rule.ports for rule in rules if rule.ports)
