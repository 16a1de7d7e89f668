"""aws-chunked bodies: S3 uploads cut into chunks, each with a signature of its own or none, and trailing fields.

    decoder = chunk_decoder(request, signed, secret)   # None: the body is not aws-chunked
    piece = decoder.feed(data)                         # as the octets arrive, however they are split
    decoder.finish()                                   # after the last; now decoder.trailers may be believed

`feed` hands out the octets of a chunk before that chunk's signature can be known, so nothing may be committed before
`finish` has returned. See "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks" and its sequel "... Including Trailing Headers" in the S3 API Reference. Comparing a trailing checksum with the
body is the reader's affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from hashlib import sha256

from pileus.kernel.errors import Fault

from .message import Headers, Request
from .signed import ECDSA, HMAC, Signed
from .signing import matcher
from .sigv4a import PADDING

SMALLEST = 8192
"""Octets in a chunk that is not the last."""

LONGEST_LINE = 16_384

TRAILER_SIGNATURE = "x-amz-trailer-signature"

_CHUNKED = re.compile(r"STREAMING-(?:(UNSIGNED)|AWS4-(?:HMAC|ECDSA-P256)-SHA256)-PAYLOAD(-TRAILER)?")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9A-Za-z]+\**))?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*:(.*)", re.DOTALL)
_EMPTY = sha256().hexdigest()


def chunk_decoder(request: Request, signed: Signed | None, secret: str | None) -> ChunkDecoder | None:
    """A decoder for the body of that request; without a secret the signatures of the chunks are not looked at."""
    declared = request.headers.first.get("x-amz-content-sha256", "")
    match = _CHUNKED.fullmatch(declared) if declared.startswith("STREAMING-") else None
    if match is None:
        return None
    length = request.headers.get("x-amz-decoded-content-length")
    if not (length.isascii() and length.isdecimal()):
        raise Fault("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
    names = ",".join(request.headers.all("x-amz-trailer")).lower().split(",") if match[2] else []
    seal = None
    if not match[1] and signed is not None and secret is not None and signed.algorithm in (HMAC, ECDSA):
        seal = Seal(signed, secret)
    return ChunkDecoder(int(length), frozenset(filter(None, map(str.strip, names))), seal)


class Seal:
    """The chain of signatures, each over the one before; the first is the request's own."""

    __slots__ = ("_matches", "_previous", "_signed")

    def __init__(self, signed: Signed, secret: str) -> None:
        self._signed = signed
        self._previous = signed.signature
        self._matches: Callable[[bytes, str], bool] = matcher(signed, secret)

    def check_chunk(self, digest: str, signature: str) -> None:
        self._check("PAYLOAD", f"{_EMPTY}\n{digest}", signature)

    def check_trailers(self, digest: str, signature: str) -> None:
        self._check("TRAILER", digest, signature)

    def _check(self, kind: str, digests: str, signature: str) -> None:
        signed = self._signed
        text = f"{signed.algorithm}-{kind}\n{signed.date}\n{signed.scope}\n{self._previous}\n{digests}"
        if not self._matches(text.encode(), signature):
            raise Fault(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
                AWSAccessKeyId=signed.access_key,
                StringToSign=text,
                SignatureProvided=signature,
            )
        self._previous = signature.rstrip(PADDING)


class State(Enum):
    """What the next line is."""

    SIZE = auto()
    GAP = auto()  # the end of a chunk's octets
    FIELD = auto()
    END = auto()


class ChunkDecoder:
    """From the octets of an aws-chunked body to those of the object.

    `length` is the object's (x-amz-decoded-content-length), `announced` the trailing fields that x-amz-trailer names.
    """

    def __init__(self, length: int, announced: frozenset[str] = frozenset(), seal: Seal | None = None) -> None:
        self._length = length
        self.announced = announced
        self._seal = seal
        self._state = State.SIZE
        self._rest = b""  # a line that has begun
        self._left = 0  # octets of the chunk still to come
        self._decoded = 0
        self._number = 0
        self._size = SMALLEST
        self._signature = ""
        self._digest = sha256()
        self._fields: dict[str, str] = {}

    @property
    def trailers(self) -> Headers:
        """The trailing fields, without their signature."""
        return Headers([(name, value) for name, value in self._fields.items() if name != TRAILER_SIGNATURE])

    def feed(self, data: bytes) -> bytes:
        """The octets of the object among the next octets of the body."""
        if self._rest:
            data = self._rest + data
        pieces, at = [], 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                at += len(piece)
                self._take(piece)
                pieces.append(piece)
                continue
            end = data.find(b"\r\n", at, at + LONGEST_LINE + 2)
            if end < 0:
                if len(data) - at >= LONGEST_LINE + 2:
                    raise _broken()
                break
            self._read_line(data[at:end])
            at = end + 2
        self._rest = data[at:]
        return b"".join(pieces)

    def finish(self) -> None:
        """Refuse a body that ended too soon. The very last line end may be missing: some clients leave it out."""
        if self._state is State.FIELD and not self._rest:
            self._end_fields()
        if self._state is not State.END:
            raise _broken()
        if self._rest:
            raise _malformed()

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        self._decoded += len(piece)
        if self._seal is not None:
            self._digest.update(piece)
            if not self._left:
                self._seal.check_chunk(self._digest.hexdigest(), self._signature)

    def _read_line(self, line: bytes) -> None:
        if self._state is State.SIZE:
            self._begin_chunk(line)
        elif self._state is State.FIELD:
            self._read_field(line)
        elif line:
            raise _malformed() if self._state is State.END else _broken()
        elif self._state is State.GAP:
            self._state = State.SIZE

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None or (self._seal is not None and match[2] is None):
            raise _broken()
        size, self._signature = int(match[1], 16), (match[2] or b"").decode()
        if size:
            self._begin_octets(size)
        elif self._decoded != self._length:
            raise _broken()
        else:
            if self._seal is not None:
                self._seal.check_chunk(_EMPTY, self._signature)
            self._state = State.FIELD

    def _begin_octets(self, size: int) -> None:
        if self._size < SMALLEST:
            words = f"Only the last chunk is allowed to have a size less than {SMALLEST} bytes"
            raise Fault("InvalidChunkSizeError", words, status=403, Chunk=self._number, BadChunkSize=self._size)
        if self._decoded + size > self._length:
            raise _broken()
        self._number += 1
        self._size = self._left = size
        self._digest = sha256()
        self._state = State.GAP

    def _read_field(self, line: bytes) -> None:
        if not line:
            self._end_fields()
            return
        match = _FIELD.fullmatch(line)
        if match is None:
            raise _malformed()
        name = match[1].decode().lower()
        if name in self._fields or (name not in self.announced and name != TRAILER_SIGNATURE):
            raise _malformed()
        self._fields[name] = match[2].decode("latin-1").strip(" \t\n")

    def _end_fields(self) -> None:
        fields = sorted((name, value) for name, value in self._fields.items() if name != TRAILER_SIGNATURE)
        if len(fields) != len(self.announced):
            raise _malformed()
        if self._seal is not None and self._fields.keys() | self.announced:
            if TRAILER_SIGNATURE not in self._fields:
                raise _malformed()
            text = "".join([f"{name}:{value}\n" for name, value in fields])
            self._seal.check_trailers(sha256(text.encode("latin-1")).hexdigest(), self._fields[TRAILER_SIGNATURE])
        self._state = State.END


def _broken() -> Fault:
    return Fault("IncompleteBody", "The request body terminated unexpectedly", status=400)


def _malformed() -> Fault:
    words = "The request contained trailing data that was not well-formed or did not conform to our published schema."
    return Fault("MalformedTrailerError", words, status=400)
