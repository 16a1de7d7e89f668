"""Firehose's errors in Firehose's own words."""

from __future__ import annotations

from pileus import models
from pileus.kernel import Call, Fault
from pileus.models.validation import message


def invalid(operation: models.Operation, broken: list[str]) -> Fault:
    return Fault("ValidationException", message(broken), status=400)


def plain_address(violation: str) -> bool:
    """AWS sends to HTTPS alone. A customer's own machine has other endpoints, which `destinations` looks at."""
    return any(name in violation for name in ("endpointConfiguration.url", "clusterEndpoint"))


def bad_argument(text: str) -> Fault:
    return Fault("InvalidArgumentException", text)


def coded(name: str, text: str, code: str) -> Fault:
    """One of the errors that carry a second code of their own."""
    fault = Fault(name, text)
    fault.members["code"] = code
    return fault


def no_stream(call: Call, name: str) -> Fault:
    return Fault("ResourceNotFoundException", f"Firehose {name} under account {call.account} not found.")
