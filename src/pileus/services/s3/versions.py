"""Versions under one key: the current one is an `Object`, the older ones and all delete markers are `Version`s.

Where there is an object, it is newer than all that lies under its key; where there is none, the newest that lies there
is a delete marker.
"""

from __future__ import annotations

import base64
import math
import os
from email.utils import formatdate
from typing import Any

from pileus.kernel import Call, Record

from . import access, data, faults, naming
from .buckets import Bucket
from .objects import NULL, Manifest, Object, Part


class Version(Record, scope="cloud", key=("room", "name", "order"), kw_only=True, omit_defaults=True):
    """An older version, or a delete marker."""

    room: str
    name: str
    order: int
    """The serial number, negated: the newest comes first."""
    version: str
    modified: float
    owner: str
    held: Object | None = None
    """None for a delete marker."""

    @classmethod
    def of(cls, old: Object) -> Version:
        return cls(
            room=old.room,
            name=old.name,
            order=-old.serial,
            version=old.version,
            modified=old.modified,
            owner=old.owner,
            held=old,
        )


class Foreign(Record, scope="cloud", key=("room", "name", "version")):
    """Where a replica stands under its key: its id was given in another bucket."""

    room: str
    name: str
    version: str
    order: int


# Version ids

_MASK = 6


def new_id(serial: int) -> str:
    """An id for the version of that serial number, which can be read from it and by nobody guessed."""
    noise = os.urandom(18)
    hidden = serial ^ int.from_bytes(noise[:_MASK], "big")
    return base64.b64encode(noise + hidden.to_bytes(_MASK, "big"), b"._").decode()


def serial_of(version: str) -> int | None:
    """The serial number that an id carries; None for what never was an id."""
    if len(version) != 32 or version.endswith("="):
        return None
    try:
        raw = base64.b64decode(version, b"._", validate=True)
    except ValueError:
        return None
    return int.from_bytes(raw[:_MASK], "big") ^ int.from_bytes(raw[-_MASK:], "big")


# Finding


def lookup(call: Call, bucket: Bucket, name: str, version: str) -> Object | Version | None:
    """What has that version id under the key."""
    current = Object.get(call, bucket.room, name)
    if current is not None and current.version == version:
        return current
    if version == NULL:
        return next((old for old in Version.scan(call, bucket.room, name) if old.version == NULL), None)
    serial = serial_of(version)
    found = None if serial is None else Version.get(call, bucket.room, name, -serial)
    if found is not None and found.version == version:
        return found
    foreign = Foreign.get(call, bucket.room, name, version)
    found = None if foreign is None else Version.get(call, bucket.room, name, foreign.order)
    return found if found is not None and found.version == version else None


def order_of(call: Call, bucket: Bucket, name: str, version: str) -> int | None:
    """Where a version with that id stands: as its id says, or, if that was given elsewhere, as is remembered."""
    if (foreign := Foreign.get(call, bucket.room, name, version)) is not None:
        return foreign.order
    serial = serial_of(version)
    return None if serial is None else -serial


def check_id(version: str) -> None:
    if version != NULL and serial_of(version) is None:
        raise faults.invalid_argument("Invalid version id specified", "versionId", version)


def find(call: Call, bucket: Bucket, name: str, version: str = "", *, method: str = "GET") -> Object:
    """The object of a key, or of a version under it, if the caller may know it."""
    if version:
        return find_version(call, bucket, name, version, method)
    current = Object.get(call, bucket.room, name)
    if call.account != bucket.owner or current is None or current.owner != bucket.owner:
        access.check_object(call, bucket, current, name)
    if current is None:
        naming.check_key(name)
        fault = faults.no_key(name)
        if bucket.versioned and (marker := Version.first(call, bucket.room, name)):
            fault.headers += [("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version)]
        raise fault
    return current


def find_version(call: Call, bucket: Bucket, name: str, version: str, method: str = "GET") -> Object:
    check_id(version)
    found = lookup(call, bucket, name, version)
    held = found.held if isinstance(found, Version) else found
    access.check_object(call, bucket, held, name, version)
    if found is None:
        raise faults.no_version(name, version)
    if held is None:
        fault = faults.not_allowed(method, "DeleteMarker")
        assert isinstance(found, Version)
        fault.headers += [
            ("x-amz-delete-marker", "true"),
            ("x-amz-version-id", version),
            ("last-modified", formatdate(math.floor(found.modified), usegmt=True)),
            ("allow", "DELETE"),
        ]
        raise fault
    return held


def save(call: Call, found: Object) -> None:
    """Store an object that was found and changed, wherever it stands under its key."""
    current = Object.get(call, found.room, found.name)
    if current is not None and current.serial == found.serial:
        found.put(call)
    else:
        Version.of(found).put(call)


# Changing. All that puts or removes objects comes through `place`, `mark` and `remove`.


def place(call: Call, bucket: Bucket, new: Object, old: Object | None) -> None:
    """Make an object the current version of its key; `old` is the one that is now."""
    if not bucket.versioned:
        if old is not None:
            drop(call, old, kept=new.part)
    else:
        new.serial = next_serial(call, bucket, new.name, old)
        if bucket.versioning == "Enabled":
            new.version = new_id(new.serial)
        retire(call, bucket, new.name, old)
    new.put(call)


def given_up(bucket: Bucket, old: Object | None) -> str:
    """The parcel that `place` gives up, so that new bytes may stand in its place; empty for none.

    To write over it costs a third of removing it and putting another one. Whoever reads a parcel has read it whole.
    """
    if bucket.versioned or old is None or old.part is None or not old.part.packed:
        return ""
    return old.part.place


def mark(call: Call, bucket: Bucket, name: str) -> Version:
    """Put a delete marker on top of the key."""
    old = Object.get(call, bucket.room, name)
    serial = next_serial(call, bucket, name, old)
    retire(call, bucket, name, old)
    if old is not None:
        old.delete(call)
    return Version(
        room=bucket.room,
        name=name,
        order=-serial,
        version=new_id(serial) if bucket.versioning == "Enabled" else NULL,
        modified=call.now,
        owner=call.account,
    ).put(call)


def place_replica(call: Call, bucket: Bucket, new: Object) -> None:
    """Make a replica, which brings its id along, the current version of its key."""
    old = Object.get(call, bucket.room, new.name)
    new.serial = next_serial(call, bucket, new.name, old)
    Foreign(bucket.room, new.name, new.version, -new.serial).put(call)
    retire(call, bucket, new.name, old)
    new.put(call)


def mark_replica(call: Call, bucket: Bucket, name: str, version: str, modified: float) -> Version:
    """The same with a delete marker."""
    marker = mark(call, bucket, name)
    marker.version, marker.modified, marker.owner = version, modified, bucket.owner
    Foreign(bucket.room, name, version, marker.order).put(call)
    return marker.put(call)


def next_serial(call: Call, bucket: Bucket, name: str, old: Object | None) -> int:
    if old is not None:
        return old.serial + 1
    newest = Version.first(call, bucket.room, name)
    return 1 if newest is None else 1 - newest.order


def retire(call: Call, bucket: Bucket, name: str, old: Object | None) -> None:
    """Make room for a new version: keep the current one, but no null version where the new one will be null."""
    if bucket.versioning == "Enabled":
        if old is not None:
            Version.of(old).put(call)
        return
    if old is not None and old.version == NULL:
        drop(call, old)
        return
    if old is not None:
        Version.of(old).put(call)
    null = next((version for version in Version.scan(call, bucket.room, name) if version.version == NULL), None)
    if null is not None:
        null.delete(call)
        if null.held is not None:
            drop(call, null.held)


def remove(call: Call, bucket: Bucket, found: Object | Version) -> None:
    """Remove one version for good; what was below it comes to the top."""
    found.delete(call)
    if found.version != NULL and (foreign := Foreign.get(call, found.room, found.name, found.version)) is not None:
        foreign.delete(call)
    held = found.held if isinstance(found, Version) else found
    if held is not None:
        drop(call, held)
    if bucket.versioned and Object.get(call, bucket.room, found.name) is None:
        newest = Version.first(call, bucket.room, found.name)
        if newest is not None and newest.held is not None:
            newest.delete(call)
            newest.held.put(call)


def drop(call: Call, old: Object, kept: Part | None = None) -> None:
    """Give up the bytes of an object, unless others stand in their place, and its annotations."""
    if old.annotations:
        from .annotations import Annotation

        for note in list(Annotation.of(call, old)):
            data.discard(call, note.part)
            note.delete(call)
    if old.manifest:
        manifest = Manifest.get(call, old.manifest)
        if manifest is not None:
            manifest.delete(call)
            for part in manifest.parts:
                data.discard(call, part)
    elif old.part is not None and (kept is None or kept.place != old.part.place):
        data.discard(call, old.part)


def shown(bucket: Bucket, found: Any) -> dict[str, str]:
    """The version id, in responses of buckets that have versions."""
    return {"VersionId": found.version} if bucket.versioned else {}
