"""The tags that requests give."""

from __future__ import annotations

from pileus.kernel import Fault, tags


def given(tagged: list[dict[str, str]], held: dict[str, str] = {}) -> dict[str, str]:
    """The tags of a request, over those that are held."""
    found = held | tags.as_map(tagged, "key", "value")
    if len(found) > tags.MOST:
        raise Fault("TagLimitExceededException", f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(found, code="InvalidParameterException")
    return found
