"""Metrics of groups and of what filters pass on ("Monitoring with CloudWatch metrics", User Guide)."""

from __future__ import annotations

from pileus.kernel import Call

NAMESPACE = "AWS/Logs"
DESTINATIONS = {"kinesis": "KinesisStream", "firehose": "Firehose", "lambda": "Lambda"}


def incoming(call: Call, group: str, octets: int, events: int) -> None:
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, (("LogGroupName", group),))
    tally.add("IncomingBytes", octets, "Bytes")
    tally.add("IncomingLogEvents", events, "None")


def forwarded(call: Call, group: str, name: str, kind: str, octets: int, events: int, *, failed: bool) -> None:
    """A filter has passed events on, or could not."""
    about = (("DestinationType", DESTINATIONS.get(kind, kind)), ("FilterName", name), ("LogGroupName", group))
    tally = call.cloud.meters.tally(call.account, call.region, NAMESPACE, about)
    if failed:
        tally.add("DeliveryErrors", events, "None")
    else:
        tally.add("ForwardedBytes", octets, "Bytes")
        tally.add("ForwardedLogEvents", events, "None")
