"""What is said about an object beside its bytes: system headers, metadata, storage class."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from . import faults
from .objects import CLASSES, STANDARD, Object

SYSTEM = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")
DEFAULT_TYPE = "binary/octet-stream"
MOST_METADATA = 2048

OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


def system(request: Mapping[str, Any]) -> dict[str, str]:
    """The system headers of a new object."""
    found: dict[str, str] = {}
    for name in SYSTEM:
        if value := request.get(name):
            found[name] = value if isinstance(value, str) else formatdate(value, usegmt=True)
    if "ContentEncoding" in found:
        codings = [each.strip() for each in found["ContentEncoding"].split(",")]
        found["ContentEncoding"] = ",".join(each for each in codings if each and each.lower() != "aws-chunked")
        if not found["ContentEncoding"]:
            del found["ContentEncoding"]
    found.setdefault("ContentType", DEFAULT_TYPE)
    return found


def metadata(request: Mapping[str, Any]) -> dict[str, str]:
    """The user's own metadata, of 2 KB at most."""
    given: dict[str, str] = request.get("Metadata", {})
    if not given:
        return given
    size = len("".join((*given, *given.values())).encode())
    if size > MOST_METADATA:
        words = "Your metadata headers exceed the maximum allowed metadata size"
        raise faults.fault("MetadataTooLarge", words, Size=size, MaxSizeAllowed=MOST_METADATA)
    return {name.lower(): value for name, value in given.items()}


def storage_class(request: Mapping[str, Any]) -> str:
    asked: str = request.get("StorageClass", STANDARD)
    if asked not in CLASSES:
        raise faults.fault(
            "InvalidStorageClass", "The storage class you specified is not valid", StorageClassRequested=asked
        )
    return asked


def redirect(request: Mapping[str, Any]) -> str:
    to: str = request.get("WebsiteRedirectLocation", "")
    if to and not to.startswith(("/", "http://", "https://")):
        words = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."
        raise faults.fault("InvalidRedirectLocation", words)
    return to


def shown(found: Object, request: Mapping[str, Any]) -> dict[str, Any]:
    """All that GET and HEAD tell of an object beside its bytes."""
    told: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": found.modified,
        "ETag": f'"{found.etag}"',
        **found.headers,
    }
    if not OVERRIDES.keys().isdisjoint(request):
        for override, name in OVERRIDES.items():
            if override in request:
                value = request[override]
                told[name] = value if isinstance(value, str) else formatdate(value, usegmt=True)
    if found.metadata:
        told["Metadata"] = found.metadata
    if found.storage_class != STANDARD:
        told["StorageClass"] = found.storage_class
    if found.redirect:
        told["WebsiteRedirectLocation"] = found.redirect
    return told
