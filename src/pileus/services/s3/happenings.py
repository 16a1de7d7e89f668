"""What follows from a change of an object: whoever is to be told is told, what is to be copied is copied.

Operations call these in the transaction of their change; buckets that have nothing of this set up pay a look at a flag.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import journals, notifications, planning, replicating
from .buckets import Bucket
from .events import Subject
from .objects import Object
from .versions import Version

NOTHING = "d41d8cd98f00b204e9800998ecf8427e"
"""The ETag of no bytes, which the events of delete markers have."""


REPLICATED = ("ObjectTagging", "ObjectAcl", "ObjectRetention", "ObjectLegalHold")
"""Changes that are made to replicas too."""


JOURNALED = ("ObjectTagging", "LifecycleTransition")
"""Changes of what metadata tables tell."""


def subject(bucket: Bucket, found: Object | Version, *, gone: bool = False) -> Subject:
    version = found.version if bucket.versioned else ""
    if gone:
        return Subject(found.name, version=version)
    if isinstance(found, Version) and found.held is None:
        return Subject(found.name, etag=NOTHING, version=version)
    held = found.held if isinstance(found, Version) else found
    assert held is not None
    return Subject(found.name, held.size, held.etag, version)


def created(call: Call, bucket: Bucket, new: Object, how: str) -> None:
    """`Put`, `Post`, `Copy` or `CompleteMultipartUpload`."""
    if bucket.versioned:
        planning.soon(call, bucket)  # an older version may have as many newer ones now as a rule wants to keep
    if bucket.notifies:
        notifications.announce(call, bucket, f"ObjectCreated:{how}", subject(bucket, new))
    if bucket.replicates:
        replicating.created(call, bucket, new)
    if bucket.journals:
        journals.note(call, bucket, new, journals.CREATE)


def marked(call: Call, bucket: Bucket, marker: Version, event: str = "ObjectRemoved") -> None:
    """A delete marker has come."""
    planning.soon(call, bucket)
    if bucket.notifies:
        notifications.announce(call, bucket, f"{event}:DeleteMarkerCreated", subject(bucket, marker))
    if bucket.replicates and event == "ObjectRemoved":
        replicating.marked(call, bucket, marker)
    if bucket.journals:
        journals.note(call, bucket, marker, journals.DELETE)


def removed(call: Call, bucket: Bucket, old: Object | Version, event: str = "ObjectRemoved") -> None:
    """A version has gone for good."""
    if bucket.versioned:
        planning.soon(call, bucket)
    if bucket.notifies:
        notifications.announce(call, bucket, f"{event}:Delete", subject(bucket, old, gone=True))
    if bucket.journals:
        journals.note(call, bucket, old, journals.DELETE)


def changed(call: Call, bucket: Bucket, found: Object, event: str, **more: Any) -> None:
    """Something that is said about an object has changed."""
    if event.startswith("ObjectTagging"):
        planning.soon(call, bucket)
    if bucket.notifies:
        notifications.announce(call, bucket, event, subject(bucket, found), **more)
    if bucket.replicates and event.startswith(REPLICATED):
        replicating.changed(call, bucket, found)
    if bucket.journals and event.startswith(JOURNALED):
        journals.note(call, bucket, found, journals.UPDATE)
