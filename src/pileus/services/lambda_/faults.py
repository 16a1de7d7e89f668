"""What is wrong, in Lambda's words."""

from __future__ import annotations

import re

from pileus.kernel import Fault
from pileus.models import Operation
from pileus.models.validation import message


def in_lambdas_words(operation: Operation, broken: list[str]) -> Fault:
    """Violations of the model. A runtime may be named by its ARN too, so Lambda looks at it later than at the rest."""
    if len(broken) == 1 and (found := re.fullmatch(r"Value '(.*)' at 'runtime' (failed .*)", broken[0], re.DOTALL)):
        return invalid(f"Value {found[1]} at 'runtime' {found[2]} or be a valid ARN")
    return Fault("ValidationException", message(broken), status=400)


def invalid(message: str) -> Fault:
    return Fault("InvalidParameterValueException", message, Type="User")


def missing(arn: str, kind: str = "Function") -> Fault:
    return Fault("ResourceNotFoundException", f"{kind} not found: {arn}", Type="User")


def none_such(message: str) -> Fault:
    return Fault("ResourceNotFoundException", message, Type="User")


def conflict(message: str) -> Fault:
    return Fault("ResourceConflictException", message, Type="User")


def changed(revision: str, now: str) -> Fault | None:
    """The refusal of a change that was meant for another revision."""
    if not revision or revision == now:
        return None
    return Fault(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve "
        "the latest Revision Id",
        Type="User",
    )


def check_revision(revision: str, now: str) -> None:
    if fault := changed(revision, now):
        raise fault


def throttled(reason: str) -> Fault:
    fault = Fault("TooManyRequestsException", "Rate Exceeded.", Reason=reason, Type="User")
    fault.headers.append(("Retry-After", "1"))
    return fault


def unreadable(reason: str) -> Fault:
    return Fault("InvalidRequestContentException", f"Could not parse request body into json: {reason}", Type="User")
