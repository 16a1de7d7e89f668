"""Tags of users, roles, policies and whatever else has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pileus.kernel import Call
from pileus.kernel.tags import as_list

from . import iam
from .faults import beyond, invalid
from .lists import MOST, entries

MOST_TAGS = 50


def merged(held: dict[str, str], tags: list[dict[str, str]]) -> dict[str, str]:
    """Tags with others added or changed. Keys are the same in any case (IAM User Guide, "Tags for IAM resources")."""
    if len({tag["Key"].lower() for tag in tags}) != len(tags):
        raise invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for tag in tags:
        if tag["Key"].lower().startswith("aws:"):
            raise invalid("Tag keys beginning with 'aws:' are reserved for system use.")
        held = {key: value for key, value in held.items() if key.lower() != tag["Key"].lower()}
        held[tag["Key"]] = tag["Value"]
    if len(held) > MOST_TAGS:
        raise beyond(f"Cannot exceed quota for TagsPerResource: {MOST_TAGS}")
    return held


def given(tags: list[dict[str, str]]) -> dict[str, str]:
    """The tags of something new."""
    return merged({}, tags)


def shown(tags: dict[str, str]) -> dict[str, Any]:
    """The member Tags, which something without tags does not show."""
    return {"Tags": as_list(tags)} if tags else {}


def taggable(kind: str, find: Callable[..., Any]) -> None:
    """Declare the three tag operations of a kind of resource, which `find` finds."""

    @iam.operation(name=f"Tag{kind}", on=find)
    def tag(call: Call, found: Any, tags: list[dict[str, str]]) -> None:
        """Add tags, or change their values."""
        found.tags = merged(found.tags, tags)
        found.put(call)

    @iam.operation(name=f"Untag{kind}", on=find)
    def untag(call: Call, found: Any, tag_keys: list[str]) -> None:
        """Remove tags; keys that are not there are no error."""
        keys = {key.lower() for key in tag_keys}
        found.tags = {key: value for key, value in found.tags.items() if key.lower() not in keys}
        found.put(call)

    @iam.operation(name=f"List{kind}Tags", on=find)
    def list_tags(call: Call, found: Any, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
        """The tags, by their keys."""
        return entries(call, "Tags", as_list(dict(sorted(found.tags.items()))), marker, max_items)
