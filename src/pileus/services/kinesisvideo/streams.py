"""Streams: what one is, finding, making, listing, changing and deleting it."""

from __future__ import annotations

from typing import Any, Self

from pileus.kernel import Call, Fault, Record, names
from pileus.kernel import tags as tagging
from pileus.kernel.resource_type import resource_type

from . import faults, kinesisvideo

Members = dict[str, Any]

HOUR = 3600.0
LONGEST = 87_600
"""Hours, which are ten years (API reference, UpdateDataRetention)."""
BUFFERED = 300.0
"""Seconds for which a stream without retention has what it got (API reference, CreateStream)."""
MOST = 10_000
MOST_LISTED = 10_000
SLICE = 200


class Stream(Record, arn="arn:{partition}:kinesisvideo:{region}:{account}:stream/{name}/{stamp}", kw_only=True):
    """A stream."""

    name: str
    stamp: int
    """When it was made, in milliseconds, as its ARN has it."""
    box: str
    """Where its fragments lie."""
    version: str
    status: str = "CREATING"
    retention: int = 0
    device: str = ""
    media_type: str = ""
    key: str = ""
    secret: bytes = b""
    """What its fragments are encrypted by, sealed."""
    tier: str = "HOT"
    tags: dict[str, str] = {}
    images: Members = {}
    notification: Members = {}
    sweep: float = 0.0
    """When fragments are thrown away next; 0 while there are none."""

    @classmethod
    def of(cls, call: Call, stream_name: str = "", stream_arn: str = "") -> Self:
        """The stream of a name or an ARN."""
        name, stamp = named(stream_name, stream_arn)
        stream = cls.get(call, name)
        if stream is None or (stream_arn and stream.arn(call) != stream_arn) or (stamp and stamp != stream.stamp):
            raise faults.no_stream()
        return stream

    @classmethod
    def by_arn(cls, call: Call, stream_arn: str) -> Self:
        return cls.of(call, "", stream_arn)

    @property
    def keeps(self) -> float:
        """For how many seconds a fragment is there."""
        return self.retention * HOUR or BUFFERED

    def changed(self, call: Call) -> Self:
        """Stored, as another version of itself."""
        self.version = new_version()
        return self.put(call)

    def told(self, call: Call) -> Members:
        info = {
            "DeviceName": self.device,
            "StreamName": self.name,
            "StreamARN": self.arn(call),
            "MediaType": self.media_type,
            "KmsKeyId": self.key or f"arn:{call.partition}:kms:{call.region}:{call.account}:alias/aws/kinesisvideo",
            "Version": self.version,
            "Status": self.status,
            "CreationTime": self.stamp / 1000,
            "DataRetentionInHours": self.retention,
        }
        return {name: value for name, value in info.items() if value != ""}


resource_type(
    kinesisvideo,
    "StreamName",
    create="CreateStream",
    read="DescribeStream",
    list="ListStreams",
    delete="DeleteStream",
    missing="ResourceNotFoundException",
)(Stream)


def named(stream_name: str, stream_arn: str) -> tuple[str, int]:
    """The name that a request has, and the time that an ARN tells beside it."""
    if not stream_name and not stream_arn:
        raise faults.invalid("Either StreamName or StreamARN must be specified.")
    if not stream_arn:
        return stream_name, 0
    parts = stream_arn.split(":", 5)[-1].split("/")
    if len(parts) != 3 or parts[0] != "stream" or (stream_name and stream_name != parts[1]):
        raise faults.invalid(f"StreamARN: {stream_arn} is not valid.")
    return parts[1], int(parts[2])


def new_version() -> str:
    return names.token(20)


def active(stream: Stream) -> Stream:
    """The stream, if it can be changed."""
    if stream.status != "ACTIVE":
        raise Fault(
            "ResourceInUseException", f"The stream is currently not available for this operation: {stream.status}."
        )
    return stream


def current(stream: Stream, version: str) -> Stream:
    """The stream, if it can be changed and this is its version."""
    active(stream)
    if version and version != stream.version:
        raise faults.mismatch("stream")
    return stream


def checked(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > tagging.MOST:
        words = f"You have exceeded the limit of tags that you can associate with the resource: {tagging.MOST}."
        raise Fault("TagsPerResourceExceededLimitException", words)
    tagging.check(tags, code="InvalidArgumentException")
    return tags


@kinesisvideo.operation
def create_stream(
    call: Call,
    stream_name: str,
    device_name: str = "",
    media_type: str = "",
    kms_key_id: str = "",
    data_retention_in_hours: int = 0,
    tags: dict[str, str] = {},
    stream_storage_configuration: Members = {},
) -> Members:
    """Make a stream, which can be used a moment later."""
    from . import seals

    if Stream.get(call, stream_name):
        raise Fault("ResourceInUseException", f"The stream {stream_name} already exists.")
    if data_retention_in_hours > LONGEST:
        raise faults.invalid(f"DataRetentionInHours must be at most {LONGEST}.")
    if len(list(Stream.scan(call, limit=MOST))) >= MOST:
        words = "The number of streams created for the account is too high."
        raise Fault("AccountStreamLimitExceededException", words)
    if kms_key_id:
        kms_key_id = known_key(call, kms_key_id)
    stream = Stream(
        name=stream_name,
        stamp=int(call.now * 1000),
        box=names.token(12),
        version=new_version(),
        retention=data_retention_in_hours,
        device=device_name,
        media_type=media_type,
        key=kms_key_id,
        tier=stream_storage_configuration.get("DefaultStorageTier", "HOT"),
        tags=checked(tags),
    )
    stream.secret = seals.new(call, stream)
    stream.put(call)
    begin.later(call, name=stream.name, box=stream.box)
    return {"StreamARN": stream.arn(call)}


def known_key(call: Call, key: str) -> str:
    """The ARN of a key that there is and that the caller may know."""
    try:
        told = call.aws("kms").describe_key(key_id=key)["KeyMetadata"]
    except Fault as fault:
        raise faults.invalid(f"KmsKeyId {key} is not valid: {fault.message}") from None
    return str(told["Arn"])


@kinesisvideo.task
def begin(call: Call, name: str, box: str) -> None:
    """A stream can be used."""
    stream = Stream.get(call, name)
    if stream and stream.box == box and stream.status == "CREATING":
        stream.status = "ACTIVE"
        stream.put(call)


@kinesisvideo.operation(on=Stream.of)
def describe_stream(call: Call, stream: Stream) -> Members:
    """What there is to know of a stream."""
    return {"StreamInfo": stream.told(call)}


@kinesisvideo.operation
def list_streams(
    call: Call, max_results: int = MOST_LISTED, next_token: str = "", stream_name_condition: dict[str, str] = {}
) -> Members:
    """The account's streams, or those whose names begin with something."""
    page = listed(call, Stream, max_results, next_token, stream_name_condition)
    return {"StreamInfoList": [stream.told(call) for stream in page.items], "NextToken": page.token}


def listed(call: Call, kind: Any, most: int, token: str, condition: dict[str, str]) -> Any:
    """A page of streams or channels, which are a range if their names begin with something."""
    prefix = condition.get("ComparisonValue", "")
    if condition.get("ComparisonOperator", "BEGINS_WITH") != "BEGINS_WITH":
        raise faults.invalid("ComparisonOperator must be BEGINS_WITH.")
    bounds = {"since": (prefix,), "before": (prefix + "\U0010ffff",)} if prefix else {}
    return kind.page(call, limit=most, token=token, invalid=faults.invalid("The NextToken is not valid."), **bounds)


@kinesisvideo.operation(on=Stream.of)
def update_stream(
    call: Call, stream: Stream, current_version: str, device_name: str = "", media_type: str = ""
) -> None:
    """Change what is said of a stream."""
    current(stream, current_version)
    stream.device = device_name or stream.device
    stream.media_type = media_type or stream.media_type
    stream.changed(call)


@kinesisvideo.operation(on=Stream.by_arn)
def delete_stream(call: Call, stream: Stream, current_version: str = "") -> None:
    """Delete a stream with all that is in it; nothing of it can be read any more."""
    current(stream, current_version)
    stream.status = "DELETING"
    stream.put(call)
    vanish.later(call, name=stream.name, box=stream.box)
    call.wake(("kinesisvideo", stream.box))


@kinesisvideo.task
def vanish(call: Call, name: str, box: str) -> None:
    """Some fragments go, and after the last ones the stream."""
    from .edges import EdgeConfiguration
    from .fragments import Fragment, Preface, drop

    stream = Stream.get(call, name)
    if stream is None or stream.box != box:
        return
    fragments = list(Fragment.scan(call, box, limit=SLICE))
    for fragment in fragments:
        drop(call, fragment)
    if len(fragments) == SLICE:
        vanish.later(call, name=name, box=box)
        return
    Preface.delete_all(call, box)
    if edge := EdgeConfiguration.get(call, name):
        edge.delete(call)
    stream.delete(call)
