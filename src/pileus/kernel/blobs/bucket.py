"""Blobs in a bucket of another store that speaks S3, for when one disk is not enough (`pileus up --blobs s3://…`).

A blob is a row of objects, `PREFIX/NAME/00000000` and so on, of `PIECE` bytes each but the last: so no memory is needed
for large ones, and no multipart uploads, which a crash would leave behind unseen. Each cloud has a prefix of its own,
named after an id in its data directory, or two clouds at one bucket would sweep each other's bytes away.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from pileus.kernel.store import StoreFailed

from .storage import Chunk, threaded

if TYPE_CHECKING:
    from obstore.store import S3Store

PIECE = 4 * 1024 * 1024


def connect(url: str, environment: Mapping[str, str] = os.environ) -> S3Store:
    """The bucket of `s3://BUCKET/PREFIX?endpoint=http://HOST:PORT&region=REGION`.

    The keys are PILEUS_BLOBS_ACCESS_KEY_ID and PILEUS_BLOBS_SECRET_ACCESS_KEY; without them it is asked unsigned.
    """
    try:
        from obstore.store import S3Store
    except ImportError:
        raise ValueError("blobs in a bucket need the package obstore: pip install 'pileus[blobs]'") from None
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    if parts.scheme != "s3" or not parts.netloc or options.keys() - {"endpoint", "region"}:
        raise ValueError(f"{url!r} is no s3://BUCKET/PREFIX?endpoint=…&region=…")
    key = environment.get("PILEUS_BLOBS_ACCESS_KEY_ID")
    endpoint = options.get("endpoint")
    settings: dict[str, Any] = {
        "retry_config": {"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
        "region": options.get("region", "us-east-1"),
        "virtual_hosted_style_request": endpoint is None,
        "client_options": {"allow_http": True, "timeout": "60s"},
    }
    if endpoint:
        settings["endpoint"] = endpoint
    if key:
        settings |= {"access_key_id": key, "secret_access_key": environment["PILEUS_BLOBS_SECRET_ACCESS_KEY"]}
    else:
        settings["skip_signature"] = True
    return S3Store(parts.netloc, prefix=parts.path.strip("/") or None, **settings)


def own_prefix(folder: Path) -> str:
    """The prefix of this cloud's blobs, the same for as long as its data directory lives."""
    file = folder / "blobs.id"
    if not file.exists():
        file.write_text(os.urandom(8).hex())
    return file.read_text()


class Bucket:
    """The blobs of one cloud in a bucket. With `lasting` false they go when it is closed."""

    def __init__(self, bucket: S3Store, prefix: str, *, lasting: bool = True) -> None:
        self.bucket = bucket
        self.prefix = prefix
        self._lasting = lasting

    def place(self, name: str, number: int) -> str:
        return f"{self.prefix}/{name}/{number:08}"

    def ready(self) -> None:
        pass

    def sink(self, name: str) -> BucketSink:
        return BucketSink(self, name)

    def source(self, name: str, offset: int, length: int | None) -> BucketSource:
        return BucketSource(self, name, offset, length)

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            self._remove(f"{self.prefix}/{name}/")

    def _remove(self, prefix: str) -> None:
        import obstore

        with failing():
            for page in obstore.list(self.bucket, prefix=prefix, chunk_size=1000):
                obstore.delete(self.bucket, [found["path"] for found in page])

    def names(self) -> Iterator[list[str]]:
        import obstore

        last = ""
        with failing():
            for page in obstore.list(self.bucket, prefix=f"{self.prefix}/", chunk_size=1000):
                names = dict.fromkeys(found["path"].split("/")[-2] for found in page)
                yield [name for name in names if name != last]
                last = next(reversed(names), last)

    def reset(self) -> bool:
        return False

    def save(self, name: str, target: Path) -> None:
        import obstore

        target.parent.mkdir(parents=True, exist_ok=True)
        with failing(), target.open("wb") as file:
            for page in obstore.list(self.bucket, prefix=f"{self.prefix}/{name}/"):
                for found in sorted(page, key=lambda each: each["path"]):
                    for piece in obstore.get(self.bucket, found["path"]).stream():
                        file.write(piece)

    def load(self, source: Path, name: str) -> None:
        import obstore

        with failing(), source.open("rb") as file:
            number = 0
            while (piece := file.read(PIECE)) or not number:
                obstore.put(self.bucket, self.place(name, number), piece, use_multipart=False)
                number += 1

    def close(self) -> None:
        if not self._lasting:
            self._remove(f"{self.prefix}/")


class BucketSink:
    """Puts one object after the other."""

    def __init__(self, home: Bucket, name: str) -> None:
        self._home = home
        self._name = name
        self._number = 0
        self._rest = bytearray()

    async def save(self, chunks: Iterable[Chunk]) -> None:
        await threaded(self._gather, chunks)
        while len(self._rest) >= PIECE:
            await self._put(bytes(self._rest[:PIECE]))
            del self._rest[:PIECE]

    def _gather(self, chunks: Iterable[Chunk]) -> None:
        for chunk in chunks:
            self._rest += chunk

    async def finish(self, chunks: list[bytes]) -> None:
        await self.save(chunks)
        if self._rest or not self._number:
            await self._put(bytes(self._rest))

    async def _put(self, piece: bytes) -> None:
        import obstore

        with failing():
            place = self._home.place(self._name, self._number)
            await obstore.put_async(self._home.bucket, place, piece, use_multipart=False)
        self._number += 1

    def close(self) -> None:
        self._rest.clear()


class BucketSource:
    """A range of a blob, object by object."""

    def __init__(self, home: Bucket, name: str, offset: int, length: int | None) -> None:
        self._home = home
        self._name = name
        self._pieces = self._read(offset, length)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._pieces

    async def _read(self, at: int, left: int | None) -> AsyncGenerator[bytes, None]:
        while left is None or left > 0:
            start = at % PIECE
            most = PIECE - start if left is None else min(PIECE - start, left)
            got = await self._get(at // PIECE, start, most)
            if got:
                yield got
            if len(got) < most:
                return
            at += len(got)
            left = None if left is None else left - len(got)

    async def _get(self, number: int, start: int, length: int) -> bytes:
        """Bytes of one object, fewer at its end; none at all after the last one."""
        import obstore
        from obstore.exceptions import GenericError

        place, bucket = self._home.place(self._name, number), self._home.bucket
        try:
            with failing():
                try:
                    got = await obstore.get_async(bucket, place, options={"range": (start, start + length)})
                    return bytes(await got.bytes_async())
                except GenericError:  # a range that begins at the end is none
                    if start < (await obstore.head_async(bucket, place))["size"]:
                        raise
                    return b""
        except FileNotFoundError:
            if number:
                return b""
            raise FileNotFoundError(self._name) from None

    async def aclose(self) -> None:
        await self._pieces.aclose()

    def close(self) -> None:
        """Nothing is open between two pieces."""


class failing:
    """What goes wrong at the other store is a failure of ours."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        from obstore.exceptions import BaseError

        if isinstance(error, BaseError):
            raise StoreFailed(f"The store of blobs failed: {error}") from error
