"""Where the metadata of a table are: one file is current, and another one takes its place only for who knows which was.

"Updating a table's metadata location": the version token is what makes commits of several writers come one by one.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.objects import Object
from pileus.services.s3.tables import Table

from . import faults, replicating, s3tables, upkeep
from .tables import by_name, check_token, check_writable

ENDINGS = (".metadata.json", ".metadata.json.gz", ".gz.metadata.json")


@s3tables.operation(on=by_name)
def get_table_metadata_location(call: Call, table: Table) -> dict[str, Any]:
    return {
        "versionToken": table.token,
        "metadataLocation": table.at(table.location) if table.location else None,
        "warehouseLocation": table.root,
    }


@s3tables.operation(on=by_name)
def update_table_metadata_location(
    call: Call, table: Table, version_token: str, metadata_location: str
) -> dict[str, Any]:
    """Make a metadata file the current one."""
    check_writable(table)
    check_token(table, version_token)
    try:
        key = table.key_of(metadata_location)
    except ValueError:
        words = "The specified metadata location does not begin with the warehouse location of the table."
        raise faults.bad(words) from None
    if not key.endswith(ENDINGS):
        raise faults.bad("The specified metadata location does not end with .metadata.json.")
    bucket = Bucket.get(call, call.partition, table.warehouse)
    if bucket is None or Object.get(call, bucket.room, key) is None:
        raise faults.bad("The specified metadata location does not exist.")
    table.move_to(call, key, call.principal.account)
    table.put(call)
    upkeep.plan(call, table)
    replicating.soon(call, table)
    return {
        "name": table.name,
        "tableARN": table.address,
        "namespace": [table.namespace],
        "versionToken": table.token,
        "metadataLocation": metadata_location,
    }
