"""What a stream can take and how it is paid for: mode, warm throughput, its largest records, how they spread."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dependents, faults, kinesis
from .encryption import change
from .resharding import scale
from .streams import Stream, active


@kinesis.operation(on=Stream.by_arn)
def update_stream_mode(
    call: Call, stream: Stream, stream_mode_details: dict[str, str], warm_throughput_mi_bps: int | None = None
) -> None:
    """Make a stream provisioned or on demand; its shards stay as they are."""
    active(call, stream)
    mode = stream_mode_details["StreamMode"]
    if warm_throughput_mi_bps is not None and mode != "ON_DEMAND":
        raise faults.validation("WarmThroughputMiBps is only supported for streams with StreamMode ON_DEMAND.")
    if mode == "PROVISIONED" and stream.distribution == "AUTO":
        raise faults.validation("A stream whose records are distributed by AUTO cannot be PROVISIONED.")
    if mode == "PROVISIONED":
        dependents.check_none(call, stream, "made PROVISIONED")
    stream.mode = mode
    stream.warm = 0 if mode == "PROVISIONED" else stream.warm
    if warm_throughput_mi_bps is not None:
        warmed(call, stream, warm_throughput_mi_bps)
    else:
        change(call, stream)


@kinesis.operation(on=Stream.of)
def update_stream_warm_throughput(call: Call, stream: Stream, warm_throughput_mi_bps: int) -> dict[str, Any]:
    """Have a stream on demand ready for so many megabytes a second."""
    active(call, stream)
    if stream.mode != "ON_DEMAND":
        raise faults.validation("WarmThroughputMiBps is only supported for streams with StreamMode ON_DEMAND.")
    before = len(stream.open)
    warmed(call, stream, warm_throughput_mi_bps)
    return {
        "StreamARN": stream.arn(call),
        "StreamName": stream.name,
        "WarmThroughput": {"TargetMiBps": warm_throughput_mi_bps, "CurrentMiBps": before},
    }


def warmed(call: Call, stream: Stream, wanted: int) -> None:
    """A shard takes a megabyte a second: see that there are as many."""
    stream.warm = wanted
    stream.status = "UPDATING"
    stream.put(call)
    scale.later(call, name=stream.name, box=stream.box, count=max(wanted, len(stream.open)))


def sized(call: Call, stream_arn: str = "") -> Stream:
    """The stream of an ARN, which this operation's model leaves out as it leaves out none other's."""
    return Stream.of(call, "", stream_arn)


@kinesis.operation(on=sized)
def update_max_record_size(call: Call, stream: Stream, max_record_size_in_ki_b: int) -> None:
    """Let records be larger, or not so large."""
    active(call, stream)
    stream.largest = max_record_size_in_ki_b
    change(call, stream)


@kinesis.operation(on=Stream.by_arn)
def update_stream_record_distribution_strategy(call: Call, stream: Stream, record_distribution_strategy: str) -> None:
    """Spread records by their partition keys, or evenly without regard to them."""
    active(call, stream)
    if record_distribution_strategy == "AUTO" and stream.mode != "ON_DEMAND":
        raise faults.validation("AUTO distribution is only supported for streams with StreamMode ON_DEMAND.")
    stream.distribution = record_distribution_strategy
    change(call, stream)
