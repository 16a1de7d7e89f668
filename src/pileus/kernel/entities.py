"""Entities: what telemetry is about, a service or a resource ("How to add related information to telemetry").

CloudWatch and CloudWatch Logs take them beside metrics and events, and refuse them by the same names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

KEY_ATTRIBUTES = {"Type", "ResourceType", "Identifier", "Name", "Environment"}
REQUIRED = {
    "Service": {"Name", "Environment"},
    "RemoteService": {"Name"},
    "AWS::Service": {"Name"},
    "Resource": {"ResourceType", "Identifier"},
    "AWS::Resource": {"ResourceType", "Identifier"},
}
"""What entities of a type have to have."""


class Problem(NamedTuple):
    """Why an entity is refused, by AWS's name and in words."""

    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.code} - {self.text}"


def problem(entity: Any, members: tuple[str, str] = ("KeyAttributes", "Attributes")) -> Problem | None:
    """What is wrong with an entity, whose members each service spells in its own way; None for nothing."""
    if not entity:
        return Problem("InvalidEntity", "The provided entity is invalid.")
    keys = entity.get(members[0]) or {}
    if not keys or keys.keys() - KEY_ATTRIBUTES:
        return Problem("InvalidKeyAttributes", "The provided KeyAttributes of an entity is invalid.")
    kind = keys.get("Type", "")
    if kind not in REQUIRED:
        return Problem("InvalidTypeValue", "The provided Type in the KeyAttributes of an entity is invalid.")
    if lacking := sorted(REQUIRED[kind] - keys.keys()):
        words = f"The KeyAttributes of an entity of type {kind} lack {', '.join(lacking)}."
        return Problem("MissingRequiredFields", words)
    if any(not value for value in (entity.get(members[1]) or {}).values()):
        return Problem("InvalidAttributes", "The provided Attributes of an entity is invalid.")
    return None
