"""What S3 itself does with the files of a table: read them, write them, and bring the table's next metadata.

A change is made from the current metadata, written beside them, and becomes the table's in the transaction in which its
location moves; if somebody else was first, it is made again. What was written for nothing goes with the other files
that no table refers to.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from pileus.engines.iceberg import manifests, metadata
from pileus.engines.iceberg.metadata import Metadata
from pileus.kernel import Call, Unfinished

from .data import pieces
from .tables import Table, beside, table_of

MOST_TRIES = 20


class Lost(Exception):
    """The table is gone."""


class Overtaken(Exception):
    """Somebody else has done meanwhile what was to be done."""


class Files(NamedTuple):
    """The files of one table, as the part of S3 has them that the call is made by: a key's policy must let it in."""

    call: Call
    table: Table

    async def read(self, path: str) -> bytes:
        told = self.call.aws("s3").get_object(bucket=self.table.warehouse, key=self.table.key_of(path))
        if inspect.isawaitable(told):
            told = await told
        return b"".join([piece async for piece in pieces(told["Body"])])

    async def write(self, path: str, content: bytes) -> None:
        await self.call.aws("s3").put_object(bucket=self.table.warehouse, key=self.table.key_of(path), body=content)


Change = Callable[[Metadata, Files], Awaitable[Metadata | None]]
"""Makes a table's next metadata from the current ones; None if there is nothing to change."""


def check_installed() -> None:
    """Say what is missing where tables cannot be written."""
    if not manifests.needed():
        raise Unfinished("What writes tables wants fastavro and pyarrow: pip install 'pileus[tables]'.")


async def current(call: Call, address: str) -> tuple[Table, Files, Metadata]:
    """A table, its files, and its metadata."""
    table = table_of(call, address)
    if table is None or not table.location:
        raise Lost(address)
    files = Files(call, table)
    return table, files, metadata.loads(await files.read(table.at(table.location)))


async def commit(call: Call, address: str, change: Change, settle: Callable[[Table], None]) -> bool:
    """Change a table; `settle` runs in the same transaction. Whether there was anything to change."""
    from . import table_replicating, upkeep

    for _ in range(MOST_TRIES):
        table, files, before = await current(call, address)
        after = await change(before, files)
        key = ""
        if after is not None:
            after = metadata.followed(after, table.at(table.location), before)
            key = f"metadata/{metadata.file_name(table.location)}"
            await files.write(table.at(key), metadata.dumps(after))
        with call.transaction():
            found = table_of(call, address)
            if found is None:
                raise Lost(address)
            if found.token != table.token:
                continue
            if key:
                found.move_to(call, key, "")
            settle(found)
            found.put(beside(call, address))
            if after is not None:
                upkeep.plan(call, found)
                table_replicating.soon(call, found)
        return after is not None
    raise TimeoutError(f"{address} is changed by others all the time")
