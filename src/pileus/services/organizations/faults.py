"""The errors of Organizations, with the reasons that AWS gives."""

from __future__ import annotations

from pileus.kernel import Fault
from pileus.models import Operation


def invalid(operation: Operation, violations: list[str]) -> Fault:
    """A violation of the model as Organizations words it: a reason, and no more of where it is than of what."""
    told = violations[0]
    for sign, reason, message in REASONS:
        if sign in told:
            return invalid_input(reason, message)
    return invalid_input("INVALID_PATTERN", REASONS[0][2])


REASONS = (
    ("regular expression", "INVALID_PATTERN", "You provided a value that does not match the required pattern."),
    ("enum value set", "INVALID_ENUM", "You specified an invalid value."),
    ("length less than", "MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed."),
    ("length greater than", "MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed."),
    ("value less than", "MAX_VALUE_EXCEEDED", "You provided a numeric value that is larger than allowed."),
    ("value greater than", "MIN_VALUE_EXCEEDED", "You provided a numeric value that is smaller than allowed."),
    ("not be null", "INPUT_REQUIRED", "You must include a value for all required parameters."),
)
"""What our own validation says, and the reason and words of Organizations for it."""


def invalid_input(reason: str, message: str) -> Fault:
    return Fault("InvalidInputException", message, Reason=reason)


def constraint(reason: str, message: str) -> Fault:
    return Fault("ConstraintViolationException", message, Reason=reason)


def handshake_constraint(reason: str, message: str) -> Fault:
    return Fault("HandshakeConstraintViolationException", message, Reason=reason)


def not_in_use() -> Fault:
    return Fault("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")


def denied() -> Fault:
    return Fault("AccessDeniedException", "You don't have permissions to access this resource.")


def no_account() -> Fault:
    return Fault("AccountNotFoundException", "You specified an account that doesn't exist.")


def no_target() -> Fault:
    return Fault("TargetNotFoundException", "You specified a target that doesn't exist.")


def not_all_features() -> Fault:
    return constraint(
        "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", "You can't perform this operation until you enable all features."
    )
