"""When a bucket is next gone through for its lifecycle rules (see `sweeping`)."""

from __future__ import annotations

from pileus.kernel import Call, Record, identity

from . import events, rules, s3
from .buckets import Bucket


class Sweep(Record, scope="cloud"):
    """The next sweep of a bucket."""

    room: str
    due: float


def schedule(call: Call, bucket: Bucket, due: float) -> None:
    """Have the bucket swept at that time, unless it will be before."""
    found = Sweep.get(call, bucket.room)
    if found is not None and found.due <= due:
        return
    Sweep(bucket.room, due).put(call)
    who = identity.service(events.S3_ITSELF)
    at = call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="")
    sweep.later(at, bucket=bucket.name, room=bucket.room, planned=due, due=due)


def soon(call: Call, bucket: Bucket) -> None:
    """Something has changed by which something may be due by now."""
    if bucket.has_lifecycle or bucket.tiers:
        schedule(call, bucket, rules.tomorrow(call.now))


@s3.task
def sweep(call: Call, bucket: str, room: str, planned: float) -> None:
    """Begin to go through a bucket, unless that is planned for another time by now."""
    found = Sweep.get(call, room)
    if found is None or found.due != planned:
        return
    found.delete(call)
    if there(call, bucket, room) is not None:
        from .sweeping import go_on

        go_on.later(call, bucket=bucket, room=room)


def there(call: Call, name: str, room: str) -> Bucket | None:
    """The bucket, if it is still the same and has rules."""
    found = Bucket.get(call, call.partition, name)
    return found if found is not None and found.room == room and (found.has_lifecycle or found.tiers) else None
