"""A question to the Reachability Analyzer: which packets to try, and what came of the best of them."""

from __future__ import annotations

from ipaddress import ip_network
from itertools import product
from typing import NamedTuple

from .insight_paths import Way, Why, travel
from .insight_rules import boundaries
from .insight_world import Packet, World

PORTS = (0, 65535)
BY_PORT = ("ENI_SG_RULES_MISMATCH", "SUBNET_ACL_RESTRICTION")
"""Explanations that may be others for other ports."""
SOMEWHERE = "192.0.2.1"
"""An address of the internet that stands for all of which nothing is said."""


class Question(NamedTuple):
    """What is asked. Empty texts leave something open."""

    source: str
    destination: str
    protocol: str
    source_address: str = ""
    destination_address: str = ""
    source_ports: tuple[int, int] = PORTS
    destination_ports: tuple[int, int] = PORTS


def answered(world: World, question: Question) -> Way:
    """A way that a packet takes, if there is one; or else the way of the one that got furthest."""
    best: Way | None = None
    for source, destination in product(_sources(world, question), _destinations(world, question)):
        way = _between(world, question, source, destination)
        if way.found:
            return way
        if best is None or _reach(way) > _reach(best):
            best = way
    return best or Way([], [], Why("NO_POSSIBLE_DESTINATION", {}))


def _between(world: World, question: Question, source: str, destination: str) -> Way:
    """The same between two addresses: with those ports of which one gets through if any does.

    Only groups and lists ask for ports; so what nothing but they stop is worth another try.
    """
    best = Way([], [], None)
    ports = boundaries(world, question.destination_ports)
    for port, source_port in product(ports, boundaries(world, question.source_ports, lists_only=True)):
        packet = Packet(question.protocol, source, source_port, destination, port)
        way = travel(world, question.source, packet, question.destination)
        if way.why is None or way.why.code not in BY_PORT:
            return way
        if best.why is None or _reach(way) > _reach(best):
            best = way
    return best


def _reach(way: Way) -> tuple[int, int]:
    """How far a packet has got."""
    return len(way.back), len(way.forward)


def _sources(world: World, question: Question) -> list[str]:
    if question.source_address:
        return [question.source_address]
    if question.source in world.interfaces:
        return [*world.interfaces[question.source].addresses]
    return outside(world)


def _destinations(world: World, question: Question) -> list[str]:
    if question.destination_address:
        return [question.destination_address]
    there = world.interfaces.get(question.destination)
    if there is None:
        return [*outside(world), *_across(world, question.destination)]
    public = [address for _, address in there.public]
    return public if question.source in world.gateways else [*there.addresses, *public]


def _across(world: World, what: str) -> list[str]:
    """Addresses behind what joins networks: the first of each block that is routed to it."""
    lines = {line.block for table in world.tables.values() for line in table if line.target == what}
    return sorted({str(ip_network(block)[1]) for block in lines if ip_network(block).num_addresses > 1})


def outside(world: World) -> list[str]:
    """Addresses of the internet: one for each block that rules speak of, and one for all the rest."""
    blocks = {block for rules in world.groups.values() for rule in rules for block in rule.blocks}
    blocks |= {entry.block for entries in world.acls.values() for entry in entries}
    blocks |= {line.block for table in world.tables.values() for line in table}
    public = {str(network[0]) for block in blocks if (network := ip_network(block)).is_global and network.version == 4}
    return [SOMEWHERE, *sorted(public - {"0.0.0.0"})]
