"""S3 as browsers and plain HTTP clients see it: digests of documents, preflights, CORS headers, form uploads."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pileus.kernel import Call
from pileus.kernel.edge import Answer, Fields

from . import cors, digests, faults, forms, s3, websites
from .buckets import Bucket

if TYPE_CHECKING:
    from pileus.gateway.message import Request
    from pileus.models import Operation


class Web:
    """What S3 sees of HTTP."""

    decides = True

    def admit(self, operation: Operation, request: Request) -> None:
        """Compare a document with the digests that its sender gives of it; some operations want one."""
        if request.stream is not None:
            return
        headers = request.headers
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
        if traits.get("requestChecksumRequired") and not md5 and not given:
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
