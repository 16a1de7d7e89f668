"""The process behind an encrypted disk that is attached: it shows the plain bytes of the file that it is told.

A program of its own: the key comes on its standard input, and when all is ready it says so on its standard output. It
ends when its standard input does, and so with whoever started it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import fuse, sealing
else:
    HERE = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, HERE)
    import fuse
    import sealing

    sys.path.remove(HERE)

SECTOR = sealing.SECTOR
PUNCH_KEEPING_SIZE = 3


class Plain:
    """The plain bytes of an encrypted file."""

    def __init__(self, path: str, key: bytes) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._sealing = sealing.Sealing(key)

    def size(self) -> int:
        return os.fstat(self._file).st_size

    def read(self, offset: int, length: int) -> bytes:
        start, end = _sectors(offset, length)
        sealed = os.pread(self._file, end - start, start)
        return self._sealing.open(sealed, start)[offset - start : offset - start + length]

    def write(self, offset: int, data: bytes) -> None:
        start, end = _sectors(offset, len(data))
        if (start, end) != (offset, offset + len(data)):
            data = self.read(start, offset - start) + data + self.read(offset + len(data), end - offset - len(data))
        os.pwrite(self._file, self._sealing.seal(data, start), start)

    def clear(self, offset: int, length: int) -> None:
        first, last = -(-offset // SECTOR) * SECTOR, (offset + length) // SECTOR * SECTOR
        if first >= last:
            self.write(offset, bytes(length))
            return
        self.write(offset, bytes(first - offset))
        self.write(last, bytes(offset + length - last))
        _punch(self._file, first, last - first)

    def sync(self) -> None:
        os.fdatasync(self._file)


def _sectors(offset: int, length: int) -> tuple[int, int]:
    return offset // SECTOR * SECTOR, -(-(offset + length) // SECTOR) * SECTOR


def _punch(file: int, offset: int, length: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    far = ctypes.c_int64
    if library.fallocate(file, PUNCH_KEEPING_SIZE, far(offset), far(length)):
        raise OSError(ctypes.get_errno(), "no hole can be made")


def end() -> None:
    """Wait for the end of the standard input."""
    os.read(0, 1)
    os._exit(0)


def main() -> None:
    path, length = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    plain = Plain(path, os.read(0, length))
    system = fuse.OneFile(path, plain)
    threading.Thread(target=end, daemon=True).start()
    print("ready", flush=True)
    system.serve()


if __name__ == "__main__":
    main()
