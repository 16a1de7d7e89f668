"""The account's own setting: how many days before a certificate's end events begin to tell of it."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record

from . import acm

DEFAULT_DAYS = 45


class Configuration(Record):
    """The one of an account in a Region."""

    name: str
    days: int


NAME = "configuration"


def days_before(call: Call) -> int:
    found = Configuration.get(call, NAME)
    return found.days if found else DEFAULT_DAYS


@acm.operation(honours=("IdempotencyToken",))
def put_account_configuration(call: Call, expiry_events: dict[str, Any] = {}) -> None:
    """Change when events begin. The same twice is the same, so its token needs no memory."""
    from .certificates import ISSUED, Certificate
    from .expiring import await_warning

    if days := expiry_events.get("DaysBeforeExpiry"):
        Configuration(NAME, days).put(call)
        for certificate in list(Certificate.scan(call)):
            if certificate.status == ISSUED:
                await_warning(call, certificate)


@acm.operation
def get_account_configuration(call: Call) -> dict[str, Any]:
    return {"ExpiryEvents": {"DaysBeforeExpiry": days_before(call)}}
