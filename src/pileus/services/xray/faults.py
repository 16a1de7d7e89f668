"""X-Ray's one error for nearly everything."""

from __future__ import annotations

from pileus import models
from pileus.kernel import Fault
from pileus.models.validation import message


def invalid(operation: models.Operation, broken: list[str]) -> Fault:
    return bad_request(message(broken))


def bad_request(text: str) -> Fault:
    return Fault("InvalidRequestException", text)
