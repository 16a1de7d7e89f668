"""Texts that only the cloud can read again, though a caller carries them: such as the details of a denial."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .call import Call


class Sealed:
    """Texts of one account, sealed under the cloud's master key."""

    @staticmethod
    def seal(call: Call, text: str) -> str:
        """The text, encrypted for this account."""
        sealed = call.cloud.master_key.seal(text.encode(), call.account.encode())
        return base64.urlsafe_b64encode(sealed).decode()

    @staticmethod
    def open(call: Call, text: str) -> str | None:
        """The text that was sealed, or None where it was not sealed by this account."""
        try:
            return call.cloud.master_key.open(base64.urlsafe_b64decode(text), call.account.encode()).decode()
        except (binascii.Error, ValueError):
            return None
