"""Bytes of objects on their way to the disk and back: hashed, sealed, in constant memory.

async with Intake(call, opener, digests) as intake:
    await intake.take(body)
    with call.transaction():
        part = intake.adopt(call)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple, Self

from pileus.kernel import Call, parcels
from pileus.kernel.blobs import SMALL, Writer

from . import faults, seals
from .digests import Digests, Sums
from .objects import Part
from .seals import SEALED, SEGMENT, Opener, Sealer, Unsealer

LARGEST = 5 * 1024**3
"""What may be sent in one piece."""
BATCH = 512 * 1024


class Intake:
    """The bytes of one part as they arrive. Nothing is left of them unless they are adopted before the block ends."""

    def __init__(self, call: Call, opener: Opener, digests: Digests) -> None:
        self.digests = digests
        self.size = 0
        self._call = call
        self._key, self._wrapped = seals.new_key(call, opener)
        self._sealer = Sealer(self._key)
        self._waiting: list[bytes] = []
        self._gathered = 0
        self._writer: Writer | None = None
        self._job: asyncio.Future[None] | None = None
        self._sealed = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._job is not None:
            await asyncio.gather(self._job, return_exceptions=True)
        if self._writer is not None:
            await self._writer.__aexit__(kind, error, traceback)

    async def take(self, body: Any) -> None:
        """Read the body to its end."""
        if isinstance(body, bytes):
            await self._add(body)
        elif body is not None:
            async for piece in body:
                await self._add(piece)
        if self._writer is None and self.size <= parcels.MOST:
            self._sealed = self._rest() if self.size else b""
            return
        writer = await self._begun()
        if self._gathered > SMALL:
            await writer.pour(self._work(self._gather()))
        await writer.write(self._rest())
        await writer.keep()

    async def _add(self, piece: bytes) -> None:
        self._waiting.append(piece)
        self.size += len(piece)
        self._gathered += len(piece)
        if self.size > LARGEST:
            raise faults.too_large(self.size, LARGEST)
        if self._gathered >= BATCH:
            writer = await self._begun()
            self._job = asyncio.ensure_future(writer.pour(self._work(self._gather())))

    async def _begun(self) -> Writer:
        """The writer, once it has written what it was given: meanwhile more was read."""
        if self._writer is None:
            self._writer = await self._call.cloud.blobs.writer().__aenter__()
        if self._job is not None:
            await self._job
        return self._writer

    def _gather(self) -> list[bytes]:
        waiting, self._waiting, self._gathered = self._waiting, [], 0
        return waiting

    def _work(self, pieces: list[bytes]) -> Iterator[memoryview]:
        """Hash and seal: on a thread, as the writer asks for it."""
        for piece in pieces:
            self.digests.update(piece)
            yield from self._sealer.feed(piece)

    def _rest(self) -> bytes:
        """What has gathered last, which is little, hashed and sealed at once."""
        return b"".join([*map(bytes, self._work(self._gather())), self._sealer.end()])

    def adopt(self, call: Call, number: int = 1, over: str = "") -> Part:
        """The part, stored with the transaction under way; a parcel in the place of one that is given up with it."""
        packed = self._writer is None
        if self._writer is not None:
            place = self._writer.name
            call.cloud.blobs.adopt(place)
        else:
            place = parcels.put(call.store, self._sealed, over) if self._sealed else ""
        md5 = self.digests.md5.hex()
        return Part(number, self.size, md5, self.digests.checksum, place, packed, self._wrapped)


class Small:
    """The bytes of a part that are all there, and few. To be used as an `Intake` is."""

    def __init__(self, call: Call, opener: Opener, digests: Sums, body: bytes) -> None:
        self.digests = digests
        self._size = len(body)
        key, self._wrapped = seals.new_key(call, opener)
        self._sealed = seals.seal(key, body) if body else b""

    def adopt(self, call: Call, number: int = 1, over: str = "") -> Part:
        """The part, as that of an `Intake`."""
        place = parcels.put(call.store, self._sealed, over) if self._sealed else ""
        digests = self.digests
        return Part(number, self._size, digests.md5.hex(), digests.checksum, place, True, self._wrapped)


class Carried:
    """A part that is copied as it is sealed, because nobody here has its key. To be used as an `Intake` is."""

    def __init__(self, call: Call, part: Part) -> None:
        self._call = call
        self._part = part
        self._sealed = b""
        self._writer: Writer | None = None

    async def __aenter__(self) -> Self:
        if self._part.packed:
            self._sealed = parcels.get(self._call.store, self._part.place) or b"" if self._part.place else b""
            return self
        blobs = self._call.cloud.blobs
        self._writer = await blobs.writer().__aenter__()
        with blobs.hold():
            async for sealed in blobs.open(self._part.place):
                await self._writer.write(sealed)
        await self._writer.keep()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            await self._writer.__aexit__(kind, error, traceback)

    def adopt(self, call: Call, number: int = 1) -> Part:
        """The copy, stored with the transaction under way."""
        before, place = self._part, ""
        if self._writer is not None:
            place = self._writer.name
            call.cloud.blobs.adopt(place)
        elif self._sealed:
            place = parcels.put(call.store, self._sealed)
        return Part(number, before.size, before.md5, before.checksum, place, before.packed, before.key)


def discard(call: Call, part: Part) -> None:
    """Give up the bytes of a part with the transaction under way."""
    if not part.place:
        return
    if part.packed:
        parcels.discard(call.store, part.place)
    else:
        call.cloud.blobs.discard(part.place)


# Reading


class Slice(NamedTuple):
    """Some bytes of one part."""

    part: Part
    start: int
    stop: int


def slices(parts: Iterable[Part], start: int, stop: int) -> list[Slice]:
    """The pieces of parts that make up a range of the whole."""
    found, at = [], 0
    for part in parts:
        first, last = max(start - at, 0), min(stop - at, part.size)
        if first < last:
            found.append(Slice(part, first, last))
        at += part.size
        if at >= stop:
            break
    return found


def read(call: Call, opener: Opener, parts: list[Part], start: int, stop: int) -> bytes | AsyncIterator[bytes]:
    """A range of bytes: at once if they are a parcel, else piece by piece."""
    if len(parts) == 1 and parts[0].packed and start < stop <= parts[0].size:  # as most are
        return unpacked(call, opener, parts[0], start, stop)
    wanted = slices(parts, start, stop)
    if not wanted:
        return b""
    if len(wanted) == 1 and wanted[0].part.packed:
        return unpacked(call, opener, *wanted[0])
    return Outgoing(call, opener, wanted)


def unpacked(call: Call, opener: Opener, part: Part, start: int, stop: int) -> bytes:
    """Bytes of a parcel, which is one segment."""
    sealed = parcels.get(call.store, part.place)
    assert sealed is not None, f"a part refers to a parcel that is not there: {part.place}"
    plain = seals.unseal(seals.open_key(call, opener, part.key), sealed)
    return plain if stop - start == len(plain) else plain[start:stop]


class Outgoing:
    """Bytes of several parts, or of a large one. What is deleted meanwhile is read to its end all the same."""

    def __init__(self, call: Call, opener: Opener, wanted: list[Slice]) -> None:
        self._held = ExitStack()
        self._held.enter_context(call.cloud.blobs.hold())
        self._first = b"" if wanted[0].part.packed else seals.open_key(call, opener, wanted[0].part.key)
        self._pieces = self._run(call, opener, wanted)
        self._parcels = {
            each.part.place: unpacked(call, opener, *each) for each in wanted if each.part.packed and each.part.place
        }

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._pieces)
        except BaseException:
            self._held.close()
            raise

    async def aclose(self) -> None:
        await self._pieces.aclose()
        self._held.close()

    def __del__(self) -> None:
        self._held.close()

    async def _run(self, call: Call, opener: Opener, wanted: list[Slice]) -> Any:
        for each in wanted:
            if each.part.packed:
                yield self._parcels[each.part.place]
                continue
            key = self._first if each is wanted[0] else seals.open_key(call, opener, each.part.key)
            async for piece in opened(each, key, call):
                yield piece


async def opened(wanted: Slice, key: bytes, call: Call) -> AsyncIterator[bytes]:
    """Bytes of a blob: the segments that are touched, without what is too much at both ends."""
    first, last = wanted.start // SEGMENT, (wanted.stop - 1) // SEGMENT
    unsealer = Unsealer(key, first)
    skip, left = wanted.start - first * SEGMENT, wanted.stop - wanted.start
    reader = call.cloud.blobs.open(wanted.part.place, first * SEALED, (last - first + 1) * SEALED)
    try:
        async for sealed in reader:
            plain = unsealer.feed(sealed, last=False)
            if skip and plain:
                plain, skip = plain[skip:], 0
            if plain:
                yield plain if len(plain) <= left else plain[:left]
                left -= min(left, len(plain))
        if left:
            yield unsealer.feed(b"", last=True)[skip:][:left]
    finally:
        reader.close()


async def pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body as a stream, whichever it is."""
    if isinstance(body, bytes):
        yield body
        return
    async for piece in body:
        yield piece
