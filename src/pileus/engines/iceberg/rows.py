"""Rows in Parquet files, with the ids by which Iceberg knows their columns, and what manifests tell of such files."""

from __future__ import annotations

import io
import struct
from datetime import UTC, datetime
from typing import Any

from .manifests import DATA, Entry
from .metadata import Metadata, schema_of

ID = b"PARQUET:field_id"
EPOCH = datetime(1970, 1, 1)


def arrow(schema: dict[str, Any]) -> Any:
    """The Arrow schema of a table's schema."""
    import pyarrow

    return pyarrow.schema([_field(field) for field in schema["fields"]])


def _field(field: dict[str, Any]) -> Any:
    return _named(field["name"], field["type"], field["id"], nullable=not field["required"])


def _named(name: str, kind: Any, number: int, *, nullable: bool) -> Any:
    import pyarrow

    return pyarrow.field(name, _type(kind), nullable=nullable, metadata={ID: str(number).encode()})


def _type(kind: Any) -> Any:
    """The Arrow type of those of Iceberg's types that tables of the cloud's own have."""
    import pyarrow

    if isinstance(kind, str):
        return {
            "string": pyarrow.string(),
            "long": pyarrow.int64(),
            "boolean": pyarrow.bool_(),
            "timestamp": pyarrow.timestamp("us"),
            "timestamptz": pyarrow.timestamp("us", tz="UTC"),
        }[kind]
    assert kind["type"] == "map", f"no Arrow type for {kind}"
    key = _named("key", kind["key"], kind["key-id"], nullable=False)
    value = _named("value", kind["value"], kind["value-id"], nullable=not kind["value-required"])
    return pyarrow.map_(key, value)


def moment(at: float) -> datetime:
    """A time as a timestamp without a zone has it."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def table(schema: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    """Rows as an Arrow table."""
    import pyarrow

    return pyarrow.Table.from_pylist(rows, schema=arrow(schema))


def parquet(content: Any) -> bytes:
    """An Arrow table as a file."""
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(content, out, compression="zstd")
    return out.getvalue()


def opened(content: bytes) -> Any:
    """A file as an Arrow table."""
    import pyarrow
    import pyarrow.parquet

    return pyarrow.parquet.read_table(pyarrow.BufferReader(content))


def joined(contents: list[Any], order: list[dict[str, Any]], *, woven: bool = False) -> Any:
    """Arrow tables of the same columns as one: its rows in the order of some columns, or in the z-order of them."""
    import pyarrow.compute

    together = pyarrow.concat_tables(contents)
    known = {(field.metadata or {}).get(ID): field.name for field in together.schema}
    keys = [(known.get(str(field["source-id"]).encode()), _DIRECTIONS[field["direction"]]) for field in order]
    if not keys or None in [name for name, _ in keys]:
        return together
    if woven and len(keys) > 1:
        return together.take(pyarrow.compute.sort_indices(z_values(together, [name for name, _ in keys])))
    first = order[0]["null-order"] == "nulls-first"
    return together.take(pyarrow.compute.sort_indices(together, keys, null_placement="at_start" if first else "at_end"))


def z_values(table: Any, names: list[Any]) -> Any:
    """Where rows stand on the curve that keeps close what is close in each of several columns: their bits, woven."""
    import pyarrow
    import pyarrow.compute as compute

    width = 63 // len(names)
    woven = pyarrow.array([0] * table.num_rows, pyarrow.int64())
    for place, name in enumerate(names):
        rank = compute.rank(table.column(name), "ascending", null_placement="at_start", tiebreaker="dense")
        rank = compute.subtract(rank.cast(pyarrow.int64()), 1)
        most = (compute.max(rank).as_py() or 0).bit_length()
        rank = compute.shift_right(rank, max(most - width, 0))
        for bit in range(min(most, width)):
            one = compute.bit_wise_and(compute.shift_right(rank, bit), 1)
            woven = compute.bit_wise_or(woven, compute.shift_left(one, bit * len(names) + place))
    return woven


_DIRECTIONS = {"asc": "ascending", "desc": "descending"}


def since(content: bytes, column: str, at: float) -> Any:
    """Those rows of a file that are not older than a time."""
    import pyarrow.compute

    table = opened(content)
    kind = table.schema.field(column).type
    limit = pyarrow.scalar(moment(at).replace(tzinfo=UTC if kind.tz else None), kind)
    return table.filter(pyarrow.compute.greater_equal(table.column(column), limit))


def parted(content: bytes, column: str, values: list[str], also: tuple[str, ...]) -> tuple[Any, list[dict[str, Any]]]:
    """The rows of a file whose column has none of some values; and of the others that column and some more."""
    import pyarrow.compute

    if not content:
        return None, []
    table = opened(content)
    among = pyarrow.compute.is_in(table.column(column), value_set=pyarrow.array(values))
    others: list[dict[str, Any]] = table.filter(among).select([column, *also]).to_pylist()
    return table.filter(pyarrow.compute.invert(among)), others


def in_order(contents: list[Any], column: str, most: int) -> list[Any]:
    """Rows in the order of a column, in tables of so many at most; those of one value stay together."""
    import pyarrow

    there = [content for content in contents if content is not None]
    table = pyarrow.concat_tables(there, promote_options="permissive").sort_by(column)
    values, found, start = table.column(column), [], 0
    while start < table.num_rows:
        end = min(start + most, table.num_rows)
        while end < table.num_rows and values[end] == values[end - 1]:
            end += 1
        found.append(table.slice(start, end - start))
        start = end
    return found


def renamed(content: bytes, column: str, before: str, after: str) -> bytes:
    """A file whose column of addresses has another beginning."""
    import pyarrow.compute

    table = opened(content)
    index = table.schema.get_field_index(column)
    changed = pyarrow.compute.replace_substring(table.column(index), before, after, max_replacements=1)
    return parquet(table.set_column(index, table.schema.field(index), changed))


def data_file(path: str, size: int, content: Any, metadata: Metadata, partition: Any = None) -> Entry:
    """What a manifest tells of a file: how many values its columns have, and between what they are."""
    import pyarrow.compute

    counts, nulls, lowest, highest = [], [], [], []
    there = {(field.metadata or {}).get(ID): index for index, field in enumerate(content.schema)}
    for field in schema_of(metadata)["fields"]:
        number = field["id"]
        if (index := there.get(str(number).encode())) is None:
            continue
        column = content.column(index)
        counts.append({"key": number, "value": len(column)})
        nulls.append({"key": number, "value": column.null_count})
        if str(field["type"]) in _AS_BYTES and column.null_count < len(column):
            ends = pyarrow.compute.min_max(column).as_py()
            lowest.append({"key": number, "value": _AS_BYTES[field["type"]](ends["min"])})
            highest.append({"key": number, "value": _AS_BYTES[field["type"]](ends["max"])})
    return {
        "content": DATA,
        "file_path": path,
        "file_format": "PARQUET",
        "partition": partition or {},
        "record_count": content.num_rows,
        "file_size_in_bytes": size,
        "value_counts": counts,
        "null_value_counts": nulls,
        "lower_bounds": lowest,
        "upper_bounds": highest,
    }


def _micros(at: datetime) -> bytes:
    passed = at.replace(tzinfo=None) - EPOCH
    return struct.pack("<q", (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds)


_AS_BYTES: dict[Any, Any] = {
    "string": lambda text: text.encode(),
    "int": lambda number: struct.pack("<i", number),
    "long": lambda number: struct.pack("<q", number),
    "timestamp": _micros,
    "timestamptz": _micros,
}
"""Values of these types as bounds have them ("Binary single-value serialization")."""


def bound(file: Entry, number: int, *, upper: bool = False) -> bytes | None:
    """The least or the greatest value of a column in a file."""
    held = file["upper_bounds" if upper else "lower_bounds"] or []
    return next((each["value"] for each in held if each["key"] == number), None)
