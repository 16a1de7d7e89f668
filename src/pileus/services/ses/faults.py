"""Errors as the API spells them by which the call came: SES has two."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault


def second(call: Call) -> bool:
    """Whether the call came by the second API."""
    return call.service == "sesv2"


def missing(call: Call, code: str, text: str, **members: Any) -> Fault:
    return Fault("NotFoundException", text) if second(call) else Fault(code, text, **members)


def there(call: Call, code: str, text: str, **members: Any) -> Fault:
    return Fault("AlreadyExistsException", text) if second(call) else Fault(code, text, **members)


def wrong(call: Call, text: str, code: str = "InvalidParameterValue") -> Fault:
    return Fault("BadRequestException", text) if second(call) else Fault(code, text, status=400)


def rejected(text: str) -> Fault:
    return Fault("MessageRejected", text)
