"""Replication: how a write to one table of a global table reaches the others.

A write leaves a mark for every other Region; half a second later a task carries over what the marked items are by then.
Each item has a stamp, when and where it was last written, and the later stamp wins; what is deleted keeps its stamp for
a day. Under multi-Region strong consistency the others are written in the same transaction.

The version of 2017 shows the stamps in the items: aws:rep:updatetime, aws:rep:updateregion, aws:rep:deleting.
Developer Guide, "Global tables: how it works" (both versions).
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from pileus.kernel import Call, Record

from . import dynamodb, values
from .keys import END
from .tables import Table, under
from .values import Item

LAG = 0.5
AT_ONCE = 250
TOMBSTONE = 86400.0
OLD_VERSION = "2017.11.29"

_encode = msgspec.msgpack.Encoder().encode


class Stamp(NamedTuple):
    """When an item was written, in microseconds, and in which Region."""

    time: int
    region: str


_stamp = msgspec.msgpack.Decoder(Stamp)


class Shipping(Record, key=("box", "peer")):
    """That a task will carry over what is marked for a Region."""

    box: str
    peer: str


def located(call: Call, peer: str) -> Call:
    """The call looking at a member of a global table: at a Region, or at one of another account."""
    account, _, region = peer.rpartition("/")
    return call.at(account=account or call.account, region=region)


def stamp_of(call: Call, table: Table, place: bytes) -> Stamp | None:
    raw = call.store.get(under(call, "Stamp", table.box) + place)
    return _stamp.decode(raw) if raw else None


def stamped(call: Call, table: Table, place: bytes, new: Item | None, origin: Stamp | None) -> Item | None:
    """Stamp a write and see that the other Regions get it; the item, as it is to be stored.

    `origin` is the stamp of a write that came from another Region, whose own task it is to tell everybody.
    """
    stamp = origin or successor(call, stamp_of(call, table, place))
    call.store.put(under(call, "Stamp", table.box) + place, _encode(stamp))
    if new is None:
        bury.later(call, name=table.name, box=table.box, place=place, delay=TOMBSTONE)
    if origin is not None:
        return new
    if table.group == OLD_VERSION and new is not None:
        new = new | shown(stamp)
    for peer in table.peers:
        if table.strong:
            at_once(located(call, peer), table.name, place, new, stamp)
        else:
            mark(call, table, peer, place)
    return new


def successor(call: Call, last: Stamp | None) -> Stamp:
    """Later than the last one, even while the clock stands still."""
    now = int(call.now * 1e6)
    return Stamp(max(now, last.time + 1) if last else now, call.region)


def shown(stamp: Stamp) -> Item:
    return {
        "aws:rep:deleting": {"BOOL": False},
        "aws:rep:updateregion": {"S": stamp.region},
        "aws:rep:updatetime": {"N": f"{stamp.time // 1_000_000}.{stamp.time % 1_000_000:06d}".rstrip("0").rstrip(".")},
    }


def mark(call: Call, table: Table, peer: str, place: bytes) -> None:
    call.store.put(under(call, "Outgoing", f"{table.box}.{peer}") + place, b"")
    if Shipping.get(call, table.box, peer) is None:
        Shipping(box=table.box, peer=peer).put(call)
        ship.later(call, name=table.name, box=table.box, peer=peer, delay=LAG)


@dynamodb.task
def ship(call: Call, name: str, box: str, peer: str) -> None:
    """Carry over what is marked for a Region, some items at a time."""
    if shipped(call, name, box, peer):
        ship.later(call, name=name, box=box, peer=peer)
    elif shipping := Shipping.get(call, box, peer):
        shipping.delete(call)


def shipped(call: Call, name: str, box: str, peer: str) -> bool:
    """Carry over some; whether there may be more."""
    prefix = under(call, "Outgoing", f"{box}.{peer}")
    rows = list(call.store.scan(prefix, prefix + END, limit=AT_ONCE))
    table = Table.get(call, name)
    for path, _ in rows:
        call.store.delete(path)
        if table is not None and table.box == box and peer in table.peers:
            send(call, table, peer, path[len(prefix) :])
    return len(rows) == AT_ONCE


def send(call: Call, table: Table, peer: str, place: bytes) -> None:
    """Carry over what an item is now, or that it is gone."""
    from .records import read

    item, _size = read(call, table, place)
    at_once(located(call, peer), table.name, place, item, stamp_of(call, table, place) or Stamp(0, call.region))


def at_once(there: Call, name: str, place: bytes, item: Item | None, stamp: Stamp) -> None:
    """Write what came from another Region, unless there is something later."""
    from .records import read, replace

    table = Table.get(there, name)
    if table is None or not table.group:
        return
    last = stamp_of(there, table, place)
    if last is not None and last >= stamp:
        return
    old, _size = read(there, table, place)
    replace(there, table, place, old, item, values.size(item) if item else 0, origin=stamp)


@dynamodb.task
def bury(call: Call, name: str, box: str, place: bytes) -> None:
    """An item was deleted a day ago: if it is still not there, its stamp goes too."""
    table = Table.get(call, name)
    if table is not None and table.box == box and call.store.get(table.prefix + place) is None:
        call.store.delete(under(call, "Stamp", box) + place)
