"""What Glacier says when something is wrong ("Error responses", S3 Glacier Developer Guide)."""

from __future__ import annotations

import re

from pileus import models
from pileus.kernel import Fault


def fault(code: str, message: str) -> Fault:
    return Fault(code, message, type="Client")


def invalid(message: str) -> Fault:
    return fault("InvalidParameterValueException", message)


def missing(message: str) -> Fault:
    return fault("MissingParameterValueException", message)


def not_found(message: str) -> Fault:
    return fault("ResourceNotFoundException", message)


_PLACE = re.compile(r" at '([^']+)'")


def in_glaciers_words(operation: models.Operation, broken: list[str]) -> Fault:
    place = _PLACE.search(broken[0])
    name = place[1] if place else "parameter"
    if "must not be null" in broken[0]:
        return missing(f"Required parameter missing: {name}")
    return invalid(f"Invalid {name}")


def limit(given: str, most: int, default: int) -> int:
    """How many a page of a list may have: a text, as all parameters of Glacier."""
    if not given:
        return default
    if not given.isdigit() or not 1 <= int(given) <= most:
        raise invalid(f"Invalid limit: {given}")
    return int(given)
