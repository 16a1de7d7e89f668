"""What a caller expects of an object before it is read, written or deleted ("Conditional requests", S3 User Guide)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from pileus.kernel import Fault

from . import faults
from .objects import Object


def matches(header: str, etag: str) -> bool:
    """Whether an ETag is among those of If-Match or If-None-Match."""
    if header.strip() == "*":
        return True
    return any(item.strip().removeprefix("W/").strip('"') == etag for item in header.split(","))


def check_read(request: Mapping[str, Any], found: Object) -> None:
    """RFC 9110, 13.2.2: If-Match outweighs If-Unmodified-Since, and If-None-Match If-Modified-Since."""
    if "IfMatch" in request:
        if not matches(request["IfMatch"], found.etag):
            raise faults.precondition("If-Match")
    elif "IfUnmodifiedSince" in request and math.floor(found.modified) > request["IfUnmodifiedSince"]:
        raise faults.precondition("If-Unmodified-Since")
    if "IfNoneMatch" in request:
        if matches(request["IfNoneMatch"], found.etag):
            raise not_modified(found)
    elif "IfModifiedSince" in request and math.floor(found.modified) <= request["IfModifiedSince"]:
        raise not_modified(found)


def not_modified(found: Object) -> Fault:
    fault = Fault("NotModified", "Not Modified", status=304)
    fault.headers += [
        ("ETag", f'"{found.etag}"'),
        ("Last-Modified", formatdate(math.floor(found.modified), usegmt=True)),
    ]
    if cached := found.headers.get("CacheControl"):
        fault.headers.append(("Cache-Control", cached))
    return fault


def check_source(request: Mapping[str, Any], found: Object) -> None:
    """The conditions on the source of a copy, of which none answers "not modified"."""
    modified = math.floor(found.modified)
    unmodified = "CopySourceIfUnmodifiedSince" in request and modified > request["CopySourceIfUnmodifiedSince"]
    if "CopySourceIfMatch" in request:
        if not matches(request["CopySourceIfMatch"], found.etag):
            raise faults.precondition("x-amz-copy-source-If-Match")
    elif unmodified:
        raise faults.precondition("x-amz-copy-source-If-Unmodified-Since")
    if "CopySourceIfNoneMatch" in request:
        if matches(request["CopySourceIfNoneMatch"], found.etag):
            raise faults.precondition("x-amz-copy-source-If-None-Match")
    elif "CopySourceIfModifiedSince" in request and modified <= request["CopySourceIfModifiedSince"]:
        raise faults.precondition("x-amz-copy-source-If-Modified-Since")


def check_write(request: Mapping[str, Any], name: str, found: Object | None) -> None:
    """If-None-Match: * wants no object there; If-Match wants the one with that ETag."""
    absent, present = request.get("IfNoneMatch"), request.get("IfMatch")
    if absent is None and present is None:
        return
    if absent is not None:
        if absent.strip() != "*":
            raise not_built("If-None-Match")
        if found is not None:
            raise faults.precondition("If-None-Match")
    if present is not None:
        if found is None:
            raise faults.no_key(name)
        if not matches(present, found.etag):
            raise faults.precondition("If-Match")


def not_built(header: str) -> Fault:
    """S3 itself knows no other value of the header, and says so in these words."""
    words = "A header you provided implies functionality that is not implemented"
    return faults.fault("NotImplemented", words, 501, Header=header)


def check_delete(match: str, modified: float | None, size: int | None, name: str, found: Object | None) -> None:
    if not match and modified is None and size is None:
        return
    if found is None:
        if match == "*" or match:
            raise faults.no_key(name) if match != "*" else faults.precondition("If-Match")
        return
    if match and not matches(match, found.etag):
        raise faults.precondition("If-Match")
    if modified is not None and math.floor(found.modified) != math.floor(modified):
        raise faults.precondition("x-amz-if-match-last-modified-time")
    if size is not None and found.size != size:
        raise faults.precondition("x-amz-if-match-size")
