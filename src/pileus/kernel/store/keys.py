"""Tuples as keys: packed, they sort as bytes just as the tuples sort, element by element.

The encoding is FoundationDB's tuple layer (design/tuple.md in its sources) for None, bytes, str, int, float and bool,
without nesting. It is concatenative, `pack(a + b) == pack(a) + pack(b)`, so a packed prefix may be kept and added to.
Across types the order is None < bytes < str < int < float < bool; `1`, `1.0` and `True` are different keys.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

Element = None | bytes | str | int | float | bool
"""What a key may hold. Integers reach 2040 bits in either direction; NaN has no place in an order and is refused."""

LAST = b"\xff"
"""An end that lies behind every packed key."""

_NONE, _BYTES, _TEXT, _ZERO, _DOUBLE, _FALSE, _TRUE = 0x00, 0x01, 0x02, 0x14, 0x21, 0x26, 0x27
_NEGATIVE, _POSITIVE = 0x0B, 0x1D  # integers of more than eight bytes: a length byte follows
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


def pack(items: Iterable[Element]) -> bytes:
    """The key of a tuple."""
    # Every call of the cloud comes through here several times: the usual elements are written out in line.
    key = b""
    for item in items:
        if type(item) is str:
            key += b"\x02%b\0" % item.encode() if "\0" not in item else _text(item)
        elif type(item) is int:
            if 0 <= item < 256:
                key += _SMALL[item]
            elif 0 < item <= _ALL:
                size = (item.bit_length() + 7) >> 3
                key += _HEADS[size] + item.to_bytes(size, "big")
            else:
                key += _integer(item)
        elif type(item) is float:
            key += _double(item)
        elif type(item) is bytes:
            key += b"\x01%b\0" % item.replace(b"\0", b"\0\xff")
        else:
            key += _rare(item)
    return key


def unpack(key: bytes) -> tuple[Element, ...]:
    """The tuple of a key."""
    items: list[Element] = []
    at, end = 0, len(key)
    while at < end:
        code = key[at]
        at += 1
        if code == _TEXT:
            raw, at = _terminated(key, at)
            items.append(raw.decode())
        elif 0x0C <= code <= 0x1C:
            stop = at + abs(code - _ZERO)
            items.append(_signed(key[at:stop], code < _ZERO))
            at = stop
        elif code == _BYTES:
            raw, at = _terminated(key, at)
            items.append(raw)
        else:
            item, at = _unpack_rare(code, key, at)
            items.append(item)
    if at != end:
        raise ValueError("The key ends within an element")
    return tuple(items)


def prefix_range(prefix: bytes) -> tuple[bytes, bytes]:
    """Start and end of all keys that begin with a prefix, the prefix itself among them."""
    stem = prefix.rstrip(b"\xff")
    return prefix, stem[:-1] + bytes((stem[-1] + 1,)) if stem else LAST


def _text(item: str) -> bytes:
    return b"\x02%b\0" % item.encode().replace(b"\0", b"\0\xff")


def _integer(item: int) -> bytes:
    size = (abs(item).bit_length() + 7) >> 3
    if size > 255:
        raise OverflowError("An integer in a key has at most 2040 bits")
    if item >= 0:
        head = bytes((_ZERO + size,)) if size <= 8 else bytes((_POSITIVE, size))
        return head + item.to_bytes(size, "big")
    head = bytes((_ZERO - size,)) if size <= 8 else bytes((_NEGATIVE, size ^ 0xFF))
    return head + (item + (1 << 8 * size) - 1).to_bytes(size, "big")


def _signed(raw: bytes, negative: bool) -> int:
    value = int.from_bytes(raw, "big")
    return value - (1 << 8 * len(raw)) + 1 if negative else value


def _double(item: float) -> bytes:
    if item >= 0:
        return _CODED_DOUBLE.pack(_DOUBLE, -abs(item))  # its sign inverted; -0.0 equals 0.0 and must be the same key
    if item != item:
        raise ValueError("NaN cannot be part of a key")
    bits: int = struct.unpack(">Q", struct.pack(">d", item))[0]
    return b"\x21" + (bits ^ _ALL).to_bytes(8, "big")


def _rare(item: Element) -> bytes:
    if item is None:
        return b"\x00"
    if isinstance(item, bool):
        return b"\x27" if item else b"\x26"
    if isinstance(item, float):
        return _double(item)
    if isinstance(item, str):  # of a subclass, as a StrEnum: it is its text
        return pack((str.__str__(item),))
    if isinstance(item, int):
        return pack((int.__index__(item),))
    if isinstance(item, bytes):
        return pack((bytes(item),))
    raise TypeError(f"A key cannot hold {type(item).__name__}")


def _terminated(key: bytes, start: int) -> tuple[bytes, int]:
    """The bytes up to a zero that stands alone, and where the next element begins."""
    stop = key.find(b"\0", start)
    if stop < 0:
        raise ValueError("The key ends within an element")
    if key[stop + 1 : stop + 2] != b"\xff":
        return key[start:stop], stop + 1
    while key[stop + 1 : stop + 2] == b"\xff":
        stop = key.find(b"\0", stop + 2)
        if stop < 0:
            raise ValueError("The key ends within an element")
    return key[start:stop].replace(b"\0\xff", b"\0"), stop + 1


def _unpack_rare(code: int, key: bytes, at: int) -> tuple[Element, int]:
    if code == _NONE:
        return None, at
    if code in (_FALSE, _TRUE):
        return code == _TRUE, at
    if code == _DOUBLE:
        bits = int.from_bytes(key[at : at + 8], "big")
        raw = (bits ^ (_SIGN if bits & _SIGN else _ALL)).to_bytes(8, "big")
        (value,) = struct.unpack(">d", raw)
        return float(value), at + 8
    if code in (_NEGATIVE, _POSITIVE) and at < len(key):
        size = key[at] if code == _POSITIVE else key[at] ^ 0xFF
        stop = at + 1 + size
        return _signed(key[at + 1 : stop], code == _NEGATIVE), stop
    raise ValueError(f"No element of a key begins with 0x{code:02x}")


_CODED_DOUBLE = struct.Struct(">Bd")
_HEADS = [bytes((_ZERO + size,)) for size in range(9)]
"""What integers of so many bytes begin with."""
_SMALL = [_integer(item) for item in range(256)]
