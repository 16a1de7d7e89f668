"""BGP between two speakers, and what BIRD says of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from pileus.engines.bgp import Learned, Peer, Speaker, Speakers, State, unable
from pileus.engines.bgp.bird import learned
from pileus.engines.bgp.speakers import FOLDER
from pileus.engines.network import Network, Networks, Port, Subnet
from pileus.engines.network.claims import token


def test_what_bird_says_of_its_routes_is_understood():
    said = """\
1007-Table of_peer:
 192.168.4.0/22       unicast [peer 10:00:00.000] * (100) [AS65001i]
	via 169.254.9.2 on ipsec0
	Type: BGP univ
	BGP.as_path: 65000 65001
	BGP.community: (7224,7100) (65000,1)
 172.20.0.0/16        unreachable [peer 10:00:00.000] * (100) [AS65000i]
	BGP.as_path: 65000
0000 """
    assert learned(said.splitlines()) == {
        "192.168.4.0/22": Learned((65000, 65001), ("7224:7100", "65000:1")),
        "172.20.0.0/16": Learned((65000,)),
    }
    assert learned(["8001 Route not found"]) == {}


@pytest.mark.skipif(bool(unable()), reason=f"no BGP: {unable()}")
def test_speakers_tell_each_other_of_routes_and_of_their_end(tmp_path):
    asyncio.run(conversation(tmp_path))


async def conversation(folder):
    networks = Networks(SimpleNamespace(folder=folder))  # type: ignore[arg-type]
    ports = tuple(
        Port(name, "both", f"02:00:00:00:09:0{place}", (f"10.9.0.{place}",), name)
        for place, name in ((4, "left"), (5, "right"))
    )
    plan = Network(
        "between", subnets={"both": Subnet(("10.9.0.0/24",), ("10.9.0.1",), "t")}, tables={"t": ()}, ports=ports
    )
    speakers, heard, told = Speakers(SimpleNamespace()), {}, asyncio.Event()  # type: ignore[arg-type]

    def hear(name):
        def note(peer: str, state: State) -> None:
            heard[name] = state
            told.set()

        return note

    async def until(true):
        while not true():
            told.clear()
            await asyncio.wait_for(told.wait(), 20)

    try:
        await networks.apply(plan)
        ends = {}
        for name, ours, theirs, block in (("left", 4, 5, "10.1.0.0/16"), ("right", 5, 4, "10.2.0.0/16")):
            peer = Peer("peer", f"10.9.0.{theirs}", 65000 + theirs, f"10.9.0.{ours}", (block,), "sesame")
            ends[name] = Speaker(name, await networks.host(name), f"10.9.0.{ours}", 65000 + ours, (peer,))
            await speakers.run(ends[name], hear(name))
        await until(lambda: len(heard) == 2 and all(state.told for state in heard.values()))
        assert heard["left"].told == {"10.2.0.0/16": Learned((65005,))}
        more = msgspec.structs.replace(ends["right"].peers[0], announces=("10.3.0.0/16",))
        await speakers.run(msgspec.structs.replace(ends["right"], peers=(more,)), hear("right"))
        await until(lambda: set(heard["left"].told) == {"10.3.0.0/16"})
        await speakers.end("right")
        await until(lambda: heard["left"] == State())
    finally:
        await speakers.close()
        await networks.close()
    assert not [*FOLDER.glob(f"pileus-{token(folder)}-*")]
