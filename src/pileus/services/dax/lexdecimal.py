"""Numbers as sort keys in DAX's protocol: bytes that sort as the numbers do.

A header has the sign and the exponent; then come the digits, three at a time in ten bits each, and a mark that tells
how many of the last three count. The format is that of the public client.
"""

from __future__ import annotations

from decimal import Decimal

NEAR = 0x3E
"""Exponents nearer to zero than that fit into the header."""
POSITIVE, NEGATIVE = 12, 1011
"""What is added to three digits."""
ZERO = b"\x80"


def encode(number: Decimal) -> bytes:
    if not number:
        return ZERO
    sign, digits, scale = number.as_tuple()
    assert isinstance(scale, int)
    text = "".join(map(str, digits))
    exponent = len(text) + scale
    text = text.rstrip("0")
    rest = (len(text) - 1) % 3
    groups = [int(text[at : at + 3].ljust(3, "0")) for at in range(0, len(text), 3)]
    if sign:
        tens = [NEGATIVE - group for group in groups] + [1023 - rest]
    else:
        tens = [POSITIVE + group for group in groups] + [rest]
    return header(exponent, bool(sign)) + packed(tens)


def header(exponent: int, negative: bool) -> bytes:
    if -NEAR <= exponent < NEAR:
        return bytes([0x3F - exponent if negative else exponent + 0xC0])
    if negative:
        first, mask = (0x7E if exponent < 0 else 0x01), 0x7FFFFFFF
    else:
        first, mask = (0x81 if exponent < 0 else 0xFE), 0x80000000
    return bytes([first]) + ((exponent & 0xFFFFFFFF) ^ mask).to_bytes(4, "big")


def packed(tens: list[int]) -> bytes:
    bits = "".join(f"{ten:010b}" for ten in tens)
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def decode(data: bytes) -> Decimal:
    """The number; ValueError for bytes that are none."""
    if data == ZERO or data == b"\x7f":
        return Decimal(0)
    negative, exponent, digits = opened(data)
    bits = "".join(f"{byte:08b}" for byte in digits)
    text = ""
    for at in range(0, len(bits) - 9, 10):
        ten = int(bits[at : at + 10], 2)
        ten = 1023 - ten if negative else ten
        if ten < POSITIVE:
            text = text[: len(text) - 2 + ten]
            break
        text += f"{ten - POSITIVE:03d}"
    if not text.isdecimal():
        raise ValueError("The number has no digits")
    return Decimal((int(negative), tuple(map(int, text)), exponent - len(text)))


def opened(data: bytes) -> tuple[bool, int, bytes]:
    """The sign, the exponent, and the bytes of the digits."""
    if len(data) < 2:
        raise ValueError("The number is too short")
    first = data[0]
    if first in (0x01, 0x7E, 0x81, 0xFE):
        negative = first in (0x01, 0x7E)
        value = int.from_bytes(data[1:5], "big") ^ (0x7FFFFFFF if negative else 0x80000000)
        exponent = value - (1 << 32) if value >> 31 else value
        return negative, exponent, data[5:]
    if first >= 0x82:
        return False, first - 0xC0, data[1:]
    return True, 0x3F - first, data[1:]
