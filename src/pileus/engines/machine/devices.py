"""Files as block devices (loop(4)), in the launcher: they end with it, if nobody else has them open."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct

NEXT_FREE, CONFIGURE = 0x4C82, 0x4C0A
READ_ONLY, ENDS_WITH_LAST = 1, 4
FLAGS_AT = 5 * 8 + 3 * 4
INFORMATION = 232
TRIES = 20


def opened(path: str, read_only: bool = False) -> int:
    """A descriptor of the block device that this is, or that this file is made."""
    mode = os.O_RDONLY if read_only else os.O_RDWR
    found = os.open(path, mode | os.O_CLOEXEC)
    if stat.S_ISBLK(os.fstat(found).st_mode):
        return found
    try:
        return loop(found, mode, READ_ONLY if read_only else 0)
    finally:
        os.close(found)


def loop(file: int, mode: int, flags: int) -> int:
    information = bytearray(INFORMATION)
    struct.pack_into("=I", information, FLAGS_AT, flags | ENDS_WITH_LAST)
    for _ in range(TRIES):
        control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
        number = fcntl.ioctl(control, NEXT_FREE)
        os.close(control)
        device = os.open(f"/dev/loop{number}", mode | os.O_CLOEXEC)
        try:
            fcntl.ioctl(device, CONFIGURE, struct.pack("=II", file, 0) + bytes(information) + bytes(64))
            return device
        except OSError as error:
            os.close(device)
            if error.errno != errno.EBUSY:  # somebody else was quicker
                raise
    raise OSError(errno.EBUSY, "no loop device is free")
