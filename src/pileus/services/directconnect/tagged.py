"""Tags of resources."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.resource_type import resource_types
from pileus.kernel.tags import MOST, as_list, as_map

from . import absent, directconnect

Members = dict[str, Any]


@directconnect.operation
def describe_tags(call: Call, resource_arns: list[str]) -> Members:
    """The tags of resources."""
    return {
        "resourceTags": [
            {"resourceArn": arn, "tags": as_list(_named(call, arn).tags, "key", "value")} for arn in resource_arns
        ]
    }


def _named(call: Call, arn: str) -> Any:
    for kind in resource_types(directconnect):
        if found := kind.find_by_arn(call, arn):
            return found
    raise absent("resource", arn)


@directconnect.operation
def tag_resource(call: Call, resource_arn: str, tags: list[Members]) -> None:
    """Add tags, over those of the same keys."""
    keys = [tag["key"] for tag in tags]
    if len({*keys}) < len(keys):
        raise Fault("DuplicateTagKeysException", "Tag keys must be unique")
    found = _named(call, resource_arn)
    merged = found.tags | as_map(tags, "key", "value")
    if len(merged) > MOST:
        raise Fault("TooManyTagsException", f"A resource has at most {MOST} tags")
    found.tags = merged
    found.put(call)


@directconnect.operation
def untag_resource(call: Call, resource_arn: str, tag_keys: list[str]) -> None:
    """Remove tags."""
    found = _named(call, resource_arn)
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)
