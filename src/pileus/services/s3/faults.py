"""What S3 says when something is wrong ("Error responses", S3 API Reference)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pileus import models
from pileus.kernel import Fault


def fault(code: str, message: str, status: int = 400, **members: Any) -> Fault:
    return Fault(code, message, status=status, **members)


def no_bucket(name: str) -> Fault:
    return fault("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)


def no_key(name: str) -> Fault:
    return fault("NoSuchKey", "The specified key does not exist.", 404, Key=name)


def no_version(name: str, version: str) -> Fault:
    return fault("NoSuchVersion", "The specified version does not exist.", 404, Key=name, VersionId=version)


def no_upload(upload: str) -> Fault:
    words = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed."
    )
    return fault("NoSuchUpload", words, 404, UploadId=upload)


def denied(message: str = "Access Denied") -> Fault:
    return fault("AccessDenied", message, 403)


def invalid_argument(message: str, name: str | None = None, value: Any = None) -> Fault:
    return fault("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def invalid_request(message: str) -> Fault:
    return fault("InvalidRequest", message)


def malformed(code: str = "MalformedXML") -> Fault:
    words = "The XML you provided was not well-formed or did not validate against our published schema"
    return fault(code, words)


def precondition(condition: str) -> Fault:
    words = "At least one of the pre-conditions you specified did not hold"
    return fault("PreconditionFailed", words, 412, Condition=condition)


def not_allowed(method: str, kind: str) -> Fault:
    words = "The specified method is not allowed against this resource."
    return fault("MethodNotAllowed", words, 405, Method=method, ResourceType=kind)


def too_large(size: int, most: int) -> Fault:
    words = "Your proposed upload exceeds the maximum allowed size"
    return fault("EntityTooLarge", words, ProposedSize=size, MaxSizeAllowed=most)


def accepted(violation: str) -> bool:
    """What S3 takes though the model does not have it.

    The canned ACL for log delivery ("Canned ACL", User Guide), the checksum mode in lower case, as the SDK for C++
    writes it, the rules of an event filter in whichever case, and the source of a copy with its slashes encoded too, as
    the examples for the SDK for Java have it. ListBuckets itself says of a number of buckets that it is wrong.
    """
    canned = ("Value 'log-delivery-write' at 'aCL'", "Value 'enabled' at 'checksumMode'")
    return violation.startswith(canned) or " at 'maxBuckets'" in violation or bool(_ACCEPTED.match(violation))


_ACCEPTED = re.compile(
    r"Value '(?i:prefix|suffix)' at '[^']*filterRules\.[^']*\.name'|Value '.*' at 'copySource' .*regular expression",
    re.DOTALL,
)

PROTOCOL = (
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically."
)

_WORDS = {
    "encoding-type": "Invalid Encoding Method specified in Request",
    "x-amz-metadata-directive": "Unknown metadata directive.",
    "x-amz-server-side-encryption": "The encryption method specified is not supported",
    "x-amz-tagging-directive": "Unknown tagging directive.",
}
"""What S3 says of values that it does not know."""

_SELECT = {
    "compressionType": "InvalidCompressionFormat",
    "expressionType": "InvalidExpressionType",
    "fileHeaderInfo": "InvalidFileHeaderInfo",
    "jSON.type": "InvalidJsonType",
    "quoteFields": "InvalidQuoteFields",
}
"""What S3 Select says of values that it does not know, by the ends of their places."""

_PLACE = re.compile(r" at '([^']+)'")
_VALUE = re.compile(r"Value '(.*)' at ", re.DOTALL)


def in_s3_words(operation: models.Operation, broken: list[str]) -> Fault:
    """The model's own constraints: of a document S3 only says that it is malformed."""
    place = _PLACE.search(broken[0])
    path = place[1] if place else ""
    if path.endswith("ocationConstraint"):
        words = "The specified location-constraint is not valid"
        return fault("InvalidLocationConstraint", words, LocationConstraint=_value(broken))
    if path == "storageClass":
        return fault("InvalidStorageClass", "The storage class you specified is not valid")
    if path.startswith("websiteConfiguration") and path.endswith(".protocol"):
        return invalid_request(PROTOCOL)
    if path.endswith(".events"):
        return invalid_argument("A specified event is not supported for notifications.")
    if ".filterRules." in path and path.endswith(".name"):
        return invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", _value(broken))
    if code := next((code for end, code in _SELECT.items() if path.endswith(end)), ""):
        from .select.faults import wrong

        return wrong(code)
    traits = _traits(operation, path)
    if "." in path or (traits and "location" not in traits):
        return malformed("MalformedACLError" if path.startswith("accessControlPolicy") else "MalformedXML")
    if "length greater than or equal to" in broken[0] and path == "key":
        return invalid_argument("Object key must not be empty.", "key", "")
    name = str(traits.get("locationName", path))
    return invalid_argument(_WORDS.get(name, f"Invalid argument: {name}"), name, _value(broken))


def _value(broken: list[str]) -> str | None:
    found = _VALUE.search(broken[0])
    return found[1] if found else None


def _traits(operation: models.Operation, path: str) -> Mapping[str, Any]:
    """Of the member that a place names."""
    members = operation.input.members if operation.input else {}
    return next((shape.traits for name, shape in members.items() if name[:1].lower() + name[1:] == path), {})
