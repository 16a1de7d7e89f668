"""What a request says of its own signature, read from the Authorization header or the query (SigV4 and SigV4A).

"Elements of an AWS API request signature" in the IAM User Guide names the parts. AWS words the same mistake in two
ways, S3's and that of all other services; which it is here, the credential scope tells.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import unquote_plus

import msgspec

from pileus.kernel.errors import Fault

from .message import Request

HMAC = "AWS4-HMAC-SHA256"
ECDSA = "AWS4-ECDSA-P256-SHA256"

S3_SERVICES = frozenset({"s3", "s3express", "s3-object-lambda", "s3-outposts"})
"""Signing names of S3: its path is signed as it is, the body's hash is in a header, errors have words of their own."""

WEEK = 604_800

_REGULAR = re.compile(rf"({HMAC}|{ECDSA}) +Credential=([^\s,]+), *SignedHeaders=([^\s,]+), *")
_BASIC_FORMAT = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_PRESIGNED = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")


class Signed(msgspec.Struct, frozen=True):
    """A signature as the request claims it; nothing in it is proven before `signing.verify`."""

    algorithm: str
    """`HMAC` or `ECDSA` here; `sigv2` adds its own."""
    access_key: str
    region: str
    """For SigV4A the region set: a list with commas, which may hold wildcards."""
    service: str
    scope: str
    """The credential scope: everything behind the access key."""
    signed_headers: tuple[str, ...]
    signature: str
    date: str
    """The moment of signing as it was signed: `20150830T123600Z`."""
    timestamp: float
    """The same in epoch seconds."""
    token: str = ""
    presigned: bool = False
    expires: int | None = None
    """Seconds that a presigned request is good for, counted from `timestamp`."""

    @property
    def s3(self) -> bool:
        return self.service in S3_SERVICES


class _Claim(msgspec.Struct, frozen=True):
    """The part of a signature that stays the same from call to call of one client."""

    algorithm: str
    access_key: str
    day: str
    region: str
    service: str
    scope: str
    signed_headers: tuple[str, ...]


# --- the Authorization header ---------------------------------------------------------------------------------------


def from_header(authorization: str, request: Request) -> Signed:
    """Read an Authorization header whose scheme begins with AWS4."""
    rest, _, signature = authorization.rpartition("Signature=")
    claim = _regular(rest)
    if claim is None or not signature.isalnum():
        claim, signature = _irregular(authorization, request)
    headers = request.headers.first
    date = headers.get("x-amz-date", "")
    timestamp = instant(date)
    if timestamp is None:
        date, timestamp = _other_date(date, authorization, claim, request)
    if date[:8] != claim.day:
        raise _wrong_day(claim, date, presigned=False)
    region = claim.region or _region_set(headers.get("x-amz-region-set", ""), claim)
    token = headers.get("x-amz-security-token") or headers.get("x-amz-s3session-token", "")
    return Signed(
        claim.algorithm,
        claim.access_key,
        region,
        claim.service,
        claim.scope,
        claim.signed_headers,
        signature,
        date,
        timestamp,
        token,
    )


@lru_cache(maxsize=1024)
def _regular(rest: str) -> _Claim | None:
    """The claim of a header as every SDK writes it, without its signature; None for one that wants a closer look."""
    match = _REGULAR.fullmatch(rest)
    return _claim(match[1], match[2], match[3], presigned=False) if match else None


def _irregular(authorization: str, request: Request) -> tuple[_Claim, str]:
    """Read parameters in any order; raise what AWS says of missing and malformed ones."""
    algorithm, _, text = authorization.partition(" ")
    if algorithm not in (HMAC, ECDSA):
        raise Fault("IncompleteSignature", f"Unsupported AWS 'algorithm': '{algorithm}'.")
    parameters = dict(_pairs(text, authorization))
    missing = [name for name in ("Credential", "Signature", "SignedHeaders") if not parameters.get(name)]
    if missing:
        raise _incomplete(missing, authorization, request)
    claim = _claim(algorithm, parameters["Credential"], parameters["SignedHeaders"], presigned=False)
    return claim, parameters["Signature"]


def _pairs(text: str, authorization: str) -> Iterator[tuple[str, str]]:
    for item in filter(None, map(str.strip, text.split(","))):
        name, equals, value = item.partition("=")
        if not equals:
            raise Fault(
                "IncompleteSignature",
                f"'{item}' not a valid key=value pair (missing equal-sign) in Authorization header: '{authorization}'.",
            )
        yield name, value


def _incomplete(missing: list[str], authorization: str, request: Request) -> Fault:
    if missing and "/s3/" in authorization:
        return Fault(
            "AuthorizationHeaderMalformed",
            "The authorization header is malformed; the authorization header requires three components: "
            "Credential, SignedHeaders, and Signature.",
            status=400,
        )
    wants = [f"Authorization header requires '{name}' parameter." for name in missing]
    if "x-amz-date" not in request.headers and "date" not in request.headers:
        wants.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    return Fault("IncompleteSignature", f"{' '.join(wants)} Authorization={authorization}")


def _other_date(date: str, authorization: str, claim: _Claim, request: Request) -> tuple[str, float]:
    """The date of a request that has no proper x-amz-date: its Date header, in RFC 1123's or ISO 8601's basic form."""
    other = "" if date else request.headers.get("date")
    timestamp = instant(other)
    if timestamp is None:
        timestamp = http_date(other)
    if timestamp is not None:
        return basic_format(timestamp), timestamp
    if claim.service in S3_SERVICES:
        raise Fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    if not date and not other:
        raise _incomplete([], authorization, request)
    raise _not_basic(date or other)


# --- the presigned query --------------------------------------------------------------------------------------------


def from_query(request: Request) -> Signed:
    """Read the X-Amz-* parameters of a presigned request."""
    parameters = query_parameters(request.query)
    s3 = "/s3" in parameters.get("X-Amz-Credential", "")
    _check_complete(parameters, s3=s3)
    claim = _claim(
        parameters["X-Amz-Algorithm"], parameters["X-Amz-Credential"], parameters["X-Amz-SignedHeaders"], presigned=True
    )
    date = parameters["X-Amz-Date"]
    timestamp = instant(date)
    if timestamp is None:
        words = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        raise Fault("AuthorizationQueryParametersError", words, status=400) if s3 else _not_basic(date)
    if date[:8] != claim.day:
        raise _wrong_day(claim, date, presigned=True)
    return Signed(
        claim.algorithm,
        claim.access_key,
        claim.region or _region_set(parameters.get("X-Amz-Region-Set", "")),
        claim.service,
        claim.scope,
        claim.signed_headers,
        parameters["X-Amz-Signature"],
        date,
        timestamp,
        parameters.get("X-Amz-Security-Token") or parameters.get("X-Amz-S3session-Token", ""),
        True,
        _expires(parameters.get("X-Amz-Expires"), s3=s3),
    )


def query_parameters(query: str) -> dict[str, str]:
    """Names and values of a query, decoded; of repeated names the first."""
    parameters: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        parameters.setdefault(unquote_plus(name), unquote_plus(value))
    return parameters


def _check_complete(parameters: dict[str, str], *, s3: bool) -> None:
    missing = [name for name in _PRESIGNED if not parameters.get(name)]
    if s3 and (missing or "X-Amz-Expires" not in parameters):
        raise Fault(
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            status=400,
        )
    if missing:
        wants = " ".join(f"AWS query-string parameters must include '{name}'." for name in missing)
        raise Fault("IncompleteSignature", f"{wants} Re-examine the query-string parameters.")
    algorithm = parameters["X-Amz-Algorithm"]
    if algorithm in (HMAC, ECDSA):
        return
    if s3:
        words = f'X-Amz-Algorithm only supports "{HMAC} and {ECDSA}"'
        raise Fault("AuthorizationQueryParametersError", words, status=400)
    raise Fault("IncompleteSignature", f"Unsupported AWS 'algorithm': '{algorithm}'.")


def _expires(text: str | None, *, s3: bool) -> int | None:
    """From one second to a week ("Authenticating Requests: Using Query Parameters", S3 API Reference)."""
    if text is None:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        words = "X-Amz-Expires should be a number"
    elif text.startswith("-") or not digits.strip("0"):
        words = "X-Amz-Expires must be non-negative"
    elif len(digits.lstrip("0")) > 6 or int(digits) > WEEK:
        words = (
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{WEEK} seconds"
        )
    else:
        return int(digits)
    raise Fault("AuthorizationQueryParametersError", words, status=400) if s3 else Fault("IncompleteSignature", words)


# --- the credential and its scope -----------------------------------------------------------------------------------


def _claim(algorithm: str, credential: str, signed_headers: str, *, presigned: bool) -> _Claim:
    form = "keyid/date/region/service/term" if algorithm == HMAC else "keyid/date/service/term"
    size = form.count("/") + 1
    parts = credential.split("/")
    if len(parts) != size or not parts[0]:
        words = f"Credential must have exactly {size} slash-delimited elements, e.g. {form}, got '{credential}'"
        expected = "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request"
        s3_words = f'the Credential is mal-formed; expecting "{expected}".'
        s3 = not S3_SERVICES.isdisjoint(parts)
        raise _malformed(Fault("IncompleteSignature", words), s3_words, s3=s3, presigned=presigned)
    access_key, day, *region, service, term = parts
    claim = _Claim(
        algorithm,
        access_key,
        day,
        "".join(region),
        service,
        credential.partition("/")[2],
        tuple(signed_headers.lower().split(";")),
    )
    _check_scope(claim, term, presigned=presigned)
    return claim


def _check_scope(claim: _Claim, term: str, *, presigned: bool) -> None:
    if term != "aws4_request":
        words = f"Credential should be scoped with a valid terminator: 'aws4_request', not '{term}'."
        s3_words = f'incorrect terminal "{term}". This endpoint uses "aws4_request".'
    elif not claim.region and claim.algorithm == HMAC:
        words = "Credential should be scoped to a valid region, not ''."
        s3_words = "a non-empty region must be provided in the credential."
    elif not claim.service:
        words = s3_words = "Credential should be scoped to correct service."
    elif "host" not in claim.signed_headers and ":authority" not in claim.signed_headers and not _s3(claim):
        words = s3_words = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    else:
        return
    raise _malformed(Fault("SignatureDoesNotMatch", words), s3_words, s3=_s3(claim), presigned=presigned)


def _s3(claim: _Claim) -> bool:
    return claim.service in S3_SERVICES


def _region_set(value: str, claim: _Claim | None = None) -> str:
    """SigV4A names its regions outside the credential scope; in a header that must be signed, in the query it is."""
    if not value:
        words = "Authorization requires existence of an 'X-Amz-Region-Set' header or query-string parameter."
        raise Fault("IncompleteSignature", words)
    if claim is not None and "x-amz-region-set" not in claim.signed_headers:
        words = "'X-Amz-Region-Set' must be a 'SignedHeader' in the AWS Authorization."
        raise Fault("SignatureDoesNotMatch", words)
    return value


def _wrong_day(claim: _Claim, date: str, *, presigned: bool) -> Fault:
    words = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{claim.day}' != '{date[:8]}', from '{date}'."
    )
    s3_words = f'Invalid credential date "{claim.day}". This date is not the same as X-Amz-Date: "{date[:8]}".'
    return _malformed(Fault("SignatureDoesNotMatch", words), s3_words, s3=_s3(claim), presigned=presigned)


def _malformed(fault: Fault, s3_words: str, *, s3: bool, presigned: bool) -> Fault:
    """The fault, or what S3 says in its place."""
    if not s3:
        return fault
    if presigned:
        words = f"Error parsing the X-Amz-Credential parameter; {s3_words}"
        return Fault("AuthorizationQueryParametersError", words, status=400)
    return Fault("AuthorizationHeaderMalformed", f"The authorization header is malformed; {s3_words}", status=400)


# --- dates ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def instant(date: str) -> float | None:
    """Epoch seconds of a date in ISO 8601's basic format; None for any other text."""
    match = _BASIC_FORMAT.fullmatch(date)
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    except ValueError:
        return None


def http_date(date: str) -> float | None:
    """Epoch seconds of an HTTP date (RFC 9110, section 5.6.7); None for any other text."""
    from email.utils import mktime_tz, parsedate_tz

    parsed = parsedate_tz(date)
    try:
        return float(mktime_tz(parsed)) if parsed else None
    except (ValueError, OverflowError):
        return None


def basic_format(timestamp: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(timestamp))


def _not_basic(date: str) -> Fault:
    words = f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601"
    return Fault("IncompleteSignature", words)
