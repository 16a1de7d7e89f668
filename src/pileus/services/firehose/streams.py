"""Streams: create, describe, list, delete, encrypt, tag."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, identity, tags
from pileus.kernel.errors import Unfinished
from pileus.kernel.identity import Principal
from pileus.kernel.resource_type import resource_type

from . import destinations, firehose
from .faults import bad_argument, coded, no_stream

MOST = 5000
SETTLES_AFTER = 1.0
"""Seconds of cloud time until a stream is active, or gone."""
DIRECT, KINESIS = "DirectPut", "KinesisStreamAsSource"
DESTINATION_ID = "destinationId-000000000001"


@resource_type(
    firehose,
    "DeliveryStreamName",
    create="CreateDeliveryStream",
    read="DescribeDeliveryStream",
    delete="DeleteDeliveryStream",
    missing="ResourceNotFoundException",
)
class Stream(Record, arn="deliverystream/{name}", cfn="AWS::KinesisFirehose::DeliveryStream"):
    name: str
    kind: str
    status: str
    created: float
    source: dict[str, Any]
    destination: destinations.Destination
    version: int = 1
    updated: float | None = None
    encryption: dict[str, Any] = {}
    tags: dict[str, str] = {}

    def itself(self, call: Call) -> Principal:
        """Firehose, on behalf of the stream."""
        return identity.service("firehose.amazonaws.com", self.arn(call), call.account)

    def shown(self, call: Call) -> dict[str, Any]:
        return {
            "DeliveryStreamName": self.name,
            "DeliveryStreamARN": self.arn(call),
            "DeliveryStreamStatus": self.status,
            "DeliveryStreamEncryptionConfiguration": self.encryption or {"Status": "DISABLED"},
            "DeliveryStreamType": self.kind,
            "VersionId": str(self.version),
            "CreateTimestamp": self.created,
            "LastUpdateTimestamp": self.updated,
            "Source": self.source or None,
            "Destinations": [{"DestinationId": DESTINATION_ID, **destinations.described(self.destination)}],
            "HasMoreDestinations": False,
        }


def existing(call: Call, delivery_stream_name: str) -> Stream:
    found = Stream.get(call, delivery_stream_name)
    if found is None:
        raise no_stream(call, delivery_stream_name)
    return found


def active(call: Call, delivery_stream_name: str) -> Stream:
    found = existing(call, delivery_stream_name)
    if found.status != "ACTIVE":
        raise no_stream(call, delivery_stream_name)
    return found


@firehose.operation(
    honours=(
        "DeliveryStreamName",
        "DeliveryStreamType",
        "DirectPutSourceConfiguration",
        "KinesisStreamSourceConfiguration",
        "DeliveryStreamEncryptionConfigurationInput",
        "S3DestinationConfiguration",
        "ExtendedS3DestinationConfiguration",
        "HttpEndpointDestinationConfiguration",
        "SplunkDestinationConfiguration",
        "AmazonopensearchserviceDestinationConfiguration",
        "Tags",
    )
)
def create_delivery_stream(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    """Create a stream; it is active a little later."""
    name, kind = request["DeliveryStreamName"], request.get("DeliveryStreamType", DIRECT)
    if Stream.get(call, name):
        raise Fault("ResourceInUseException", f"Firehose {name} under accountId {call.account} already exists")
    if len(list(Stream.scan(call, limit=MOST))) == MOST:
        raise Fault("LimitExceededException", f"You have already consumed your firehose quota of {MOST} hoses.")
    destination = destinations.chosen(request)
    given = tags.as_map(request.get("Tags", []))
    tags.check(given, code="InvalidArgumentException")
    encryption = encrypted(call, request.get("DeliveryStreamEncryptionConfigurationInput"), kind)
    source = source_of(call, request, kind)
    stream = Stream(name, kind, "CREATING", call.now, source, destination, encryption=encryption, tags=given).put(call)
    settle.later(call, name=name, delay=SETTLES_AFTER)
    return {"DeliveryStreamARN": stream.arn(call)}


def source_of(call: Call, request: dict[str, Any], kind: str) -> dict[str, Any]:
    given = request.get("KinesisStreamSourceConfiguration")
    if (kind == KINESIS) != bool(given):
        raise bad_argument(
            "KinesisStreamSourceConfiguration is required with, and only with, the type KinesisStreamAsSource."
        )
    if kind not in (DIRECT, KINESIS):
        raise Unfinished(f"Pileus does not read from {kind} yet.")
    if given:
        name = given["KinesisStreamARN"].rpartition("/")[2]
        call.aws("kinesis").describe_stream_summary(stream_name=name)
        return {"KinesisStreamSourceDescription": {**given, "DeliveryStartTimestamp": call.now}}
    direct = request.get("DirectPutSourceConfiguration")
    return {"DirectPutSourceDescription": direct} if direct else {}


@firehose.task
def settle(call: Call, name: str) -> None:
    """A stream that was being created is active; one that was being deleted is gone."""
    from .buffers import forget
    from .sources import poll

    stream = Stream.get(call, name)
    if stream is None:
        return
    if stream.status == "CREATING":
        stream.status = "ACTIVE"
        stream.put(call)
        if stream.kind == KINESIS:
            poll.begin(call, name=name)
    elif stream.status == "DELETING":
        stream.delete(call)
        poll.end(call, name=name)
        forget(call, name)


@firehose.operation(on=existing)
def describe_delivery_stream(
    call: Call, stream: Stream, limit: int = 1, exclusive_start_destination_id: str = ""
) -> dict[str, Any]:
    """A stream, and its destination: there is one."""
    told = stream.shown(call)
    if exclusive_start_destination_id >= DESTINATION_ID:
        told["Destinations"] = []
    return {"DeliveryStreamDescription": told}


@firehose.operation
def list_delivery_streams(
    call: Call, limit: int = 10, delivery_stream_type: str = "", exclusive_start_delivery_stream_name: str = ""
) -> dict[str, Any]:
    """Names in their order, ten at a time unless told otherwise."""
    names = []
    start = {"above": (exclusive_start_delivery_stream_name,)} if exclusive_start_delivery_stream_name else {}
    for stream in Stream.scan(call, **start):  # type: ignore[arg-type]
        if not delivery_stream_type or stream.kind == delivery_stream_type:
            names.append(stream.name)
            if len(names) > limit:
                break
    return {"DeliveryStreamNames": names[:limit], "HasMoreDeliveryStreams": len(names) > limit}


@firehose.operation(on=existing)
def delete_delivery_stream(call: Call, stream: Stream, allow_force_delete: bool = False) -> None:
    """Delete a stream with what it still holds; one that is being created stays, unless it is forced."""
    if stream.status == "CREATING" and not allow_force_delete:
        raise Fault("ResourceInUseException", f"Firehose {stream.name} is being created.")
    stream.status = "DELETING"
    stream.put(call)
    settle.later(call, name=stream.name, delay=SETTLES_AFTER)


# Encryption


def encrypted(call: Call, given: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """How the records are encrypted while they wait."""
    if not given:
        return {}
    if kind == KINESIS:
        raise bad_argument("Server-side encryption belongs to the Kinesis stream that is the source.")
    customer = given["KeyType"] == "CUSTOMER_MANAGED_CMK"
    if customer != ("KeyARN" in given):
        raise bad_argument("KeyARN is required with, and only with, the key type CUSTOMER_MANAGED_CMK.")
    if customer:
        try:
            metadata = call.aws("kms").describe_key(key_id=given["KeyARN"])["KeyMetadata"]
        except Fault as fault:
            raise coded("InvalidKMSResourceException", fault.message, fault.code) from None
        if metadata["KeyState"] != "Enabled":
            raise coded("InvalidKMSResourceException", f"{given['KeyARN']} is disabled.", "KMS.DisabledException")
        if metadata["KeySpec"] != "SYMMETRIC_DEFAULT":
            code = "KMS.InvalidKeyUsageException"
            raise coded("InvalidKMSResourceException", f"{given['KeyARN']} is no symmetric encryption key.", code)
    return {**given, "Status": "ENABLED"}


@firehose.operation(on=active)
def start_delivery_stream_encryption(
    call: Call, stream: Stream, delivery_stream_encryption_configuration_input: dict[str, Any] = {}
) -> None:
    given = delivery_stream_encryption_configuration_input or {"KeyType": "AWS_OWNED_CMK"}
    stream.encryption = encrypted(call, given, stream.kind)
    stream.put(call)


@firehose.operation(on=active)
def stop_delivery_stream_encryption(call: Call, stream: Stream) -> None:
    if stream.kind == KINESIS:
        raise bad_argument("Server-side encryption belongs to the Kinesis stream that is the source.")
    stream.encryption = {}
    stream.put(call)


# Destinations


@firehose.operation(
    on=active,
    honours=(
        "CurrentDeliveryStreamVersionId",
        "DestinationId",
        "S3DestinationUpdate",
        "ExtendedS3DestinationUpdate",
        "HttpEndpointDestinationUpdate",
        "SplunkDestinationUpdate",
        "AmazonopensearchserviceDestinationUpdate",
    ),
)
def update_destination(call: Call, stream: Stream, request: dict[str, Any]) -> None:
    """Change members of the destination: those that are given."""
    if request["CurrentDeliveryStreamVersionId"] != str(stream.version):
        raise Fault(
            "ConcurrentModificationException",
            f"The version of the stream is {stream.version}, not {request['CurrentDeliveryStreamVersionId']}.",
        )
    if request["DestinationId"] != DESTINATION_ID:
        raise bad_argument(f"Destination Id {request['DestinationId']} not found")
    stream.destination = destinations.updated(stream.destination, request)
    stream.version += 1
    stream.updated = call.now
    stream.put(call)


# Tags


@firehose.operation(on=existing)
def tag_delivery_stream(call: Call, stream: Stream, tags: list[dict[str, str]]) -> None:
    stream.tags = with_tags(stream.tags, tags)
    stream.put(call)


def with_tags(held: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    return tags.checked(given, held, code="InvalidArgumentException")


@firehose.operation(on=existing)
def untag_delivery_stream(call: Call, stream: Stream, tag_keys: list[str]) -> None:
    stream.tags = {key: value for key, value in stream.tags.items() if key not in tag_keys}
    stream.put(call)


@firehose.operation(on=existing)
def list_tags_for_delivery_stream(
    call: Call, stream: Stream, exclusive_start_tag_key: str = "", limit: int = 50
) -> dict[str, Any]:
    held = [(key, value) for key, value in sorted(stream.tags.items()) if key > exclusive_start_tag_key]
    told = [{"Key": key, "Value": value} for key, value in held[:limit]]
    return {"Tags": told, "HasMoreTags": len(held) > limit}
