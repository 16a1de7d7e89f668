"""Records of flows: what went through a router's ports, and what its rules refused.

What went through is counted by the kernel for each connection, so a packet that passes costs nothing more: connections
that live are asked for when records are, those that end are told of. Each packet that is refused is told of, as far as
the kernel keeps up.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from copy import copy
from ipaddress import ip_address
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct

from .names import device
from .plans import Network
from .rules import REFUSED

if TYPE_CHECKING:
    from .spaces import Space

NETFILTER = 12
REQUEST, ACKNOWLEDGE, DUMP = 0x1, 0x4, 0x300
TRACKING, LOGGING = 1 << 8, 4 << 8
READ_AND_ZERO, ENDED = TRACKING | 3, TRACKING | 2
CONFIGURE, PACKET = LOGGING | 1, LOGGING
ENDINGS = 3
"""The multicast group that connections are told in when they end."""
HEADER, FAMILY = struct.Struct("=IHHII"), struct.Struct("!BBH")
DONE, ERROR = 3, 2
ROOM = 4 << 20
"""Bytes that the kernel may keep for us."""
PATIENCE = 2.0
"""Seconds that an answer of the kernel is waited for."""
SYN, FIN, RST = 2, 1, 4
CLOSING = range(4, 9)
"""States of TCP connections after the first FIN (enum tcp_conntrack)."""


class Key(NamedTuple):
    """What makes a flow one: at which port, which way, between whom, and whether it got through."""

    port: str
    inward: bool
    accepted: bool
    protocol: int
    source: str
    destination: str
    source_port: int
    destination_port: int


class Flow(Struct):
    """How much of it there was."""

    packets: int = 0
    octets: int = 0
    first: float = 0
    """When there was something of it first, as seconds before it was asked for."""
    last: float = 0
    flags: int = 0
    """TCP's flags that were seen."""

    def add(self, packets: int, octets: int, at: float, flags: int) -> None:
        self.first = self.first or at
        self.last = at
        self.packets += packets
        self.octets += octets
        self.flags |= flags


class Recorder:
    """What is known of one router's flows since they were last asked for."""

    def __init__(self, space: Space) -> None:
        with space.entered():
            self.endings = _listening(1 << (ENDINGS - 1))
            self.refusals = _listening(0)
            self._asking = _listening(0)
        bind, headers, at_once = (1, b"\x01"), (2, struct.pack("!IBB", 80, 2, 0)), (5, struct.pack("!I", 1))
        for told in (_attribute(*one) for one in (bind, headers, at_once)):
            self.refusals.send(_message(CONFIGURE, told, group=REFUSED))
        self._devices: dict[int, str] = {}
        self._ports: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._flows: dict[Key, Flow] = {}
        self._refused: dict[tuple[Key, str], Flow] = {}
        """With the port that sent it, where there is one."""
        self._space = space

    def know(self, network: Network) -> None:
        """Whose addresses and interfaces are whose."""
        self._owners |= {address: port.name for port in network.ports for address in port.addresses}
        self._ports |= {device(port.name): port.name for port in network.ports}

    def drained(self, now: float) -> dict[Key, Flow]:
        """Everything up to now; what comes next is counted from nought."""
        self.read(now)
        self._asking.send(_message(READ_AND_ZERO, b"", flags=REQUEST | DUMP))
        for kind, body in self._listed():
            if kind >> 8 == 1:
                self._connection(body, now)
        flows, self._flows = self._flows, {}
        refused, self._refused = self._refused, {}
        for (key, sender), flow in refused.items():
            _settle(flows, key, sender, self._owners.get(key.destination, ""), flow)
        for flow in flows.values():
            flow.first, flow.last = now - flow.first, now - flow.last
        return flows

    def _listed(self) -> Iterator[tuple[int, bytes]]:
        """What the kernel answers, up to the end of it."""
        self._asking.settimeout(PATIENCE)
        while True:
            try:
                data = self._asking.recv(1 << 16)
            except OSError:  # nothing comes, or some of it was lost: the rest is told the next time
                return
            for kind, body in _messages(data):
                if kind in (DONE, ERROR):
                    return
                yield kind, body

    def read(self, now: float) -> None:
        """Take in what the kernel has told."""
        for source in (self.endings, self.refusals):
            for kind, body in _received(source):
                if kind == ENDED:
                    self._connection(body, now)
                elif kind == PACKET:
                    self._refusal(body, now)

    def close(self) -> None:
        for source in (self.endings, self.refusals, self._asking):
            source.close()

    # Connections

    def _connection(self, body: bytes, now: float) -> None:
        told = dict(_attributes(body[4:]))
        flags = _flags(told.get(4, b""))
        source, destination, protocol, source_port, destination_port = _ends(told[1])
        there = (protocol, source, destination, source_port, destination_port)
        back = (protocol, destination, source, destination_port, source_port)
        for counters, ends, acknowledged in ((9, there, 0), (10, back, 16)):
            if counters in told:
                numbers = dict(_attributes(told[counters]))
                packets, octets = (int.from_bytes(numbers[place], "big") for place in (1, 2))
                if packets:
                    seen = flags | (acknowledged if flags & SYN else 0)
                    self._passed(ends, packets, octets, now, seen)

    def _passed(self, ends: tuple[int, str, str, int, int], packets: int, octets: int, now: float, flags: int) -> None:
        for inward, address in ((False, ends[1]), (True, ends[2])):
            if port := self._owners.get(address):
                self._flows.setdefault(Key(port, inward, True, *ends), Flow()).add(packets, octets, now, flags)

    # Refusals

    def _refusal(self, body: bytes, now: float) -> None:
        told = dict(_attributes(body[4:]))
        ends, length, flags = _packet(told.get(9, b""))
        if not ends:
            return
        inward = told.get(10, b"").startswith(b"in")
        sender, receiver = (self._port(told.get(place, b"")) for place in (4, 5))
        if port := receiver if inward else sender:
            key = Key(port, inward, False, *ends)
            self._refused.setdefault((key, sender), Flow()).add(1, length, now, flags)

    def _port(self, index: bytes) -> str:
        """Whose interface it is."""
        number = int.from_bytes(index, "big")
        if number and number not in self._devices:
            self._devices |= {place: name for name, place in self._space.indexes.items()}
        return self._ports.get(self._devices.get(number, ""), "")


def _settle(flows: dict[Key, Flow], key: Key, sender: str, receiver: str, refused: Flow) -> None:
    """Add a refusal. The kernel has counted its packets as the connection's, if there is one: they did not arrive."""
    flows[key] = refused
    sent = key._replace(port=sender, inward=False, accepted=True)
    for one in (sent, key._replace(port=receiver, inward=True, accepted=True)):
        if one in flows and (one.inward or not key.inward):
            flows[one].packets -= refused.packets
            flows[one].octets -= refused.octets
            if flows[one].packets <= 0:
                del flows[one]
    if key.inward and sender:
        flows.setdefault(sent, copy(refused))


def _listening(groups: int) -> socket.socket:
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
    made.bind((0, groups))
    made.setsockopt(socket.SOL_SOCKET, 33, ROOM)  # SO_RCVBUFFORCE
    made.setblocking(False)
    return made


def _message(kind: int, body: bytes, flags: int = REQUEST, group: int = 0) -> bytes:
    family = socket.AF_UNSPEC
    return HEADER.pack(HEADER.size + FAMILY.size + len(body), kind, flags, 0, 0) + FAMILY.pack(family, 0, group) + body


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)


def _received(source: socket.socket) -> Iterator[tuple[int, bytes]]:
    while True:
        try:
            yield from _messages(source.recv(1 << 16))
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != 105:  # ENOBUFS: some were lost
                raise


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= HEADER.size:
        length, kind, _, _, _ = HEADER.unpack_from(data)
        yield kind, data[HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & 0x3FFF, data[4:length]
        data = data[(length + 3) & ~3 :]


def _ends(told: bytes) -> tuple[str, str, int, int, int]:
    """Who is at the ends of a connection."""
    parts = dict(_attributes(told))
    between, protocol = dict(_attributes(parts[1])), dict(_attributes(parts[2]))
    source, destination = (ip_address(between[place if place in between else place + 2]) for place in (1, 2))
    numbers = (int.from_bytes(protocol.get(place, b""), "big") for place in (2, 3))
    return str(source), str(destination), protocol[1][0], *numbers  # type: ignore[return-value]


def _flags(told: bytes) -> int:
    """What a connection's state says of flags that it has seen."""
    for kind, tcp in _attributes(told):
        state = dict(_attributes(tcp)).get(1, b"\0")[0] if kind == 1 else 0
        return SYN | (FIN if state in CLOSING else 0) if state else 0
    return 0


def _packet(data: bytes) -> tuple[tuple[int, str, str, int, int] | None, int, int]:
    """A packet's protocol and ends, its length and TCP's flags."""
    if len(data) < 20:
        return None, 0, 0
    if data[0] >> 4 == 4:
        length, protocol, start = int.from_bytes(data[2:4], "big"), data[9], (data[0] & 15) * 4
        source, destination = ip_address(data[12:16]), ip_address(data[16:20])
    else:
        length, protocol, start = int.from_bytes(data[4:6], "big") + 40, data[6], 40
        source, destination = ip_address(data[8:24]), ip_address(data[24:40])
    ports = struct.unpack_from("!HH", data, start) if protocol in (6, 17) and len(data) >= start + 4 else (0, 0)
    flags = data[start + 13] & (SYN | FIN | RST) if protocol == 6 and len(data) > start + 13 else 0
    return (protocol, str(source), str(destination), *ports), length, flags
