"""How subscribers know that a message comes from SNS: it is signed, and the certificate can be fetched from the cloud.

Developer Guide, "Verifying the signatures of Amazon SNS messages". Signature version 1 is SHA-1 with RSA, version 2
SHA-256 with RSA. The certificate is the cloud's own: no authority outside knows it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from asyncio import Future
from collections import deque
from datetime import UTC, datetime
from functools import cache, lru_cache
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import parse_qs

from pileus.kernel import Call, Record
from pileus.kernel.edge import Answer

from . import sns

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    from pileus.kernel.cloud import Cloud
    from pileus.kernel.master_key import MasterKey

PURPOSE = b"sns signing key"
BITS = 2048
SIGNED = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
"""Members that are signed, in this order, where they are there; `SubscribeURL` only with a `Token`."""


class Signer(Record, scope="cloud"):
    """The key that messages are signed with, sealed, and its certificate."""

    name: str
    key: bytes
    certificate: bytes

    @classmethod
    def of(cls, call: Call) -> Signer:
        return cls.get(call, "") or made(call).put(call)

    @property
    def file(self) -> str:
        return f"SimpleNotificationService-{hashlib.sha1(self.certificate, usedforsecurity=False).hexdigest()[:32]}.pem"


def made(call: Call) -> Signer:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(65537, BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2010, 3, 31, tzinfo=UTC))
        .not_valid_after(datetime(2099, 12, 31, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("sns.amazonaws.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sealed = call.cloud.master_key.seal(secret, PURPOSE)
    return Signer("", sealed, certificate.public_bytes(serialization.Encoding.PEM))


@lru_cache(maxsize=4)
def opened(master_key: MasterKey, sealed: bytes) -> RSAPrivateKey:
    from cryptography.hazmat.primitives import serialization

    return serialization.load_der_private_key(master_key.open(sealed, PURPOSE), None)  # type: ignore[return-value]


@cache
def scheme(version: str) -> tuple[PKCS1v15, SHA1 | SHA256]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.PKCS1v15(), hashes.SHA256() if version == "2" else hashes.SHA1()


class Draft(NamedTuple):
    """What is to be signed, by which key, and what then goes with the signature."""

    key: RSAPrivateKey
    text: bytes
    version: str
    certificate: str
    """Its address."""

    @classmethod
    def of(cls, call: Call, members: dict[str, Any], version: str) -> Self:
        signer = Signer.of(call)
        text = "".join([f"{name}\n{members[name]}\n" for name in SIGNED if members.get(name) is not None])
        key = opened(call.cloud.master_key, signer.key)
        return cls(key, text.encode(), version, call.url(f"_pileus/at/sns/{signer.file}"))

    def sign(self) -> bytes:
        return self.key.sign(self.text, *scheme(self.version))

    def members(self, signature: bytes) -> dict[str, str]:
        signed = base64.b64encode(signature).decode()
        return {"SignatureVersion": self.version, "Signature": signed, "SigningCertURL": self.certificate}


def signed(call: Call, members: dict[str, Any], version: str) -> dict[str, str]:
    """The members by which a message is known to come from SNS; none where no version is asked for."""
    if not version:
        return {}
    draft = Draft.of(call, members, version)
    return draft.members(draft.sign())


async def signed_aside(call: Call, members: dict[str, Any], version: str) -> dict[str, str]:
    """The same, from a thread beside the event loop."""
    if not version:
        return {}
    with call.store.attempt():
        draft = Draft.of(call, members, version)
    return draft.members(await call.cloud.engine(Signatory).signature(draft))


class Signatory:
    """Threads that sign. RSA takes longer than all the rest of Publish, and does not need the interpreter.

    One signs while the other waits for its turn to say so. So as not to wake the event loop for each signature, it is
    told of several at once where others wait.
    """

    THREADS = 2
    AT_ONCE = 8

    def __init__(self, cloud: Cloud) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[tuple[Draft, Future[bytes]] | None] = SimpleQueue()
        self._waiting: set[Future[bytes]] = set()
        self._made: deque[tuple[Future[bytes], bytes | Exception]] = deque()
        self._told = False
        """Whether the loop knows that something was made."""
        self._closed = False
        self._threads: list[Thread] = []
        self._another = False
        """Whether somebody has had something signed in this turn of the loop."""

    def needed(self) -> bool:
        """Whether others have something signed at the same time. For one alone, waking a thread takes longer."""
        if self._waiting or self._another:
            return True
        self._another = True
        self._loop.call_soon(self._next_turn)
        return False

    def _next_turn(self) -> None:
        self._another = False

    def signature(self, draft: Draft) -> Future[bytes]:
        if not self._threads:
            self._threads = [Thread(target=self._work, name="sns-signatory", daemon=True) for _ in range(self.THREADS)]
            for thread in self._threads:
                thread.start()
        future: Future[bytes] = self._loop.create_future()
        self._waiting.add(future)
        self._asked.put((draft, future))
        return future

    async def close(self) -> None:
        """Let go of what is not signed: who waits for it is cancelled."""
        self._closed = True
        for _ in self._threads:
            self._asked.put(None)
        for future in self._waiting:
            future.cancel()

    def _work(self) -> None:
        while (asked := self._asked.get()) and not self._closed:
            draft, future = asked
            self._made.append((future, b"" if future.cancelled() else attempted(draft)))
            if not self._told and (len(self._made) >= self.AT_ONCE or self._asked.empty()):
                self._told = True
                self._loop.call_soon_threadsafe(self._hand_out)

    def _hand_out(self) -> None:
        self._told = False
        while self._made:
            future, made = self._made.popleft()
            self._waiting.discard(future)
            if future.cancelled():
                continue
            if isinstance(made, bytes):
                future.set_result(made)
            else:
                future.set_exception(made)


def attempted(draft: Draft) -> bytes | Exception:
    try:
        return draft.sign()
    except Exception as error:
        return error


@sns.address
def page(call: Call, request: Any, what: str, number: str = "") -> Answer:
    """The certificate that SigningCertURL names; or, at `stop/+15550100?account=…&region=…`, a phone answers STOP."""
    if what == "stop" and number:
        from . import texting

        return texting.stop(call, number, parse_qs(request.query))
    signer = Signer.get(call, "")
    if signer is None or what != signer.file:
        return Answer(404, [("content-type", "text/plain")], b"There is no such certificate.\n")
    return Answer(200, [("content-type", "application/x-pem-file")], signer.certificate)
