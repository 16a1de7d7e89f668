"""The master key of a data directory: what must be secret on disk is sealed under it.

It lies in a file of its own beside the database, readable by the owner alone, and is made when it is first needed. Who
copies the database without that file has copied no secrets.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SIZE = 32
NONCE = 12
MOST_KEPT = 2048
LONGEST_KEPT = 4096
"""How many opened secrets are kept in memory, and how long in bytes such a one may be."""


class MasterKey:
    """Seals bytes with AES-256-GCM (RFC 5116). Without a file the key is gone with the process."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._cipher: AESGCM | None = None
        self._kept = lru_cache(maxsize=MOST_KEPT)(self._open)

    def seal(self, secret: bytes, about: bytes = b"") -> bytes:
        """Bytes that tell nothing of the secret; `about` is needed again to open them, and says whose they are."""
        nonce = os.urandom(NONCE)
        return nonce + self.cipher.encrypt(nonce, secret, about)

    def open(self, sealed: bytes, about: bytes = b"") -> bytes:
        """The bytes that were sealed; what was opened lately is remembered by its sealed bytes.

        Raises ValueError for what was sealed under another key, about something else, or was changed.
        """
        return self._kept(sealed, about) if len(sealed) <= LONGEST_KEPT else self._open(sealed, about)

    def _open(self, sealed: bytes, about: bytes = b"") -> bytes:
        from cryptography.exceptions import InvalidTag

        try:
            return self.cipher.decrypt(sealed[:NONCE], sealed[NONCE:], about)
        except InvalidTag:
            raise ValueError(f"not sealed under the master key of {self._file or 'this process'}") from None

    @property
    def cipher(self) -> AESGCM:
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            self._cipher = AESGCM(os.urandom(SIZE) if self._file is None else found(self._file))
        return self._cipher


def found(file: Path) -> bytes:
    """The key in the file; a new one, safely on disk, where there is none."""
    try:
        key = file.read_bytes()
    except FileNotFoundError:
        key = os.urandom(SIZE)
        write(file, key)
    if len(key) != SIZE:
        raise ValueError(f"{file} is no master key: it has {len(key)} bytes, not {SIZE}")
    return key


def write(file: Path, key: bytes) -> None:
    """Nothing may be sealed under a key that a power cut could take."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
