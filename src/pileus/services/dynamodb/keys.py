"""Keys: what a table or an index is ordered by, and where in the store that puts an item.

An item lies under its table, four bytes that scatter partition keys evenly, the partition key, and the sort key; an
index's entry likewise under the index, with the item's own key at the end. So a partition is one range, in the order of
the sort key, and a segment of a parallel scan is one range too.
"""

from __future__ import annotations

from zlib import crc32

from pileus.kernel import Fault
from pileus.kernel.store.keys import pack

from . import faults, numbers
from .values import Item, Value, take

LONGEST_HASH = 2048
LONGEST_RANGE = 1024
END = b"\xff" * 5
"""Behind everything that lies under a prefix: partitions begin with four bytes of any kind."""


class Keys:
    """A key schema: its attributes and their types, those of the partition key and those of the sort key."""

    __slots__ = ("hashes", "names", "ranges", "types")

    def __init__(self, schema: list[dict[str, str]], types: dict[str, str]) -> None:
        self.hashes = tuple(part["AttributeName"] for part in schema if part["KeyType"] == "HASH")
        self.ranges = tuple(part["AttributeName"] for part in schema if part["KeyType"] == "RANGE")
        self.names = self.hashes + self.ranges
        self.types = {name: types[name] for name in self.names}

    def of(self, item: Item) -> Item:
        """The key attributes of an item."""
        return {name: item[name] for name in self.names}

    def partition(self, item: Item) -> bytes:
        """Where in a table or an index the partition of an item is."""
        return self.joined([encode(self.types[name], item[name]) for name in self.hashes])

    def place(self, item: Item) -> bytes:
        """Where in a table an item is, or in an index its entry but for the item's own key."""
        return self.joined([encode(kind, item[name]) for name, kind in self.types.items()])

    def place_of(self, key: Item) -> bytes:
        """Where the item of a key is that came from outside."""
        if len(key) != len(self.names):
            raise unfit(key)
        parts = []
        for name, kind in self.types.items():
            value = key.get(name)
            if value is None or kind not in value or len(value) != 1:
                raise unfit(key)
            parts.append(self.encoded(name, kind, value))
        return self.joined(parts)

    def place_in(self, item: Item) -> bytes:
        """Where an item that came from outside goes."""
        parts = []
        for name, kind in self.types.items():
            value = item.get(name)
            if value is None:
                raise faults.bad_parameter(f"Missing the key {name} in the item")
            if kind not in value:
                actual = next(iter(value))
                raise faults.bad_parameter(f"Type mismatch for key {name} expected: {kind} actual: {actual}")
            parts.append(self.encoded(name, kind, value))
        return self.joined(parts)

    def joined(self, parts: list[bytes]) -> bytes:
        """The place of encoded key attributes, those of the partition key first."""
        hashed = parts[0] if len(self.hashes) == 1 else b"".join(parts[: len(self.hashes)])
        return crc32(hashed).to_bytes(4, "big") + b"".join(parts)

    def encoded(self, name: str, kind: str, value: Value) -> bytes:
        """The bytes of a key attribute that came from outside; raises where it cannot be one."""
        if kind == "N":
            value["N"] = numbers.normal(value["N"])
            return encode(kind, value)
        if not value[kind]:
            what = "string" if kind == "S" else "binary"
            raise faults.invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
                f"empty {what} value. Key: {name}"
            )
        part = encode(kind, value)
        if len(part) > LONGEST_RANGE:
            content = value[kind]
            self.check_length(name, len(content.encode() if kind == "S" else content))
        return part

    def check_length(self, name: str, length: int) -> None:
        if name in self.hashes and length > LONGEST_HASH:
            raise faults.bad_parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes")
        if name in self.ranges and length > LONGEST_RANGE:
            raise faults.bad_parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")


def unfit(key: Item) -> Fault:
    """What is wrong with a key that is not one of this schema; values that nothing can be are told first."""
    take(key)
    return faults.no_match()


def encode(kind: str, value: Value) -> bytes:
    """The bytes of a key attribute, which sort as its values do."""
    content = value[kind]
    return numbers.encode(content) if kind == "N" else pack((content,))


def beginning(kind: str, value: Value) -> bytes:
    """What the bytes of all key attributes begin with that begin with this one."""
    return encode(kind, value)[:-1]


def segment(number: int, total: int) -> tuple[bytes, bytes]:
    """Where one of several segments of a table begins and ends."""
    start, end = (number << 32) // total, ((number + 1) << 32) // total
    return start.to_bytes(4, "big"), end.to_bytes(4, "big") if end < 1 << 32 else END
