"""Copies of what passes a port."""

from __future__ import annotations

import socket
import struct

from pileus.engines.network import Copied, Mirror

from .conftest import PATIENCE, Lab, port
from .test_routers import FAR, ONE, TWO, plan

EVERYTHING = ("0.0.0.0/0", "0.0.0.0/0")
VXLAN = 4789


def copies(server: socket.socket) -> list[tuple[int, str, str, int]]:
    """The packets that have arrived: VXLAN's number, source, destination, and the port that they were meant for."""
    found = []
    while True:
        try:
            data = server.recv(2000)
        except TimeoutError:
            return found
        number, packet = int.from_bytes(data[4:7], "big"), data[8 + 14 :]
        start = (packet[0] & 15) * 4
        (target,) = struct.unpack_from("!H", packet, start + 2)
        found.append((number, socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20]), target))


def test_what_a_port_sends_and_gets_is_copied_as_the_rules_say(lab: Lab) -> None:
    inbound = (Copied(False, *EVERYTHING, "udp", ports=(54, 54)), Copied(True, *EVERYTHING, "udp"))
    mirror = Mirror("m", "one", "10.0.1.7", 77, inbound=inbound)
    lab.apply(plan(ONE, TWO, FAR, mirrors=(mirror,)))
    with lab.socket("far", ("0.0.0.0", VXLAN), socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE)
        assert lab.says("two", "one", "10.0.0.5", 53)
        assert lab.says("two", "one", "10.0.0.5", 54)
        assert copies(server) == [(77, "10.0.0.6", "10.0.0.5", 53)]
        out = Mirror("m", "one", "10.0.1.7", 78, outbound=(Copied(True, *EVERYTHING),))
        lab.apply(plan(ONE, TWO, FAR, mirrors=(out,)))
        assert lab.says("one", "two", "10.0.0.6", 53)
        assert copies(server) == [(78, "10.0.0.5", "10.0.0.6", 53)]
        lab.apply(plan(port("one", "a", "10.0.0.9"), TWO, FAR, mirrors=(out,)))
        assert lab.says("one", "two", "10.0.0.6", 53)
        assert copies(server) == [(78, "10.0.0.9", "10.0.0.6", 53)], "a port that was plugged in anew"
        lab.apply(plan(ONE, TWO, FAR))
        assert lab.says("one", "two", "10.0.0.6", 53)
        assert copies(server) == []


def test_a_packet_is_copied_once_by_the_first_mirror_that_wants_it(lab: Lab) -> None:
    first = Mirror("first", "one", "10.0.1.7", 1, outbound=(Copied(True, *EVERYTHING, "udp", ports=(53, 53)),))
    second = Mirror("second", "one", "10.0.1.7", 2, outbound=(Copied(True, *EVERYTHING, "udp"),))
    lab.apply(plan(ONE, TWO, FAR, mirrors=(first, second)))
    with lab.socket("far", ("0.0.0.0", VXLAN), socket.SOCK_DGRAM) as server:
        server.settimeout(PATIENCE)
        assert lab.says("one", "two", "10.0.0.6", 53)
        assert lab.says("one", "two", "10.0.0.6", 54)
        assert [(number, target) for number, _, _, target in copies(server)] == [(1, 53), (2, 54)]
