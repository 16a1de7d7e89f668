"""What is set about a stream: its storage tier, the images made of it, and whom its fragments are told."""

from __future__ import annotations

from pileus.kernel import Call

from . import faults, kinesisvideo
from .streams import Members, Stream, active, current


@kinesisvideo.operation(on=Stream.of)
def update_stream_storage_configuration(
    call: Call, stream: Stream, current_version: str, stream_storage_configuration: Members
) -> None:
    current(stream, current_version)
    stream.tier = stream_storage_configuration["DefaultStorageTier"]
    stream.changed(call)


@kinesisvideo.operation(on=Stream.of)
def describe_stream_storage_configuration(call: Call, stream: Stream) -> Members:
    told = {"DefaultStorageTier": stream.tier}
    return {"StreamName": stream.name, "StreamARN": stream.arn(call), "StreamStorageConfiguration": told}


@kinesisvideo.operation(on=Stream.of)
def update_image_generation_configuration(
    call: Call, stream: Stream, image_generation_configuration: Members = {}
) -> None:
    """Set, or without a configuration remove, how images are to be made of a stream."""
    retained(active(stream))
    region = image_generation_configuration.get("DestinationConfig", {}).get("DestinationRegion", call.region)
    if region != call.region:
        raise faults.invalid("DestinationRegion must be the Region of the stream.")
    stream.images = image_generation_configuration
    stream.put(call)


@kinesisvideo.operation(on=Stream.of)
def describe_image_generation_configuration(call: Call, stream: Stream) -> Members:
    return {"ImageGenerationConfiguration": stream.images or None}


@kinesisvideo.operation(on=Stream.of)
def update_notification_configuration(call: Call, stream: Stream, notification_configuration: Members = {}) -> None:
    """Set, or without a configuration remove, whom a stream's fragments are to be told."""
    retained(active(stream))
    stream.notification = notification_configuration
    stream.put(call)


@kinesisvideo.operation(on=Stream.of)
def describe_notification_configuration(call: Call, stream: Stream) -> Members:
    return {"NotificationConfiguration": stream.notification or None}


def retained(stream: Stream) -> None:
    if stream.retention == 0:
        raise faults.no_retention()
