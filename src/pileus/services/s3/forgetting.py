"""What goes with a bucket; and buckets that go with all that is in them, when their account is reset."""

from __future__ import annotations

from pileus.kernel import Call

from . import s3, versions
from .access_logs import Line
from .buckets import Bucket
from .documents import Document
from .inventories import Planned
from .notifications import Count
from .objects import Object
from .observing import observe
from .planning import Sweep
from .request_metrics import Tally
from .uploads import Upload, abort
from .versions import Foreign, Version

SLICE = 500


@s3.forget
def forget(call: Call) -> None:
    """Remove the buckets of the account that the call looks at."""
    for bucket in list(Bucket.scan(call, index="owner")):
        if bucket.owner == call.account:
            remove(call, bucket)
            clear.later(call, room=bucket.room)


def remove(call: Call, bucket: Bucket) -> None:
    """Remove a bucket and all that is set and noted about it, but for what is in it."""
    from .metadata_tables import Setup, end

    bucket.delete(call)
    if (setup := Setup.get(call, bucket.room)) is not None:
        setup.delete(call)
        end(call, bucket)
    for kind in (Document, Count, Sweep, Line, Tally, Planned, Foreign):
        kind.delete_all(call, bucket.room)
    observe(call, bucket, logged=False, metered=False, analysed=False, measured=False)


@s3.task
def clear(call: Call, room: str) -> None:
    """Remove some of what is in a room, and come again until there is nothing left."""
    left = False
    for found in list(Object.scan(call, room, limit=SLICE)):
        found.delete(call)
        versions.drop(call, found)
        left = True
    for version in list(Version.scan(call, room, limit=SLICE)):
        version.delete(call)
        if version.held is not None:
            versions.drop(call, version.held)
        left = True
    for upload in list(Upload.scan(call, room, limit=SLICE)):
        abort(call, upload)
        left = True
    if left:
        clear.later(call, room=room)
