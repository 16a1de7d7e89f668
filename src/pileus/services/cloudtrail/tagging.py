"""The tags of trails, event data stores, channels and dashboards."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags

from . import cloudtrail
from .channels import Channel, channel_named
from .dashboards import Dashboard, dashboard_named
from .stores import EventDataStore, by_id
from .trails import Trail

MOST_ASKED = 20
FINDERS: dict[str, Any] = {
    "trail": Trail.named,
    "eventdatastore": by_id,
    "channel": channel_named,
    "dashboard": dashboard_named,
}


Tagged = Trail | EventDataStore | Channel | Dashboard


def tagged(call: Call, resource_id: str) -> Tagged:
    if not resource_id.startswith("arn:"):
        raise Fault("CloudTrailARNInvalidException", f"Invalid ARN format: {resource_id}.")
    kind = resource_id.rpartition(":")[2].partition("/")[0]
    if kind not in FINDERS:
        raise Fault("ResourceTypeNotSupportedException", f"Resource type is not supported: {resource_id}.")
    try:
        found: Tagged = FINDERS[kind](call, resource_id)
        return found
    except Fault as fault:
        if not fault.code.endswith("NotFoundException"):
            raise
        raise Fault("ResourceNotFoundException", f"Resource not found: {resource_id}.") from None


@cloudtrail.operation(on=tagged)
def add_tags(call: Call, trail: Tagged, tags_list: list[dict[str, str]]) -> None:
    """Add tags, over those of the same keys."""
    held = trail.tags | tags.as_map(tags_list)
    if len(held) > tags.MOST:
        raise Fault("TagsLimitExceededException", f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(held, code="InvalidTagParameterException")
    trail.tags = held
    trail.put(call)


@cloudtrail.operation(on=tagged)
def remove_tags(call: Call, trail: Tagged, tags_list: list[dict[str, str]]) -> None:
    """Remove tags by their keys; values, if given, must not differ."""
    for tag in tags_list:
        if trail.tags.get(tag["Key"]) == tag.get("Value", trail.tags.get(tag["Key"])):
            trail.tags.pop(tag["Key"], None)
    trail.put(call)


@cloudtrail.operation(honours=("NextToken",))  # which is reserved for future use
def list_tags(call: Call, resource_id_list: list[str]) -> dict[str, Any]:
    """The tags of up to 20 resources."""
    if len(resource_id_list) > MOST_ASKED:
        raise Fault("InvalidParameterException", f"At most {MOST_ASKED} resources can be asked for.", status=400)
    found = [(arn, tagged(call, arn)) for arn in resource_id_list]
    return {"ResourceTagList": [{"ResourceId": arn, "TagsList": tags.as_list(trail.tags)} for arn, trail in found]}
