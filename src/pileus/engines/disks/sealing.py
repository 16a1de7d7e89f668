"""AES-XTS: bytes of a disk, encrypted by their place on it (IEEE 1619).

A sector that was never written is a hole in the file; so sectors of zeros are read as zeros.
"""

from __future__ import annotations

SECTOR = 4096
BLANK = bytes(SECTOR)


class Sealing:
    """One disk's encryption. Offsets and lengths are whole sectors."""

    def __init__(self, key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher  # it takes as long to import as all engines
        from cryptography.hazmat.primitives.ciphers.algorithms import AES
        from cryptography.hazmat.primitives.ciphers.modes import XTS

        def cipher(sector: int) -> Cipher[XTS]:
            return Cipher(AES(key), XTS(sector.to_bytes(16, "little")))

        self._cipher = cipher

    def seal(self, data: bytes, offset: int) -> bytes:
        """Encrypt; what is zero stays zero, so that files stay sparse."""
        return b"".join([self._sector(data[at : at + SECTOR], offset + at, True) for at in range(0, len(data), SECTOR)])

    def open(self, data: bytes, offset: int) -> bytes:
        return b"".join(
            [self._sector(data[at : at + SECTOR], offset + at, False) for at in range(0, len(data), SECTOR)]
        )

    def _sector(self, data: bytes, offset: int, seal: bool) -> bytes:
        if data == BLANK:
            return data
        cipher = self._cipher(offset // SECTOR)
        context = cipher.encryptor() if seal else cipher.decryptor()
        return context.update(data)
