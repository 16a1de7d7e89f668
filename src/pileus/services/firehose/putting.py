"""Putting records: one, or up to 500 at once."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names

from . import buffers, firehose
from .faults import bad_argument, coded
from .streams import DIRECT, Stream, active

LARGEST = 1000 * 1024
LARGEST_BATCH = 4 * 1024 * 1024


@firehose.operation(on=active)
def put_record(call: Call, stream: Stream, record: dict[str, Any]) -> dict[str, Any]:
    """Put one record of up to 1,000 KiB."""
    check(stream, [record["Data"]])
    buffers.add(call, stream, [record["Data"]])
    return {"RecordId": record_id(), "Encrypted": bool(stream.encryption)}


@firehose.operation(on=active)
def put_record_batch(call: Call, stream: Stream, records: list[dict[str, Any]]) -> dict[str, Any]:
    """Put up to 500 records, 4 MiB in all. None of them fails here without the others."""
    data = [record["Data"] for record in records]
    check(stream, data)
    buffers.add(call, stream, data)
    return {
        "FailedPutCount": 0,
        "Encrypted": bool(stream.encryption),
        "RequestResponses": [{"RecordId": record_id()} for _ in data],
    }


def check(stream: Stream, data: list[bytes]) -> None:
    if stream.kind != DIRECT:
        text = f"This operation is not permitted on {stream.kind} delivery stream type."
        raise coded("InvalidSourceException", text, "PutRecordNotAllowed")
    if any(len(one) > LARGEST for one in data):
        raise bad_argument(f"Record size exceeds {LARGEST} bytes")
    if sum(len(one) for one in data) > LARGEST_BATCH:
        raise bad_argument("Records size exceeds 4 MB limit")


def record_id() -> str:
    """An id as AWS's look; nothing can be found by it."""
    return names.token(224)
