"""Access control by tags: whether a bucket's tags count in policies ("Using tags with S3 general purpose buckets")."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call

from . import faults, s3, tagging, versions
from .buckets import Bucket, by_name
from .events import iso
from .objects import Object
from .rules import DAY
from .versions import Version

if TYPE_CHECKING:
    from pileus.kernel.access.matching import Values


@s3.operation(on=by_name, action="s3:GetBucketAbac")
def get_bucket_abac(call: Call, bucket: Bucket) -> dict[str, Any]:
    """Whether the bucket's tags count."""
    return {"AbacStatus": {"Status": "Enabled" if bucket.abac else "Disabled"}}


@s3.operation(on=by_name, action="s3:PutBucketAbac", honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_abac(call: Call, bucket: Bucket, abac_status: dict[str, Any]) -> None:
    """Say whether they do."""
    if "Status" not in abac_status:
        raise faults.malformed()
    bucket.abac = abac_status["Status"] == "Enabled"
    bucket.put(call)


# Condition keys of S3's own

CREATING = {"PutObject", "CopyObject", "CompleteMultipartUpload"}
BEGINNING = {"CreateMultipartUpload", "UploadPart", "UploadPartCopy"}
"""Operations that are s3:PutObject too, and after which there is no object yet ("Enforce conditional writes", S3 User
Guide)."""
GRANTED = "access_grants"
"""What a session carries that Access Grants has given: the ARN of the instance."""


class Keys(Mapping[str, tuple[str, ...]]):
    """Keys that no member of a request tells ("Condition keys for Amazon S3", Service Authorization Reference).

    They are looked up when a policy asks for one: most ask for none.
    """

    def __init__(self, call: Call, bucket: Bucket, request: Mapping[str, Any]) -> None:
        self._call = call
        self._bucket = bucket
        self._request = request

    @cached_property
    def _found(self) -> dict[str, Values]:
        bucket, request = self._bucket, self._request
        found = signature_keys(self._call) | locking_keys(self._call, request)
        if instance := self._call.principal.session.get(GRANTED):
            found["s3:accessgrantsinstancearn"] = (instance,)
        if bucket.abac:
            found |= {f"s3:buckettag/{name.lower()}": (value,) for name, value in bucket.tags.items()}
        if (operation := self._call.operation) in CREATING | BEGINNING:
            found["s3:objectcreationoperation"] = ("true" if operation in CREATING else "false",)
        if "InventoryConfiguration" in request:
            fields = request["InventoryConfiguration"].get("OptionalFields", ())
            found["s3:inventoryaccessibleoptionalfields"] = tuple(fields)
        if key := request.get("Key"):
            if asked := given(request.get("Tagging")):
                found |= {f"s3:requestobjecttag/{name.lower()}": (value,) for name, value in asked.items()}
                found["s3:requestobjecttagkeys"] = tuple(asked)
            tags = existing(self._call, bucket, key, request.get("VersionId", ""))
            found |= {f"s3:existingobjecttag/{name.lower()}": (value,) for name, value in tags.items()}
        return found

    def __getitem__(self, key: str) -> Values:
        return self._found[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


def signature_keys(call: Call) -> dict[str, Values]:
    """What policies may know of a request's signature, such as how long ago a presigned one was made."""
    found: dict[str, Values] = {"s3:tlsversion": ("1.3",)} if call.secure else {}
    if call.signature is not None:
        signed = call.signature()
        found |= {"s3:authtype": (signed.place,), "s3:signatureversion": (signed.algorithm,)}
        if signed.algorithm.startswith("AWS4"):  # the older form of presigned requests only says when they end
            found["s3:signatureage"] = (str(max(0, int((call.now - signed.made) * 1000))),)
    return found


def locking_keys(call: Call, request: Mapping[str, Any]) -> dict[str, Values]:
    """What policies may know of the lock that a request wants for an object."""
    retention = request.get("Retention") or {}
    mode = retention.get("Mode") or request.get("ObjectLockMode")
    until = retention.get("RetainUntilDate") or request.get("ObjectLockRetainUntilDate")
    hold = (request.get("LegalHold") or {}).get("Status") or request.get("ObjectLockLegalHoldStatus")
    found: dict[str, Values] = {"s3:object-lock-mode": (mode,)} if mode else {}
    if hold:
        found["s3:object-lock-legal-hold"] = (hold,)
    if until:
        found["s3:object-lock-retain-until-date"] = (iso(until),)
        found["s3:object-lock-remaining-retention-days"] = (str(math.ceil((until - call.now) / DAY)),)
    return found


def given(tags: Any) -> dict[str, str]:
    """The tags that a request gives an object, in a header or in a document."""
    if isinstance(tags, str):
        return tagging.from_header(tags)
    return {tag["Key"]: tag["Value"] for tag in tags.get("TagSet", [])} if tags else {}


def existing(call: Call, bucket: Bucket, key: str, version: str) -> dict[str, str]:
    """The tags of the object that a request names."""
    there = versions.lookup(call, bucket, key, version) if version else Object.get(call, bucket.room, key)
    held = there.held if isinstance(there, Version) else there
    return {} if held is None else held.tags
