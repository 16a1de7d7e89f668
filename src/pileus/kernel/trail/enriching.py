"""What events tell beside the call itself, where somebody wants it: tags, and keys that policies know of requests.

CloudTrail User Guide, "Enrich CloudTrail events by adding resource tag keys and IAM global condition keys". It must be
noted with the call: tags are others later, and what was deleted has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pileus.kernel.errors import Fault
from pileus.kernel.record import Record

if TYPE_CHECKING:
    from pileus.kernel.call import Call
    from pileus.kernel.operation import Bound

TAGS, REQUEST = "TagContext", "RequestContext"

Wanted = Mapping[str, Iterable[str]]
"""The keys of tags, and of requests, that somebody wants."""
Told = dict[str, Any]


def enriched(call: Call, bound: Bound, request: dict[str, Any], wanted: Wanted, *, failed: bool) -> Told:
    """The tags and keys of a call."""
    from pileus.kernel.access import enforcement, standing
    from pileus.kernel.access.context import Context
    from pileus.kernel.access.target import Target

    who = standing.standing(call)
    told: Told = {}
    if keys := wanted.get(REQUEST):
        action = enforcement.action_at(bound)
        context = Context(call, who, bound, action, request, Target("*", call.account))
        values = {key: context(key.lower()) for key in keys}
        told["requestContext"] = {key: ",".join(found) for key, found in values.items() if found}
    if keys := wanted.get(TAGS):
        own = ({"arn": arn, "tags": chosen(tags, keys)} for arn, tags in tagged(call, bound, request, failed))
        told["tagContext"] = {
            "resourceTags": [one for one in own if one["tags"]],
            "principalTags": chosen(who.tags, keys),
        }
    return told


def chosen(tags: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    """Those tags whose keys are wanted; a principal's are known in lower case."""
    held = {name.lower(): value for name, value in tags.items()}
    return {key: held[key.lower()] for key in keys if key.lower() in held}


def tagged(call: Call, bound: Bound, request: dict[str, Any], failed: bool) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The resources that a call was about, as far as they are there, and their tags.

    Of one that failed, whose request may have nothing in its place, what the access decision found.
    """
    from pileus.kernel.access import enforcement, resources

    found = call.found
    if not failed:
        with suppress(Fault):
            found = bound.find(call, request)
    own = resources.arn_of(call, bound, found)
    if isinstance(found, Record) and own:
        yield own, found.condition_tags(call)
    action = "" if failed else enforcement.action_at(bound)
    for arn in resources.named(call, bound, action, request) if action else ():
        if arn != own and "*" not in arn:
            yield arn, resources.tags_at(call, bound.service, arn)


def limited(told: Told, wanted: Wanted) -> Told:
    """The same with no more than somebody wants."""
    limits: Told = {}
    if keys := wanted.get(REQUEST):
        limits["requestContext"] = chosen_exactly(told.get("requestContext", {}), keys)
    if keys := wanted.get(TAGS):
        tags = told.get("tagContext", {})
        own = [one | {"tags": chosen_exactly(one["tags"], keys)} for one in tags.get("resourceTags", ())]
        limits["tagContext"] = {
            "resourceTags": [one for one in own if one["tags"]],
            "principalTags": chosen_exactly(tags.get("principalTags", {}), keys),
        }
    return limits


def chosen_exactly(held: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    return {key: held[key] for key in keys if key in held}
