"""What is wrong, in the service's words."""

from __future__ import annotations

from pileus.kernel import Fault
from pileus.models import Operation
from pileus.models.validation import message


def bad(words: str) -> Fault:
    return Fault("BadRequestException", words)


def conflict(words: str) -> Fault:
    return Fault("ConflictException", words)


def missing(what: str) -> Fault:
    return Fault("NotFoundException", f"The specified {what} does not exist.")


def forbidden(words: str = "Access Denied") -> Fault:
    return Fault("ForbiddenException", words)


def in_its_words(operation: Operation, broken: list[str]) -> Fault:
    return bad(message(broken))


TOKEN = bad("The continuation token provided is not valid.")
OUTDATED = "The version token provided is not the current version token of the table."
READ_ONLY = "This table bucket is managed by AWS and read-only."
