"""Request signatures: who claims to have signed, when, and whether it is true.

    signed = parse(request)                            # None: nobody; else signed.access_key finds the secret
    check_time(signed, wall_now=..., age=...)
    verify(signed, request, secret)

Signature Version 4 and 4A in the header and in presigned queries, and what is left of Version 2 (`sigv2`). Bodies that
are signed chunk by chunk are `signing_chunks`. Left out: browser-based uploads to S3 (POST policies).
"""

from __future__ import annotations

import hmac
import re
import time
from collections.abc import Callable
from functools import lru_cache, partial
from hashlib import sha256
from typing import Any

from pileus.kernel.errors import Fault

from . import signed as reading
from . import sigv4a
from .canonical import canonical_request, octets
from .message import Request
from .signed import ECDSA, HMAC, Signed, basic_format, query_parameters

__all__ = ["Signed", "check_body", "check_time", "matcher", "parse", "string_to_sign", "verify"]

SKEW = 15 * 60
"""Seconds by which a client's clock may be wrong."""

LIFETIME_IGNORED = frozenset({"sts"})
"""Services whose presigned URLs are good for `SKEW` seconds whatever X-Amz-Expires says; EKS's tokens rely on it."""

UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
_NOTHING = sha256().hexdigest()
STAND_INS = dict.fromkeys(
    (
        UNSIGNED_PAYLOAD,
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
    )
)
"""What x-amz-content-sha256 may say instead of a hash ("Common Request Headers", S3 API Reference), in AWS's order."""

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}")


# --- who ------------------------------------------------------------------------------------------------------------


def parse(request: Request) -> Signed | None:
    """What the request says of its signature; None if it is not signed in any of AWS's ways (a bearer token is not)."""
    authorization = request.headers.first.get("authorization", "")
    query = request.query
    presigned = query and ("X-Amz-Credential=" in query or "X-Amz-Signature=" in query or "X-Amz-Algorithm=" in query)
    if authorization.startswith("AWS"):
        if presigned or (query and "AWSAccessKeyId=" in query):
            raise _twice(authorization)
        if authorization.startswith("AWS "):
            from . import sigv2

            return sigv2.from_header(authorization, request)
        return reading.from_header(authorization, request)
    if presigned:
        return reading.from_query(request)
    if (query and "AWSAccessKeyId=" in query) or _form_signed(request):
        from . import sigv2

        return sigv2.from_query(request)
    return None


def _form_signed(request: Request) -> bool:
    form = request.headers.get("content-type").startswith("application/x-www-form-urlencoded")
    return form and b"AWSAccessKeyId=" in request.body


def _twice(authorization: str) -> Fault:
    words = (
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter "
        "or the Authorization header should be specified"
    )
    return Fault("InvalidArgument", words, status=400, ArgumentName="Authorization", ArgumentValue=authorization)


# --- when -----------------------------------------------------------------------------------------------------------


def check_time(signed: Signed, *, wall_now: float, age: float | None = None) -> None:
    """Refuse a signature that is too old, or from the future.

    A header must have been made within 15 minutes of the real time `wall_now`: this is about the client's clock, which
    knows nothing of a cloud clock that was advanced or frozen. A presigned request lives in cloud time: `age` is how
    many seconds of it have passed since the real moment `signed.timestamp`; without it, cloud time is real time.
    """
    if signed.presigned:
        _check_age(signed, wall_now - signed.timestamp if age is None else age, wall_now)
        return
    late = wall_now - signed.timestamp
    if -SKEW <= late <= SKEW:
        return
    if signed.s3:
        raise Fault(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            status=403,
            RequestTime=signed.date,
            ServerTime=_extended_format(wall_now),
            MaxAllowedSkewMilliseconds=SKEW * 1000,
        )
    raise _out_of_window(signed, late, wall_now)


def _check_age(signed: Signed, age: float, wall_now: float) -> None:
    fixed = signed.expires is None or signed.service in LIFETIME_IGNORED
    lifetime = SKEW if fixed else signed.expires or 0
    if age > lifetime:
        if fixed:
            raise _out_of_window(signed, age, signed.timestamp + age)
        raise _expired(signed, signed.timestamp + age)
    if age < -SKEW and lifetime:
        if signed.s3:
            raise Fault("AccessDenied", "Request is not valid yet")
        raise _out_of_window(signed, age, wall_now)


def _out_of_window(signed: Signed, late: float, now: float) -> Fault:
    now_text = basic_format(now)
    if late > 0:
        edge = basic_format(now - SKEW)
        words = f"Signature expired: {signed.date} is now earlier than {edge} ({now_text} - 15 min.)"
    else:
        edge = basic_format(now + SKEW)
        words = f"Signature not yet current: {signed.date} is still later than {edge} ({now_text} + 15 min.)"
    return Fault("SignatureDoesNotMatch", words)


def _expired(signed: Signed, now: float) -> Fault:
    if not signed.s3:
        return Fault("RequestExpired", "Request has expired.")
    expires = signed.expires or 0
    about: dict[str, Any] = {"X-Amz-Expires": expires} if expires else {}
    about |= {"Expires": _extended_format(signed.timestamp + expires), "ServerTime": _extended_format(now)}
    return Fault("AccessDenied", "Request has expired", **about)


def _extended_format(timestamp: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(timestamp))


# --- whether --------------------------------------------------------------------------------------------------------


def verify(signed: Signed, request: Request, secret: str, *, bucket: str = "") -> None:
    """Refuse a request that the holder of the secret did not sign just so.

    A buffered body is compared with the hash that was signed; whoever reads a streamed one calls `check_body` at its
    end. (Outside S3 a body may be streamed only if x-amz-content-sha256 declares what was signed for it.) `bucket` is
    the one that a virtual host names: Signature Version 2 signs it.
    """
    algorithm, s3 = signed.algorithm, signed.s3
    if algorithm != HMAC and algorithm != ECDSA:
        _verify_version_2(signed, request, secret, bucket)
        return
    if s3:
        _check_headers_signed(signed, request)
    payload = _s3_payload(signed, request) if s3 else _payload(signed, request)
    canonical = canonical_request(signed, request, payload)
    text = string_to_sign(signed, canonical)
    if not _matches(signed, secret, text.encode(), signed.signature):
        raise _mismatch(signed, text, canonical)
    if s3 and payload not in STAND_INS and request.stream is None:
        check_body(signed, payload, sha256(request.body).hexdigest())


def string_to_sign(signed: Signed, canonical: bytes) -> str:
    return f"{signed.algorithm}\n{signed.date}\n{signed.scope}\n{sha256(canonical).hexdigest()}"


def check_body(signed: Signed, declared: str, digest: str) -> None:
    """Refuse a body whose SHA-256 (hexadecimal) is another than the one that was declared."""
    if declared.lower() == digest:
        return
    if not signed.s3:
        raise _mismatch(signed, "", b"")
    raise Fault(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        status=400,
        ClientComputedContentSHA256=declared,
        S3ComputedContentSHA256=digest,
    )


def declared_hash(signed: Signed, request: Request) -> str:
    """What the request says of its body that `check_body` can compare; otherwise an empty text."""
    declared = _declared(signed, request)
    return declared if _SHA256.fullmatch(declared) else ""


def matcher(signed: Signed, secret: str) -> Callable[[bytes, str], bool]:
    """The check of one signature (hexadecimal) of one string to sign, by the algorithm and key of that request."""
    return partial(_matches, signed, secret)


def _matches(signed: Signed, secret: str, text: bytes, signature: str) -> bool:
    if signed.algorithm == HMAC:
        code = _keyed(secret, signed.scope).copy()
        code.update(text)
        return hmac.compare_digest(code.hexdigest().encode(), signature.encode())
    return sigv4a.matches(sigv4a.public_key(signed.access_key, secret), text, signature)


@lru_cache(maxsize=1024)
def _keyed(secret: str, scope: str) -> hmac.HMAC:
    """To be copied: that takes half of the time of a new one."""
    return hmac.new(signing_key(secret, scope), digestmod="sha256")


@lru_cache(maxsize=1024)
def signing_key(secret: str, scope: str) -> bytes:
    """The key of one day, region and service, derived from the secret link by link of the credential scope."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _verify_version_2(signed: Signed, request: Request, secret: str, bucket: str) -> None:
    from . import sigv2

    expected, text = sigv2.signature(signed, request, secret, bucket)
    if not hmac.compare_digest(expected.encode(), signed.signature.encode()):
        raise _mismatch(signed, text, b"")


# --- the body's place in the canonical request ----------------------------------------------------------------------


def _declared(signed: Signed, request: Request) -> str:
    """What the request says of its body: a hash, a stand-in, or nothing. Presigned ones may say it in the query."""
    declared = request.headers.first.get("x-amz-content-sha256", "")
    if not declared and signed.presigned and "X-Amz-Content-Sha256=" in request.query:
        return query_parameters(request.query).get("X-Amz-Content-Sha256", "")
    return declared


def _payload(signed: Signed, request: Request) -> str:
    declared = _declared(signed, request)
    if declared in STAND_INS:
        return declared
    if request.stream is None:
        return sha256(request.body).hexdigest()
    if not declared and request.route is not None and request.route.beside:
        return _NOTHING  # producers of media sign as if there were no body
    if not declared:
        raise ValueError("a body that is streamed must have been declared")
    return declared


def _s3_payload(signed: Signed, request: Request) -> str:
    declared = _declared(signed, request)
    if declared in STAND_INS or _SHA256.fullmatch(declared):
        return declared
    if not declared and signed.presigned:
        return UNSIGNED_PAYLOAD
    if not declared:
        words = "Missing required header for this request: x-amz-content-sha256"
        raise Fault("InvalidRequest", words, status=400)
    words = f"x-amz-content-sha256 must be {', '.join(STAND_INS)}, or a valid sha256 value."
    raise Fault("InvalidArgument", words, status=400, ArgumentName="x-amz-content-sha256", ArgumentValue=declared)


# --- refusals -------------------------------------------------------------------------------------------------------


def _check_headers_signed(signed: Signed, request: Request) -> None:
    """S3 wants the host and all x-amz- headers signed ("Authenticating Requests", S3 API Reference)."""
    names = signed.signed_headers
    unsigned = [name for name, _ in request.headers.fields if name[:6] == "x-amz-" and name not in names]
    if "host" not in names and ":authority" not in names:
        unsigned.insert(0, "host")
    if unsigned:
        words = "There were headers present in the request which were not signed"
        raise Fault("AccessDenied", words, HeadersNotSigned=", ".join(dict.fromkeys(unsigned)))


def _mismatch(signed: Signed, text: str, canonical: bytes) -> Fault:
    """S3 shows what it signed, as an aid to writers of clients."""
    words = "The request signature we calculated does not match the signature you provided. "
    if not signed.s3:
        words += "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        return Fault("SignatureDoesNotMatch", words)
    about: dict[str, Any] = {
        "AWSAccessKeyId": signed.access_key,
        "StringToSign": text,
        "SignatureProvided": signed.signature,
        "StringToSignBytes": octets(text).hex(" "),
    }
    if canonical:
        about |= {"CanonicalRequest": canonical.decode("latin-1"), "CanonicalRequestBytes": canonical.hex(" ")}
    return Fault("SignatureDoesNotMatch", words + "Check your key and signing method.", **about)
