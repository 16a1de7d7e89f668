"""Scopes of access points for directory buckets: the operations and the prefixes to which requests by them are limited.

"Manage the scope of your access points for directory buckets", S3 User Guide. A list is allowed where its prefix is
within the scope.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from pileus.kernel import Call

from . import faults

LONGEST = 256
"""What all prefixes together stay below, in bytes."""
PERMISSIONS = {
    "GetObject": ("GetObject",),
    "HeadObject": ("GetObject",),
    "GetObjectAttributes": ("GetObjectAttributes",),
    "ListParts": ("ListMultipartUploadParts",),
    "ListObjectsV2": ("ListBucket",),
    "ListMultipartUploads": ("ListBucketMultipartUploads",),
    "PutObject": ("PutObject",),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "DeleteObject": ("DeleteObject",),
    "DeleteObjects": ("DeleteObject",),
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "RenameObject": ("GetObject", "PutObject", "DeleteObject"),
}
"""What a scope must permit, by operation; what is not here is about no object."""

Scope = dict[str, list[str]]


def given(scope: dict[str, Any]) -> Scope:
    """A scope as it is kept, if it can be one."""
    found = {name: list(values) for name, values in scope.items() if values}
    if not found:
        raise faults.malformed()
    if sum(len(prefix.encode()) for prefix in found.get("Prefixes", ())) >= LONGEST:
        raise faults.invalid_request("The total size of all prefixes in a scope must be less than 256 bytes")
    return found


def check(scope: Scope, permissions: tuple[str, ...], *keys: str) -> None:
    """Refuse what a scope does not permit, or keys that are not within it."""
    allowed = scope.get("Permissions")
    if allowed is not None and not set(permissions).issubset(allowed):
        raise faults.denied()
    prefixes = tuple(prefix.removesuffix("*") for prefix in scope.get("Prefixes", ()))
    if prefixes and not all(key.startswith(prefixes) for key in keys):
        raise faults.denied()


def check_request(call: Call, scope: Scope) -> None:
    """Refuse a request by an access point that goes beyond its scope."""
    if not scope or (permissions := PERMISSIONS.get(call.operation)) is None:
        return
    members = call.members
    if call.operation in ("ListObjectsV2", "ListMultipartUploads"):
        check(scope, permissions, members.get("Prefix", ""))
    elif call.operation == "DeleteObjects":
        check(scope, permissions)  # each key is asked about by itself
    else:
        renamed = unquote(members.get("RenameSource", "")).removeprefix("/").removeprefix(f"{members['Bucket']}/")
        check(scope, permissions, members["Key"], *([renamed] if renamed else []))


def check_listed(call: Call, scope: Scope, key: str) -> None:
    """Refuse one of the objects that a request lists, or the one that it copies."""
    copies = call.operation in ("CopyObject", "UploadPartCopy")
    check(scope, ("GetObject",) if copies else PERMISSIONS[call.operation], key)
