"""Tags, in the API for streams alone and in the one for streams and consumers."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, tags

from . import faults, kinesis
from .channels import Channel
from .consumers import Consumer
from .policies import any_of
from .queues import Queue
from .streams import Stream

MOST = 50


def checked(held: dict[str, str]) -> dict[str, str]:
    if len(held) > MOST:
        raise faults.invalid(f"Failed to add tags to stream: a resource can have at most {MOST} tags.")
    tags.check(held)
    return held


@kinesis.operation(on=Stream.of)
def add_tags_to_stream(call: Call, stream: Stream, tags: dict[str, str]) -> None:
    """Add tags to a stream, or give new values to those that there are."""
    stream.tags = checked(stream.tags | tags)
    stream.put(call)


@kinesis.operation(on=Stream.of)
def remove_tags_from_stream(call: Call, stream: Stream, tag_keys: list[str]) -> None:
    """Remove tags from a stream; those that it does not have are no error."""
    stream.tags = {key: value for key, value in stream.tags.items() if key not in tag_keys}
    stream.put(call)


@kinesis.operation(on=Stream.of)
def list_tags_for_stream(
    call: Call, stream: Stream, exclusive_start_tag_key: str = "", limit: int = MOST
) -> dict[str, Any]:
    """The tags of a stream in the order of their keys."""
    held = [pair for pair in sorted(stream.tags.items()) if pair[0] > exclusive_start_tag_key]
    told = [{"Key": key, "Value": value} for key, value in held[:limit]]
    return {"Tags": told, "HasMoreTags": len(held) > limit}


@kinesis.operation(on=any_of)
def tag_resource(call: Call, resource: Stream | Consumer | Queue | Channel, tags: dict[str, str]) -> None:
    """Add tags to a stream, a consumer, a queue or a channel."""
    resource.tags = checked(resource.tags | tags)
    resource.put(call)


@kinesis.operation(on=any_of)
def untag_resource(call: Call, resource: Stream | Consumer | Queue | Channel, tag_keys: list[str]) -> None:
    """Remove tags from a stream, a consumer, a queue or a channel."""
    resource.tags = {key: value for key, value in resource.tags.items() if key not in tag_keys}
    resource.put(call)


@kinesis.operation(on=any_of)
def list_tags_for_resource(call: Call, resource: Stream | Consumer | Queue | Channel) -> dict[str, Any]:
    """The tags of a stream, a consumer, a queue or a channel."""
    return {"Tags": [{"Key": key, "Value": value} for key, value in sorted(resource.tags.items())]}
