"""Records of a result, as CSV or JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from .translation import Column

Row = Sequence[Any]
ABSENT: Any = object()


def writer(
    given: Mapping[str, Any], columns: list[Column], names: Sequence[str] | None, kind: str
) -> Callable[[Row], str]:
    """A function from a row to its record. `names` are those of a CSV's header, where all of a record is asked for."""
    values = whole(kind) if not columns else listed([column.sql.kind for column in columns])
    if "JSON" in given:
        delimiter = given["JSON"].get("RecordDelimiter", "\n")
        known = [column.name for column in columns] or list(names or ())
        return lambda row: document(values(row), known) + delimiter
    style = Csv(given["CSV"])
    return lambda row: style.record(values(row))


def listed(kinds: list[str]) -> Callable[[Row], Any]:
    def values(row: Row) -> list[Any]:
        return [value(each, kind) for each, kind in zip(row, kinds, strict=True)]

    return values


def value(found: Any, kind: str) -> Any:
    if kind == "json":
        return ABSENT if found is None else msgspec.json.decode(found)
    return ABSENT if found is None and kind == "text" else found


def whole(kind: str) -> Callable[[Row], Any]:
    """All of a record: the fields of CSV; of JSON the document itself."""
    if kind == "CSV":
        return lambda row: row[0]
    return lambda row: {} if row[0] is None else msgspec.json.decode(row[0])


def document(found: Any, names: list[str]) -> str:
    if isinstance(found, dict):
        members = found
    else:
        given = found if isinstance(found, list) else [found]
        rest = (f"_{number}" for number in range(len(names) + 1, len(given) + 1))
        members = {n: v for n, v in zip([*names, *rest], given, strict=False) if v is not ABSENT}
    return msgspec.json.encode({name: plain(each) for name, each in members.items()}).decode()


def plain(found: Any) -> Any:
    """Numbers as they are written: no fraction where there is none."""
    if isinstance(found, Decimal):
        return int(found) if found == found.to_integral_value() else float(found)
    if isinstance(found, float) and found.is_integer() and abs(found) < 1e15:
        return int(found)
    return found


class Csv:
    def __init__(self, given: Mapping[str, Any]) -> None:
        self._always = given.get("QuoteFields", "ASNEEDED") == "ALWAYS"
        self._record: str = given.get("RecordDelimiter", "\n")
        self._field: str = given.get("FieldDelimiter", ",")
        self._quote: str = given.get("QuoteCharacter", '"')
        self._escape: str = given.get("QuoteEscapeCharacter", '"') or self._quote

    def record(self, found: Any) -> str:
        given = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else [found]
        return self._field.join(self._written(each) for each in given) + self._record

    def _written(self, found: Any) -> str:
        text = as_text(found)
        special = any(sign and sign in text for sign in (self._field, self._record, self._quote, "\n", "\r"))
        if not self._quote or not (self._always or special):
            return text
        return f"{self._quote}{text.replace(self._quote, self._escape + self._quote)}{self._quote}"


def as_text(found: Any) -> str:
    if found is None or found is ABSENT:
        return ""
    if isinstance(found, str):
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, dict | list):
        return msgspec.json.encode(found).decode()
    return str(plain(found))
