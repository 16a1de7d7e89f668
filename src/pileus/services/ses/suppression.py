"""Suppression lists: addresses that get nothing more, because mail to them bounced, or they complained.

An account has one, and so has each tenant whose scope is its own; an address is on each of them by itself.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Record


class Suppressed(Record):
    address: str
    reason: str
    at: float
    message: str = ""
    feedback: str = ""


class TenantSuppressed(Record, key=("tenant", "address")):
    tenant: str
    address: str
    reason: str
    at: float
    message: str = ""
    feedback: str = ""


def found(call: Call, address: str, tenant: str = "") -> Suppressed | TenantSuppressed | None:
    address = address.lower()
    return TenantSuppressed.get(call, tenant, address) if tenant else Suppressed.get(call, address)


def suppressed(call: Call, address: str, reasons: list[str], tenant: str = "") -> bool:
    held = found(call, address, tenant)
    return held is not None and held.reason in reasons


def suppress(call: Call, address: str, reason: str, message: str = "", feedback: str = "", *, tenant: str = "") -> None:
    about: Any = (address.lower(), reason, call.now, message, feedback)
    if tenant:
        TenantSuppressed(tenant, *about).put(call)
    else:
        Suppressed(*about).put(call)
