"""Items in files: as DynamoDB JSON, as Amazon Ion, and as CSV.

Developer Guide, "DynamoDB table export output format" and "Amazon S3 import formats". Ion needs the package amazon.ion,
which the extra `ion` brings.
"""

from __future__ import annotations

import base64
import binascii
import csv
import gzip
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from pileus.kernel import Fault

from . import faults
from .values import Item, Value

SETS = {"$dynamodb_SS": "SS", "$dynamodb_NS": "NS", "$dynamodb_BS": "BS"}
ION_VERSION = "$ion_1_0"

Unreadable = faults.invalid("Item is not in the format that was announced")


# JSON


def to_json(document: Any) -> bytes:
    """A line of an export; bytes become base64."""
    return msgspec.json.encode(document)


def from_json(line: bytes) -> Item:
    """The item of a line; a fault where it is none."""
    try:
        document = msgspec.json.decode(line)
    except msgspec.DecodeError:
        raise Unreadable from None
    item = document.get("Item") if isinstance(document, dict) else None
    if not isinstance(item, dict):
        raise Unreadable
    return {name: checked(value) for name, value in item.items()}


def checked(value: Any) -> Value:
    """A value as the protocol would have it: its type known, its binaries decoded."""
    if not isinstance(value, dict) or len(value) != 1:
        raise Unreadable
    ((kind, content),) = value.items()
    wanted = KINDS.get(kind)
    if wanted is None or not isinstance(content, wanted):
        raise Unreadable
    return read(kind, content)


def read(kind: str, content: Any) -> Value:
    if kind == "M":
        return {"M": {name: checked(one) for name, one in content.items()}}
    if kind == "L":
        return {"L": [checked(one) for one in content]}
    if kind == "B":
        return {"B": decoded(content)}
    if kind in ("SS", "NS", "BS"):
        if not all(isinstance(one, str) for one in content):
            raise Unreadable
        return {kind: [decoded(one) for one in content] if kind == "BS" else content}
    return {kind: content}


KINDS: dict[str, type] = {
    "S": str,
    "N": str,
    "B": str,
    "BOOL": bool,
    "NULL": bool,
    "M": dict,
    "L": list,
    "SS": list,
    "NS": list,
    "BS": list,
}


def decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise Unreadable from None


# Ion


def ion() -> Any:
    """The package that reads and writes Ion."""
    try:
        from amazon.ion import simpleion
    except ImportError:
        raise Fault(
            "ValidationException",
            "Ion needs the package amazon.ion: pip install 'pileus[ion]'",
            status=400,
        ) from None
    return simpleion


def to_ion(document: dict[str, Any], of_items: tuple[str, ...]) -> bytes:
    """A line of an export; the members `of_items` are items."""
    told = {name: plain(content) if name in of_items else content for name, content in document.items()}
    text: str = ion().dumps(told, binary=False, omit_version_marker=True)
    return f"{ION_VERSION} {text.strip()}".replace("\n", " ").encode()


def plain(item: Item) -> dict[str, Any]:
    return {name: as_ion(value) for name, value in item.items()}


def as_ion(value: Value) -> Any:
    from amazon.ion.core import IonType
    from amazon.ion.simple_types import IonPyList

    ((kind, content),) = value.items()
    if kind == "M":
        return plain(content)
    if kind == "L":
        return [as_ion(one) for one in content]
    if kind == "NULL":
        return None
    if kind == "N":
        return Decimal(content)
    if kind in ("SS", "NS", "BS"):
        members = [Decimal(one) for one in content] if kind == "NS" else content
        return IonPyList.from_value(IonType.LIST, members, (f"$dynamodb_{kind}",))
    return content


def from_ion(data: bytes) -> Iterator[Item | None]:
    """The items of a file; None for what is none."""
    from amazon.ion.exceptions import IonException

    try:
        for document in ion().load(io.BytesIO(data), single_value=False, parse_eagerly=False):
            yield item_of(document)
    except IonException:
        yield None  # and what comes after it cannot be made out


def item_of(document: Any) -> Item | None:
    try:
        return {str(name): of_ion(value) for name, value in document["Item"].items()}
    except (TypeError, KeyError, AttributeError, Fault):
        return None


def of_ion(value: Any) -> Value:
    from amazon.ion.core import IonType

    annotations = [one.text for one in getattr(value, "ion_annotations", ())]
    kind = getattr(value, "ion_type", None)
    if annotations and annotations[0] in SETS:
        return of_set(SETS[annotations[0]], list(value))
    if value is None or kind is IonType.NULL:
        return {"NULL": True}
    if kind is IonType.BOOL or isinstance(value, bool):
        return {"BOOL": bool(value)}
    if kind in (IonType.CLOB, IonType.BLOB) or isinstance(value, bytes):
        return {"B": bytes(value)}
    if isinstance(value, (int, float, Decimal)):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": str(value)}
    if hasattr(value, "items"):
        return {"M": {str(name): of_ion(one) for name, one in value.items()}}
    if isinstance(value, list):
        return {"L": [of_ion(one) for one in value]}
    raise Unreadable


def of_set(kind: str, members: list[Any]) -> Value:
    if kind == "BS":
        return {kind: [bytes(one) for one in members]}
    return {kind: [str(one) for one in members]}


# CSV


def from_csv(data: bytes, delimiter: str, headers: list[str], types: dict[str, str]) -> Iterator[Item | None]:
    """The items of a file, whose attributes are strings unless they are of a key; None for a row that is none."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""), delimiter=delimiter)
    names = headers or next(rows, [])
    for row in rows:
        if len(row) > len(names):
            yield None
        elif row:
            yield {name: of_csv(types.get(name, "S"), cell) for name, cell in zip(names, row, strict=False)}


def of_csv(kind: str, cell: str) -> Value:
    if kind == "B":
        try:
            return {"B": decoded(cell)}
        except Fault:
            return {"S": cell}  # which is of the wrong type for its key, and counted as an error
    return {kind: cell}


# Compression


def unpacked(data: bytes, compression: str) -> bytes:
    """What was compressed; ValueError where it was not."""
    if compression == "GZIP":
        try:
            return gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise ValueError(str(error)) from error
    if compression == "ZSTD":
        return unpacked_zstd(data)
    return data


def unpacked_zstd(data: bytes) -> bytes:
    try:
        import zstandard
    except ImportError:
        raise ValueError("zstd needs the package zstandard: pip install 'pileus[zstd]'") from None
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as reader:
            return reader.read()
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
