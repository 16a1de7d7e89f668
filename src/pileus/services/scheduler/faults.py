"""Scheduler's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


def missing(kind: str, name: str) -> Fault:
    return Fault("ResourceNotFoundException", f"{kind} {name} does not exist.")


def exists(kind: str, name: str) -> Fault:
    return Fault("ConflictException", f"{kind} {name} already exists.")
