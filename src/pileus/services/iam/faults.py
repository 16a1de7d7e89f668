"""Errors in IAM's words."""

from __future__ import annotations

import re

from pileus.kernel import Fault
from pileus.models import Operation
from pileus.models.validation import message

PATTERN = re.compile(r"Value '.*' at '(\w+)' failed to satisfy constraint: Member must satisfy regular .*", re.DOTALL)
NAME = re.compile(r"(new)?(user|group|role|policy|instanceProfile|serverCertificate)Name", re.IGNORECASE)
PATHS = {"path", "newPath"}


def in_iam_words(operation: Operation, broken: list[str]) -> Fault:
    """A violation of the model; IAM has words of its own for names and paths of other letters."""
    found = PATTERN.fullmatch(broken[0]) if len(broken) == 1 else None
    text = message(broken)
    if found and NAME.fullmatch(found[1]):
        text = (
            f"The specified value for {found[1]} is invalid. "
            "It must contain only alphanumeric characters and/or the following: +=,.@_-"
        )
    elif found and found[1] in PATHS:
        text = (
            f"The specified value for {found[1]} is invalid. "
            "It must begin and end with / and contain only alphanumeric characters and/or / characters."
        )
    return Fault("ValidationError", text, status=400)


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
