"""Tags of topics."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, tags

from . import sns
from .faults import invalid


def check_tags(given: list[dict[str, str]]) -> dict[str, str]:
    """Tags as a topic keeps them."""
    held = tags.as_map(given)
    if len(held) < len(given):
        raise invalid("Tags", "Duplicated keys are not allowed.")
    return check_all(held)


def check_all(held: dict[str, str]) -> dict[str, str]:
    if len(held) > tags.MOST:
        raise Fault("TagLimitExceededException", "Could not complete request: tag quota of per resource exceeded")
    tags.check(held, code="InvalidParameterException")
    return held


def of(call: Call, resource_arn: str) -> Any:
    """The topic of an ARN, in the words that the tag operations have for one that is not there."""
    from .topics import Topic

    try:
        return Topic.by_arn(call, resource_arn)
    except Fault as fault:
        if fault.code == "NotFoundException":
            raise Fault("ResourceNotFoundException", "Resource does not exist") from None
        raise


@sns.operation(on=of)
def tag_resource(call: Call, topic: Any, tags: list[dict[str, str]]) -> dict[str, Any]:
    topic.tags = check_all(topic.tags | check_tags(tags))
    topic.put(call)
    return {}


@sns.operation(on=of)
def untag_resource(call: Call, topic: Any, tag_keys: list[str]) -> dict[str, Any]:
    topic.tags = {name: value for name, value in topic.tags.items() if name not in tag_keys}
    topic.put(call)
    return {}


@sns.operation(on=of)
def list_tags_for_resource(call: Call, topic: Any) -> dict[str, Any]:
    return {"Tags": tags.as_list(topic.tags)}
