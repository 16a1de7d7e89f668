"""EventBridge's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def validation(message: str) -> Fault:
    return Fault("ValidationException", message, status=400)


def parameter(name: str, reason: str) -> Fault:
    return validation(f"Parameter {name} is not valid. Reason: {reason}")


def missing(kind: str, name: str) -> Fault:
    return Fault("ResourceNotFoundException", f"{kind} {name} does not exist.")


def exists(kind: str, name: str) -> Fault:
    return Fault("ResourceAlreadyExistsException", f"{kind} {name} already exists.")


def invalid_pattern(reason: str) -> Fault:
    return Fault("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
