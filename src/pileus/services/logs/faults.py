"""CloudWatch Logs' errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault
from pileus.models import Operation
from pileus.models.validation import message

VALIDATING = ("Delivery", "Integration", "ScheduledQuer", "ConfigurationTemplate")


def in_own_words(operation: Operation, broken: list[str]) -> Fault:
    """Violations of the model: most operations know InvalidParameterException alone."""
    code = "InvalidParameterException" if "InvalidParameterException" in operation.errors else "ValidationException"
    return Fault(code, message(broken), status=400)


def invalid(text: str) -> Fault:
    return Fault("InvalidParameterException", text)


def no_group() -> Fault:
    return Fault("ResourceNotFoundException", "The specified log group does not exist.")


def no_stream() -> Fault:
    return Fault("ResourceNotFoundException", "The specified log stream does not exist.")


def missing(text: str) -> Fault:
    return Fault("ResourceNotFoundException", text)


def exists(text: str) -> Fault:
    return Fault("ResourceAlreadyExistsException", text)


def limit(text: str = "Resource limit exceeded.") -> Fault:
    return Fault("LimitExceededException", text)
