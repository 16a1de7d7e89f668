"""ACM's errors in ACM's own words."""

from __future__ import annotations

from pileus.kernel import Fault


def missing(arn: str, account: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Could not find certificate {arn} in account {account}.")


def invalid_arn(arn: str) -> Fault:
    return Fault("InvalidArnException", f"The arn {arn} is invalid.")


def validation(message: str) -> Fault:
    return Fault("ValidationException", message)


def state(message: str) -> Fault:
    return Fault("InvalidStateException", message)


def in_progress(arn: str) -> Fault:
    return Fault("RequestInProgressException", f"Certificate {arn} is not yet issued.")


def parameter(message: str) -> Fault:
    return Fault("InvalidParameterException", message)


def invalid_token() -> Fault:
    return validation("The NextToken is not valid.")
