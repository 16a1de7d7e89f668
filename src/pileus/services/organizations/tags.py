"""The tags that requests give: a list whose names are all different, and none of them AWS's."""

from __future__ import annotations

from pileus.kernel.tags import MOST

from .faults import constraint, invalid_input


def given(tags: list[dict[str, str]], held: dict[str, str] = {}) -> dict[str, str]:
    """The tags of a request, over those that are held."""
    names = [tag["Key"] for tag in tags]
    if len(set(names)) != len(names):
        raise invalid_input("DUPLICATE_TAG_KEY", "You specified duplicate tag keys.")
    if any(name.lower().startswith("aws:") for name in names):
        raise invalid_input(
            "INVALID_SYSTEM_TAGS_PARAMETER", "You specified a tag key that is a system tag. You can't add system tags."
        )
    all_tags = held | {tag["Key"]: tag["Value"] for tag in tags}
    if len(all_tags) > MOST:
        raise constraint("MAX_TAG_LIMIT_EXCEEDED", f"You have exceeded the number of tags allowed: {MOST}.")
    return all_tags
