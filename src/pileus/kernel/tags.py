"""Tags: the checks that most services share ("Tag naming limits and requirements" of AWS tagging)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import Fault

MOST = 50


def as_map(tags: list[dict[str, Any]], key: str = "Key", value: str = "Value") -> dict[str, str]:
    """A list of key-value structures as a map; what a model does not insist on is empty where it is not there."""
    return {tag.get(key, ""): tag.get(value, "") for tag in tags}


def as_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: text} for name, text in tags.items()]


def checked(
    tags: list[dict[str, Any]], held: Mapping[str, str] = {}, *, code: str = "ValidationException", most: int = MOST
) -> dict[str, str]:
    """A list of tags as a map, over those that are held; `code` where they are not fine together."""
    together = {**held, **as_map(tags)}
    check(together, code=code, most=most)
    return together


def check(tags: Mapping[str, str], *, code: str = "ValidationException", most: int = MOST) -> None:
    """Raise `code` for more than `most` tags, a name or value too long, or a name that AWS keeps for itself."""
    if len(tags) > most:
        raise Fault(code, f"The number of tags exceeds the limit of {most}.", status=400)
    for name, text in tags.items():
        if not 1 <= len(name) <= 128:
            raise Fault(code, f"Tag key '{name}' must have length between 1 and 128.", status=400)
        if len(text) > 256:
            raise Fault(code, f"Tag value for key '{name}' must have length less than or equal to 256.", status=400)
        if name.lower().startswith("aws:"):
            raise Fault(code, "aws: prefixed tag key names are not allowed for external use.", status=400)
