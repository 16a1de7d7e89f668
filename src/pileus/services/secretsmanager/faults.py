"""Secrets Manager's errors in its own words."""

from __future__ import annotations

from pileus.kernel import Fault


def no_secret() -> Fault:
    return Fault("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


def no_value(what: str, which: str) -> Fault:
    message = f"Secrets Manager can't find the specified secret value for {what}: {which}"
    return Fault("ResourceNotFoundException", message)


def marked() -> Fault:
    message = "You can't perform this operation on the secret because it was marked for deletion."
    return Fault("InvalidRequestException", message)


def replica() -> Fault:
    message = "Operation not permitted on a replica secret. Call must be made in primary secret's region."
    return Fault("InvalidRequestException", message)


def request(message: str) -> Fault:
    return Fault("InvalidRequestException", message)


def parameter(message: str) -> Fault:
    return Fault("InvalidParameterException", message)


def token() -> Fault:
    return Fault("InvalidNextTokenException", "The next token is invalid.")


def not_let_in() -> Fault:
    message = (
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access "
        "to the principal secretsmanager.amazonaws.com."
    )
    return Fault("AccessDeniedException", message, status=400)
