"""Values of DuckDB's SQL and what is known of their types; how the operators of S3 Select take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .faults import wrong

NUMBERS = ("int", "float", "decimal")
NUMERIC_JSON = "('BIGINT', 'UBIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"


class Sql(NamedTuple):
    text: str
    kind: str
    """`text` for fields of CSV, `json` for those of JSON, else int, float, decimal, str, bool, time, null."""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def string(value: Sql) -> Sql:
    if value.kind in ("text", "str", "null"):
        return value
    if value.kind == "json":
        return Sql(f"json_extract_string({value.text}, '$')", "str")
    if value.kind == "time":
        return Sql(f"time_text({value.text})", "str")
    return Sql(f"CAST({value.text} AS VARCHAR)", "str")


def number(value: Sql) -> Sql:
    if value.kind in NUMBERS:
        return value
    if value.kind == "json":
        text = f"CASE WHEN json_type({value.text}) IN {NUMERIC_JSON} THEN CAST({value.text} AS DOUBLE) END"
        return Sql(f"({text})", "float")
    if value.kind in ("text", "str", "null"):
        return Sql(f"TRY_CAST({value.text} AS DOUBLE)", "float")
    raise wrong("InvalidDataType", "A number is wanted.")


def time(value: Sql) -> Sql:
    return value if value.kind == "time" else Sql(f"to_time({string(value).text})", "time")


def compare(sign: str, left: Sql, right: Sql) -> Sql:
    kinds = {left.kind, right.kind}
    if kinds & {*NUMBERS}:
        left, right = number(left), number(right)
    elif "time" in kinds:
        left, right = time(left), time(right)
    elif kinds == {"json"}:
        one, other = number(left), number(right)
        both = f"{one.text} IS NOT NULL AND {other.text} IS NOT NULL"
        texts = f"{string(left).text} {sign} {string(right).text}"
        return Sql(f"(CASE WHEN {both} THEN {one.text} {sign} {other.text} ELSE {texts} END)", "bool")
    elif "bool" in kinds:
        left, right = (
            v if v.kind == "bool" else Sql(f"TRY_CAST({string(v).text} AS BOOLEAN)", "bool") for v in (left, right)
        )
    else:
        left, right = string(left), string(right)
    return Sql(f"({left.text} {sign} {right.text})", "bool")


def alike(values: list[Sql]) -> list[Sql]:
    """Values of one type: what they have, or else texts."""
    kinds = {value.kind for value in values} - {"null"}
    if len(kinds) == 1:
        return [value._replace(kind=next(iter(kinds))) for value in values]
    if kinds and kinds <= {*NUMBERS}:
        return [value._replace(kind="float") for value in values]
    return [string(value) for value in values]


def coalesce(values: list[Sql]) -> Sql:
    present = [
        v._replace(text=f"(CASE WHEN json_type({v.text}) <> 'NULL' THEN {v.text} END)") if v.kind == "json" else v
        for v in values
    ]
    present = alike(present)
    return Sql(f"coalesce({', '.join(value.text for value in present)})", present[0].kind)


def nullif(values: list[Sql]) -> Sql:
    same = compare("=", values[0], values[1]).text
    return Sql(f"(CASE WHEN {same} THEN NULL ELSE {values[0].text} END)", values[0].kind)


def of_string(name: str, kind: str = "str") -> Callable[[list[Sql]], Sql]:
    return lambda values: Sql(f"{name}({string(values[0]).text})", kind)


# The letters of a time format pattern ("TO_STRING", S3 User Guide); all timestamps are in UTC.
PATTERN = {
    "yy": "strftime({t}, '%y')",
    "y": "year({t})",
    "yyyy": "strftime({t}, '%Y')",
    "M": "month({t})",
    "MM": "strftime({t}, '%m')",
    "MMM": "strftime({t}, '%b')",
    "MMMM": "strftime({t}, '%B')",
    "MMMMM": "left(strftime({t}, '%B'), 1)",
    "d": "day({t})",
    "dd": "strftime({t}, '%d')",
    "a": "strftime({t}, '%p')",
    "h": "strftime({t}, '%-I')",
    "hh": "strftime({t}, '%I')",
    "H": "strftime({t}, '%-H')",
    "HH": "strftime({t}, '%H')",
    "m": "strftime({t}, '%-M')",
    "mm": "strftime({t}, '%M')",
    "s": "strftime({t}, '%-S')",
    "ss": "strftime({t}, '%S')",
    "n": "(epoch_ns({t}) % 1000000000)",
    **{"S" * n: f"left(strftime({{t}}, '%n'), {n})" for n in range(1, 10)},
    **dict.fromkeys(("X", "XX", "XXX", "XXXX", "XXXXX"), "'Z'"),
    "x": "'+00'",
    **dict.fromkeys(("xx", "xxxx"), "'+0000'"),
    **dict.fromkeys(("xxx", "xxxxx"), "'+00:00'"),
}


def fixed(piece: str) -> str:
    """What stands in a pattern for itself, quoted or no letter."""
    if piece.isalpha():
        raise wrong("IllegalSqlFunctionArgument", f"{piece} is no part of a time format pattern.")
    return quoted(piece.strip("'")).replace("{", "{{").replace("}", "}}")
