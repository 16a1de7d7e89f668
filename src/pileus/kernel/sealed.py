"""Texts that only the cloud can read again, though a caller carries them: such as the details of a denial."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from .record import Record

if TYPE_CHECKING:
    from .call import Call


class Sealed(Record, scope="account"):
    """The key that an account's sealed texts are encrypted with (AES-256-GCM, RFC 5116)."""

    purpose: str
    key: bytes

    @classmethod
    def seal(cls, call: Call, text: str) -> str:
        """The text, encrypted for this account."""
        import os

        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed = cls.get(call, "text") or cls(purpose="text", key=os.urandom(32)).put(call)
        nonce = os.urandom(12)
        return base64.urlsafe_b64encode(nonce + AESGCM(sealed.key).encrypt(nonce, text.encode(), None)).decode()

    @classmethod
    def open(cls, call: Call, text: str) -> str | None:
        """The text that was sealed, or None where it was not sealed by this account."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        sealed = cls.get(call, "text")
        try:
            data = base64.urlsafe_b64decode(text)
            return AESGCM(sealed.key).decrypt(data[:12], data[12:], None).decode() if sealed else None
        except (binascii.Error, ValueError, InvalidTag):
            return None
