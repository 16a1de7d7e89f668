"""Sessions of version 2: tokens that are good for one instance and for as long as they were asked for.

Nothing of them is stored: a token is sealed under the cloud's key, and says whose it is and until when.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.sealed import Sealed

LONGEST = 21600
"""Seconds."""


def seconds(text: str) -> int | None:
    """How long a token is asked for; None for what cannot be asked for."""
    if not text.isascii() or not text.isdigit():
        return None
    asked = int(text)
    return asked if 1 <= asked <= LONGEST else None


def issued(call: Call, instance_id: str, life: int) -> str:
    return Sealed.seal(call, f"imds {instance_id} {call.now + life:.3f}")


def left(call: Call, instance_id: str, token: str) -> int | None:
    """For how many seconds it is still good; None for one that is not."""
    opened = (Sealed.open(call, token) or "").split(" ")
    if len(opened) != 3 or opened[:2] != ["imds", instance_id]:
        return None
    rest = float(opened[2]) - call.now
    return int(rest) if rest > 0 else None
