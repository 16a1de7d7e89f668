"""Private CA's errors."""

from __future__ import annotations

from pileus.kernel import Fault


def missing(arn: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Could not find resource {arn}")


def invalid_arn(arn: str) -> Fault:
    return Fault("InvalidArnException", f"{arn} is not a valid ARN of a certificate authority")


def state(status: str) -> Fault:
    message = f"The certificate authority is in the {status} state, which does not allow this operation."
    return Fault("InvalidStateException", message)


def arguments(message: str) -> Fault:
    return Fault("InvalidArgsException", message)


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


def malformed_csr(message: str) -> Fault:
    return Fault("MalformedCSRException", message)


def request(message: str) -> Fault:
    return Fault("InvalidRequestException", message)


def invalid_token() -> Fault:
    return Fault("InvalidNextTokenException", "The token specified in the NextToken argument is not valid.")
