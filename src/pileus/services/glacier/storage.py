"""Bytes of archives on the disk: encrypted with AES-CTR under a key of each blob, which the master key seals.

Counter mode lets a range be read from where it begins; that nothing was changed the tree hash tells.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import msgspec

from pileus.kernel import Call
from pileus.kernel.blobs import Writer, threaded

from .faults import invalid
from .tree_hash import TreeHash

BATCH = 512 * 1024
BLOCK = 16
"""Bytes of AES that share a counter."""


class Stored(msgspec.Struct, array_like=True):
    """Bytes that came in one request."""

    place: str
    """The blob."""
    size: int
    key: bytes
    """Sealed."""
    tree_hash: str


def cipher(key: bytes, block: int = 0) -> Any:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    return Cipher(algorithms.AES(key), modes.CTR(block.to_bytes(BLOCK, "big")))


class Intake:
    """A body on its way to the disk. Nothing is left of it unless it is adopted before the block ends."""

    def __init__(self, call: Call, most: int) -> None:
        self._call = call
        self._most = most
        self._key = os.urandom(32)
        self._encryptor = cipher(self._key).encryptor()
        self._tree = TreeHash()
        self._writer: Writer = call.cloud.blobs.writer()
        self.size = 0

    async def __aenter__(self) -> Self:
        await self._writer.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._writer.__aexit__(kind, error, traceback)

    async def take(self, body: Any) -> str:
        """Read the body to its end: its tree hash."""
        waiting = bytearray()
        async for piece in pieces(body):
            waiting += piece
            self.size += len(piece)
            if self.size > self._most:
                raise invalid(f"Invalid Content-Length: {self.size}")
            if len(waiting) >= BATCH:
                await self._writer.write(await threaded(self._work, bytes(waiting)))
                waiting.clear()
        await self._writer.write(self._work(bytes(waiting)))
        await self._writer.keep()
        return self._tree.hexdigest()

    def _work(self, data: bytes) -> bytes:
        self._tree.update(data)
        encrypted: bytes = self._encryptor.update(data)
        return encrypted

    def adopt(self, call: Call) -> Stored:
        """The bytes, stored with the transaction under way."""
        call.cloud.blobs.adopt(self._writer.name)
        return Stored(self._writer.name, self.size, call.cloud.master_key.seal(self._key), self._tree.hexdigest())


async def pieces(body: Any) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    elif body is not None:
        async for piece in body:
            yield piece


def discard(call: Call, stored: Stored) -> None:
    """Give up bytes with the transaction under way."""
    call.cloud.blobs.discard(stored.place)


async def read(call: Call, parts: list[Stored], start: int, stop: int) -> AsyncIterator[bytes]:
    """A range of the bytes of several parts."""
    at = 0
    with call.cloud.blobs.hold():
        for part in parts:
            first, last = max(start - at, 0), min(stop - at, part.size)
            if first < last:
                async for piece in opened(call, part, first, last):
                    yield piece
            at += part.size


async def opened(call: Call, part: Stored, start: int, stop: int) -> AsyncIterator[bytes]:
    skip = start % BLOCK
    decryptor = cipher(call.cloud.master_key.open(part.key), start // BLOCK).decryptor()
    source = call.cloud.blobs.open(part.place, start - skip, stop - start + skip)
    try:
        async for piece in source:
            plain = decryptor.update(piece)
            yield plain[skip:] if skip else plain
            skip = 0
    finally:
        source.close()
