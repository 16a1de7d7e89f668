"""Streams: what one is, finding, making, describing and deleting it."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel.resource_type import resource_type
from pileus.kernel.store.keys import pack

from . import faults, hashes, kinesis, positions
from .shards import Shard, described, shards_after

Members = dict[str, Any]

ON_DEMAND_SHARDS = 4
"""What a new stream on demand begins with, 4 MB/s (Developer Guide, "Choose the right mode")."""
MOST_ON_DEMAND = 50
DEFAULT_RETENTION = 24
DEFAULT_SIZE = 1024
LARGE_REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
MOST_DESCRIBED = 100


class Stream(Record, arn="stream/{name}", cfn="AWS::Kinesis::Stream", kw_only=True, dict=True):
    """A stream. Those that `Stream.named` finds are shared: they are only read."""

    name: str
    box: str
    """Where its shards and records lie."""
    created: float
    mode: str = "PROVISIONED"
    status: str = "CREATING"
    open: list[tuple[bytes, int]] = []
    """The open shards by the ends of their ranges, in order."""
    next: int = 0
    """The number of its next shard."""
    retention: int = DEFAULT_RETENTION
    encryption: str = "NONE"
    key: str = ""
    metrics: list[str] = []
    tags: dict[str, str] = {}
    policy: str = ""
    largest: int = DEFAULT_SIZE
    """The size of its largest records in KiB."""
    warm: int = 0
    distribution: str = "USER_PARTITION_KEY"
    scaled: list[float] = []
    """When its shard count was updated in the last day."""
    registered: int = 0
    """How many consumers it has."""

    @classmethod
    def named(cls, call: Call, stream_name: str = "", stream_arn: str = "") -> Self:
        """The stream of a name or an ARN, for operations on records."""
        name = name_of(call, stream_name, stream_arn)
        raw = call.store.get(cls.layout.prefix(call.account, call.region) + pack((name,)))
        if raw is None:
            raise faults.no_stream(call, name)
        stream: Self = _shared(raw)
        return stream

    @classmethod
    def of(cls, call: Call, stream_name: str = "", stream_arn: str = "") -> Self:
        """The stream of a name or an ARN, for operations that may change it."""
        name = name_of(call, stream_name, stream_arn)
        if stream := cls.get(call, name):
            return stream
        raise faults.no_stream(call, name)

    @classmethod
    def by_arn(cls, call: Call, stream_arn: str) -> Self:
        """The same, for operations that take an ARN only."""
        return cls.of(call, "", stream_arn)

    def arn(self, call: Call) -> str:
        return call.arn(f"stream/{self.name}", "kinesis")

    def resource_policy(self, call: Call) -> str:
        return self.policy

    @cached_property
    def ends(self) -> list[bytes]:
        return [end for end, _ in self.open]

    @property
    def limited(self) -> bool:
        """Whether its shards take no more than what is provisioned."""
        return self.mode == "PROVISIONED"


@lru_cache(maxsize=1024)
def _shared(raw: bytes) -> Any:
    return Stream.layout.decoder.decode(raw)


resource_type(
    kinesis,
    "Name",
    create="CreateStream",
    read="DescribeStreamSummary",
    list="ListStreams",
    delete="DeleteStream",
    missing="ResourceNotFoundException",
)(Stream)


def name_of(call: Call, stream_name: str, stream_arn: str) -> str:
    if not stream_name and not stream_arn:
        raise faults.invalid("Either StreamName or StreamARN must be provided.")
    if not stream_arn:
        return stream_name
    named = stream_arn.split("/")[1]
    if stream_name and stream_name != named:
        raise faults.invalid("StreamName and StreamARN do not refer to the same stream.")
    if stream_arn.split(":")[3] != call.region:
        raise faults.no_stream(call, named)
    return named


def own(call: Call, stream_arn: str) -> Stream:
    """The caller's own stream of that ARN."""
    if stream_arn.split(":")[4] != call.account:
        raise faults.no_stream(call, stream_arn)
    return Stream.of(call, "", stream_arn)


@kinesis.owner
def owner(call: Call, request: Members) -> str:
    """The account whose stream or consumer a request names by an ARN."""
    arn = request.get("StreamARN") or request.get("ResourceARN") or request.get("ConsumerARN") or ""
    arn = arn or request.get("QueueARN") or request.get("ChannelARN") or ""
    return str(arn.split(":")[4]) if arn.count(":") >= 5 else ""


def active(call: Call, stream: Stream) -> None:
    """Raise unless a stream can be changed now."""
    if stream.status != "ACTIVE":
        raise faults.not_active(call, stream.name, stream.status)


# Making


@kinesis.operation
def create_stream(
    call: Call,
    stream_name: str,
    shard_count: int | None = None,
    stream_mode_details: dict[str, str] = {},
    tags: dict[str, str] = {},
    warm_throughput_mi_bps: int | None = None,
    max_record_size_in_ki_b: int = DEFAULT_SIZE,
    record_distribution_strategy: str = "USER_PARTITION_KEY",
) -> None:
    """Make a stream, which is there to be used a moment later."""
    from .tags import checked

    mode = stream_mode_details.get("StreamMode", "PROVISIONED")
    if Stream.get(call, stream_name):
        raise Fault("ResourceInUseException", f"Stream {stream_name} under account {call.account} already exists.")
    if mode == "ON_DEMAND" and shard_count is not None:
        raise faults.validation("ShardCount must not be set when StreamMode is ON_DEMAND.")
    if mode == "PROVISIONED" and shard_count is None:
        raise faults.validation("ShardCount must be set when StreamMode is PROVISIONED.")
    if mode == "PROVISIONED" and (warm_throughput_mi_bps or record_distribution_strategy == "AUTO"):
        raise faults.validation("WarmThroughputMiBps and AUTO distribution are only supported for ON_DEMAND streams.")
    count = shard_count or max(ON_DEMAND_SHARDS, warm_throughput_mi_bps or 0)
    if mode == "PROVISIONED":
        check_limit(call, count)
    else:
        check_on_demand(call)
    stream = Stream(
        name=stream_name,
        box=names.token(8),
        created=call.now,
        mode=mode,
        tags=checked(tags),
        largest=max_record_size_in_ki_b,
        warm=warm_throughput_mi_bps or 0,
        distribution=record_distribution_strategy,
    )
    stream.put(call)
    begin.later(call, name=stream_name, box=stream.box, count=count)


@kinesis.task
def begin(call: Call, name: str, box: str, count: int) -> None:
    """The stream gets its shards, and can be used."""
    stream = Stream.get(call, name)
    if stream is None or stream.box != box or stream.status != "CREATING":
        return
    for start, end in hashes.even(count):
        open_shard(call, stream, start, end, positions.at(call.now))
    stream.status = "ACTIVE"
    stream.put(call)


def open_shard(call: Call, stream: Stream, start: bytes, end: bytes, position: int, *parents: int) -> Shard:
    """A new shard of a stream; the caller stores the stream."""
    number = stream.next
    shard = Shard(
        box=stream.box,
        number=number,
        start=start,
        end=end,
        parents=list(parents),
        opened=call.now,
        origin=position,
    ).put(call)
    stream.next += 1
    stream.open = sorted([*stream.open, (end, number)])
    return shard


def shard_limit(region: str) -> int:
    return 20_000 if region in LARGE_REGIONS else 6_000


def check_limit(call: Call, more: int) -> None:
    """The account's quota of open shards; streams on demand do not count."""
    held = sum(len(stream.open) for stream in Stream.scan(call) if stream.mode == "PROVISIONED")
    limit = shard_limit(call.region)
    if held + more > limit:
        raise Fault(
            "LimitExceededException",
            f"This request would exceed the shard limit for the account {call.account} in {call.region}. Current "
            f"shard count for the account: {held}. Limit: {limit}. Number of additional shards that would have "
            f"resulted from this request: {more}. Refer to the AWS Service Limits page "
            "(http://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how to "
            "request higher limits.",
        )


def check_on_demand(call: Call) -> None:
    """The account's quota of streams on demand."""
    if sum(stream.mode == "ON_DEMAND" for stream in Stream.scan(call)) >= MOST_ON_DEMAND:
        raise Fault(
            "LimitExceededException",
            f"This request would exceed the on-demand stream limit for the account {call.account} in {call.region}. "
            f"Limit: {MOST_ON_DEMAND}.",
        )


# Describing


@kinesis.operation(on=Stream.of)
def describe_stream(
    call: Call, stream: Stream, limit: int = MOST_DESCRIBED, exclusive_start_shard_id: str = ""
) -> dict[str, Any]:
    """A stream and some of its shards."""
    shards = shards_after(call, stream.box, exclusive_start_shard_id, limit + 1)
    most = min(limit, MOST_DESCRIBED)
    told = common(call, stream)
    told["Shards"] = [described(shard) for shard in shards[:most]]
    told["HasMoreShards"] = len(shards) > most
    return {"StreamDescription": told}


def common(call: Call, stream: Stream) -> Members:
    told: Members = {
        "StreamName": stream.name,
        "StreamARN": stream.arn(call),
        "StreamStatus": stream.status,
        "StreamModeDetails": {"StreamMode": stream.mode},
        "RetentionPeriodHours": stream.retention,
        "StreamCreationTimestamp": stream.created,
        "EnhancedMonitoring": [{"ShardLevelMetrics": stream.metrics}],
        "EncryptionType": stream.encryption,
    }
    return told | ({"KeyId": stream.key} if stream.key else {})


@kinesis.operation(on=Stream.of)
def describe_stream_summary(call: Call, stream: Stream) -> dict[str, Any]:
    """A stream without its shards."""
    told = common(call, stream) | {
        "OpenShardCount": len(stream.open),
        "ConsumerCount": stream.registered,
        "MaxRecordSizeInKiB": stream.largest,
        "RecordDistributionStrategy": stream.distribution,
    }
    if stream.warm:
        told["WarmThroughput"] = {"TargetMiBps": stream.warm, "CurrentMiBps": stream.warm}
    return {"StreamDescriptionSummary": told}


@kinesis.operation
def list_streams(
    call: Call, limit: int = MOST_DESCRIBED, exclusive_start_stream_name: str = "", next_token: str = ""
) -> dict[str, Any]:
    """The account's streams in this Region."""
    from pileus.kernel import paging

    expired = Fault("ExpiredNextTokenException", "The pagination token is expired or invalid.")
    after = str(paging.opened(call, next_token, expired)) if next_token else exclusive_start_stream_name
    most = min(limit, MOST_DESCRIBED)
    found = list(Stream.scan(call, above=(after,) if after else None, limit=most + 1))
    told: Members = {
        "StreamNames": [stream.name for stream in found[:most]],
        "HasMoreStreams": len(found) > most,
        "StreamSummaries": [
            {
                "StreamName": stream.name,
                "StreamARN": stream.arn(call),
                "StreamStatus": stream.status,
                "StreamModeDetails": {"StreamMode": stream.mode},
                "StreamCreationTimestamp": stream.created,
            }
            for stream in found[:most]
        ],
    }
    return told | ({"NextToken": paging.sealed(call, found[most - 1].name)} if len(found) > most else {})


# Deleting


@kinesis.operation(on=Stream.of)
def delete_stream(call: Call, stream: Stream, enforce_consumer_deletion: bool = False) -> None:
    """Delete a stream with its shards and records."""
    from . import dependents  # which need streams

    dependents.check_none(call, stream, "deleted")
    if stream.registered and not enforce_consumer_deletion:
        raise Fault(
            "ResourceInUseException",
            f"Stream {stream.name} under account {call.account} cannot be deleted because it has consumers "
            "registered. Deregister them, or set EnforceConsumerDeletion.",
        )
    stream.status = "DELETING"
    stream.put(call)
    vanish.later(call, name=stream.name, box=stream.box)


@kinesis.task
def vanish(call: Call, name: str, box: str) -> None:
    """The stream is gone, and what was in it goes in the background."""
    from .consumers import Consumer
    from .limits import Gate
    from .log import purge
    from .subscribing import Subscription

    stream = Stream.get(call, name)
    if stream is None or stream.box != box:
        return
    for shard in Shard.scan(call, box):
        purge.later(call, box=box, number=shard.number)
        call.wake(("kinesis", box, shard.number))
    for kind in (Consumer, Subscription, Gate, Shard):
        kind.delete_all(call, box)
    stream.delete(call)
