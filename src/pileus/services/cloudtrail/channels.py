"""Channels: by which events from outside of AWS come into event data stores (PutAuditEvents).

Left out: the channels that other services make for themselves.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, names, tags

from . import cloudtrail, stores
from .stores import AUDIT

Members = dict[str, Any]

MOST = 25
MOST_LISTED = 1000
PARTNERS = {
    "CloudStorageSecurity", "Clumio", "CrowdStrike", "CyberArk", "GitHub", "Kong", "LaunchDarkly", "MontyCloud",
    "Netskope", "Nordcloud", "OktaSystemLogEvents", "OneLogin", "Shoreline", "Snyk", "Wiz",
}  # fmt: skip
"""Sources with an integration of their own ("Create an integration with an event source outside of AWS")."""
OWN = "Custom"


class Channel(Record, indexes={"by_name": ("name",)}, kw_only=True):
    """A channel, and how the last events fared that came by it."""

    id: str
    name: str
    source: str
    destinations: list[Members]
    tags: dict[str, str] = {}
    policy: str = ""
    status: Members = {}

    def arn(self, call: Call) -> str:
        return call.arn(f"channel/{self.id}", "cloudtrail")

    def resource_policy(self, call: Call) -> str:
        return self.policy


def channel_named(call: Call, channel: str) -> Channel:
    """The channel of an ARN, or of the id at its end."""
    identifier = channel
    if channel.startswith("arn:"):
        parts = channel.split(":", 5)
        if len(parts) != 6 or parts[2] != "cloudtrail" or not parts[5].startswith("channel/"):
            raise Fault("ChannelARNInvalidException", f"Invalid channel ARN: {channel}.")
        identifier = parts[5].removeprefix("channel/") if parts[3:5] == [call.region, call.account] else ""
    found = Channel.get(call, identifier)
    if found is None:
        raise Fault("ChannelNotFoundException", f"The channel {channel} was not found.")
    return found


@cloudtrail.operation
def create_channel(
    call: Call, name: str, source: str, destinations: list[Members], tags: list[dict[str, str]] = []
) -> Members:
    """Make a channel into event data stores for activity logs."""
    check_name(call, name)
    if source not in PARTNERS and source != OWN:
        raise Fault("InvalidSourceException", f"The source {source} is not valid.")
    if sum(1 for _ in Channel.scan(call)) >= MOST:
        raise Fault("ChannelMaxLimitExceededException", f"You have the maximum number of channels: {MOST}.")
    check_destinations(call, destinations)
    channel = Channel(id=names.uuid4(), name=name, source=source, destinations=destinations, tags=held(tags)).put(call)
    return described(call, channel) | {"Tags": tags}


def held(given: list[dict[str, str]]) -> dict[str, str]:
    found = tags.as_map(given)
    tags.check(found, code="InvalidTagParameterException")
    return found


def check_name(call: Call, name: str) -> None:
    if Channel.first(call, name, index="by_name"):
        raise Fault("ChannelAlreadyExistsException", f"The channel {name} already exists.")


def check_destinations(call: Call, destinations: list[Members]) -> None:
    for one in destinations:
        if one["Type"] != "EVENT_DATA_STORE":
            raise Fault("InvalidParameterException", "A destination must be an EVENT_DATA_STORE.", status=400)
        store = stores.active(call, one["Location"])
        if store.categories != {AUDIT}:
            message = f"The event data store {one['Location']} is not for events from outside of AWS."
            raise Fault("InvalidEventDataStoreCategoryException", message)


def described(call: Call, channel: Channel) -> Members:
    return {
        "ChannelArn": channel.arn(call),
        "Name": channel.name,
        "Source": channel.source,
        "Destinations": channel.destinations,
    }


@cloudtrail.operation(on=channel_named)
def get_channel(call: Call, channel: Channel) -> Members:
    """A channel, and how it fares."""
    return described(call, channel) | ({"IngestionStatus": channel.status} if channel.status else {})


@cloudtrail.operation
def list_channels(call: Call, max_results: int = MOST_LISTED, next_token: str = "") -> Members:
    """The account's channels in this Region."""
    invalid = Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again.")
    page = Channel.page(call, limit=max_results, token=next_token, invalid=invalid)
    return {
        "Channels": [{"ChannelArn": channel.arn(call), "Name": channel.name} for channel in page.items],
        "NextToken": page.token,
    }


@cloudtrail.operation(on=channel_named)
def update_channel(call: Call, channel: Channel, destinations: list[Members] = [], name: str = "") -> Members:
    """Rename a channel, or have it lead elsewhere."""
    if name and name != channel.name:
        check_name(call, name)
        channel.name = name
    if destinations:
        check_destinations(call, destinations)
        channel.destinations = destinations
    channel.put(call)
    return described(call, channel)


@cloudtrail.operation(on=channel_named)
def delete_channel(call: Call, channel: Channel) -> None:
    """Delete a channel. What has come by it stays."""
    channel.delete(call)


def destined(call: Call, store: str) -> bool:
    """Whether any channel leads into a store."""
    return any(one["Location"] == store for channel in Channel.scan(call) for one in channel.destinations)
