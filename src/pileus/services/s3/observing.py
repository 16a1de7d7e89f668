"""Buckets whose requests somebody wants to know of: every answer is noted for access logs and for request metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pileus.kernel import Call, Record

from . import s3
from .buckets import Bucket

if TYPE_CHECKING:
    from pileus.gateway.message import Request, Response
    from pileus.gateway.requestlog import Entry


class Observed(Record, scope="cloud"):
    """A bucket that is observed. Found by its name, it tells at once that most buckets are not."""

    bucket: str
    room: str
    logged: bool = False
    metered: bool = False
    due: float = 0.0
    """When the next delivery of logs is, if there is one to come."""


def observe(call: Call, bucket: Bucket, *, logged: bool | None = None, metered: bool | None = None) -> None:
    """Begin or end to observe a bucket for one of the two."""
    found = Observed.get(call, bucket.name)
    if found is None or found.room != bucket.room:
        found = Observed(bucket.name, bucket.room)
    found.logged = found.logged if logged is None else logged
    found.metered = found.metered if metered is None else metered
    if found.logged or found.metered:
        found.put(call)
    elif Observed.get(call, bucket.name) is not None:
        found.delete(call)


@s3.note
def note(call: Call, request: Request, labels: dict[str, str], response: Response, entry: Entry) -> None:
    """Write down what is wanted of an answer."""
    name = labels.get("Bucket", "")
    if not name or (observed := Observed.get(call, name)) is None:
        return
    bucket = Bucket.get(call, call.partition, name)
    if bucket is None or bucket.room != observed.room:
        return
    from . import access_logs, request_metrics

    with call.store.attempt():
        if observed.logged:
            access_logs.write(call, bucket, observed, request, labels, response, entry)
        if observed.metered:
            request_metrics.count(call, bucket, request, labels, response, entry)
