"""Disk images as other machines read them: made of a sparse file, of which only what holds something is read.

RAW is the disk itself. VHD is Microsoft's dynamic one ("Virtual Hard Disk Image Format Specification"). VMDK is
VMware's stream-optimised one ("Virtual Disk Format 5.0"): its grains are compressed, and stand in the disk's order.
"""

from __future__ import annotations

import errno
import os
import struct
import uuid
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

SECTOR = 512
PIECE = 1 << 20
GRAIN = 128 * SECTOR
PER_TABLE = 512
GRAIN_TABLE, GRAIN_DIRECTORY, FOOTER = 1, 2, 3
OVERHEAD = 128
AT_END = 0xFFFFFFFFFFFFFFFF
VHD_BLOCK = 2 << 20


def raw(file: BinaryIO, size: int) -> Iterator[bytes]:
    """All of it, holes and all."""
    for at in range(0, size, PIECE):
        yield os.pread(file.fileno(), min(PIECE, size - at), at).ljust(min(PIECE, size - at), b"\0")


def written(file: BinaryIO, size: int, step: int) -> Iterator[tuple[int, bytes]]:
    """The parts of that length that hold something, by their numbers."""
    at = 0
    while at < size:
        try:
            at = os.lseek(file.fileno(), at, os.SEEK_DATA) // step * step
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole is left
                return
            raise
        if at >= size:
            return
        data = os.pread(file.fileno(), step, at).ljust(step, b"\0")
        if data.count(0) < step:
            yield at // step, data
        at += step


# VMDK


def vmdk(file: BinaryIO, size: int) -> Iterator[bytes]:
    sectors = -(-size // GRAIN) * GRAIN // SECTOR
    yield _head(sectors, AT_END) + _descriptor(sectors).ljust((OVERHEAD - 1) * SECTOR, b"\0")
    place = OVERHEAD
    tables: dict[int, int] = {}
    table: list[int] = []
    number = -1

    def closed() -> bytes:
        nonlocal place
        data = _marker(4, GRAIN_TABLE) + struct.pack(f"<{PER_TABLE}I", *table)
        tables[number] = place + 1
        place += len(data) // SECTOR
        return data

    for grain, data in written(file, size, GRAIN):
        if grain // PER_TABLE != number:
            if table:
                yield closed()
            number, table = grain // PER_TABLE, [0] * PER_TABLE
        packed = zlib.compress(data, 1)
        told = _padded(struct.pack("<QI", grain * GRAIN // SECTOR, len(packed)) + packed)
        table[grain % PER_TABLE] = place
        place += len(told) // SECTOR
        yield told
    if table:
        yield closed()
    count = -(-sectors * SECTOR // (GRAIN * PER_TABLE))
    directory = _padded(struct.pack(f"<{count}I", *(tables.get(one, 0) for one in range(count))))
    yield _marker(len(directory) // SECTOR, GRAIN_DIRECTORY) + directory
    yield _marker(1, FOOTER) + _head(sectors, place + 1) + bytes(SECTOR)


def _padded(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // SECTOR) * SECTOR, b"\0")


def _marker(sectors: int, kind: int) -> bytes:
    return _padded(struct.pack("<QII", sectors, 0, kind))


def _head(sectors: int, directory: int) -> bytes:
    lines = b"\n", b" ", b"\r", b"\n"
    fixed = 3, 0x30001, sectors, GRAIN // SECTOR, 1, 20, PER_TABLE, 0, directory, OVERHEAD, 0
    return _padded(struct.pack("<4sIIQQQQIQQQBccccH", b"KDMV", *fixed, *lines, 1))


def _descriptor(sectors: int) -> bytes:
    return f"""\
# Disk DescriptorFile
version=1
CID={zlib.crc32(str(sectors).encode()):08x}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW {sectors} SPARSE "disk.vmdk"

# The Disk Data Base
#DDB
ddb.virtualHWVersion = "7"
ddb.geometry.cylinders = "{min(65535, sectors // (255 * 63))}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.adapterType = "lsilogic"
""".encode()


# VHD


def vhd(file: BinaryIO, size: int) -> Iterator[bytes]:
    blocks = -(-size // VHD_BLOCK)
    footer = _vhd_footer(size)
    allocation = -(-blocks * 4 // SECTOR) * SECTOR
    place = (SECTOR + 1024 + allocation) // SECTOR
    there = [number for number, _ in written(file, size, VHD_BLOCK)]
    each = 1 + VHD_BLOCK // SECTOR
    entries = {number: place + order * each for order, number in enumerate(there)}
    yield footer + _vhd_head(blocks)
    yield struct.pack(f">{blocks}I", *(entries.get(one, 0xFFFFFFFF) for one in range(blocks))).ljust(
        allocation, b"\xff"
    )
    for _, data in written(file, size, VHD_BLOCK):
        yield b"\xff" * SECTOR + data
    yield footer


def _vhd_footer(size: int) -> bytes:
    """Readers believe the size of what Windows has made, and that of others' geometry."""
    sectors = size // SECTOR
    cylinders = min(65535, sectors // (16 * 255))
    data = struct.pack(
        ">8sIIQI4sI4sQQHBBI", b"conectix", 2, 0x10000, SECTOR, 0, b"win ", 0x10000, b"Wi2k", size, size,
        cylinders, 16, 255, 3,
    )  # fmt: skip
    return _summed(data + bytes(4) + uuid.uuid5(uuid.NAMESPACE_OID, str(size)).bytes, 64, SECTOR)


def _vhd_head(blocks: int) -> bytes:
    data = struct.pack(">8sQQIII", b"cxsparse", AT_END, SECTOR + 1024, 0x10000, blocks, VHD_BLOCK)
    return _summed(data + bytes(4), 36, 1024)


def _summed(data: bytes, at: int, length: int) -> bytes:
    """With the one's complement of the sum of all bytes at a place."""
    whole = bytearray(data.ljust(length, b"\0"))
    whole[at : at + 4] = struct.pack(">I", ~sum(whole) & 0xFFFFFFFF)
    return bytes(whole)


FORMATS: dict[str, Callable[[BinaryIO, int], Iterator[bytes]]] = {"RAW": raw, "VHD": vhd, "VMDK": vmdk}
