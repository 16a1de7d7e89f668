"""Numbers: 38 significant digits, exactly, from 1E-130 to 9.99…E+125, and how they become bytes that sort as they do.

Developer Guide, "Supported data types": numbers are variable length, positive, negative or zero; leading and trailing
zeroes are trimmed. What comes out is always in plain notation.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal, Inexact

from . import faults

MOST_DIGITS = 38
LARGEST = 125
SMALLEST = -130
FORM = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?", re.ASCII)
USUAL = re.compile(r"-?(?:[1-9]\d{0,18}|0(?=\.))(?:\.\d{0,17}[1-9])?", re.ASCII)
"""What nearly all numbers are that are no counters, and are in plain notation already."""
EXACT = Context(prec=600, Emax=9_999, Emin=-9_999, traps=[Inexact])
"""Any sum of two numbers fits in it."""


def normal(text: str) -> str:
    """A number as DynamoDB gives it back; raises what DynamoDB says of a text that is none."""
    if text.isdecimal() and len(text) <= MOST_DIGITS and text.isascii() and (text[0] != "0" or text == "0"):
        return text
    if USUAL.fullmatch(text):
        return text
    negative, digits, point = parts(text)
    if not digits:
        return "0"
    return ("-" if negative else "") + plain(digits, point)


def parts(text: str) -> tuple[bool, str, int]:
    """Whether it is negative; its significant digits, none for zero; where the point is, counted from the first."""
    found = FORM.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        raise faults.invalid(f"The parameter cannot be converted to a numeric value{': ' if text else ''}{text}")
    sign, whole, fraction, exponent = found.groups()
    digits = whole + (fraction or "")
    stripped = digits.lstrip("0")
    point = len(whole) - len(digits) + len(stripped) + int(exponent or 0)
    significant = stripped.rstrip("0")
    if not significant:
        return False, "", 0
    check(significant, point)
    return sign == "-", significant, point


def check(digits: str, point: int) -> None:
    if len(digits) > MOST_DIGITS:
        raise faults.invalid("Attempting to store more than 38 significant digits in a Number")
    if point - 1 > LARGEST:
        raise faults.invalid("Number overflow. Attempting to store a number with magnitude larger than supported range")
    if point - 1 < SMALLEST:
        raise faults.invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported range"
        )


def plain(digits: str, point: int) -> str:
    if point <= 0:
        return "0." + "0" * -point + digits
    if point >= len(digits):
        return digits + "0" * (point - len(digits))
    return f"{digits[:point]}.{digits[point:]}"


def size(text: str) -> int:
    """About one byte for two significant digits and one more, as the Developer Guide counts them."""
    digits = text.replace(".", "").strip("-0")
    return (len(digits) + 1) // 2 + 1 + (text[0] == "-")


def total(left: str, right: str, sign: int = 1) -> str:
    """The sum of two normal numbers, or their difference; raises where it has more than 38 digits."""
    calculate = EXACT.add if sign > 0 else EXACT.subtract
    return normal(str(calculate(Decimal(left), Decimal(right))))


# Order

_UP = bytes(min(byte + 1, 255) for byte in range(256))
_COMPLEMENT = bytes(255 - byte for byte in range(256))


def encode(text: str) -> bytes:
    """A normal number as bytes that sort as numbers do, none of them the beginning of another.

    A byte for the sign, one for the exponent, two digits in each that follows, and a zero at the end; for negative
    numbers all but the first are complemented.
    """
    negative, digits, point = parts(text)
    if not digits:
        return b"\x03\x02"
    pairs = bytes.fromhex(digits if len(digits) % 2 == 0 else digits + "0").translate(_UP)
    magnitude = bytes((point - 1 - SMALLEST,)) + pairs + b"\0"
    return b"\x03\x01" + magnitude.translate(_COMPLEMENT) if negative else b"\x03\x03" + magnitude
