"""Signature Version 2: S3's own form (`AWS key:signature`, or a query with Expires) and the query protocol's.

boto3 still presigns S3 requests so in us-east-1 unless told otherwise, and signs SimpleDB's calls so. See "Signing and
authenticating REST requests" in the S3 User Guide and "REST authentication" in the SimpleDB Developer Guide. Versions
0, 1 and 3 are refused.
"""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime
from urllib.parse import quote, unquote, unquote_plus

from pileus.kernel.errors import Fault

from .canonical import octets
from .message import Headers, Request
from .signed import Signed, basic_format, http_date, instant, query_parameters

S3 = "AWS"
"""`Signed.algorithm` of S3's form; the query protocol's is its SignatureMethod."""

METHODS = {"HmacSHA1": "sha1", "HmacSHA256": "sha256"}

SUB_RESOURCES = frozenset(
    """
    accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging metrics notification
    object-lock partNumber policy replication requestPayment restore select select-type storageClass tagging torrent
    uploadId uploads versionId versioning versions website
    response-cache-control response-content-disposition response-content-encoding response-content-language
    response-content-type response-expires
    """.split()  # noqa: SIM905
)
"""The parameters that S3 signs; all others it does not."""


# --- reading --------------------------------------------------------------------------------------------------------


def from_header(authorization: str, request: Request) -> Signed:
    """Read `AWS key:signature`, S3's header."""
    access_key, colon, signature = authorization[4:].strip().rpartition(":")
    if not colon or not access_key or not signature:
        words = "AWS authorization header is invalid. Expected AwsAccessKeyId:signature"
        raise Fault("InvalidArgument", words, status=400, ArgumentName="Authorization", ArgumentValue=authorization)
    headers = request.headers
    timestamp = _moment(headers.get("x-amz-date") or headers.get("date"))
    if timestamp is None:
        raise Fault("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    return _signed(S3, access_key, signature, timestamp, headers.get("x-amz-security-token"))


def from_query(request: Request) -> Signed:
    """Read S3's presigned query, or the query protocol's parameters, which may stand in the body."""
    parameters = query_parameters(request.query)
    if "AWSAccessKeyId" not in parameters:
        parameters |= query_parameters(request.body.decode("latin-1"))
    if "SignatureVersion" in parameters:
        return _from_parameters(parameters)
    if not parameters.get("Signature") or "Expires" not in parameters:
        words = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise Fault("AccessDenied", words)
    expires = parameters["Expires"]
    if not (expires.isascii() and expires.isdecimal() and len(expires) < 12):
        raise Fault("AccessDenied", f"Invalid date (should be seconds since epoch): {expires}")
    token = parameters.get("x-amz-security-token") or request.headers.get("x-amz-security-token")
    return _signed(S3, parameters["AWSAccessKeyId"], parameters["Signature"], float(expires), token, presigned=True)


def _from_parameters(parameters: dict[str, str]) -> Signed:
    """The query protocol's form. An Expires, which a client may send for the Timestamp, is the end of its validity."""
    version, method = parameters["SignatureVersion"], parameters.get("SignatureMethod", "HmacSHA1")
    presigned = "Timestamp" not in parameters
    timestamp = _moment(parameters.get("Expires" if presigned else "Timestamp", ""))
    if timestamp is None:
        raise Fault("MissingParameter", "The request must contain a valid Timestamp or Expires parameter.")
    return _signed(
        method if version == "2" else f"SignatureVersion {version}",
        parameters["AWSAccessKeyId"],
        parameters.get("Signature", ""),
        timestamp,
        parameters.get("SecurityToken", ""),
        presigned=presigned,
    )


def _signed(
    algorithm: str, access_key: str, signature: str, timestamp: float, token: str, *, presigned: bool = False
) -> Signed:
    """Where the request names its end and not its beginning, that end is `timestamp`, and `expires` is 0."""
    return Signed(
        algorithm=algorithm,
        access_key=access_key,
        region="",
        service="s3" if algorithm == S3 else "",
        scope="",
        signed_headers=(),
        signature=signature,
        date=basic_format(timestamp),
        timestamp=timestamp,
        token=token,
        presigned=presigned,
        expires=0 if presigned else None,
    )


def _moment(date: str) -> float | None:
    timestamp = instant(date)
    if timestamp is not None:
        return timestamp
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return http_date(date)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


# --- signing --------------------------------------------------------------------------------------------------------


def signature(signed: Signed, request: Request, secret: str, bucket: str) -> tuple[str, str]:
    """The signature that the request should have, and the string to sign that it comes from.

    S3 signs the bucket that a virtual host names as if it stood in the path; `bucket` is that name, or nothing.
    """
    if signed.algorithm == S3:
        text, digest = _s3_string(signed, request, bucket), "sha1"
    elif signed.algorithm in METHODS:
        text, digest = _query_string(request), METHODS[signed.algorithm]
    else:
        raise Fault("SignatureDoesNotMatch", f"{signed.algorithm} is not supported. Use AWS Signature Version 4.")
    return base64.b64encode(hmac.digest(secret.encode(), octets(text), digest)).decode(), text


def _s3_string(signed: Signed, request: Request, bucket: str) -> str:
    headers = request.headers
    parameters = query_parameters(request.query) if signed.presigned else {}
    amz = _amz_headers(headers, parameters)
    if signed.presigned:
        date = parameters["Expires"]
    else:
        date = "" if "x-amz-date" in headers else headers.get("date")
    md5, content_type = (headers.get(name) or parameters.get(name, "") for name in ("content-md5", "content-type"))
    resource = (f"/{bucket}" if bucket else "") + request.path + _sub_resources(request.query)
    return f"{request.method}\n{md5}\n{content_type}\n{date}\n{amz}{resource}"


def _amz_headers(headers: Headers, parameters: dict[str, str]) -> str:
    """All x-amz- headers, those included that a presigned URL carries as parameters."""
    values: dict[str, list[str]] = {}
    for name, value in (*headers, *parameters.items()):
        if name.lower().startswith("x-amz-"):
            values.setdefault(name.lower(), []).append(" ".join(value.split()))
    return "".join([f"{name}:{','.join(values[name])}\n" for name in sorted(values)])


def _sub_resources(query: str) -> str:
    signed = []
    for pair in sorted(query.split("&")):
        name, equals, value = pair.partition("=")
        if name in SUB_RESOURCES:
            signed.append(f"{name}{equals}{unquote(value)}")
    return f"?{'&'.join(signed)}" if signed else ""


def _query_string(request: Request) -> str:
    """The method, host, path, and all parameters but the signature, in the order of their octets."""
    form = request.body.decode("latin-1") if request.method == "POST" else ""
    parameters = []
    for pair in filter(None, f"{request.query}&{form}".split("&")):
        name, _, value = pair.partition("=")
        if name != "Signature":
            parameters.append((unquote_plus(name).encode(), unquote_plus(value).encode()))
    query = "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in sorted(parameters))
    return f"{request.method}\n{request.host.lower()}\n{request.path}\n{query}"
