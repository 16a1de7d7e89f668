"""Signaling channels: what is said of one, and where it would be reached."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import faults, kinesisvideo
from .streams import MOST_LISTED, Members, Stream, checked, listed, new_version

TTL = 60
"""Seconds for which a message waits for its recipient (API reference, SingleMasterConfiguration)."""
MOST = 10_000
MASTERS = ("MASTER", "VIEWER")


class Channel(Record, arn="arn:{partition}:kinesisvideo:{region}:{account}:channel/{name}/{stamp}", kw_only=True):
    """A signaling channel, which is there as soon as it is made."""

    name: str
    stamp: int
    version: str
    type: str = "SINGLE_MASTER"
    ttl: int = TTL
    tags: dict[str, str] = {}
    storage: Members = {}
    """The stream that what is said in it is stored in."""

    @classmethod
    def by_arn(cls, call: Call, channel_arn: str) -> Self:
        return cls.of(call, "", channel_arn)

    @classmethod
    def of(cls, call: Call, channel_name: str = "", channel_arn: str = "") -> Self:
        """The channel of a name or an ARN."""
        if not channel_name and not channel_arn:
            raise faults.invalid("Either ChannelName or ChannelARN must be specified.")
        parts = channel_arn.split("/")
        channel = cls.get(call, channel_name or (parts[1] if len(parts) == 3 else ""))
        if channel is None or (channel_arn and channel.arn(call) != channel_arn):
            raise faults.no_channel()
        return channel

    def current(self, version: str) -> None:
        if version and version != self.version:
            raise faults.mismatch("channel")

    def told(self, call: Call) -> Members:
        info: Members = {
            "ChannelName": self.name,
            "ChannelARN": self.arn(call),
            "ChannelType": self.type,
            "ChannelStatus": "ACTIVE",
            "CreationTime": self.stamp / 1000,
            "Version": self.version,
        }
        if self.type == "SINGLE_MASTER":
            info["SingleMasterConfiguration"] = {"MessageTtlSeconds": self.ttl}
        return info


resource_type(
    kinesisvideo,
    "ChannelName",
    create="CreateSignalingChannel",
    read="DescribeSignalingChannel",
    list="ListSignalingChannels",
    delete="DeleteSignalingChannel",
    missing="ResourceNotFoundException",
)(Channel)


@kinesisvideo.operation
def create_signaling_channel(
    call: Call,
    channel_name: str,
    channel_type: str = "SINGLE_MASTER",
    single_master_configuration: Members = {},
    tags: list[dict[str, str]] = [],
) -> Members:
    """Make a channel."""
    if Channel.get(call, channel_name):
        raise Fault("ResourceInUseException", f"The channel {channel_name} already exists.")
    if len(list(Channel.scan(call, limit=MOST))) >= MOST:
        words = "You have reached the maximum limit of active signaling channels for this account in this region."
        raise Fault("AccountChannelLimitExceededException", words)
    channel = Channel(
        name=channel_name,
        stamp=int(call.now * 1000),
        version=new_version(),
        type=channel_type,
        ttl=single_master_configuration.get("MessageTtlSeconds", TTL),
        tags=checked(tagging.as_map(tags)),
    ).put(call)
    return {"ChannelARN": channel.arn(call)}


@kinesisvideo.operation(on=Channel.of)
def describe_signaling_channel(call: Call, channel: Channel) -> Members:
    return {"ChannelInfo": channel.told(call)}


@kinesisvideo.operation
def list_signaling_channels(
    call: Call, max_results: int = MOST_LISTED, next_token: str = "", channel_name_condition: dict[str, str] = {}
) -> Members:
    """The account's channels, or those whose names begin with something."""
    page: Any = listed(call, Channel, max_results, next_token, channel_name_condition)
    return {"ChannelInfoList": [channel.told(call) for channel in page.items], "NextToken": page.token}


@kinesisvideo.operation(on=Channel.by_arn)
def update_signaling_channel(
    call: Call, channel: Channel, current_version: str, single_master_configuration: Members = {}
) -> None:
    """Change how long messages wait."""
    channel.current(current_version)
    if single_master_configuration and channel.type != "SINGLE_MASTER":
        raise faults.invalid("SingleMasterConfiguration can only be set for channels of the type SINGLE_MASTER.")
    channel.ttl = single_master_configuration.get("MessageTtlSeconds", channel.ttl)
    channel.version = new_version()
    channel.put(call)


@kinesisvideo.operation(on=Channel.by_arn)
def delete_signaling_channel(call: Call, channel: Channel, current_version: str = "") -> None:
    channel.current(current_version)
    unmap(call, channel)
    channel.delete(call)


@kinesisvideo.operation(on=Channel.by_arn)
def get_signaling_channel_endpoint(
    call: Call, channel: Channel, single_master_channel_endpoint_configuration: Members = {}
) -> Members:
    """The addresses of a channel, for each protocol that is asked for and the role of whoever asks."""
    asked = single_master_channel_endpoint_configuration
    if asked.get("Role", "VIEWER") not in MASTERS:
        raise faults.invalid(f"Role must be one of {', '.join(MASTERS)}.")
    protocols = asked.get("Protocols", ["WSS", "HTTPS"])
    if "WEBRTC" in protocols and channel.storage.get("Status") != "ENABLED":
        raise faults.invalid("WEBRTC needs a channel whose media storage is enabled.")
    web = call.endpoint
    addresses = {"HTTPS": web, "WEBRTC": web, "WSS": web.replace("http", "ws", 1)}
    return {"ResourceEndpointList": [{"Protocol": name, "ResourceEndpoint": addresses[name]} for name in protocols]}


# Media storage


@kinesisvideo.operation(on=Channel.by_arn)
def update_media_storage_configuration(call: Call, channel: Channel, media_storage_configuration: Members) -> None:
    """Say in which stream the media of a channel are to be stored; a stream serves one channel."""
    enabled = media_storage_configuration["Status"] == "ENABLED"
    arn = media_storage_configuration.get("StreamARN", "")
    if enabled != bool(arn):
        raise faults.invalid("StreamARN must be specified if, and only if, the status is ENABLED.")
    if enabled:
        if Stream.by_arn(call, arn).retention == 0:
            raise faults.no_retention()
        taken = Mapped.get(call, arn)
        if taken and taken.channel != channel.arn(call):
            raise Fault("ResourceInUseException", f"The stream is already mapped to the channel {taken.channel}.")
        Mapped(stream=arn, channel=channel.arn(call)).put(call)
    if channel.storage.get("StreamARN") != arn:
        unmap(call, channel)
    channel.storage = media_storage_configuration
    channel.put(call)


def unmap(call: Call, channel: Channel) -> None:
    """The stream that has stored the channel's media is free."""
    if mapped := Mapped.get(call, channel.storage.get("StreamARN", "")):
        mapped.delete(call)


@kinesisvideo.operation(on=Channel.of)
def describe_media_storage_configuration(call: Call, channel: Channel) -> Members:
    return {"MediaStorageConfiguration": channel.storage or {"Status": "DISABLED"}}


class Mapped(Record):
    """The channel whose media a stream stores."""

    stream: str
    channel: str


@kinesisvideo.operation(on=Stream.of)
def describe_mapped_resource_configuration(call: Call, stream: Stream, max_results: int = 1) -> Members:
    """The channel that a stream is mapped to: there is one at most."""
    mapped = Mapped.get(call, stream.arn(call))
    listed = [{"Type": "SIGNALING_CHANNEL", "ARN": mapped.channel}] if mapped else []
    return {"MappedResourceConfigurationList": listed[:max_results]}
