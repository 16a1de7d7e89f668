"""CBOR documents (RFC 8949), and their scalars: bytes as bytes, floats as floats, timestamps as numbers with tag 1."""

from __future__ import annotations

from math import isfinite
from typing import Any

import cbor2

from pileus.models import Shape

from . import timestamps
from .faults import Malformed
from .values import READ, WRITE, Convert, Notation, Scalar, mismatch, never

DEPTH = 128
# Tags whose values cbor2 would build: shared and cyclic values, big numbers, patterns, addresses. AWS knows only tag 1.
FOREIGN = (0, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799)


def _refuse(*tagged: Any) -> Any:
    raise ValueError("unknown tag")


_DECODERS: dict[int, Any] = {**dict.fromkeys(FOREIGN, _refuse), 1: lambda value, immutable: value}


def parse(body: bytes) -> Any:
    """Any CBOR item; `Malformed` for what is none, nests too deep, or has tags that the protocol does not."""
    try:
        return cbor2.loads(
            body, semantic_decoders=_DECODERS, tag_hook=_refuse, max_depth=DEPTH, strict_hashable_types=True
        )
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, OverflowError) as error:
        raise Malformed(f"The request is not valid CBOR: {error}") from None


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int:
        return float(value)
    raise mismatch(value, "Float")


def _timestamp(value: Any) -> float:
    if (type(value) is float and isfinite(value)) or type(value) is int:
        return timestamps.checked(value)
    raise mismatch(value, "Timestamp")


def _float_value(value: Any) -> float:
    if isinstance(value, bool | str):
        raise TypeError(f"expected a number, not {value!r}")
    return float(value)


def _timestamp_value(value: Any) -> cbor2.CBORTag:
    return cbor2.CBORTag(1, timestamps.unix(value))


def _timestamp_writer(shape: Shape) -> Convert:
    return _timestamp_value


CBOR = Notation(
    read=READ
    | {
        "float": Scalar(float, _float),
        "double": Scalar(float, _float),
        "blob": Scalar(bytes, never("Blob")),
        "timestamp": Scalar(None, _timestamp),
    },
    write=WRITE | {"float": Scalar(float, _float_value), "double": Scalar(float, _float_value)},
    timestamp=_timestamp_writer,
)
