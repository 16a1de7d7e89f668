"""Requests signed by another hand than the one under test: botocore's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import BaseSigner, S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from pileus.gateway.message import Headers, Request

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "eu-central-1"


def signed_request(
    method: str = "POST",
    target: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    service: str = "sqs",
    presigned: bool = False,
    token: str | None = None,
    host: str = "sqs.example.test:4566",
    context: dict[str, Any] | None = None,
    **options: Any,
) -> Request:
    """A request to `service`, signed by botocore's signer for it, as it would come in from the wire."""
    signers = {
        (False, False): SigV4Auth,
        (False, True): SigV4QueryAuth,
        (True, False): S3SigV4Auth,
        (True, True): S3SigV4QueryAuth,
    }
    signer = signers[service == "s3", presigned](Credentials(ACCESS_KEY, SECRET, token), service, REGION, **options)
    return apply(signer, method, target, headers, body, host=host, context=context)


def apply(
    signer: BaseSigner,
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    host: str,
    context: dict[str, Any] | None = None,
) -> Request:
    unsigned = AWSRequest(method, f"http://{host}{target}", data=body)
    unsigned.context.update(context or {})
    for name, value in headers:
        unsigned.headers.add_header(name, value)
    signer.add_auth(unsigned)
    return received(method, unsigned.url, unsigned.headers.items(), body)


def received(method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes = b"") -> Request:
    """The request as the listener would hand it on, with the headers that an HTTP client adds."""
    parts = urlsplit(url)
    fields = [("host", parts.netloc), ("accept-encoding", "identity"), ("user-agent", "Boto3/1.40")]
    fields += [(name.lower(), value.strip()) for name, value in headers]
    return Request(method, parts.path + (f"?{parts.query}" if parts.query else ""), Headers(fields), body)


def altered(
    request: Request,
    *,
    method: str | None = None,
    target: str | None = None,
    headers: Mapping[str, str | None] | None = None,
    body: bytes | None = None,
) -> Request:
    """The same request with parts of it exchanged; a header set to None is left out, a new one added."""
    changes = headers or {}
    fields = [(name, changes.get(name, value)) for name, value in request.headers]
    fields += [(name, value) for name, value in changes.items() if name not in request.headers]
    return Request(
        request.method if method is None else method,
        request.target if target is None else target,
        Headers([(name, value) for name, value in fields if value is not None]),
        request.body if body is None else body,
    )
