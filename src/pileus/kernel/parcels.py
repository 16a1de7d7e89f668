"""Small bytes, as values of the store: a million small things must not make a million files.

A parcel stands beside the record that refers to it and not in it, so that a scan of records does not read them. It is
part of the attempt that puts it, and gone with the one that discards it. What is larger belongs into a blob.
"""

from __future__ import annotations

import os
import time

from .store import Store
from .store.keys import pack

MOST = 32 * 1024
"""Bytes up to which a value in the store is cheaper than a file of its own."""

RECORDS = pack(("parcel",))


def put(store: Store, content: bytes, over: str = "") -> str:
    """The name of new content: a new one, or that of a parcel that it takes the place of, which is written there.

    Names grow with time, so that new parcels stand together in the store's tree.
    """
    name = over or f"{time.time_ns():016x}{os.urandom(4).hex()}"
    store.put(RECORDS + pack((name,)), content)
    return name


def get(store: Store, name: str) -> bytes | None:
    return store.get(RECORDS + pack((name,)))


def discard(store: Store, name: str) -> None:
    store.delete(RECORDS + pack((name,)))
