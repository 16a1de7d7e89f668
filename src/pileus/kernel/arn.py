"""Amazon Resource Names (AWS General Reference, "Identify AWS resources with ARNs")."""

from __future__ import annotations

from typing import NamedTuple


class Arn(NamedTuple):
    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return ":".join(("arn", *self))


def parse(text: str) -> Arn:
    """The parts of an ARN; ValueError for a text that is none."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        raise ValueError(f"not an ARN: {text}")
    return Arn(*parts[1:])
