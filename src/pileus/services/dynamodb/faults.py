"""DynamoDB's errors in DynamoDB's own words."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Fault


def invalid(message: str) -> Fault:
    return Fault("ValidationException", message, status=400)


def bad_parameter(reason: str) -> Fault:
    return invalid(f"One or more parameter values were invalid: {reason}")


def no_table(name: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Requested resource not found: Table: {name} not found")


def not_there() -> Fault:
    """A table that data operations do not find, or whose index they do not find."""
    return Fault("ResourceNotFoundException", "Requested resource not found")


def in_use(message: str) -> Fault:
    return Fault("ResourceInUseException", message)


def no_match() -> Fault:
    """A key that has not the attributes and types of the key schema."""
    return invalid("The provided key element does not match the schema")


def condition_failed(item: dict[str, Any] | None = None) -> Fault:
    fault = Fault("ConditionalCheckFailedException", "The conditional request failed")
    if item:
        fault.members["Item"] = item
    return fault
