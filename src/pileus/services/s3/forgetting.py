"""Buckets that go with all that is in them, when their account is reset. What they held is removed in slices."""

from __future__ import annotations

from pileus.kernel import Call

from . import s3, versions
from .buckets import Bucket
from .documents import Document
from .objects import Object
from .uploads import Upload, abort
from .versions import Version

SLICE = 500


@s3.forget
def forget(call: Call) -> None:
    """Remove the buckets of the account that the call looks at."""
    for bucket in list(Bucket.scan(call, index="owner")):
        if bucket.owner == call.account:
            bucket.delete(call)
            Document.delete_all(call, bucket.room)
            clear.later(call, room=bucket.room)


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
