"""Warehouses: buckets in which the files of tables lie, each those of one. Who may do what there is in `s3/tables`."""

from __future__ import annotations

from collections.abc import Mapping

from pileus.kernel import Call, Record, names
from pileus.services.s3 import forgetting
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.tables import SUFFIX, beside

LONGEST = 63
"""The name of a bucket."""


class Loose(Record, key=("room", "name")):
    """A file that nothing refers to, and since when it is not current any more."""

    room: str
    name: str
    since: float


def open_warehouse(call: Call, address: str, encryption: Mapping[str, str], storage_class: str = "") -> Bucket:
    """The bucket for the files of a table."""
    start = names.uuid4()[:19]
    name = f"{start}{names.token(LONGEST - len(start) - len(SUFFIX), names.LOWER)}{SUFFIX}"
    bucket = Bucket.new(call, name)
    bucket.table, bucket.shelf = address, storage_class if storage_class != "STANDARD" else ""
    if encryption.get("sseAlgorithm") == "aws:kms":
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": encryption["kmsKeyArn"]}
        bucket.encryption = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
    return bucket.put(call)


def close_warehouse(call: Call, name: str) -> None:
    """Remove a table's files, and the bucket that they are in."""
    found = Bucket.get(call, call.partition, name)
    if found is not None:
        Loose.delete_all(beside(call, found.table), found.room)
        forgetting.remove(call, found)
        forgetting.clear.later(call, room=found.room)
