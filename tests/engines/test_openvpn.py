"""What is said to OpenVPN's servers and by them; that they let people in is tested with VPCs."""

from __future__ import annotations

import asyncio

from pileus.engines.openvpn import Passing, Server, Verdict, Visitor
from pileus.engines.openvpn.management import Management
from pileus.engines.openvpn.passing import rules
from pileus.engines.openvpn.servers import configuration


class Wire:
    """Takes what is written."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None: ...


class Hearer:
    def __init__(self) -> None:
        self.heard_of: list[tuple[str, Visitor]] = []

    async def heard(self, event: str, visitor: Visitor) -> None:
        self.heard_of.append((event, visitor))


def test_answers_and_what_is_told_unasked_are_kept_apart():
    async def whole():
        reader, wire, hearer = asyncio.StreamReader(), Wire(), Hearer()
        management = Management(reader, wire, hearer)  # type: ignore[arg-type]
        talk = asyncio.create_task(management.converse())
        clients = asyncio.create_task(management.clients())
        put_out = asyncio.create_task(management.put_out(7, for_good=True))
        await asyncio.sleep(0)
        assert wire.written == b"status 3\nclient-kill 7 HALT\n"
        reader.feed_data(b">INFO:OpenVPN Management Interface\r\nTITLE\tOpenVPN 2.6\r\n>CLIENT:CONNECT,8,1\r\n")
        row = "CLIENT_LIST\talice\t198.18.0.9:1194\t10.8.0.2\t\t300\t200\tnow\t1\tUNDEF\t7\t0\tAES-256-GCM\r\n"
        reader.feed_data(f"{row}>CLIENT:ENV,common_name=bob\r\n>CLIENT:ENV,empty=\r\n".encode())
        reader.feed_data(b">CLIENT:ENV,END\r\nEND\r\nERROR: client-kill command failed\r\n")
        [alice] = await clients
        assert (alice.number, alice.name, alice.received, alice.sent) == (7, "alice", 300, 200)
        assert not await put_out
        await asyncio.sleep(0)
        [(event, visitor)] = hearer.heard_of
        assert (event, visitor.number, visitor.key, visitor.name) == ("CONNECT", 8, 1, "bob")
        asked = asyncio.create_task(management.clients())
        await asyncio.sleep(0)
        reader.feed_eof()
        await talk
        assert isinstance((await asyncio.gather(asked, return_exceptions=True))[0], ConnectionError)

    asyncio.run(whole())


def test_a_reason_cannot_become_a_command():
    async def whole():
        wire = Wire()
        management = Management(asyncio.StreamReader(), wire, Hearer())  # type: ignore[arg-type]
        told = asyncio.create_task(management.turn_away(Visitor(1, 0, {}), 'no"\nsignal SIGTERM'))
        await asyncio.sleep(0)
        assert wire.written.count(b"\n") == 1 and wire.written.count(b'"') == 4
        told.cancel()

    asyncio.run(whole())


def test_the_most_specific_verdict_comes_first():
    verdicts = (Verdict("0.0.0.0/0", True), Verdict("10.0.2.0/24", False), Verdict("10.0.0.0/16", True))
    lines = [line for line in rules(Passing(("udp", 443), verdicts=verdicts)).splitlines() if "daddr" in line]
    assert lines == ["ip daddr 10.0.2.0/24 drop", "ip daddr 10.0.0.0/16 accept", "ip daddr 0.0.0.0/0 accept"]


def test_of_a_large_pool_no_more_is_given_out_than_openvpn_can():
    server = Server("s", "h", "tcp", 443, "10.16.0.0/12", "CA", "CERT", "KEY")
    lines = configuration(server).splitlines()
    assert "proto tcp-server" in lines and "ifconfig 10.16.0.1 255.240.0.0" in lines
    assert "ifconfig-pool 10.16.0.2 10.16.253.232 255.240.0.0" in lines
