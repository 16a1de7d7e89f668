"""Buckets whose requests somebody wants to know of: answers are noted for access logs, metrics and analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

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
    analysed: bool = False
    measured: bool = False
    """Whether Storage Lens wants to know of its requests."""
    due: float = 0.0
    """When the next delivery of logs is, if there is one to come."""


def observe(call: Call, bucket: Bucket, **purposes: bool) -> None:
    """Begin or end to observe a bucket for some purposes: `logged`, `metered`, `analysed`, `measured`."""
    found = Observed.get(call, bucket.name)
    if found is None or found.room != bucket.room:
        found = Observed(bucket.name, bucket.room)
    for purpose, wanted in purposes.items():
        setattr(found, purpose, wanted)
    if found.logged or found.metered or found.analysed or found.measured:
        found.put(call)
    elif Observed.get(call, bucket.name) is not None:
        found.delete(call)


class Measured(Record, scope="account"):
    """That Storage Lens measures what is asked of an account's buckets."""

    by: str
    """The account whose configuration wants to know."""


def measure_account(call: Call, by: str, *, wanted: bool) -> None:
    """Begin or end to measure all buckets of the account that the call looks at, those that it creates later too."""
    before = Measured.first(call) is not None
    if wanted:
        Measured(by).put(call)
    elif found := Measured.get(call, by):
        found.delete(call)
    wanted = Measured.first(call) is not None
    if wanted == before:
        return
    for bucket in list(Bucket.scan(call, call.partition, call.account, index="owner")):
        if not bucket.table:
            observe(call, bucket, measured=wanted)


def begin(call: Call, bucket: Bucket) -> None:
    """See whether a new bucket is to be observed at once."""
    if Measured.first(call) is not None:
        observe(call, bucket, measured=True)


@s3.note
def note(call: Call, request: Request, labels: dict[str, str], response: Response, entry: Entry) -> None:
    """Write down what is wanted of an answer."""
    name = labels.get("Bucket", "")
    if not name or (observed := Observed.get(call, name)) is None:
        return
    bucket = Bucket.get(call, call.partition, name)
    if bucket is None or bucket.room != observed.room:
        return
    from . import access_logs, analytics, lens_tallies, request_metrics

    with call.store.attempt():
        if observed.logged:
            access_logs.write(call, bucket, observed, request, labels, response, entry)
        if observed.metered:
            request_metrics.count(call, bucket, request, labels, response, entry)
        if observed.analysed:
            analytics.count(call, bucket, request, unquote(labels.get("Key", "")), response)
        if observed.measured:
            lens_tallies.count(call, bucket, request, response, entry)
