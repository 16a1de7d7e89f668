"""Files as block devices (loop(4)). A device ends when nobody has it open any more, whatever became of who made it."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time

NEXT_FREE, CONFIGURE, NEW_SIZE = 0x4C82, 0x4C0A, 0x4C07
ENDS_WITH_LAST = 4
INFORMATION = struct.Struct("=5Q4I64s64s32s2Q")
CONTROL = "/dev/loop-control"
TRIES = 20
PATIENCE = 5.0
"""Seconds."""


class Loop:
    """A block device that is this file."""

    def __init__(self, path: str) -> None:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self.device, self._descriptor = _configured(file, path.encode()[-63:])
        finally:
            os.close(file)

    def sync(self) -> None:
        """Let the file have what the device has been given."""
        os.fsync(self._descriptor)

    def resized(self) -> None:
        """The file has another size."""
        fcntl.ioctl(self._descriptor, NEW_SIZE)

    def close(self) -> None:
        """Let go of it, and wait for those who still have it: what is mounted in a namespace that ends, ends later."""
        os.close(self._descriptor)
        backing = f"/sys/block/{os.path.basename(self.device)}/loop/backing_file"
        until = time.monotonic() + PATIENCE
        while os.path.exists(backing) and time.monotonic() < until:
            time.sleep(0.005)


def _configured(file: int, name: bytes) -> tuple[str, int]:
    information = INFORMATION.pack(0, 0, 0, 0, 0, 0, 0, 0, ENDS_WITH_LAST, name, b"", b"", 0, 0)
    for _ in range(TRIES):
        device, descriptor = _free()
        try:
            fcntl.ioctl(descriptor, CONFIGURE, struct.pack("=II", file, 0) + information + bytes(64))
            return device, descriptor
        except OSError as error:
            os.close(descriptor)
            if error.errno != errno.EBUSY:  # somebody else was quicker
                raise
    raise OSError(errno.EBUSY, "no loop device is free")


def _free() -> tuple[str, int]:
    control = os.open(CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        number: int = fcntl.ioctl(control, NEXT_FREE)
    finally:
        os.close(control)
    device = f"/dev/loop{number}"
    return device, os.open(device, os.O_RDWR | os.O_CLOEXEC)
