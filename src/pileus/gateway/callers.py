"""Who makes a request, as its signature says; and its body, freed of the signatures within it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from functools import lru_cache
from hashlib import sha256

from pileus.kernel import identity
from pileus.kernel.cloud import Cloud
from pileus.kernel.errors import Fault
from pileus.kernel.identity import ANONYMOUS, Credential, Principal

from . import signing
from .message import Body, Headers, Request
from .signed import Signed
from .signing_chunks import ChunkDecoder, chunk_decoder

INVALID_TOKEN = "The security token included in the request is invalid."
EXPIRED_TOKEN = "The security token included in the request is expired"

root = lru_cache(maxsize=4096)(identity.root)


def caller(cloud: Cloud, request: Request) -> Principal:
    """Who signed the request. Keys of the cloud's own are verified; others name the root of an account, unless strict.

    An aws-chunked body is decoded on the way: at once if it is there, else as it is read.
    """
    signed = request.signed = signing.parse(request)
    if signed is None:
        decode_chunks(request, None, None)
        return ANONYMOUS
    credential = cloud.access.credential(cloud.system, signed.access_key)
    if credential is None:
        # Nobody but the cloud issues temporary keys, so one that is not on record was never good.
        if cloud.strict or signed.access_key.startswith("ASIA"):
            raise stranger(signed)
        if signed.presigned:
            check_time(cloud, signed)
        decode_chunks(request, signed, None)
        check_hash(request, signed, verified=False)
        return root(identity.account_of(signed.access_key), signed.access_key)
    verify(cloud, request, signed, credential)
    decode_chunks(request, signed, credential.secret)
    check_hash(request, signed)
    return credential.principal


def verify(cloud: Cloud, request: Request, signed: Signed, credential: Credential) -> None:
    """Refuse what the holder of the credential did not sign, or signed too long ago."""
    clock = cloud.clock
    if not credential.active or (signed.token or "") != credential.token:
        raise stranger(signed)
    if credential.expires is not None and credential.expires <= clock.now():
        raise Fault("ExpiredToken", "The provided token has expired." if signed.s3 else EXPIRED_TOKEN)
    check_time(cloud, signed)
    signing.verify(signed, request, credential.secret)


def stranger(signed: Signed) -> Fault:
    """A key or a token that is nobody's; S3 has words of its own for either ("Error responses", S3 API Reference)."""
    if not signed.s3:
        return Fault("InvalidClientTokenId", INVALID_TOKEN)
    if signed.token:
        return Fault("InvalidToken", "The provided token is malformed or otherwise invalid.", status=400)
    words = "The AWS Access Key Id you provided does not exist in our records."
    return Fault("InvalidAccessKeyId", words, status=403, AWSAccessKeyId=signed.access_key)


def check_time(cloud: Cloud, signed: Signed) -> None:
    """Refuse an old signature: a header's by the client's own clock, a presigned request's by the cloud's."""
    wall = time.time()
    age = age_of(cloud, signed, wall) if signed.presigned else None
    signing.check_time(signed, wall_now=wall, age=age)


def age_of(cloud: Cloud, signed: Signed, wall: float) -> float:
    """Seconds of cloud time since a presigned request was made."""
    now = cloud.clock.now()
    if signed.timestamp > wall:  # a client's clock that is fast, or a Signature Version 2, which names its end
        return now - cloud.clock.at_wall(signed.timestamp)
    return now - cloud.made(signed.signature, signed.timestamp)


def made_at(cloud: Cloud, signed: Signed) -> float:
    """The cloud time at which a request was signed: a moment ago, or whenever its URL was made."""
    wall = time.time()
    return cloud.clock.now() - (age_of(cloud, signed, wall) if signed.presigned else wall - signed.timestamp)


def decode_chunks(request: Request, signed: Signed | None, secret: str | None) -> None:
    """Replace an aws-chunked body by the object in it."""
    decoder = chunk_decoder(request, signed, secret)
    if decoder is None:
        return
    if request.stream is not None:
        request.stream = Unchunked(request.stream, decoder)
        return
    request.body = decoder.feed(request.body)
    decoder.finish()
    request.trailers = decoder.trailers


def check_hash(request: Request, signed: Signed, *, verified: bool = True) -> None:
    """Compare a body with the hash that the request declares of it; of a streamed one when it has been read.

    A signature that was verified has said so of a body that was there.
    """
    if verified and request.stream is None:
        return
    declared = signing.declared_hash(signed, request)
    if not declared:
        return
    if request.stream is not None:
        request.stream = Hashed(request.stream, signed, declared)
    elif signed.s3:
        signing.check_body(signed, declared, sha256(request.body).hexdigest())


class Hashed:
    """A body as it arrives, which ends with an error if it is not what was declared."""

    def __init__(self, body: Body, signed: Signed, declared: str) -> None:
        self._body = body
        self._signed = signed
        self._declared = declared

    @property
    def trailers(self) -> Headers:
        return self._body.trailers

    async def __aiter__(self) -> AsyncIterator[bytes]:
        digest = sha256()
        async for piece in self._body:
            digest.update(piece)
            yield piece
        signing.check_body(self._signed, self._declared, digest.hexdigest())


class Unchunked:
    """The object in an aws-chunked body, as it arrives; its signatures hold once the iteration has ended."""

    def __init__(self, body: Body, decoder: ChunkDecoder) -> None:
        self._body = body
        self._decoder = decoder

    @property
    def trailers(self) -> Headers:
        return self._decoder.trailers

    @property
    def announced(self) -> frozenset[str]:
        """The names of the trailers that there will be."""
        return self._decoder.announced

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for data in self._body:
            if piece := self._decoder.feed(data):
                yield piece
        self._decoder.finish()
