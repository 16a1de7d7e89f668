"""Errors in IAM's words."""

from __future__ import annotations

from pileus.kernel import Fault


def missing(text: str) -> Fault:
    return Fault("NoSuchEntityException", text)


def exists(text: str) -> Fault:
    return Fault("EntityAlreadyExistsException", text)


def conflict(text: str) -> Fault:
    return Fault("DeleteConflictException", text)


def beyond(text: str) -> Fault:
    return Fault("LimitExceededException", text)


def invalid(text: str) -> Fault:
    return Fault("InvalidInputException", text)
