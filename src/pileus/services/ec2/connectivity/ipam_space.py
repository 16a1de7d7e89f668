"""The arithmetic of address spaces: which blocks are free, what overlaps, how much is used.

Pure: blocks are ip_network's objects of one version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

Block = IPv4Network | IPv6Network


def overlaps(one: Block, another: Block) -> bool:
    return one.version == another.version and one.overlaps(another)


def inside(inner: Block, outer: Block) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def candidates(space: Block, taken: Iterable[Block], length: int) -> Iterator[Block]:
    """The free blocks of a length in a space, the lowest first: one for each gap's start, not all there are."""
    if length < space.prefixlen or length > space.max_prefixlen:
        return
    size = 1 << (space.max_prefixlen - length)
    start, end = int(space.network_address), int(space.broadcast_address) + 1
    for busy in sorted((one for one in taken if overlaps(one, space)), key=lambda one: int(one.network_address)):
        if start + size <= int(busy.network_address):
            yield _block(space, start, length)
        start = max(start, -(-(int(busy.broadcast_address) + 1) // size) * size)
    if start + size <= end:
        yield _block(space, start, length)


def _block(space: Block, start: int, length: int) -> Block:
    return type(space)((start, length))


def first_free(spaces: Iterable[Block], taken: Iterable[Block], length: int) -> Block | None:
    """The lowest free block of a length in the first space that has one."""
    busy = [*taken]
    return next((found for space in spaces for found in candidates(space, busy, length)), None)


def share(spaces: Iterable[Block], taken: Iterable[Block]) -> float:
    """Which part of some spaces is taken, from 0 to 1."""
    rooms: list[Any] = [*collapse_addresses([*spaces])]  # type: ignore[type-var]
    whole = sum(space.num_addresses for space in rooms)
    busy: list[Any] = [*collapse_addresses([*taken])]  # type: ignore[type-var]
    used = sum(min(one.num_addresses, space.num_addresses) for one in busy for space in rooms if overlaps(one, space))
    return used / whole if whole else 0.0
