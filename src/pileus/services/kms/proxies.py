"""What KMS says to an external key store proxy: the XKS proxy API, version 1.

Four requests of JSON, signed by Signature Version 4 with the credential that the customer has given ("AWS KMS External
Keystore Proxy API Specification"). Left out: ciphertextDataIntegrityValue, which is optional.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any, NamedTuple

import msgspec

from pileus.engines.https import Garbled, Https, Late, Unreachable, Untrusted
from pileus.kernel import Call

Members = dict[str, Any]

SERVICE = "kms-xks-proxy"
SIGNED = "content-type;host;x-amz-date"
PATIENCE = 2.0
"""Seconds for an answer. AWS waits for 250 ms, in which a machine that does many things at once may do none of them."""


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """Where a proxy is, and with what it knows KMS."""

    endpoint: str
    path: str
    access_key: str
    secret: bytes
    """Sealed."""
    connectivity: str
    vpc_service: str = ""
    vpc_service_owner: str = ""

    @property
    def host(self) -> str:
        return self.endpoint.removeprefix("https://")


class Failed(Exception):
    """A proxy did not do what it was asked for; `kind` is its error's name, or one of those below."""

    def __init__(self, kind: str, text: str = "") -> None:
        super().__init__(text or kind)
        self.kind = kind


UNREACHABLE, LATE, UNTRUSTED, GARBLED = "Unreachable", "Late", "Untrusted", "Garbled"

KINDS = {
    400: "ValidationException",
    401: "AuthenticationFailedException",
    403: "AccessDeniedException",
    404: "InvalidUriPathException",
    429: "ThrottlingException",
    503: "DependencyTimeoutException",
}
"""Errors by their status, for a proxy that does not say which it is."""


class Sealed(NamedTuple):
    """What a proxy has encrypted."""

    nonce: bytes
    tag: bytes
    ciphertext: bytes
    metadata: bytes


def health(call: Call, proxy: Proxy, secret: str, operation: str) -> None:
    """Ask whether the proxy, and a manager of keys behind it, are there."""
    metadata = {"kmsRequestId": call.request_id, "kmsOperation": operation}
    answer = asked(call, proxy, secret, "/health", {"requestMetadata": metadata})
    fleet = answer.get("ekmFleetDetails")
    if not isinstance(fleet, list) or not all(isinstance(one, dict) for one in fleet) or not fleet:
        raise Failed(GARBLED, "ekmFleetDetails is missing")
    if all(one.get("healthStatus") == "UNAVAILABLE" for one in fleet):
        raise Failed(UNREACHABLE, "all external key manager instances are unavailable")


def key_metadata(call: Call, proxy: Proxy, secret: str, key: str, about: Members) -> Members:
    """What the proxy tells of a key."""
    return asked(call, proxy, secret, f"/keys/{key}/metadata", {"requestMetadata": about})


def encrypt(call: Call, proxy: Proxy, secret: str, key: str, about: Members, data: bytes, context: bytes) -> Sealed:
    members = {
        "requestMetadata": about,
        "additionalAuthenticatedData": text(context),
        "plaintext": text(data),
        "encryptionAlgorithm": "AES_GCM",
    }
    answer = asked(call, proxy, secret, f"/keys/{key}/encrypt", members)
    names = ("initializationVector", "authenticationTag", "ciphertext")
    nonce, tag, ciphertext = (read(answer, name) for name in names)
    metadata = read(answer, "ciphertextMetadata") if answer.get("ciphertextMetadata") else b""
    if len(nonce) not in (12, 16) or len(tag) != 16 or len(metadata) > 20 or not ciphertext:
        raise Failed(GARBLED, "the ciphertext is not one of AES-GCM")
    return Sealed(nonce, tag, ciphertext, metadata)


def decrypt(call: Call, proxy: Proxy, secret: str, key: str, about: Members, sealed: Sealed, context: bytes) -> bytes:
    members = {
        "requestMetadata": about,
        "additionalAuthenticatedData": text(context),
        "encryptionAlgorithm": "AES_GCM",
        "initializationVector": text(sealed.nonce),
        "authenticationTag": text(sealed.tag),
        "ciphertext": text(sealed.ciphertext),
    }
    if sealed.metadata:
        members["ciphertextMetadata"] = text(sealed.metadata)
    return read(asked(call, proxy, secret, f"/keys/{key}/decrypt", members), "plaintext")


def asked(call: Call, proxy: Proxy, secret: str, path: str, members: Members) -> Members:
    """The answer of a proxy; Failed where there is none that helps."""
    body = msgspec.json.encode(members)
    target = proxy.path + path
    headers = signed(proxy, secret, call.region, target, body)
    try:
        status, content = call.cloud.engine(Https).post(proxy.host, target, headers, body, seconds=PATIENCE)
    except Unreachable as error:
        raise Failed(UNREACHABLE, str(error)) from None
    except Late as error:
        raise Failed(LATE, str(error)) from None
    except Untrusted as error:
        raise Failed(UNTRUSTED, str(error)) from None
    except Garbled as error:
        raise Failed(GARBLED, str(error)) from None
    try:
        answer = msgspec.json.decode(content or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        answer = {}
        if status == 200:
            raise Failed(GARBLED, "the answer is not JSON") from None
    if status != 200:
        kind = answer.get("errorName") or KINDS.get(status, "InternalException")
        raise Failed(str(kind), str(answer.get("errorMessage") or ""))
    return answer


def signed(proxy: Proxy, secret: str, region: str, target: str, body: bytes) -> dict[str, str]:
    """The headers of a request (Signature Version 4). A proxy checks their date by the real clock."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    headers = {"content-type": "application/json", "host": proxy.host, "x-amz-date": now}
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = f"POST\n{target}\n\n{lines}\n{SIGNED}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{now[:8]}/{region}/{SERVICE}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"Credential={proxy.access_key}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={SIGNED}, Signature={signature}"
    return headers | {"authorization": authorization}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def read(answer: Members, name: str) -> bytes:
    try:
        return base64.b64decode(answer[name], validate=True)
    except (KeyError, TypeError, ValueError):
        raise Failed(GARBLED, f"{name} is missing, or no Base64") from None
