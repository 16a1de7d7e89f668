"""SNS's errors in SNS's own words."""

from __future__ import annotations

import re

from pileus.kernel import Fault
from pileus.models import Operation

MISSING = re.compile(r"Value null at '(\w+)'")


def invalid(parameter: str, reason: str = "") -> Fault:
    return Fault(
        "InvalidParameterException", f"Invalid parameter: {parameter}" + (f" Reason: {reason}" if reason else "")
    )


def not_found(kind: str) -> Fault:
    return Fault("NotFoundException", f"{kind} does not exist")


def in_sns_words(operation: Operation, broken: list[str]) -> Fault:
    """The error for what the model does not allow; SNS tells the first."""
    if found := MISSING.search(broken[0]):
        return invalid(found[1][:1].upper() + found[1][1:], "no value for required parameter")
    return invalid(broken[0])
