"""The suppression list: addresses that get nothing more, because mail to them bounced, or they complained."""

from __future__ import annotations

from pileus.kernel import Call, Record


class Suppressed(Record):
    address: str
    reason: str
    at: float
    message: str = ""
    feedback: str = ""


def suppressed(call: Call, address: str, reasons: list[str]) -> bool:
    found = Suppressed.get(call, address.lower())
    return found is not None and found.reason in reasons


def suppress(call: Call, address: str, reason: str, message: str = "", feedback: str = "") -> None:
    Suppressed(address.lower(), reason, call.now, message, feedback).put(call)
