"""The disks and snapshots of a cloud, in a folder of its own, and which disks are attached."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from . import manifests
from .blocks import BLOCK, Blocks, written
from .loops import CONTROL, Loop
from .sealing import Sealing

if TYPE_CHECKING:
    from pileus.kernel.cloud import Cloud

UNLOCKING = Path(__file__).with_name("unlocking.py")
"""A program of its own."""


MOST_READ = 4
"""Manifests that are kept in memory."""


class Unattachable(Exception):
    """Disks cannot be attached on this machine, or this one cannot."""


class Attached(msgspec.Struct):
    """A disk that machines have."""

    path: str
    """What they are given."""
    loop: Loop | None
    shower: asyncio.subprocess.Process | None
    """The process that shows the plain bytes of an encrypted one."""
    users: set[str]


class Disks:
    """An engine of the cloud's (see `pileus.kernel.cloud`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._own: tempfile.TemporaryDirectory[str] | None = None
        if cloud.folder is None:
            self._own = tempfile.TemporaryDirectory(prefix="pileus-disks-")
        self.folder = Path(self._own.name if self._own else cloud.folder or "") / "disks"
        self.blocks = Blocks(self.folder / "blocks")
        for name in ("disks", "snapshots"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._attached: dict[str, Attached] = {}
        self._turns: dict[str, asyncio.Lock] = {}
        self._keeping = threading.Lock()
        """Held while blocks are kept that no manifest names yet, and while blocks are dropped."""
        self._swept = False
        self._read: dict[str, dict[int, bytes]] = {}
        """Manifests that were read last; a snapshot's never changes."""

    async def close(self) -> None:
        """Detach everything. What is written stays."""
        for found in self._attached.values():
            found.users.clear()
        await asyncio.gather(*[self.detach(name) for name in list(self._attached)])
        if self._own:
            self._own.cleanup()

    async def settle(self) -> None:
        """What was written to attached disks is in their files."""
        for found in list(self._attached.values()):
            if found.loop:
                await asyncio.to_thread(found.loop.sync)

    # Where things are

    def _file(self, name: str) -> Path:
        return self.folder / "disks" / name

    def _unmade(self, name: str) -> Path:
        """The manifest of a disk that is made of a snapshot and has not been attached yet."""
        return self.folder / "disks" / f"{name}.blocks"

    def _manifest(self, snapshot: str) -> Path:
        return self.folder / "snapshots" / snapshot

    def _journal(self, snapshot: str) -> Path:
        return self.folder / "snapshots" / f"{snapshot}.writing"

    # Attaching

    async def attach(self, name: str, *, size: int, key: bytes = b"", user: str = "") -> str:
        """The block device that is a disk's plain bytes, until all its users `detach` it; they all get the same one.

        The disk is made when it is not there, or grows to this size. Where there are no block devices it is the file.
        """
        async with self._turn(name):
            if found := self._attached.get(name):
                found.users.add(user)
                return found.path
            await asyncio.to_thread(self._make, name, size)
            shower = await self._shown(name, key) if key else None
            path = str(self._file(name))
            if shower:
                path = f"/proc/{shower.pid}/root{self._file(name).resolve()}"
            try:
                loop = await asyncio.to_thread(Loop, path) if os.access(CONTROL, os.W_OK) else None
            except OSError as error:
                await _end(shower)
                raise Unattachable(f"{name}: {error}") from None
            self._attached[name] = Attached(loop.device if loop else path, loop, shower, {user})
            return self._attached[name].path

    async def detach(self, name: str, user: str = "") -> None:
        """Somebody has let go of a disk; when all have, what they wrote is in its file."""
        async with self._turn(name):
            found = self._attached.get(name)
            if found is None:
                return
            found.users.discard(user)
            if found.users:
                return
            del self._attached[name]
            if found.loop:
                await asyncio.to_thread(found.loop.sync)
                await asyncio.to_thread(found.loop.close)
            await _end(found.shower)

    def path(self, name: str) -> str:
        """What the machines have that have it attached; empty if none has."""
        found = self._attached.get(name)
        return found.path if found else ""

    async def grow(self, name: str, size: int) -> None:
        """Make a disk larger; machines see it at once."""
        async with self._turn(name):
            if self._file(name).exists():
                await asyncio.to_thread(self._make, name, size)
                if (found := self._attached.get(name)) and found.loop:
                    await asyncio.to_thread(found.loop.resized)

    async def remove(self, name: str) -> None:
        """A disk is no more."""
        if name in self._attached:
            self._attached[name].users.clear()
            await self.detach(name)
        self._file(name).unlink(missing_ok=True)
        if self._unmade(name).exists():
            await self._drop(self._unmade(name))
        self._turns.pop(name, None)

    def _turn(self, name: str) -> asyncio.Lock:
        return self._turns.setdefault(name, asyncio.Lock())

    def _make(self, name: str, size: int) -> None:
        file, unmade = self._file(name), self._unmade(name)
        if not file.exists():
            fresh = file.with_name(f"{name}.new")
            with fresh.open("wb") as made:
                for number, digest in manifests.load(unmade).items() if unmade.exists() else ():
                    made.seek(number * BLOCK)
                    made.write(self.blocks.read(digest))
            fresh.replace(file)
            unmade.unlink(missing_ok=True)
        if file.stat().st_size < size:
            try:
                os.truncate(file, size)
            except OSError as error:
                raise Unattachable(f"{name}: the data folder can have no file of {size} bytes") from error

    async def _shown(self, name: str, key: bytes) -> asyncio.subprocess.Process:
        """The process that shows the plain bytes of a disk."""
        shower = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", UNLOCKING, str(self._file(name).resolve()), str(len(key))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert shower.stdin and shower.stdout and shower.stderr
        shower.stdin.write(key)
        if not await shower.stdout.readline():
            why = (await shower.stderr.read()).decode(errors="replace").strip().rpartition("\n")[2]
            await _end(shower)
            raise Unattachable(f"{name}: encrypted disks need fuse(4) and root: {why}")
        return shower

    # Snapshots

    async def snapshot(self, name: str, snapshot: str) -> int:
        """Keep what a disk holds now: how many bytes its blocks have. Once there it stays as it is."""
        async with self._turn(name):
            if (found := self._attached.get(name)) and found.loop:
                await asyncio.to_thread(found.loop.sync)
            return await asyncio.to_thread(self._snapshot, name, snapshot)

    def _snapshot(self, name: str, snapshot: str) -> int:
        manifest, file, unmade = self._manifest(snapshot), self._file(name), self._unmade(name)
        with self._keeping:
            if not manifest.exists():
                if file.exists():
                    with file.open("rb") as disk:
                        found = [(number, self.blocks.keep(data)) for number, data in written(disk.fileno())]
                else:
                    found = [*manifests.pairs(unmade)] if unmade.exists() else []
                manifests.save(manifest, found)
            return manifest.stat().st_size // manifests.PAIR.size * BLOCK

    async def create_from(self, name: str, snapshot: str, source_key: bytes = b"", key: bytes = b"") -> None:
        """A disk that has what a snapshot has; where the keys differ it is encrypted anew. Once there it stays."""
        await asyncio.to_thread(self._copy, self._manifest(snapshot), self._unmade(name), source_key, key, name)

    async def duplicate(self, name: str, made: str, source_key: bytes = b"", key: bytes = b"") -> None:
        """A disk that has what another one has now. Once there it stays."""
        moment = f"{made}.moment"
        await self.snapshot(name, moment)
        await self.create_from(made, moment, source_key, key)
        await self.discard(moment)

    async def copy(self, snapshot: str, made: str, source_key: bytes = b"", key: bytes = b"") -> int:
        """A snapshot that has what another one has: how many bytes its blocks have."""
        return await asyncio.to_thread(self._copy, self._manifest(snapshot), self._manifest(made), source_key, key)

    def _copy(self, source: Path, target: Path, source_key: bytes, key: bytes, disk: str = "") -> int:
        with self._keeping:
            if not target.exists() and not (disk and self._file(disk).exists()):
                blocks = manifests.load(source) if source.exists() else {}
                if source_key != key:
                    blocks = {number: self._sealed_anew(number, blocks[number], source_key, key) for number in blocks}
                manifests.save(target, blocks.items())
            return target.stat().st_size // manifests.PAIR.size * BLOCK if target.exists() else 0

    def _sealed_anew(self, number: int, digest: bytes, source_key: bytes, key: bytes) -> bytes:
        data = self.blocks.read(digest)
        if source_key:
            data = Sealing(source_key).open(data, number * BLOCK)
        if key:
            data = Sealing(key).seal(data, number * BLOCK)
        return self.blocks.keep(data)

    async def holds(self, snapshot: str) -> bool:
        """Whether a snapshot has anything."""
        manifest = self._manifest(snapshot)
        return manifest.exists() and manifest.stat().st_size > 0

    async def discard(self, snapshot: str) -> None:
        """A snapshot is no more, and the blocks that only it had."""
        self._read.pop(snapshot, None)
        self._journal(snapshot).unlink(missing_ok=True)
        if self._manifest(snapshot).exists():
            await self._drop(self._manifest(snapshot))

    async def _drop(self, manifest: Path) -> None:
        await asyncio.to_thread(self._drop_now, manifest)

    def _drop_now(self, manifest: Path) -> None:
        with self._keeping:
            had = {digest for _, digest in manifests.pairs(manifest)}
            manifest.unlink()
            wanted = {digest for other in self._manifests() for _, digest in manifests.pairs(other)}
            if self._swept:
                self.blocks.drop(had - wanted)
            else:
                self.blocks.drop_all_but(wanted)
                self._swept = True

    def _manifests(self) -> Iterator[Path]:
        yield from (path for path in (self.folder / "snapshots").iterdir() if path.suffix != ".new")
        yield from (self.folder / "disks").glob("*.blocks")

    # Snapshots, block by block

    async def put_block(self, snapshot: str, number: int, data: bytes, key: bytes = b"") -> None:
        """Write a block of a snapshot that is not complete yet."""
        await asyncio.to_thread(self._put_block, snapshot, number, data, key)

    def _put_block(self, snapshot: str, number: int, data: bytes, key: bytes) -> None:
        if key:
            data = Sealing(key).seal(data, number * BLOCK)
        with self._keeping:
            manifests.add(self._journal(snapshot), number, self.blocks.keep(data))

    async def complete(self, snapshot: str, parent: str = "") -> int:
        """A snapshot has the blocks that were put, and for the others those of its parent: how many bytes."""
        return await asyncio.to_thread(self._complete, snapshot, parent)

    def _complete(self, snapshot: str, parent: str) -> int:
        journal, manifest = self._journal(snapshot), self._manifest(snapshot)
        with self._keeping:
            if not manifest.exists():
                blocks = manifests.load(self._manifest(parent)) if parent and self._manifest(parent).exists() else {}
                blocks |= manifests.load(journal) if journal.exists() else {}
                manifests.save(manifest, blocks.items())
            journal.unlink(missing_ok=True)
            return manifest.stat().st_size // manifests.PAIR.size * BLOCK

    def listed(self, snapshot: str) -> dict[int, bytes]:
        """The digests of a snapshot's blocks, as they are kept, by their numbers. Not to be changed."""
        found = self._read.pop(snapshot, None)
        if found is None:
            manifest = self._manifest(snapshot)
            if not manifest.exists():
                return {}
            found = manifests.load(manifest)
        self._read[snapshot] = found
        while len(self._read) > MOST_READ:
            del self._read[next(iter(self._read))]
        return found

    def journalled(self, snapshot: str) -> dict[int, bytes]:
        """The digests of the blocks that were put."""
        journal = self._journal(snapshot)
        return manifests.load(journal) if journal.exists() else {}

    async def get_block(self, snapshot: str, number: int, key: bytes = b"") -> bytes | None:
        """The plain bytes of a block; None for one that the snapshot has not."""
        digest = self.listed(snapshot).get(number)
        return None if digest is None else await self.read(digest, number, key)

    async def read(self, digest: bytes, number: int, key: bytes = b"") -> bytes:
        """The plain bytes of a block that is kept, by where it is on its disk."""
        data = await asyncio.to_thread(self.blocks.read, digest)
        return Sealing(key).open(data, number * BLOCK) if key else data


def unable() -> str:
    """Why disks cannot be attached here; empty where they can."""
    if not os.access(CONTROL, os.W_OK):
        return "there are no loop devices: volumes need Linux, root and /dev/loop-control"
    return "" if os.access("/dev/fuse", os.W_OK) else "there is no /dev/fuse, which encrypted volumes need"


async def _end(shower: asyncio.subprocess.Process | None) -> None:
    if shower:
        with contextlib.suppress(ProcessLookupError):
            shower.kill()
        await shower.wait()
