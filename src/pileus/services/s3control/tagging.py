"""Tags of what S3 Control makes (access points, Access Grants, Storage Lens groups), and of buckets of both kinds."""

from __future__ import annotations

from typing import Any, Protocol

from pileus.kernel import Call, tags
from pileus.services.s3.buckets import Bucket
from pileus.services.s3.faults import denied, fault, no_bucket

from . import s3control


class Tagged(Protocol):
    """A record with tags."""

    tags: dict[str, str]

    def put(self, call: Call) -> Any: ...


def tagged(given: list[dict[str, str]]) -> dict[str, str]:
    """A list of tags as a map, if it can be one."""
    found = tags.as_map(given, "Key", "Value")
    if len(found) > tags.MOST:
        raise fault("TooManyTagsException", f"The number of tags exceeds the limit of {tags.MOST}.")
    tags.check(found, code="InvalidTag")
    return found


def by_arn(call: Call, account_id: str, resource_arn: str) -> Tagged:
    """What an ARN names."""
    from . import grants, grants_instances, grants_locations, lens_groups, points

    resource = resource_arn.split(":", 5)[-1]
    kind, _, name = resource.partition("/")
    if kind == "accesspoint":
        return points.point(call, account_id, resource_arn)
    if kind == "storage-lens-group":
        return lens_groups.group(call, account_id, name)
    if kind == "access-grants":
        _, _, within = name.partition("/")
        inside, _, token = within.partition("/")
        if inside == "location":
            return grants_locations.location(call, account_id, token)
        return grants.grant(call, account_id, token) if inside else grants_instances.instance(call, account_id)
    return bucket(call, account_id, resource_arn)


def bucket(call: Call, account_id: str, resource_arn: str) -> Bucket:
    """The bucket of an ARN, which S3 itself would know by its name."""
    found = Bucket.get(call, call.partition, resource_arn.rpartition(":")[2].removeprefix("bucket/"))
    if found is None or found.arn(call) != resource_arn:
        raise no_bucket(resource_arn.rpartition(":")[2])
    if found.owner != account_id:
        raise denied()
    return found


@s3control.operation(on=by_arn)
def tag_resource(call: Call, found: Tagged, tags: list[dict[str, str]]) -> None:
    """Add tags, over those of the same keys."""
    found.tags = tagged([*({"Key": key, "Value": value} for key, value in found.tags.items()), *tags])
    found.put(call)


@s3control.operation(on=by_arn)
def untag_resource(call: Call, found: Tagged, tag_keys: list[str]) -> None:
    """Remove tags."""
    found.tags = {key: value for key, value in found.tags.items() if key not in tag_keys}
    found.put(call)


@s3control.operation(on=by_arn)
def list_tags_for_resource(call: Call, found: Tagged) -> dict[str, Any]:
    """The tags."""
    return {"Tags": tags.as_list(found.tags)}
