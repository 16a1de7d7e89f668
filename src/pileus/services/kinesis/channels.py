"""Channels: each carries the records of a stream on demand to a bucket of S3 (`flowing`).

Left out: streaming tables (S3 Tables).
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import dependents, faults, kinesis
from .dependents import MOST_LISTED
from .streams import Members, Stream, active, own

FRESHNESS = 300
SHORTEST, LONGEST = 1, 24 * 3600
TEMPLATE = "!{timestamp:yyyy}/!{timestamp:MM}/!{timestamp:dd}/!{timestamp:HH}/"
EXPRESSION = re.compile(r"!\{([^}]*)\}")
ERROR_PREFIX = "errors/"
FORMATS = ("JSON", "STRING", "BYTE_ARRAY")


class Channel(Record, arn="channel/{name}", indexes={"by_stream": ("stream",)}, kw_only=True):
    """A channel of a stream."""

    name: str
    id: str
    stream: str
    stream_box: str
    stream_created: float
    created: float
    role: str
    form: str
    storage: Members
    errors: Members
    """DeadLetterQueueS3Configuration."""
    freshness: int
    encryption: Members = {}
    logging: Members = {}
    status: str = "CREATING"
    blocked: float = 0.0
    """Until then nothing is tried again, since the bucket has refused the last delivery."""
    tags: dict[str, str] = {}


def of_arn(call: Call, channel_arn: str) -> Channel:
    found = Channel.get(call, channel_arn.split("/", 1)[1])
    if found is None or channel_arn.split(":")[3] != call.region:
        raise Fault("ResourceNotFoundException", f"Channel {channel_arn} under account {call.account} not found.")
    return found


@kinesis.operation
def create_channel(
    call: Call,
    channel_name: str,
    service_execution_role_arn: str,
    stream_configuration_list: list[Members],
    s3_destination_configuration: Members = {},
    s3_tables_destination_configuration: Members = {},
    encryption_configuration: Members = {},
    tags: dict[str, str] = {},
    logging_configuration: Members = {},
) -> dict[str, Any]:
    """Make a channel, which carries a moment later what arrives from now on."""
    from .flowing import Mark
    from .tags import checked

    if len(stream_configuration_list) != 1:
        raise faults.validation("StreamConfigurationList must contain exactly one entry.")
    if bool(s3_destination_configuration) == bool(s3_tables_destination_configuration):
        message = "Specify either S3DestinationConfiguration or S3TablesDestinationConfiguration."
        raise faults.validation(message)
    if s3_tables_destination_configuration:
        raise Unfinished("Pileus has no channels to streaming tables yet.")
    (given,) = stream_configuration_list
    stream = own(call, given["StreamARN"])
    active(call, stream)
    check(call, channel_name, stream, given["RecordConfiguration"], s3_destination_configuration)
    storage = s3_destination_configuration["StorageConfiguration"]
    channel = Channel(
        name=channel_name,
        id=names.token(20).lower(),
        stream=stream.name,
        stream_box=stream.box,
        stream_created=stream.created,
        created=call.now,
        role=service_execution_role_arn,
        form=given["RecordConfiguration"]["RecordFormatType"],
        storage={"OutputKeyTemplate": TEMPLATE, "StorageClass": "STANDARD", **storage},
        errors=s3_destination_configuration.get("DeadLetterQueueS3Configuration")
        or {name: storage[name] for name in ("BucketARN", "ExpectedBucketOwner")} | {"ErrorOutputPrefix": ERROR_PREFIX},
        freshness=fresh(s3_destination_configuration.get("DataFreshnessInSeconds", FRESHNESS)),
        encryption=encryption_configuration,
        logging=logged(logging_configuration),
        tags=checked(tags),
    ).put(call)
    Mark.begin(call, channel)
    arrange_channel.later(call, name=channel.name, number=channel.id)
    return {"ChannelDescription": described(call, channel)}


def check(call: Call, name: str, stream: Stream, record: Members, destination: Members) -> None:
    if stream.mode != "ON_DEMAND":
        raise faults.validation("Channels are only supported for streams with StreamMode ON_DEMAND.")
    if Channel.get(call, name):
        raise Fault("ResourceInUseException", f"Channel {name} under account {call.account} already exists.")
    if record["RecordFormatType"] not in FORMATS:
        raise faults.validation("GSR_JSON is only supported for streaming table destinations.")
    for found in EXPRESSION.finditer(destination["StorageConfiguration"].get("OutputKeyTemplate", "")):
        if not found[1].startswith("timestamp:"):
            raise faults.validation(f"Invalid expression {found[0]} in OutputKeyTemplate.")


def fresh(seconds: int) -> int:
    if not SHORTEST <= seconds <= LONGEST:
        raise faults.validation(f"DataFreshnessInSeconds must be between {SHORTEST} and {LONGEST}.")
    return seconds


def logged(given: Members) -> Members:
    return dict(given["CloudWatchLogs"]) if given else {"Enabled": False}


@kinesis.task
def arrange_channel(call: Call, name: str, number: str) -> None:
    """The channel carries records, or is gone."""
    from .flowing import Mark, flow

    channel = Channel.get(call, name)
    if channel is None or channel.id != number:
        return
    if channel.status == "DELETING":
        flow.end(call, name=name, number=number)
        Mark.delete_all(call, channel.id)
        channel.delete(call)
        return
    channel.status = "ACTIVE"
    channel.put(call)
    flow.begin(call, name=name, number=number)
    call.wake(("kinesis.channel", channel.id))


def described(call: Call, channel: Channel) -> Members:
    logs = {
        "LogGroupName": f"/aws/kinesis/{channel.name}/{channel.id}",
        "LogStreamName": "DestinationDelivery",
        **channel.logging,
    }
    told: Members = summary(call, channel) | {
        "ServiceExecutionRoleARN": channel.role,
        "StreamConfigurationList": [
            streams(call, channel)[0] | {"RecordConfiguration": {"RecordFormatType": channel.form}}
        ],
        "S3DestinationConfiguration": {
            "DataFreshnessInSeconds": channel.freshness,
            "DeadLetterQueueS3Configuration": channel.errors,
            "StorageConfiguration": channel.storage,
        },
        "LoggingConfiguration": {"CloudWatchLogs": logs if channel.logging["Enabled"] else {"Enabled": False}},
    }
    for name in ("ChannelDestinationType", "Streams"):
        del told[name]
    return told | ({"EncryptionConfiguration": channel.encryption} if channel.encryption else {})


def summary(call: Call, channel: Channel) -> Members:
    return {
        "ChannelName": channel.name,
        "ChannelARN": channel.arn(call),
        "ChannelId": channel.id,
        "ChannelStatus": channel.status,
        "ChannelCreationTimestamp": channel.created,
        "ChannelDestinationType": "S3",
        "Streams": streams(call, channel),
    }


def streams(call: Call, channel: Channel) -> list[Members]:
    arn = call.arn(f"stream/{channel.stream}", "kinesis")
    return [{"StreamARN": arn, "StreamCreationTimestamp": channel.stream_created}]


@kinesis.operation(on=of_arn)
def describe_channel(call: Call, channel: Channel) -> dict[str, Any]:
    """A channel, and how it is configured."""
    return {"ChannelDescription": described(call, channel)}


@kinesis.operation(on=of_arn)
def update_channel(
    call: Call,
    channel: Channel,
    s3_destination_configuration: Members = {},
    s3_tables_destination_configuration: Members = {},
    logging_configuration: Members = {},
) -> dict[str, Any]:
    """Have records carried sooner or later, or tell of errors elsewhere."""
    if channel.status != "ACTIVE":
        message = f"Channel {channel.name} under account {call.account} not ACTIVE, instead in state {channel.status}"
        raise Fault("ResourceInUseException", message)
    if s3_tables_destination_configuration:
        raise faults.validation("The destination of the channel is not a streaming table.")
    if s3_destination_configuration:
        channel.freshness = fresh(s3_destination_configuration["DataFreshnessInSeconds"])
    if logging_configuration:
        channel.logging = logged(logging_configuration)
    channel.status = "UPDATING"
    channel.put(call)
    arrange_channel.later(call, name=channel.name, number=channel.id)
    return {"ChannelDescription": described(call, channel)}


@kinesis.operation(on=of_arn)
def delete_channel(call: Call, channel: Channel) -> None:
    """Delete a channel. What it has carried stays."""
    channel.status = "DELETING"
    channel.put(call)
    arrange_channel.later(call, name=channel.name, number=channel.id)


@kinesis.operation
def list_channels(
    call: Call, stream_filter: list[Members] = [], max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """The account's channels in this Region, or those of a stream."""
    page = dependents.page(call, Channel, stream_filter, max_results, next_token)
    told: Members = {"ChannelSummaries": [summary(call, channel) for channel in page.items]}
    return told | ({"NextToken": page.token} if page.token else {})
