"""An account's sending: the sandbox that it begins in, its quota, and what it has sent."""

from __future__ import annotations

from typing import Any

import msgspec

from pileus.kernel import Call, Record

from . import ses

SANDBOX = {"Max24HourSend": 200.0, "MaxSendRate": 1.0}
PRODUCTION = {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0}
WINDOW = 900
"""Seconds that a point of the statistics covers."""
KEPT = 14 * 86400


class Account(Record):
    """What an account has been granted, and has set for itself."""

    name: str = "account"
    production: bool = False
    sending: bool = True
    details: dict[str, Any] = {}
    suppressed_reasons: list[str] = msgspec.field(default_factory=lambda: ["BOUNCE", "COMPLAINT"])
    vdm: dict[str, Any] = {}
    plan: str = ""
    """The pricing plan."""
    validation: dict[str, Any] = {}
    """Which addresses are not even tried, by what is thought of them."""
    warmup: bool = False
    """Whether dedicated addresses would be warmed up by themselves."""


class Sent(Record, key=("at",), table="ses.Statistics"):
    """What became of the letters of fifteen minutes."""

    at: int
    attempts: int = 0
    bounces: int = 0
    complaints: int = 0
    rejects: int = 0


def account(call: Call) -> Account:
    return Account.get(call, "account") or Account()


def note(call: Call, *, attempts: int = 0, bounces: int = 0, complaints: int = 0, rejects: int = 0) -> None:
    at = int(call.now) // WINDOW * WINDOW
    sent = Sent.get(call, at)
    if sent is None:
        sent = Sent(at)
        for old in list(Sent.scan(call, before=(at - KEPT,))):
            old.delete(call)
    sent.attempts += attempts
    sent.bounces += bounces
    sent.complaints += complaints
    sent.rejects += rejects
    sent.put(call)


def sent_lately(call: Call) -> float:
    return float(sum(sent.attempts for sent in Sent.scan(call, since=(int(call.now) - 86400,))))


def quota(call: Call) -> dict[str, float]:
    limits = PRODUCTION if account(call).production else SANDBOX
    return {**limits, "SentLast24Hours": sent_lately(call)}


class Rate(Record, table="ses.SendRate"):
    """How many letters more may be sent at once, as of a moment."""

    name: str
    left: float
    at: float


def too_fast(call: Call, letters: int) -> bool:
    """Whether so many letters are more than the rate allows, where throughput is enforced; if not, they count."""
    if not call.cloud.throttle:
        return False
    most = quota(call)["MaxSendRate"]
    rate = Rate.get(call, "rate") or Rate("rate", most, call.now)
    left = min(most, rate.left + (call.now - rate.at) * most)
    if left < min(letters, most):
        return True
    Rate("rate", left - letters, call.now).put(call)
    return False


@ses.operation
def get_send_quota(call: Call) -> dict[str, Any]:
    return quota(call)


@ses.operation
def get_send_statistics(call: Call) -> dict[str, Any]:
    """The last two weeks, in points of fifteen minutes."""
    points = [
        {
            "Timestamp": sent.at,
            "DeliveryAttempts": sent.attempts,
            "Bounces": sent.bounces,
            "Complaints": sent.complaints,
            "Rejects": sent.rejects,
        }
        for sent in Sent.scan(call, since=(int(call.now) - KEPT,))
    ]
    return {"SendDataPoints": points}


@ses.operation
def get_account_sending_enabled(call: Call) -> dict[str, Any]:
    return {"Enabled": account(call).sending}


@ses.operation
def update_account_sending_enabled(call: Call, enabled: bool = False) -> None:
    held = account(call)
    held.sending = enabled
    held.put(call)
