"""CloudHSM's errors."""

from __future__ import annotations

from pileus.kernel import Fault


def missing(what: str) -> Fault:
    return Fault("CloudHsmResourceNotFoundException", f"Resource {what} is not found.")


def invalid(message: str) -> Fault:
    return Fault("CloudHsmInvalidRequestException", message)


def tag(message: str) -> Fault:
    return Fault("CloudHsmTagException", message)
