"""The tags of trails."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags

from . import cloudtrail
from .trails import Trail

MOST_ASKED = 20


def tagged(call: Call, resource_id: str) -> Trail:
    if not resource_id.startswith("arn:"):
        raise Fault("CloudTrailARNInvalidException", f"Invalid ARN format: {resource_id}.")
    if ":trail/" not in resource_id:
        raise Fault("ResourceTypeNotSupportedException", f"Resource type is not supported: {resource_id}.")
    try:
        return Trail.named(call, resource_id)
    except Fault as fault:
        if fault.code != "TrailNotFoundException":
            raise
        raise Fault("ResourceNotFoundException", f"Resource not found: {resource_id}.") from None


@cloudtrail.operation(on=tagged)
def add_tags(call: Call, trail: Trail, tags_list: list[dict[str, str]]) -> None:
    """Add tags, over those of the same keys."""
    held = trail.tags | tags.as_map(tags_list)
    if len(held) > tags.MOST:
        raise Fault("TagsLimitExceededException", f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(held, code="InvalidTagParameterException")
    trail.tags = held
    trail.put(call)


@cloudtrail.operation(on=tagged)
def remove_tags(call: Call, trail: Trail, tags_list: list[dict[str, str]]) -> None:
    """Remove tags by their keys; values, if given, must not differ."""
    for tag in tags_list:
        if trail.tags.get(tag["Key"]) == tag.get("Value", trail.tags.get(tag["Key"])):
            trail.tags.pop(tag["Key"], None)
    trail.put(call)


@cloudtrail.operation
def list_tags(call: Call, resource_id_list: list[str]) -> dict[str, Any]:
    """The tags of up to 20 trails."""
    if len(resource_id_list) > MOST_ASKED:
        raise Fault("InvalidParameterException", f"At most {MOST_ASKED} resources can be asked for.", status=400)
    found = [(arn, tagged(call, arn)) for arn in resource_id_list]
    return {"ResourceTagList": [{"ResourceId": arn, "TagsList": tags.as_list(trail.tags)} for arn, trail in found]}
