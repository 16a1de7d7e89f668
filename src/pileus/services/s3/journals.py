"""What journals are to tell of a bucket's objects: a change notes its row in its own transaction.

A task of S3 Tables (`s3tables/journals`) puts the rows that have come together into the table, within a minute or so.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record, identity

from .buckets import Bucket
from .objects import Object
from .tables import METADATA
from .versions import Version

CREATE, UPDATE, DELETE = "CREATE", "UPDATE_METADATA", "DELETE"
WAIT = 120.0
"""Seconds for which rows come together."""
STATUS = {"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS", "SSE-C": "SSE-C"}

Members = dict[str, Any]


class Journaled(Record, scope="cloud", key=("room", "number")):
    """A row that waits for being written."""

    room: str
    number: str
    row: Members


class Writing(Record, scope="cloud"):
    """That a journal is to be written."""

    room: str
    due: float


def note(call: Call, bucket: Bucket, found: Object | Version, kind: str) -> None:
    """Write down a row of the journal."""
    held = found.held if isinstance(found, Version) else found
    number = call.cloud.runner.number()
    row: Members = {
        "bucket": bucket.name,
        "key": found.name,
        "sequence_number": number,
        "record_type": kind,
        "record_timestamp": call.now,
        "version_id": found.version if bucket.versioned else None,
        "is_delete_marker": held is None,
        "requester": call.principal.account or call.principal.arn,
        "source_ip_address": call.source_ip or None,
        "request_id": call.request_id,
    }
    if kind != DELETE and held is not None:
        row |= about(held)
    Journaled(bucket.room, number, row).put(call)
    plan(call, bucket)


def about(held: Object) -> Members:
    """What metadata tables tell of an object."""
    return {
        "size": held.size,
        "last_modified_date": held.modified,
        "e_tag": held.etag,
        "storage_class": held.storage_class,
        "is_multipart": held.parts > 0,
        "encryption_status": STATUS[held.seal.algorithm],
        "is_bucket_key_enabled": held.seal.bucket_key if held.seal.algorithm == "aws:kms" else None,
        "kms_key_arn": held.seal.kms_key or None,
        "checksum_algorithm": held.algorithm or None,
        "object_tags": held.tags,
        "user_metadata": held.metadata,
    }


def plan(call: Call, bucket: Bucket, delay: float = WAIT) -> None:
    """Have the journal written soon, unless that is planned."""
    if Writing.get(call, bucket.room) is None:
        Writing(bucket.room, call.now + delay).put(call)
        write = call.cloud.service("s3tables").tasks["write_journal"]
        write.later(itself(call, bucket), room=bucket.room, delay=delay)


def itself(call: Call, bucket: Bucket) -> Call:
    """S3 Metadata on behalf of a bucket."""
    who = identity.service(METADATA, bucket.arn(call), bucket.owner)
    return call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})


def forget(call: Call, room: str) -> None:
    """Forget what waits to be told of a bucket."""
    for kind in (Journaled, Writing):
        kind.delete_all(call, room)
