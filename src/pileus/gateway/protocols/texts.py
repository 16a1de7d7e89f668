"""Scalars as text: in forms, XML, headers, paths and query strings."""

from __future__ import annotations

import re
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from functools import cache
from math import isfinite, isnan
from typing import Any

from pileus.models import Shape

from . import timestamps
from .faults import Malformed

BITS = {"integer": 31, "long": 63}
TRUTH = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "TRUE": True,
    "FALSE": False,
    "1": True,
    "0": False,
}
SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


# Reading


@cache
def reader(shape: Shape) -> Callable[[str], Any]:
    """What turns a text into the value of a scalar shape; raises `Malformed`."""
    return READERS[shape.type]


def integer(text: str) -> int:
    return _within(text, 1 << 31)


def long(text: str) -> int:
    return _within(text, 1 << 63)


def _within(text: str, limit: int) -> int:
    if _INTEGER.fullmatch(text):
        value = int(text)
        if -limit <= value < limit:
            return value
    raise Malformed(f'For input string: "{text[:64]}"')


def floating(text: str) -> float:
    if _FLOAT.fullmatch(text) and isfinite(value := float(text)):
        return value
    if text in SPECIAL:
        return SPECIAL[text]
    raise Malformed(f'For input string: "{text[:64]}"')


def boolean(text: str) -> bool:
    if text in TRUTH:
        return TRUTH[text]
    raise Malformed(f"Invalid boolean value: {text[:64]}")


def blob(text: str) -> bytes:
    try:
        return a2b_base64(text, strict_mode=True)
    except (Base64Error, ValueError):
        raise Malformed("Invalid base64 text") from None


READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "character": str,
    "integer": integer,
    "long": long,
    "float": floating,
    "double": floating,
    "boolean": boolean,
    "blob": blob,
    "timestamp": timestamps.parse,
}


# Writing


def writer(shape: Shape, timestamp_format: str, millis: bool = False) -> Callable[[Any], str]:
    """What turns a scalar's value into its text; TypeError when the value is not of the shape.

    `timestamp_format` is the one of the place the text goes to, for shapes that name none themselves; `millis`: ISO
    timestamps always have milliseconds.
    """
    if shape.type != "timestamp":
        return WRITERS[shape.type]
    name = shape.traits.get("timestampFormat", timestamp_format).lower()
    return timestamps.iso8601_millis if millis and name == "iso8601" else timestamps.WRITERS[name]


def string_text(value: Any) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"expected a string, not {value!r}")


def integer_text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"expected an integer, not {value!r}")


def float_text(value: Any) -> str:
    if isinstance(value, bool | str):
        raise TypeError(f"expected a number, not {value!r}")
    value = float(value)
    return repr(value) if isfinite(value) else special(value)


def special(value: float) -> str:
    """The names of the floats that are no numbers."""
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def boolean_text(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise TypeError(f"expected a boolean, not {value!r}")


def blob_text(value: Any) -> str:
    return b64encode(blob_bytes(value)).decode()


def blob_bytes(value: Any) -> bytes:
    """The bytes of a blob; a text stands for its UTF-8."""
    if type(value) is bytes:
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"expected bytes, not {value!r}")


WRITERS: dict[str, Callable[[Any], str]] = {
    "string": string_text,
    "character": string_text,
    "integer": integer_text,
    "long": integer_text,
    "float": float_text,
    "double": float_text,
    "boolean": boolean_text,
    "blob": blob_text,
}
