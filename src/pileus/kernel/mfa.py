"""MFA devices: time-based one-time passwords (RFC 6238), which IAM hands out seeds for and STS asks for."""

from __future__ import annotations

import base64
import hmac
import struct
from typing import TYPE_CHECKING

from .record import Record

if TYPE_CHECKING:
    from .call import Call

STEP = 30
"""Seconds for which a code is good."""
SLACK = 1
"""Steps by which the device's clock may be off."""


class Device(Record, scope="account", indexes={"by_holder": ("holder",)}):
    """A virtual MFA device."""

    serial: str
    """The ARN."""
    seed: bytes
    created: float
    holder: str = ""
    """The unique id of the user whom it stands for, or the account's number for its root; empty while unassigned."""
    enabled: float = 0.0
    spent: int = 0
    """The step of the last code that was accepted: none is accepted twice."""
    tags: dict[str, str] = {}

    def accept(self, call: Call, code: str) -> bool:
        """Whether a code is right, now and for the first time."""
        step = self.step_of(call, code)
        if step is None or step <= self.spent:
            return False
        self.spent = step
        self.put(call)
        return True

    def step_of(self, call: Call, code: str, slack: int = SLACK) -> int | None:
        """The step to which a code belongs, if it is near the present one."""
        now = int(call.now) // STEP
        steps = range(now - slack, now + slack + 1)
        return next((step for step in steps if hmac.compare_digest(totp(self.seed, step), code)), None)


def totp(seed: bytes, step: int) -> str:
    """The code of one step: HOTP (RFC 4226, section 5.3) with SHA-1 and six digits, as authenticators have it."""
    digest = hmac.digest(seed, struct.pack(">Q", step), "sha1")
    offset = digest[-1] & 15
    (number,) = struct.unpack_from(">I", digest, offset)
    return f"{(number & 0x7FFFFFFF) % 1_000_000:06}"


def base32(seed: bytes) -> str:
    """A seed as authenticators take it."""
    return base64.b32encode(seed).decode()
