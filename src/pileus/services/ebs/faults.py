"""EBS's errors."""

from __future__ import annotations

from pileus.kernel import Fault
from pileus.models import Operation
from pileus.models.validation import message


def in_ebs_words(operation: Operation, broken: list[str]) -> Fault:
    return invalid("INVALID_PARAMETER_VALUE", message(broken))


def invalid(reason: str, text: str) -> Fault:
    return Fault("ValidationException", text, Reason=reason)


def no_snapshot(snapshot_id: str) -> Fault:
    text = f"The snapshot '{snapshot_id}' does not exist."
    return Fault("ResourceNotFoundException", text, Reason="SNAPSHOT_NOT_FOUND")
