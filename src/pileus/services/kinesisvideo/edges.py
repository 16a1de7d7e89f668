"""What an agent at the edge is to record and upload. There is none here, so it stays what it has yet to hear of."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record

from . import faults, kinesisvideo
from .settings import retained
from .streams import Members, Stream, active

MOST_LISTED = 10


class EdgeConfiguration(Record, indexes={"by_hub": ("hub",)}):
    """What is set for the agent of a stream."""

    stream: str
    hub: str
    config: Members
    created: float
    updated: float

    def told(self, call: Call) -> Members:
        return {
            "StreamName": self.stream,
            "StreamARN": Stream.of(call, self.stream).arn(call),
            "CreationTime": self.created,
            "LastUpdatedTime": self.updated,
            "SyncStatus": "SYNCING",
            "EdgeConfig": self.config,
        }


def of_stream(call: Call, stream: Stream) -> EdgeConfiguration:
    if found := EdgeConfiguration.get(call, stream.name):
        return found
    words = "The Exception rendered when the Amazon Kinesis Video Stream can't find a stream's edge configuration."
    raise Fault("StreamEdgeConfigurationNotFoundException", words)


@kinesisvideo.operation(on=Stream.of)
def start_edge_configuration_update(call: Call, stream: Stream, edge_config: Members) -> Members:
    """Set what the agent is to do, once it hears of it."""
    retained(active(stream))
    held = EdgeConfiguration.get(call, stream.name)
    created = held.created if held else call.now
    made = EdgeConfiguration(stream.name, edge_config["HubDeviceArn"], edge_config, created, call.now).put(call)
    return made.told(call)


@kinesisvideo.operation(on=Stream.of)
def describe_edge_configuration(call: Call, stream: Stream) -> Members:
    return of_stream(call, stream).told(call)


@kinesisvideo.operation(on=Stream.of)
def delete_edge_configuration(call: Call, stream: Stream) -> None:
    of_stream(call, stream).delete(call)


@kinesisvideo.operation
def list_edge_agent_configurations(
    call: Call, hub_device_arn: str, max_results: int = MOST_LISTED, next_token: str = ""
) -> Members:
    """What is set for the agents of a hub."""
    invalid = faults.invalid("The NextToken is not valid.")
    page = EdgeConfiguration.page(
        call, hub_device_arn, index="by_hub", limit=max_results, token=next_token, invalid=invalid
    )
    return {"EdgeConfigs": [one.told(call) for one in page.items], "NextToken": page.token}
