"""Enhanced monitoring: which shard-level metrics are switched on."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import kinesis
from .streams import Stream, active

METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
)


@kinesis.operation(on=Stream.of)
def enable_enhanced_monitoring(call: Call, stream: Stream, shard_level_metrics: list[str]) -> dict[str, Any]:
    """Switch metrics on."""
    return switched(call, stream, {*stream.metrics} | meant(shard_level_metrics))


@kinesis.operation(on=Stream.of)
def disable_enhanced_monitoring(call: Call, stream: Stream, shard_level_metrics: list[str]) -> dict[str, Any]:
    """Switch metrics off."""
    return switched(call, stream, {*stream.metrics} - meant(shard_level_metrics))


def meant(names: list[str]) -> set[str]:
    return {*METRICS} if "ALL" in names else {*names}


def switched(call: Call, stream: Stream, wanted: set[str]) -> dict[str, Any]:
    active(call, stream)
    before, stream.metrics = stream.metrics, sorted(wanted)
    stream.put(call)
    return {
        "StreamName": stream.name,
        "CurrentShardLevelMetrics": before,
        "DesiredShardLevelMetrics": stream.metrics,
        "StreamARN": stream.arn(call),
    }
