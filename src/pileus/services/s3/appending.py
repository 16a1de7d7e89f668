"""What only objects of directory buckets can: grow at their end, and get another name."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import unquote

from pileus.kernel import Call, Record, names

from . import access, conditions, digests, faults, s3, versions
from .buckets import Bucket
from .directories import new_etag
from .objects import Manifest, Object, Part

MOST_PARTS = 10_000


def check_offset(bucket: Bucket, old: Object | None, offset: int) -> None:
    """Bytes are added where an object ends, and nowhere else."""
    if not bucket.zone:
        words = "A header you provided implies functionality that is not implemented"
        raise faults.fault("NotImplemented", words, 501, Header="x-amz-write-offset-bytes")
    if offset != (old.size if old is not None else 0):
        words = "The write offset value that you specified does not match the current object size."
        raise faults.fault("InvalidWriteOffset", words)


def check(bucket: Bucket, old: Object | None, request: dict[str, Any], want: digests.Wanted | None) -> None:
    """Refuse bytes that cannot be added, and what cannot be said of an object that is there."""
    check_offset(bucket, old, request["WriteOffsetBytes"])
    if old is None:
        return
    if request.get("Metadata"):
        words = "Cannot specify both a write offset value and user-defined object metadata for existing objects."
        raise faults.invalid_request(words)
    if want is not None and old.algorithm and want.algorithm != old.algorithm:
        raise faults.invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {old.algorithm.lower()}, "
            f"actual checksum Type: {want.algorithm.lower()}"
        )


def check_size(request: dict[str, Any], size: int) -> None:
    if "WriteOffsetBytes" in request and not size:
        raise faults.invalid_request("Request body cannot be empty when 'write offset' is specified.")


def append(call: Call, old: Object, new: Object, part: Part, algorithm: str) -> Object:
    """The object with a part more, in place of what it was."""
    if new.seal != old.seal:
        words = "The existing object was created with a different encryption type."
        raise faults.fault("EncryptionTypeMismatch", words)
    parts = old.pieces(call)
    if len(parts) >= MOST_PARTS:
        words = "You have attempted to add more parts than the maximum of 10000 that are allowed for this object."
        raise faults.fault("TooManyParts", words)
    if old.manifest and (before := Manifest.get(call, old.manifest)):
        before.delete(call)
    part.number = parts[-1].number + 1 if parts else 1
    linear = old.algorithm == algorithm and not old.composite and bool(digests.ALGORITHMS[algorithm].join)
    summed = digests.joined(algorithm, [(old.checksum, old.size), (part.checksum, part.size)]) if linear else ""
    old.manifest = names.token(32)
    Manifest(id=old.manifest, parts=[*parts, part]).put(call)
    old.part, old.parts = None, 0
    old.size += part.size
    old.etag, old.modified = new_etag(), call.now
    old.algorithm, old.checksum = (algorithm, summed) if summed else ("", "")
    return old.put(call)


class Renamed(Record, scope="cloud", key=("room", "token")):
    """A rename that was done, by the client's own token."""

    room: str
    token: str
    source: str
    target: str


HONOURS = tuple(
    f"{side}If{name}"
    for side in ("Source", "Destination")
    for name in ("Match", "NoneMatch", "ModifiedSince", "UnmodifiedSince")
)


def renamed(call: Call, bucket: str, key: str) -> Bucket:
    """The bucket of a rename."""
    return access.to_unpaid_key(call, bucket, key)


@s3.operation(on=renamed, honours=HONOURS)
def rename_object(
    call: Call, bucket: Bucket, key: str, rename_source: str, client_token: str = "", *, request: dict[str, Any]
) -> None:
    """Give an object another key at once, over an object that has it."""
    if not bucket.zone:
        raise faults.not_allowed("PUT", "OBJECT")
    name = unquote(rename_source).removeprefix("/").removeprefix(f"{request['Bucket']}/")
    if client_token and (before := Renamed.get(call, bucket.room, client_token)):
        if (before.source, before.target) != (name, key):
            words = "The client token was used before with other parameters."
            raise faults.fault("IdempotencyParameterMismatch", words)
        return
    found = Object.get(call, bucket.room, name)
    if found is None:
        raise faults.no_key(name)
    target = Object.get(call, bucket.room, key)
    check_conditions(request, "Source", found)
    check_conditions(request, "Destination", target)
    if key.endswith("/") or name == key:
        raise faults.invalid_request("The destination of a rename is another key that does not end with a slash.")
    if target is not None:
        versions.drop(call, target)
    found.move(call, name=key)
    if client_token:
        Renamed(room=bucket.room, token=client_token, source=name, target=key).put(call)


def check_conditions(request: dict[str, Any], side: str, found: Object | None) -> None:
    """What the caller expects of one of the two objects."""
    etag = found.etag if found else ""
    modified = math.floor(found.modified) if found else 0
    match, none = request.get(f"{side}IfMatch"), request.get(f"{side}IfNoneMatch")
    since, before = request.get(f"{side}IfModifiedSince"), request.get(f"{side}IfUnmodifiedSince")
    if match is not None and (found is None or not conditions.matches(match, etag)):
        raise faults.precondition("If-Match")
    if none is not None and found is not None and conditions.matches(none, etag):
        raise faults.precondition("If-None-Match")
    if since is not None and found is not None and modified <= since:
        raise faults.precondition("If-Modified-Since")
    if before is not None and found is not None and modified > before:
        raise faults.precondition("If-Unmodified-Since")
