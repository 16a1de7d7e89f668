"""When a key was last used for a cryptographic operation, and for which.

AWS tells it with some delay too: a use is written down when the last one that was is a minute old.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Record

from . import kms

if TYPE_CHECKING:
    from .keys import Key

EVERY = 60.0


class LastUse(Record):
    key_id: str
    operation: str
    at: float
    request: str

    @classmethod
    def forget(cls, call: Call, key_id: str) -> None:
        if found := cls.get(call, key_id):
            found.delete(call)


def note(call: Call, key_id: str) -> None:
    """Remember that the present operation uses a key."""
    last = LastUse.get(call, key_id)
    if last is None or call.now - last.at >= EVERY:
        LastUse(key_id, call.operation, call.now, call.request_id).put(call)


def named(call: Call, key_id: str) -> Key:
    from .keys import named

    return named(call, key_id)


@kms.operation(on=named)
def get_key_last_usage(call: Call, key: Key) -> dict[str, Any]:
    """The last use of a key since it was created; an empty structure for one that nobody has used."""
    last = LastUse.get(call, key.id)
    told = {"Operation": last.operation, "Timestamp": last.at, "KmsRequestId": last.request} if last else {}
    return {
        "KeyId": key.id,
        "KeyLastUsage": told,
        "TrackingStartDate": key.created,
        "KeyCreationDate": key.created,
    }
