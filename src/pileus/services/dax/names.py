"""Lists of attribute names, which both sides know by numbers: an item then travels without its names."""

from __future__ import annotations

import hashlib

from pileus.kernel import Call, Record

from .wire import Item, Schema, dumps, plain

EMPTY = 1
"""The number of the list that is empty."""


class Names(Record, key=("cluster", "number")):
    """A list of names."""

    cluster: str
    number: int
    names: list[str]


class Number(Record, key=("cluster", "digest")):
    """Which number a list has; the one under an empty digest is the next to be given."""

    cluster: str
    digest: bytes
    number: int


def number_of(call: Call, cluster: str, names: list[str]) -> int:
    """The number of a list, which it is given if it has none yet."""
    if not names:
        return EMPTY
    digest = hashlib.blake2b("\0".join(names).encode(), digest_size=16).digest()
    if known := Number.get(call, cluster, digest):
        return known.number
    following = Number.get(call, cluster, b"") or Number(cluster=cluster, digest=b"", number=EMPTY + 1)
    number = following.number
    Names(cluster=cluster, number=number, names=names).put(call)
    Number(cluster=cluster, digest=digest, number=number).put(call)
    following.number += 1
    following.put(call)
    return number


def names_of(call: Call, cluster: str, number: int) -> list[str] | None:
    if number == EMPTY:
        return []
    known = Names.get(call, cluster, number)
    return known.names if known else None


def forget(call: Call, cluster: str) -> None:
    Names.delete_all(call, cluster)
    Number.delete_all(call, cluster)


def values(call: Call, cluster: str, item: Item, schema: Schema) -> bytes:
    """An item but for its key: the number of its names, and its values."""
    names = sorted(item.keys() - schema.keys())
    return dumps(number_of(call, cluster, names), *(plain(item[name]) for name in names))


def some_values(call: Call, cluster: str, item: Item) -> bytes:
    """Some attributes of an item: the number of their names, and the values by their places in that list."""
    names = sorted(item)
    told = {place: plain(item[name]) for place, name in enumerate(names)}
    return dumps(number_of(call, cluster, names), told)
