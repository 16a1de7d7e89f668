"""CloudWatch's errors in CloudWatch's own words."""

from __future__ import annotations

from pileus import models
from pileus.kernel import Fault
from pileus.models.validation import message


def invalid(operation: models.Operation, broken: list[str]) -> Fault:
    return Fault("ValidationError", message(broken), status=400)


def bad_value(text: str) -> Fault:
    return Fault("InvalidParameterValueException", text)


def bad_combination(text: str) -> Fault:
    return Fault("InvalidParameterCombinationException", text)


def missing(text: str) -> Fault:
    return Fault("MissingRequiredParameterException", text)


def validation(text: str) -> Fault:
    return Fault("ValidationError", text, status=400)


def bad_token() -> Fault:
    return Fault("InvalidNextToken", "The token is invalid.")
