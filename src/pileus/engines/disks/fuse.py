"""A file system of one file, in the kernel's own protocol (fuse(4), linux/fuse.h): a process shows a file as it likes.

It is mounted on a file, in a mount namespace of the process's own: others reach it by `/proc/PID/root`.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from collections.abc import Callable
from typing import Protocol

# What the kernel asks for
FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, STATFS = 2, 3, 4, 14, 15, 16, 17
RELEASE, FSYNC, FLUSH, INIT, INTERRUPT, DESTROY, BATCH_FORGET, FALLOCATE = 18, 20, 25, 26, 36, 38, 42, 43
WITHOUT_ANSWER = {FORGET, INTERRUPT, BATCH_FORGET}

REQUEST = struct.Struct("=IIQQIIIHH")
ANSWER = struct.Struct("=IiQ")
STARTED = struct.Struct("=IIIIHHIIHHIIH22x")
ATTRIBUTES = struct.Struct("=QII6Q10I")
OPENED = struct.Struct("=QIi")
TRANSFER = struct.Struct("=QQIIQII")
ALLOCATE = struct.Struct("=QQQII")
STATISTICS = struct.Struct("=5Q4I24x")

VERSION = (7, 31)
ASYNC_READ, BIG_WRITES, MAX_PAGES = 1 << 0, 1 << 5, 1 << 22
PAGES = 256
MOST = PAGES * 4096
"""Bytes of one request."""
NEW_NAMESPACE, RECURSIVE, PRIVATE = 0x20000, 0x4000, 1 << 18
PUNCH, KEEP_SIZE, ZERO = 2, 1, 16


class Shown(Protocol):
    """What a file shows."""

    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...

    def write(self, offset: int, data: bytes) -> None: ...

    def clear(self, offset: int, length: int) -> None:
        """Make it zeros."""

    def sync(self) -> None: ...


class OneFile:
    """The file system: mounted when it is made, gone when its process ends."""

    def __init__(self, place: str, shown: Shown) -> None:
        self._shown = shown
        self._kernel = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        _mount(self._kernel, place)
        self._answers: dict[int, Callable[[bytes], bytes]] = {
            INIT: self._start,
            GETATTR: self._attributes,
            SETATTR: self._attributes,
            OPEN: lambda body: OPENED.pack(1, 0, 0),
            READ: self._read,
            WRITE: self._write,
            FALLOCATE: self._allocate,
            STATFS: self._statistics,
            FSYNC: self._sync,
            FLUSH: lambda body: b"",
            RELEASE: lambda body: b"",
            DESTROY: lambda body: b"",
        }

    def serve(self) -> None:
        """Answer the kernel until nobody has the file."""
        while True:
            try:
                request = os.read(self._kernel, MOST + 4096)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.ENOENT):  # it was taken back
                    continue
                if error.errno == errno.ENODEV:
                    return
                raise
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        _, what, number, *_ = REQUEST.unpack_from(request)
        if what in WITHOUT_ANSWER:
            return
        failed, told = 0, b""
        try:
            told = self._answers[what](request[REQUEST.size :])
        except KeyError:
            failed = errno.ENOSYS
        except OSError as error:
            failed = error.errno or errno.EIO
        os.write(self._kernel, ANSWER.pack(ANSWER.size + len(told), -failed, number) + told)

    def _start(self, body: bytes) -> bytes:
        _, _, ahead, flags = struct.unpack_from("=IIII", body)
        agreed = flags & (ASYNC_READ | BIG_WRITES | MAX_PAGES)
        return STARTED.pack(*VERSION, ahead, agreed, 16, 12, MOST, 1, PAGES, 0, 0, 0, 0)

    def _attributes(self, body: bytes) -> bytes:
        size = self._shown.size()
        mode = stat.S_IFREG | 0o600
        return ATTRIBUTES.pack(0, 0, 0, 1, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _read(self, body: bytes) -> bytes:
        _, offset, length, *_ = TRANSFER.unpack_from(body)
        return self._shown.read(offset, max(0, min(length, self._shown.size() - offset)))

    def _write(self, body: bytes) -> bytes:
        _, offset, length, *_ = TRANSFER.unpack_from(body)
        self._shown.write(offset, body[TRANSFER.size : TRANSFER.size + length])
        return struct.pack("=II", length, 0)

    def _allocate(self, body: bytes) -> bytes:
        _, offset, length, mode, _ = ALLOCATE.unpack_from(body)
        if mode not in (PUNCH | KEEP_SIZE, ZERO, ZERO | KEEP_SIZE):
            raise OSError(errno.EOPNOTSUPP, "not supported")
        self._shown.clear(offset, length)
        return b""

    def _statistics(self, body: bytes) -> bytes:
        return STATISTICS.pack(0, 0, 0, 1, 0, 4096, 255, 4096, 0)

    def _sync(self, body: bytes) -> bytes:
        self._shown.sync()
        return b""


def _mount(kernel: int, place: str) -> None:
    """Mount it on a file, where only this process sees it."""
    library = ctypes.CDLL(None, use_errno=True)
    options = f"fd={kernel},rootmode={stat.S_IFREG:o},user_id=0,group_id=0"
    for done in (
        library.unshare(NEW_NAMESPACE),
        library.mount(None, b"/", None, RECURSIVE | PRIVATE, None),
        library.mount(b"pileus", place.encode(), b"fuse", 0, options.encode()),
    ):
        if done:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
