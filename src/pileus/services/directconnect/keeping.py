"""The lines of an account made to look like the records: after each change, and after each start of the cloud."""

from __future__ import annotations

import asyncio
from typing import Any

from pileus.engines.bgp import Speakers, State, unable
from pileus.engines.network import Network, Networks
from pileus.kernel import Call
from pileus.kernel.cables import Cable, laid_by, lay, lays, take_up
from pileus.kernel.regions import regions

from . import changes, directconnect, wiring
from .changes import Wiring, changed
from .interfaces import Accepted, VirtualInterface
from .wiring import SERVICE


def what(call: Call) -> tuple[str, str]:
    """What keepers wait for."""
    return "directconnect.wiring", call.account


def possible(call: Call) -> bool:
    return call.cloud.folder is not None and not unable()


@changes.hears
def begin(call: Call) -> None:
    if possible(call):
        keep.begin(call)
        call.wake(what(call))


@lays(SERVICE)
def answered(call: Call, cable: Cable, there: bool) -> None:
    """There is something else behind a gateway: customers are told."""
    changed(call)


@directconnect.forget
def forgotten(call: Call) -> None:
    """The records of an account are no more."""
    for cable in laid_by(call, SERVICE):
        take_up(call, cable)
    call.wake(what(call))


@directconnect.watch
async def keep(call: Call) -> None:
    """Keep the networks of an account's lines as the records say."""
    if not possible(call):
        await call.wait(what(call))
        return
    keeper = Keeper(call)
    try:
        while True:
            if not await keeper.looked():
                await call.wait(what(call))
    finally:
        keeper.leave()


class Keeper:
    """What one account's lines are, as far as it has been seen to."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._engine = call.cloud.engine(Networks)
        self._seen = -1
        self._there: dict[str, Network] = {}
        self._ending: asyncio.Future[None] | None = None

    def _now(self) -> Call:
        return self._call.cloud.call("directconnect", account=self._call.account, region=changes.HOME)

    async def looked(self) -> bool:
        """Deal with what has changed; whether anything had."""
        now = self._now()
        wiring_now = Wiring.get(now, "lines")
        number = wiring_now.number if wiring_now else 0
        if number == self._seen:
            return False
        with now.cloud.runner.working():
            self._seen = number
            wires = wiring.wires(now)
            await self._apply({one.name: one for one in wires.networks})
            await self._speak(now, wires.interfaces)
            with now.transaction():
                cable_up(now, wires)
                for one in wires.interfaces:
                    note_advertised(now, one)
        return True

    async def _apply(self, wanted: dict[str, Network]) -> None:
        fresh = [one for name, one in wanted.items() if self._there.get(name) != one]
        await self._engine.apply(*fresh)
        await self._remove({*self._there} - {*wanted})
        self._there = wanted

    async def _remove(self, names: set[str]) -> None:
        for name in names:
            await self._call.cloud.engine(Speakers).end(name)
        await self._engine.remove(*names)

    async def _speak(self, now: Call, interfaces: list[VirtualInterface]) -> None:
        """Let somebody speak for AWS at each line; who is new finds nobody there at first."""
        engine, names = now.cloud.engine(Speakers), await self._engine.names()
        for one in interfaces:
            name = one.virtual_interface_id
            if name not in names:
                continue
            if name not in engine.names():
                with now.transaction():
                    for peer in one.peers:
                        heard(now, name, wiring.peer_name(peer["bgpPeerId"]), State())
            await engine.run(wiring.speaker(now, one, names[name]), self._hearer(name))

    def _hearer(self, name: str) -> Any:
        def hear(peer: str, state: State) -> None:
            now = self._now()
            with now.transaction():
                heard(now, name, peer, state)

        return hear

    def leave(self) -> None:
        """The keeper ends: because the cloud does, or for another to begin, or because the account was forgotten."""
        asyncio.get_running_loop().call_later(0.1, self._look_back)

    def _look_back(self) -> None:
        """Remove what is no more, now that whoever ended the keeper has done with it."""
        if not self._engine.closed:
            wanted = {one.name for one in wiring.wires(self._now()).networks}
            self._ending = asyncio.ensure_future(self._remove({*self._there} - wanted))


def heard(call: Call, name: str, peer: str, state: State) -> None:
    """How the session with a customer's router is now, and what it tells."""
    for region in regions(call.partition):
        there = call.at(region=region)
        one = VirtualInterface.get(there, name)
        if one is None:
            continue
        status = "up" if state.up else "down"
        peers = [
            each | {"bgpStatus": status} if wiring.peer_name(each["bgpPeerId"]) == peer else each for each in one.peers
        ]
        before = one.accepted.get(peer, {})
        told = {
            block: Accepted([*route.path], [*route.communities], before[block].at if block in before else call.now)
            for block, route in state.told.items()
        }
        accepted = one.accepted | {peer: told}
        if peers != one.peers or accepted != one.accepted:
            one.peers, one.accepted = peers, accepted
            up = any(each["bgpStatus"] == "up" for each in peers)
            if one.state in ("down", "available"):
                one.state = "available" if up else "down"
            one.put(there)
            changed(call)
        return


def cable_up(call: Call, wires: wiring.Wires) -> None:
    """Lay the cables that there shall be, and take up the others."""
    wanted = {(cable.to, cable.name) for cable in wires.cables}
    for cable in wires.cables:
        lay(call, cable)
    for cable in laid_by(call, SERVICE):
        if (cable.to, cable.name) not in wanted:
            take_up(call, cable)


def note_advertised(call: Call, one: VirtualInterface) -> None:
    """What customers are told, since when."""
    there = call.at(region=wiring.region_of(call, one))
    found = VirtualInterface.get(there, one.virtual_interface_id)
    told = {block: one.advertised.get(block, call.now) for block in wiring.beyond(call, one)}
    if found and found.advertised != told:
        found.advertised = told
        found.put(there)
