"""EC2's errors in EC2's own words (EC2 API reference, "Error codes")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pileus.kernel import Fault
from pileus.models import Operation

MISSING = re.compile(r"Value null at '([\w.]+)'")
BROKEN = re.compile(r"Value '?(.*?)'? at '([\w.]+)' failed to satisfy constraint: (.*)", re.DOTALL)


def rehearsed() -> Fault:
    """A request with DryRun would have succeeded."""
    return Fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.", status=412)


def missing(*parameters: str) -> Fault:
    """The request lacks a parameter, or all of several."""
    if len(parameters) == 1:
        return Fault("MissingParameter", f"The request must contain the parameter {parameters[0]}")
    return Fault("MissingParameter", f"Either {' or '.join(parameters)} must be specified")


def invalid(text: str) -> Fault:
    return Fault("InvalidParameterValue", text)


def bad_value(parameter: str, value: Any, reason: str = "") -> Fault:
    """A parameter's value is not one that EC2 takes."""
    text = f"Value ({value}) for parameter {parameter} is invalid."
    return Fault("InvalidParameterValue", f"{text} {reason}".strip())


def combination(text: str) -> Fault:
    """Parameters that do not go together."""
    return Fault("InvalidParameterCombination", text)


def unsupported(text: str) -> Fault:
    return Fault("UnsupportedOperation", text)


def in_use(text: str) -> Fault:
    """Something else hangs on the resource."""
    return Fault("DependencyViolation", text)


def limit(code: str, text: str) -> Fault:
    """A quota of the account is reached; `code` is without its ending, as `VpcLimit`."""
    return Fault(f"{code}Exceeded", text)


def no_such_types(names: Iterable[str]) -> Fault:
    """Types are asked for that there are not."""
    return Fault("InvalidInstanceType", f"The following supplied instance types do not exist: [{', '.join(names)}]")


def in_ec2_words(operation: Operation, broken: list[str]) -> Fault:
    """The error for what breaks the model; EC2 tells the first."""
    if found := MISSING.match(broken[0]):
        return missing(found[1])
    if found := BROKEN.match(broken[0]):
        value, parameter, reason = found.groups()
        if "enum value set" not in reason:
            return bad_value(parameter, value, reason)
        if not parameter.rpartition(".")[2].lower().startswith("instancetype"):
            return bad_value(parameter, value)
        known = {*reason.partition("[")[2].rstrip("]").split(", ")}
        unknown = [one for one in value.strip("[]").split(", ") if one not in known]
        if operation.name == "DescribeInstanceTypes":
            return no_such_types(unknown)
        return invalid(f"Invalid value '{', '.join(unknown)}' for InstanceType.")
    return invalid(broken[0])
