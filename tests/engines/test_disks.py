"""Disks: what is written is kept, shown, snapshotted by its blocks, encrypted, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus.engines.disks import BLOCK, Disks

SIZE = 8 * BLOCK
KEY, OTHER = os.urandom(64), os.urandom(64)
SECRET = b"a secret that is written nowhere"
attachable = pytest.mark.skipif(
    os.geteuid() != 0 or not os.path.exists("/dev/loop-control") or not os.path.exists("/dev/fuse"),
    reason="block devices and fuse need root",
)

Scenario = Callable[[Disks], Awaitable[Any]]


def among(folder: Path, scenario: Scenario) -> None:
    """Run something with the disks of a folder."""

    async def run() -> None:
        cloud: Any = SimpleNamespace(folder=folder)
        disks = Disks(cloud)
        try:
            await scenario(disks)
        finally:
            await disks.close()

    asyncio.run(run())


def loops(folder: Path) -> str:
    """The block devices that are files below a folder."""
    listed = subprocess.run(["losetup", "-a"], capture_output=True, text=True, check=True).stdout
    return "\n".join(line for line in listed.splitlines() if folder.name in line)


def write(path: str, offset: int, data: bytes) -> None:
    with open(path, "r+b", buffering=0) as disk:
        disk.seek(offset)
        disk.write(data)
        os.fsync(disk.fileno())


def read(path: str, offset: int = 0, length: int = SIZE) -> bytes:
    with open(path, "rb") as disk:
        disk.seek(offset)
        return disk.read(length)


@attachable
@pytest.mark.parametrize("key", [b"", KEY], ids=["plain", "encrypted"])
def test_a_file_system_on_a_disk_is_there_after_it_was_detached(tmp_path: Path, key: bytes) -> None:
    mount = tmp_path / "mount"
    mount.mkdir()

    async def scenario(disks: Disks) -> None:
        device = await disks.attach("data", size=64 << 20, key=key)
        assert device.startswith("/dev/loop") and disks.path("data") == device
        await run("mkfs.ext4", "-q", device)
        await run("mount", device, str(mount))
        (mount / "file").write_bytes(SECRET * 1000)
        await run("umount", str(mount))
        await disks.detach("data")
        assert loops(tmp_path) == "" and disks.path("data") == ""
        device = await disks.attach("data", size=64 << 20, key=key)
        await run("mount", "-o", "ro", device, str(mount))
        assert (mount / "file").read_bytes() == SECRET * 1000
        await run("umount", str(mount))

    among(tmp_path, scenario)
    assert loops(tmp_path) == ""
    found = any(SECRET in file.read_bytes() for file in (tmp_path / "disks").rglob("*") if file.is_file())
    assert found is not bool(key)


async def run(*command: str) -> None:
    await asyncio.to_thread(subprocess.run, command, check=True)


@attachable
def test_several_machines_have_the_same_device_and_see_what_the_others_write(tmp_path: Path) -> None:
    async def scenario(disks: Disks) -> None:
        one, two, again = [await disks.attach("shared", size=SIZE, user=user) for user in "122"]
        assert one == two == again
        await disks.detach("shared", "1")
        assert disks.path("shared") == one
        await disks.grow("shared", 2 * SIZE)
        assert len(await asyncio.to_thread(read, one, 0, 2 * SIZE)) == 2 * SIZE
        await disks.detach("shared", "2")
        assert disks.path("shared") == ""

    among(tmp_path, scenario)


@attachable
def test_nothing_is_left_of_an_encrypted_disk_whose_process_is_killed_but_what_was_synced(tmp_path: Path) -> None:
    async def scenario(disks: Disks) -> None:
        device = await disks.attach("data", size=SIZE, key=KEY)
        await asyncio.to_thread(write, device, 100, SECRET)
        shower = disks._attached["data"].shower
        assert shower
        shower.kill()
        await shower.wait()
        disks._attached.pop("data").loop.close()  # type: ignore[union-attr]
        assert loops(tmp_path) == ""
        mounts = Path("/proc/mounts").read_text()
        assert str(tmp_path) not in mounts
        device = await disks.attach("data", size=SIZE, key=KEY)
        assert await asyncio.to_thread(read, device, 100, len(SECRET)) == SECRET

    among(tmp_path, scenario)


Writes = st.lists(
    st.tuples(st.integers(0, SIZE - 1), st.integers(1, 3000), st.integers(0, 255)), min_size=1, max_size=6
)


def patched(data: bytearray, writes: list[tuple[int, int, int]]) -> bytes:
    for offset, length, fill in writes:
        end = min(offset + length, SIZE)
        data[offset:end] = bytes([fill]) * (end - offset)
    return bytes(data)


def contents(disks: Disks, name: str) -> bytes:
    """What is in a snapshot, hole or not."""
    blocks = disks.listed(name)
    return b"".join(disks.blocks.read(blocks[at]) if at in blocks else bytes(BLOCK) for at in range(SIZE // BLOCK))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=Writes, second=Writes)
def test_snapshots_have_what_was_there_when_they_were_taken(
    tmp_path_factory: pytest.TempPathFactory, first: list[tuple[int, int, int]], second: list[tuple[int, int, int]]
) -> None:
    async def scenario(disks: Disks) -> None:
        data = bytearray(SIZE)
        disks._make("data", SIZE)
        taken = []
        for number, writes in enumerate((first, second)):
            written = patched(data, writes)
            with disks._file("data").open("r+b") as disk:
                disk.write(written)
            await disks.snapshot("data", f"s{number}")
            taken.append(written)
        assert [contents(disks, "s0"), contents(disks, "s1")] == taken
        await disks.discard("s0")
        await disks.create_from("copy", "s1")
        disks._make("copy", SIZE)
        assert disks._file("copy").read_bytes() == taken[1]
        await disks.discard("s1")
        assert [file for file in disks.blocks.folder.rglob("*") if file.is_file()] == []

    among(tmp_path_factory.mktemp("disks"), scenario)


def test_a_second_snapshot_costs_what_has_changed(tmp_path: Path) -> None:
    async def scenario(disks: Disks) -> None:
        disks._make("data", SIZE)
        with disks._file("data").open("r+b") as disk:
            disk.write(os.urandom(SIZE))
        await disks.snapshot("data", "monday")
        assert stored(disks) == 8
        with disks._file("data").open("r+b") as disk:
            disk.seek(3 * BLOCK)
            disk.write(SECRET)
        await disks.snapshot("data", "tuesday")
        assert stored(disks) == 9
        await disks.discard("monday")
        assert stored(disks) == 8

    among(tmp_path, scenario)


def stored(disks: Disks) -> int:
    return sum(file.is_file() for file in disks.blocks.folder.rglob("*"))


def test_a_snapshot_is_encrypted_anew_for_another_key(tmp_path: Path) -> None:
    async def scenario(disks: Disks) -> None:
        await disks.put_block("plain", 1, SECRET.ljust(BLOCK, b"."))
        await disks.complete("plain")
        await disks.copy("plain", "sealed", b"", KEY)
        await disks.copy("sealed", "other", KEY, OTHER)
        assert await disks.get_block("other", 1, OTHER) == SECRET.ljust(BLOCK, b".")
        assert await disks.get_block("other", 0, OTHER) is None
        await disks.discard("plain")
        assert not any(SECRET in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    among(tmp_path, scenario)


def test_what_a_crash_has_left_behind_goes_with_the_next_snapshot(tmp_path: Path) -> None:
    async def left(disks: Disks) -> None:
        disks.blocks.keep(os.urandom(BLOCK))

    async def scenario(disks: Disks) -> None:
        await disks.put_block("one", 0, bytes(BLOCK))
        await disks.complete("one")
        assert stored(disks) == 2
        await disks.discard("one")
        assert stored(disks) == 0

    among(tmp_path, left)
    among(tmp_path, scenario)
