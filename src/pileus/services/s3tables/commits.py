"""What the catalog does with the metadata of tables: begins them, reads them, and brings the next ones.

A commit reads the current metadata, makes the next from them, writes those under a name of their own, and is done once
the table's location says so: if it does not say any more what was read, another writer was first, and nothing changes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pileus.engines.iceberg import metadata, updates
from pileus.kernel import Call, Fault
from pileus.services.s3.data import pieces

from . import faults
from .tables import write

if TYPE_CHECKING:
    from .catalog import Asked

Members = dict[str, Any]


async def create(asked: Asked, space: str, body: Members) -> None:
    """Create a table with the schema that a client gives, in the API's words."""
    iceberg: Members = {"schemaV2": camel(body.get("schema") or {})}
    for name, member in (("partition-spec", "partitionSpec"), ("write-order", "writeOrder")):
        given = camel(body.get(name) or {})
        if isinstance(fields := given.get("fields"), list) and fields:
            iceberg[member] = given | {"fields": [camel(field) for field in fields]}
    if body.get("properties"):
        iceberg["properties"] = body["properties"]
    told = {"iceberg": iceberg}
    await asked.does("CreateTable", namespace=space, name=body.get("name", ""), format="ICEBERG", metadata=told)


def camel(given: Any) -> Members:
    """Members as the API spells them."""
    if not isinstance(given, dict):
        raise faults.bad("The request is malformed.")
    return {re.sub("-(.)", lambda match: match[1].upper(), name): value for name, value in given.items()}


async def read(call: Call, location: str) -> Members:
    """The metadata that lie at an address, as the caller may read them."""
    bucket, _, key = location.removeprefix("s3://").partition("/")
    told = call.aws("s3").get_object(bucket=bucket, key=key)
    return metadata.loads(b"".join([piece async for piece in pieces(told["Body"])]))


async def load(asked: Asked, space: str, name: str) -> Members:
    """A table's current metadata, and where they are."""
    found = await asked.does("GetTableMetadataLocation", namespace=space, name=name)
    location = found.get("metadataLocation")
    if not location:
        raise Fault("NoSuchTableException", "The table has no metadata yet.", status=404)
    return {"metadata-location": location, "metadata": await read(asked.call, location), "config": {}}


async def commit(asked: Asked, space: str, name: str, body: Members) -> Members:
    """Change a table's metadata, if it still is what the client requires."""
    found = await asked.does("GetTableMetadataLocation", namespace=space, name=name)
    location = found.get("metadataLocation")
    if not location:
        raise Fault("NoSuchTableException", "The table has no metadata yet.", status=404)
    before = await read(asked.call, location)
    try:
        updates.require(body.get("requirements", []), before)
        after = updates.apply(before, body.get("updates", []), asked.call.now)
    except (KeyError, TypeError, AttributeError) as wrong:
        raise faults.bad(f"The commit is malformed: {wrong}") from None
    after = metadata.followed(after, location, before)
    warehouse = found["warehouseLocation"].removeprefix("s3://")
    key = await write(asked.call, warehouse, after, location)
    address = f"s3://{warehouse}/{key}"
    token = found["versionToken"]
    await asked.does(
        "UpdateTableMetadataLocation", namespace=space, name=name, versionToken=token, metadataLocation=address
    )
    return {"metadata-location": address, "metadata": after}
