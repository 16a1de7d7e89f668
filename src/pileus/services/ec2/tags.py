"""Tags of all of EC2's resources; a resource's are kept with it.

EC2 User Guide, "Tag your Amazon EC2 resources".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters, matcher, wildcard
from pileus.kernel.tags import MOST, as_list, as_map

from . import ec2
from .describing import Members, paged
from .kinds import BY_PREFIX, Kind, kind_of

Follower = Callable[[Call, Any, dict[str, str]], None]

MOST_RESOURCES = 1000
"""How many resources one request may tag."""

FILTERS = Filters(
    {"key": "Key", "value": "Value", "resource-id": "ResourceId", "resource-type": "ResourceType"},
    tags=lambda tag: {tag["Key"]: tag["Value"]},
)


def specified(tag_specifications: Iterable[Mapping[str, Any]], *names: str) -> dict[str, str]:
    """The tags that a creation asks for, of a resource of a kind.

    Raises InvalidParameterValue for those of another kind. An operation that makes resources of several kinds names the
    one whose tags it wants first, then the others.
    """
    tags: dict[str, str] = {}
    for specification in tag_specifications:
        name = specification.get("ResourceType", "")
        if not name:
            raise Fault("MissingParameter", "Tag specification resource type must have a value")
        if name not in names:
            raise Fault("InvalidParameterValue", f"'{name}' is not a valid taggable resource type for this operation.")
        if name == names[0]:
            given = specification.get("Tags", [])
            if len({tag.get("Key", "") for tag in given}) < len(given):
                raise Fault("InvalidParameterValue", "Duplicate tag key specified.")
            tags |= as_map(given)
    return checked(tags)


def checked(tags: dict[str, str], *, reserved: bool = False) -> dict[str, str]:
    """The tags, if EC2 takes them: those that begin with `aws:` from services only."""
    for key, value in tags.items():
        if not key:
            raise Fault("InvalidParameterValue", "Tag key cannot be empty.")
        if key.lower().startswith("aws:") and not reserved:
            reason = "Tag keys starting with 'aws:' are reserved for internal use"
            raise Fault("InvalidParameterValue", f"Value ( {key} ) for parameter key is invalid. {reason}")
        if len(key) > 128:
            raise Fault("InvalidParameterValue", "Tag key exceeds the maximum length of 128 characters")
        if len(value) > 256:
            raise Fault("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
    if len([key for key in tags if not key.lower().startswith("aws:")]) > MOST:
        raise Fault("TagLimitExceeded", f"The maximum number of tags for a resource is {MOST}.")
    return tags


def shown_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return as_list(tags)


def tagged(call: Call, what: str) -> Any:
    """The resource of any kind that an id names; raises what EC2 says of one that is not there."""
    one = kind_of(what)
    if one is None or "tags" not in one.record.__struct_fields__:
        raise Fault("InvalidID", f"The ID '{what}' is not valid")
    found = one.record.get(call, what)
    if found is None:
        raise one.absent(what)
    return found


FOLLOWERS: dict[type, list[Follower]] = {}


def after_tagging(*records: type) -> Callable[[Follower], Follower]:
    """Declare what happens when somebody has given tags to resources of these kinds."""

    def declare(follower: Follower) -> Follower:
        for record in records:
            FOLLOWERS.setdefault(record, []).append(follower)
        return follower

    return declare


@ec2.operation
def create_tags(call: Call, resources: list[str], tags: list[dict[str, Any]]) -> None:
    """Add tags to resources, over those of the same keys: to all of them, or to none."""
    if len(resources) > MOST_RESOURCES:
        raise Fault("InvalidParameterValue", f"The maximum number of resources is {MOST_RESOURCES}.")
    service = call.principal.type == "AWSService"
    given = checked(as_map(tags), reserved=service)
    for what in dict.fromkeys(resources):
        found = tagged(call, what)
        found.tags = checked(found.tags | given, reserved=True)
        found.put(call)
        for follow in FOLLOWERS.get(type(found), ()):
            follow(call, found, given)


@ec2.operation
def delete_tags(call: Call, resources: list[str], tags: list[dict[str, Any]] = []) -> None:
    """Remove tags: those of these keys, if a value is given only where it is the value; without `tags` all of them."""
    for what in dict.fromkeys(resources):
        found = tagged(call, what)
        found.tags = {key: value for key, value in found.tags.items() if not _goes(key, value, tags)}
        found.put(call)


def _goes(key: str, value: str, tags: list[dict[str, Any]]) -> bool:
    if key.lower().startswith("aws:"):
        return False
    return not tags or any(key == tag.get("Key") and tag.get("Value", value) == value for tag in tags)


@ec2.operation
def describe_tags(
    call: Call, filters: list[dict[str, Any]] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The tags of the account's resources in the Region."""
    test = FILTERS.test(filters)
    return paged(call, "Tags", filter(test, _all(call, filters)), max_results, next_token)


def _all(call: Call, filters: list[dict[str, Any]]) -> Iterator[Members]:
    """The tags of the resources that the filters can mean."""
    ids = _wanted(filters, "resource-id")
    if ids and not any(wildcard(what) for what in ids):
        for what in dict.fromkeys(ids):
            one = kind_of(what)
            if one and (found := one.record.get(call, what)):
                yield from _shown(one, what, found)
        return
    names = _wanted(filters, "resource-type")
    wanted = matcher(names, wildcard) if names else lambda name: True
    for prefix in sorted(BY_PREFIX):
        one = BY_PREFIX[prefix]
        if "tags" in one.record.__struct_fields__ and wanted(one.name):
            for found in one.record.scan(call):
                yield from _shown(one, found.place()[-1], found)


def _wanted(filters: list[dict[str, Any]], name: str) -> list[str]:
    return next((one.get("Values", []) for one in filters if one.get("Name") == name), [])


def _shown(kind: Kind, what: str, found: Any) -> Iterator[Members]:
    for key, value in found.tags.items():
        yield {"Key": key, "Value": value, "ResourceId": what, "ResourceType": kind.name}
