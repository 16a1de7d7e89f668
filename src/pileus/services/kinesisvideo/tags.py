"""Tags, in the API for streams and in the one for streams and channels."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, paging
from pileus.kernel import tags as tagging

from . import faults, kinesisvideo
from .channels import Channel
from .streams import Members, Stream, active, checked

PAGE = 50


def meant(call: Call, resource_arn: str) -> Stream | Channel:
    """The stream or channel of an ARN."""
    if ":channel/" in resource_arn:
        return Channel.by_arn(call, resource_arn)
    return Stream.by_arn(call, resource_arn)


def listed(call: Call, held: dict[str, str], token: str) -> Members:
    invalid = faults.invalid("The NextToken is not valid.")
    start: Any = paging.opened(call, token, invalid) if token else 0
    pairs = sorted(held.items())
    following = paging.sealed(call, start + PAGE) if len(pairs) > start + PAGE else None
    return {"Tags": dict(pairs[start : start + PAGE]), "NextToken": following}


def without(held: dict[str, str], keys: list[str]) -> dict[str, str]:
    return {key: value for key, value in held.items() if key not in keys}


@kinesisvideo.operation(on=Stream.of)
def tag_stream(call: Call, stream: Stream, tags: dict[str, str]) -> None:
    active(stream).tags = checked(stream.tags | tags)
    stream.put(call)


@kinesisvideo.operation(on=Stream.of)
def untag_stream(call: Call, stream: Stream, tag_key_list: list[str]) -> None:
    stream.tags = without(stream.tags, tag_key_list)
    stream.put(call)


@kinesisvideo.operation(on=Stream.of)
def list_tags_for_stream(call: Call, stream: Stream, next_token: str = "") -> Members:
    return listed(call, stream.tags, next_token)


@kinesisvideo.operation(on=meant)
def tag_resource(call: Call, resource: Stream | Channel, tags: list[dict[str, str]]) -> None:
    resource.tags = checked(resource.tags | tagging.as_map(tags))
    resource.put(call)


@kinesisvideo.operation(on=meant)
def untag_resource(call: Call, resource: Stream | Channel, tag_key_list: list[str]) -> None:
    resource.tags = without(resource.tags, tag_key_list)
    resource.put(call)


@kinesisvideo.operation(on=meant)
def list_tags_for_resource(call: Call, resource: Stream | Channel, next_token: str = "") -> Members:
    return listed(call, resource.tags, next_token)
