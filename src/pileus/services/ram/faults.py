"""RAM's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def invalid(message: str) -> Fault:
    return Fault("InvalidParameterException", message)


def unknown(what: str) -> Fault:
    return Fault("UnknownResourceException", f"{what} could not be found.")


def malformed(arn: str) -> Fault:
    return Fault("MalformedArnException", f"The specified ARN {arn} is not valid.")


def not_permitted(message: str) -> Fault:
    return Fault("OperationNotPermittedException", message)


def bad_state(message: str) -> Fault:
    return Fault("InvalidStateTransitionException", message)


INVALID_TOKEN = Fault("InvalidNextTokenException", "The specified value for NextToken isn't valid.")
