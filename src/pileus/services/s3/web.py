"""S3 as browsers and plain HTTP clients see it: digests of documents, preflights, CORS headers, form uploads."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pileus.kernel import Call, regions
from pileus.kernel.edge import Answer, Fields

from . import conditions, cors, digests, faults, forms, s3, websites
from .buckets import Bucket

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.gateway.signed import Signed
    from pileus.models import Operation


_VERSION = re.compile(r"(?:^|&)versionId=([^&]*)")
NEW = ("CopyObject", "CreateMultipartUpload", "PutObject")
"""Operations that make a version, and name none."""
SEALED = "x-amz-server-side-encryption"
READS = ("GetObject", "HeadObject", "GetObjectAttributes")
"""Operations that are not to say how an object is sealed."""
MEASURED = ("PutObject", "UploadPart")
"""Operations that want to know beforehand how long the body is."""
TRUSTING = (
    "PutBucketAcl",
    "PutBucketLogging",
    "PutBucketNotification",
    "PutBucketPolicy",
    "PutBucketRequestPayment",
    "PutBucketVersioning",
    "PutBucketWebsite",
    "PutObjectAcl",
    "PutObjectTagging",
)
"""Operations that take a document without a digest, as clients older than the model's requirement send it."""


class Web:
    """What S3 sees of HTTP."""

    decides = True

    def admit(self, operation: Operation, request: Request) -> None:
        """Refuse what a request's head forbids, and a document that is not what its sender says of it."""
        headers = request.headers
        check_head(operation, request)
        if request.stream is not None:
            return
        md5 = headers.get("content-md5")
        if md5:
            digests.check_md5(md5, hashlib.md5(request.body, usedforsecurity=False).digest())
        given: list[str] = []
        if request.trailers.first or not digests.FIELDS.keys().isdisjoint(headers.first):
            given = [name for name in (*headers.first, *request.trailers.first) if name in digests.FIELDS]
        for name in given:
            algorithm = digests.FIELDS[name]
            value = digests.checked(algorithm, headers.get(name) or request.trailers.get(name))
            if base64.b64decode(value) != digests.of(algorithm, request.body):
                raise faults.fault("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
        traits: dict[str, Any] = operation.traits.get("httpChecksum", {})
        if traits.get("requestChecksumRequired") and not md5 and not given and operation.name not in TRUSTING:
            words = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"
            raise faults.invalid_request(words)

    def beside(self, call: Call, request: Request, labels: dict[str, str]) -> Answer | Coroutine[Any, Any, Answer]:
        """A preflight, a page of a website, or a form with a file."""
        if request.method == "OPTIONS":
            return preflight(call, request, labels)
        if websites.LABEL in labels:
            return websites.serve(call, request, labels)
        return forms.post(call, request, labels)

    def dress(self, call: Call, request: Request, labels: dict[str, str], fields: Fields) -> None:
        """Tell a page of another origin that it may read this, if it may."""
        if request.method == "OPTIONS" or "Bucket" not in labels:
            return
        bucket = Bucket.get(call, call.partition, unquote(labels["Bucket"]))
        if bucket is None or not bucket.has_cors:
            return
        origin = request.headers.get("origin")
        rule = cors.matching(cors.rules(call, bucket), origin, request.method)
        fields += cors.response_fields(rule, origin) if rule else [("vary", cors.VARY)]


def check_head(operation: Operation, request: Request) -> None:
    headers = request.headers.first
    if request.signed is not None:
        check_region(request.signed)
    elif "authorization" in headers:
        raise faults.invalid_argument("Unsupported Authorization Type", "Authorization", headers["authorization"])
    if SEALED in headers and operation.name in READS:
        words = f"{SEALED} header is not supported for this operation."
        raise faults.invalid_argument(words, SEALED, headers[SEALED])
    if "versionId=" in request.query:
        check_version(operation, request.query)
    if operation.name in MEASURED and "content-length" not in headers:
        check_measured(request)


def check_region(signed: Signed) -> None:
    """Refuse a signature for what is no Region, and tell the right one: old clients sign for `US`, and try again."""
    if regions.is_region(signed.region) or not signed.region or "," in signed.region or "*" in signed.region:
        return
    home = regions.DEFAULT_REGION
    words = f"The authorization header is malformed; the region '{signed.region}' is wrong; expecting '{home}'"
    raise faults.fault("AuthorizationHeaderMalformed", words, Region=home)


def check_version(operation: Operation, query: str) -> None:
    """Refuse a version without an id, and one that is to be written."""
    given = _VERSION.search(query)
    if given and not given[1]:
        raise faults.invalid_argument("Version id cannot be the empty string", "versionId", "")
    if given and operation.name in NEW:
        raise faults.invalid_argument("This operation does not accept a version-id.", "versionId", given[1])


def check_measured(request: Request) -> None:
    """Refuse a body of unknown length: HTTP's own chunks S3 only knows around a signed body, which tells its length."""
    headers = request.headers.first
    if request.http_version == "2" or "x-amz-decoded-content-length" in headers:
        return
    if "transfer-encoding" in headers and not headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        raise conditions.not_built("Transfer-Encoding")
    raise faults.fault("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)


def preflight(call: Call, request: Request, labels: dict[str, str]) -> Answer:
    """What a browser asks before it lets a page use a method or a header."""
    headers = request.headers
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if not origin:
        raise faults.fault("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in cors.METHODS:
        words = f"Invalid Access-Control-Request-Method: {method or 'null'}"
        raise faults.fault("BadRequest", words)
    asked = [name.strip() for name in headers.get("access-control-request-headers").split(",") if name.strip()]
    bucket = Bucket.get(call, call.partition, unquote(labels.get("Bucket", "")))
    if bucket is None:
        raise forbidden("CORSResponse: Bucket not found", method, {})
    if not bucket.has_cors:
        raise forbidden("CORSResponse: CORS is not enabled for this bucket.", method, labels)
    rule = cors.matching(cors.rules(call, bucket), origin, method, asked)
    if rule is None:
        raise forbidden(
            "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, "
            "request method "
            "/ Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
            "resource's CORS "
            "spec.",
            method,
            labels,
        )
    fields = cors.response_fields(rule, origin)
    if asked:
        fields.append(("access-control-allow-headers", ", ".join(asked).lower()))
    if "MaxAgeSeconds" in rule:
        fields.append(("access-control-max-age", str(rule["MaxAgeSeconds"])))
    return Answer(200, [*fields, ("x-amz-request-id", call.request_id)])


def forbidden(words: str, method: str, labels: dict[str, str]) -> Exception:
    kind = "OBJECT" if labels.get("Key") else "BUCKET"
    return faults.fault("AccessForbidden", words, 403, Method=method, ResourceType=kind)


s3.edge = Web()
