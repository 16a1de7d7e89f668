"""SQS's errors in SQS's own words."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Fault
from pileus.models import Operation


def missing(parameter: str) -> Fault:
    return Fault("MissingParameter", f"The request must contain the parameter {parameter}.")


def invalid(parameter: str, value: Any, reason: str) -> Fault:
    return Fault("InvalidParameterValue", f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def wrong_kind(parameter: str, value: Any) -> Fault:
    """A standard queue was given what only a FIFO queue takes, or the other way round."""
    return invalid(parameter, value, "The request include parameter that is not valid for this queue type.")


def invalid_setting(attribute: str) -> Fault:
    return Fault("InvalidAttributeValue", f"Invalid value for the parameter {attribute}.")


def unknown_attribute(name: str) -> Fault:
    return Fault("InvalidAttributeName", f"Unknown Attribute {name}.")


def no_queue() -> Fault:
    return Fault("QueueDoesNotExist", "The specified queue does not exist.")


def within(parameter: str, value: int, least: int, most: int) -> int:
    """The value, which an optional parameter was given, if it is in its range."""
    if least <= value <= most:
        return value
    raise invalid(parameter, value, f"Must be between {least} and {most}, if provided.")


MISSING = re.compile(r"Value null at '((?:entries\.\d+\.member\.)?\w+)'")


def found_by_operations(violation: str) -> bool:
    """Whether the operations have words for a violation of the model; for a member that is missing they have none."""
    return not MISSING.match(violation)


def in_sqs_words(operation: Operation, broken: list[str]) -> Fault:
    """The error for members that are missing; SQS tells the first."""
    found = MISSING.match(broken[0])
    path = found[1].split(".") if found else []
    return missing(".".join(part[:1].upper() + part[1:] for part in path if part != "member"))
