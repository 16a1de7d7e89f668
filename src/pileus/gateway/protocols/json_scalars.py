"""The scalars of JSON documents: blobs in Base64, timestamps in three formats, floats that are no numbers by name."""

from __future__ import annotations

from math import isfinite
from typing import Any

from pileus.models import Shape

from . import texts, timestamps
from .values import READ, WRITE, Convert, Notation, Scalar, mismatch


def _float(value: Any) -> float:
    if type(value) is float:
        return value
    if type(value) is int and -(1 << 1000) < value < 1 << 1000:
        return float(value)
    if type(value) is str and value in texts.SPECIAL:
        return texts.SPECIAL[value]
    raise mismatch(value, "Float")


def _blob(value: Any) -> bytes:
    if type(value) is str:
        return texts.blob(value)
    raise mismatch(value, "Blob")


def _timestamp(value: Any) -> float:
    if type(value) is str:
        return timestamps.parse(value)
    if type(value) is float or type(value) is int:
        return timestamps.checked(value)
    raise mismatch(value, "Timestamp")


def _float_value(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise TypeError(f"expected a number, not {value!r}")
    if type(value) is not int:
        value = float(value)
    return value if isfinite(value) else texts.special(value)


def _timestamp_writer(shape: Shape) -> Convert:
    name = shape.traits.get("timestampFormat", "unixTimestamp").lower()
    return timestamps.unix if name == "unixtimestamp" else timestamps.WRITERS[name]


JSON = Notation(
    read=READ
    | {
        "float": Scalar(None, _float),
        "double": Scalar(None, _float),
        "blob": Scalar(None, _blob),
        "timestamp": Scalar(None, _timestamp),
    },
    write=WRITE | {"float": Scalar(None, _float_value), "double": Scalar(None, _float_value)},
    timestamp=_timestamp_writer,
)
