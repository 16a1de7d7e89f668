"""Encryption at rest: every part of an object has a data key of its own, and that is wrapped.

SSE-S3 wraps it under the cloud's master key, which lies beside the store; SSE-C under the key that the customer sends
along and that is never kept; SSE-KMS has it made and opened by KMS. The bytes are cut into segments, each sealed with
AES-256-GCM and its number for nonce, so that a range can be read without the rest.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from pileus.kernel import Call, Fault, Unfinished

from . import faults

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from .buckets import Bucket

TAG = 16
SEALED = 64 * 1024
SEGMENT = SEALED - TAG
"""Bytes of the plain text in a segment that is not the last."""

ABOUT = b"s3"
"""What the master key's seals of data keys are about."""
KMS = ("aws:kms", "aws:kms:dsse")
CUSTOMER = "SSE-C"


class Seal(msgspec.Struct, array_like=True, frozen=True):
    """How an object is encrypted, as its metadata tell."""

    algorithm: str = "AES256"
    kms_key: str = ""
    context: str = ""
    """The encryption context as it was given, in base 64."""
    bucket_key: bool = False
    customer_md5: str = ""


PLAIN = Seal()


class CustomerKey(NamedTuple):
    """The key of SSE-C."""

    key: bytes
    md5: str


class Opener(msgspec.Struct, frozen=True):
    """What is needed to wrap and to open the data keys of one object."""

    seal: Seal
    resource: str
    """The object's ARN, which only KMS wants to know."""
    customer: CustomerKey | None = None


def cipher(key: bytes) -> AESGCM:
    return aes_gcm()(key)


@cache
def aes_gcm() -> type[AESGCM]:
    """Imported when the first object comes, and looked up no more."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM


def new_key(call: Call, opener: Opener) -> tuple[bytes, bytes]:
    """A data key and its wrapped form."""
    seal = opener.seal
    if seal.algorithm in KMS:
        made = kms(
            call,
            "generate_data_key",
            key_id=seal.kms_key or "alias/aws/s3",
            key_spec="AES_256",
            encryption_context=context(opener),
        )
        return made["Plaintext"], made["CiphertextBlob"]
    key = os.urandom(32)
    if opener.customer is None:
        return key, call.cloud.master_key.seal(key, ABOUT)
    nonce = os.urandom(12)
    return key, nonce + cipher(opener.customer.key).encrypt(nonce, key, None)


def open_key(call: Call, opener: Opener, wrapped: bytes) -> bytes:
    """The data key of a part."""
    if opener.seal.algorithm in KMS:
        opened: bytes = kms(call, "decrypt", ciphertext_blob=wrapped, encryption_context=context(opener))["Plaintext"]
        return opened
    if opener.customer is None:
        return call.cloud.master_key.open(wrapped, ABOUT)
    return cipher(opener.customer.key).decrypt(wrapped[:12], wrapped[12:], None)


def kms(call: Call, operation: str, **members: Any) -> Any:
    """Ask KMS on behalf of the caller; its refusals are told as S3 tells them."""
    try:
        return getattr(call.aws("kms"), operation)(**members)
    except Unfinished:
        raise
    except Fault as fault:
        if fault.code.startswith("AccessDenied"):
            raise faults.denied(fault.message) from None
        raise faults.fault(f"KMS.{fault.code}", fault.message) from None


def context(opener: Opener) -> dict[str, str]:
    """What KMS binds the data key to: the object, and what the caller gave ("Encryption context", S3 User Guide)."""
    given: dict[str, str] = json.loads(base64.b64decode(opener.seal.context)) if opener.seal.context else {}
    return {"aws:s3:arn": opener.resource, **given}


def nonce(segment: int) -> bytes:
    return segment.to_bytes(12, "big")


FIRST = nonce(0)


def seal(key: bytes, plain: bytes) -> bytes:
    """All of a small part, which is one segment."""
    return cipher(key).encrypt(FIRST, plain, None)


def unseal(key: bytes, sealed: bytes) -> bytes:
    return cipher(key).decrypt(FIRST, sealed, None)


class Sealer:
    """Seals the bytes of one part as they come. It has room for one segment, and needs no more memory."""

    def __init__(self, key: bytes) -> None:
        self._cipher = cipher(key)
        self._segment = 0
        self._rest = bytearray()
        self._sealed = memoryview(bytearray(SEALED))

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """The segments that are full. Each is there until the next one is asked for."""
        plain, at = memoryview(data), 0
        if self._rest:
            at = SEGMENT - len(self._rest)
            self._rest += plain[:at]
            if len(self._rest) < SEGMENT:
                return
            yield self._seal(self._rest)
            self._rest.clear()
        while len(plain) - at >= SEGMENT:
            yield self._seal(plain[at : at + SEGMENT])
            at += SEGMENT
        self._rest += plain[at:]

    def end(self) -> memoryview:
        """The rest, which may be nothing: then it is a segment only if it is the only one."""
        return self._seal(self._rest) if self._rest or not self._segment else self._sealed[:0]

    def _seal(self, plain: bytearray | memoryview) -> memoryview:
        sealed = self._sealed[: len(plain) + TAG]
        self._cipher.encrypt_into(nonce(self._segment), plain, None, sealed)
        self._segment += 1
        return sealed


class Unsealer:
    """Opens the segments of one part from one of them on; whatever is given to `feed` must begin with a whole one."""

    def __init__(self, key: bytes, segment: int = 0) -> None:
        self._cipher = cipher(key)
        self._segment = segment
        self._rest = b""

    def feed(self, data: bytes, *, last: bool) -> bytes:
        data = self._rest + data if self._rest else data
        opened, at, view = [], 0, memoryview(data)
        while len(data) - at >= SEALED:
            opened.append(self._open(view[at : at + SEALED]))
            at += SEALED
        self._rest = data[at:]
        if last and self._rest:
            opened.append(self._open(self._rest))
        return b"".join(opened)

    def _open(self, sealed: bytes | memoryview) -> bytes:
        self._segment += 1
        return self._cipher.decrypt(nonce(self._segment - 1), sealed, None)


# What requests ask for


def customer_key(algorithm: str, key: str, md5: str, *, copy: bool = False) -> CustomerKey | None:
    """The key that a request brings along; None without any."""
    if not (algorithm or key or md5):
        return None
    where = "x-amz-copy-source-server-side-encryption-customer" if copy else "x-amz-server-side-encryption-customer"
    if algorithm != "AES256":
        words = (
            "Requests specifying Server Side Encryption with Customer provided keys must provide a valid "
            "encryption algorithm."
        )
        code = "InvalidEncryptionAlgorithmError" if algorithm else "InvalidArgument"
        raise faults.fault(code, words, ArgumentName=f"{where}-algorithm", ArgumentValue=algorithm or "null")
    try:
        raw = base64.b64decode(key, validate=True)
    except ValueError:
        raw = b""
    if not key or len(raw) != 32:
        words = "The secret key was invalid for the specified algorithm."
        if not key:
            words = (
                "Requests specifying Server Side Encryption with Customer provided keys must provide an "
                "appropriate secret key."
            )
        raise faults.invalid_argument(words, f"{where}-key", "null")
    digest = base64.b64encode(hashlib.md5(raw, usedforsecurity=False).digest()).decode()
    if md5 != digest:
        words = "The calculated MD5 hash of the key did not match the hash that was provided."
        if not md5:
            words = (
                "Requests specifying Server Side Encryption with Customer provided keys must provide the "
                "client calculated MD5 of the secret key."
            )
        raise faults.invalid_argument(words, f"{where}-key-MD5", md5 or "null")
    return CustomerKey(raw, digest)


def of_request(request: dict[str, Any]) -> CustomerKey | None:
    if "SSECustomerAlgorithm" not in request and "SSECustomerKey" not in request and "SSECustomerKeyMD5" not in request:
        return None
    return customer_key(
        request.get("SSECustomerAlgorithm", ""), request.get("SSECustomerKey", ""), request.get("SSECustomerKeyMD5", "")
    )


def asked(call: Call, bucket: Bucket, request: dict[str, Any], customer: CustomerKey | None) -> Seal:
    """How a new object is to be encrypted: as the request says, else as the bucket's default has it."""
    if bucket.zone:
        from .directories import encryption

        request = encryption(call, request)
    algorithm = request.get("ServerSideEncryption", "")
    if customer is not None:
        if algorithm:
            words = (
                "Server Side Encryption with Customer provided key is incompatible with the encryption method specified"
            )
            raise faults.invalid_argument(words, "x-amz-server-side-encryption", algorithm)
        if CUSTOMER in bucket.encryption.get("BlockedEncryptionTypes", {}).get("EncryptionType", ()):
            raise faults.denied()
        return Seal(CUSTOMER, customer_md5=customer.md5)
    if not algorithm and not bucket.encryption and "SSEKMSKeyId" not in request:
        return PLAIN
    default = bucket.encryption.get("ApplyServerSideEncryptionByDefault", {})
    key = request.get("SSEKMSKeyId", "")
    if key and algorithm not in KMS:
        words = (
            "Server Side Encryption with AWS KMS managed key requires HTTP header "
            "x-amz-server-side-encryption : aws:kms"
        )
        raise faults.invalid_argument(words, "x-amz-server-side-encryption", algorithm or None)
    if not algorithm:
        algorithm = default.get("SSEAlgorithm", "AES256")
    if algorithm not in ("AES256", *KMS):
        words = "The encryption method specified is not supported"
        raise faults.invalid_argument(words, "x-amz-server-side-encryption", algorithm)
    if algorithm == "AES256":
        return PLAIN
    if algorithm == default.get("SSEAlgorithm") and not key:
        key = default.get("KMSMasterKeyID", "")
    if "SSEKMSEncryptionContext" in request:
        check_context(request["SSEKMSEncryptionContext"])
    return Seal(
        algorithm,
        key if bucket.table and key else key_arn(call, key),
        request.get("SSEKMSEncryptionContext", ""),
        bool(bucket.zone) or request.get("BucketKeyEnabled", bucket.encryption.get("BucketKeyEnabled", False)),
    )


def check_context(text: str) -> None:
    """Whether what the caller wants bound to the data key is a map of texts, as KMS takes it."""
    try:
        msgspec.json.decode(base64.b64decode(text, validate=True), type=dict[str, str])
    except ValueError:
        words = (
            "The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which "
            "represents a string-string map"
        )
        raise faults.invalid_argument(words, "x-amz-server-side-encryption-context", text) from None


def key_arn(call: Call, key: str) -> str:
    """The ARN of the KMS key; the AWS managed one where none is named."""
    arn: str = kms(call, "describe_key", key_id=key or "alias/aws/s3")["KeyMetadata"]["Arn"]
    return arn


def as_request(seal: Seal) -> dict[str, Any]:
    """What a request says that asks for it."""
    if seal.algorithm not in KMS:
        return {"ServerSideEncryption": seal.algorithm}
    told = {"ServerSideEncryption": seal.algorithm, "SSEKMSKeyId": seal.kms_key}
    return told | ({"SSEKMSEncryptionContext": seal.context} if seal.context else {})


def shown(seal: Seal, *, with_context: bool = False) -> dict[str, Any]:
    """What responses tell of it."""
    if seal is PLAIN or seal.algorithm == "AES256":
        return {"ServerSideEncryption": "AES256"}
    if seal.algorithm == CUSTOMER:
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKeyMD5": seal.customer_md5}
    told: dict[str, Any] = {"ServerSideEncryption": seal.algorithm, "SSEKMSKeyId": seal.kms_key}
    if with_context and seal.context:
        told["SSEKMSEncryptionContext"] = seal.context
    return told | ({"BucketKeyEnabled": True} if seal.bucket_key else {})


def check_reader(seal: Seal, customer: CustomerKey | None) -> None:
    """Refuse who brings no key for what needs one, one for what needs none, or another."""
    if seal.algorithm != CUSTOMER:
        if customer is not None:
            raise faults.invalid_request("The encryption parameters are not applicable to this object.")
        return
    if customer is None:
        raise faults.invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
    if customer.md5 != seal.customer_md5:
        raise faults.denied(
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct "
            "secret key."
        )
