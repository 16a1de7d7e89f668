"""Kinesis streaming destinations: streams that are told of every change of a table's items.

A change is noted with the write; a task puts what is noted into the stream in its order, and keeps what the stream does
not take. Developer Guide, "Using Kinesis Data Streams to capture changes to DynamoDB".
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Principal, Record, Unfinished, identity, roles

from . import dynamodb, values
from .keys import END
from .tables import Members, Table, under
from .values import Item

MOST = 2
AT_ONCE = 250
ROOM = 4 * 1024 * 1024
LARGEST = 1024 * 1024
"""What no stream takes is left out."""
AGAIN = 5.0
KEPT = 86400.0
"""What a stream has not taken for a day is given up."""


REPLICATION = "kinesisreplication.dynamodb.amazonaws.com"
LINKED_ROLE = "AWSServiceRoleForDynamoDBKinesisDataStreamsReplication"


def replicator(call: Call) -> Principal:
    """Who writes into streams: a service-linked role, which may in the whole account."""
    return identity.linked(call, REPLICATION, LINKED_ROLE, "DynamoDBKinesisReplicationServiceRolePolicy")


class Outbox(Record):
    """What of a table's changes has been noted, and whether a task is on its way."""

    box: str
    next: int = 0
    sending: bool = False


def note(call: Call, table: Table, old: Item | None, new: Item | None, who: dict[str, str] | None) -> None:
    """Note a change for the streams that are told of it."""
    outbox = Outbox.get(call, table.box) or Outbox(box=table.box)
    change = (call.now, table.schema.of(new or old or {}), old, new, who)
    path = under(call, "Telling", table.box) + b"\0\0\0\0" + outbox.next.to_bytes(8, "big")
    call.store.put(path, msgspec.msgpack.encode(change))
    outbox.next += 1
    if not outbox.sending:
        outbox.sending = True
        deliver.later(call, name=table.name, box=table.box)
    outbox.put(call)


@dynamodb.task
def deliver(call: Call, name: str, box: str) -> None:
    """Put what is noted into the streams, oldest first; what one does not take now is tried again."""
    table, outbox = Table.get(call, name), Outbox.get(call, box)
    if outbox is None:
        return
    prefix = under(call, "Telling", box)
    rows = some(call.store.scan(prefix, prefix + END, limit=AT_ONCE))
    wanted = [one for one in table.destinations if one["status"] in STREAMING] if table and table.box == box else []
    taken = len(rows)
    if table and rows and wanted:
        changes = [msgspec.msgpack.decode(raw) for _, raw in rows]
        taken = min(sent(call, table, destination, changes) for destination in wanted)
    for path, _ in rows[:taken]:
        call.store.delete(path)
    outbox.sending = next(iter(call.store.scan(prefix, prefix + END, limit=1)), None) is not None
    outbox.put(call)
    if outbox.sending:
        deliver.later(call, name=name, box=box, delay=AGAIN if taken < len(rows) else 0.0)


def some(rows: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """As many of the first of them as go into one request to a stream, which has ten megabytes at most."""
    found: list[tuple[bytes, bytes]] = []
    size = 0
    for row in rows:
        size += len(row[1])
        if found and size > ROOM:
            break
        found.append(row)
    return found


STREAMING = ("ACTIVE", "UPDATING")


def sent(call: Call, table: Table, destination: Members, changes: list[Any]) -> int:
    """Put changes into a stream; how many of the first of them it has taken, or are too old to be tried again."""
    records = [record(call, table, destination, change) for change in changes]
    fitting = [at for at, one in enumerate(records) if len(one["Data"]) <= LARGEST]
    if not fitting:
        return len(changes)
    who = replicator(call)
    stale: int = sum(change[0] < call.now - KEPT for change in changes)
    try:
        answer = call.aws("kinesis", principal=who).put_records(
            stream_arn=destination["arn"], records=[records[at] for at in fitting]
        )
    except (Fault, Unfinished):
        return stale
    refused = [at for at, one in zip(fitting, answer["Records"], strict=True) if "ErrorCode" in one]
    return max(refused[0], stale) if refused else len(changes)


def record(call: Call, table: Table, destination: Members, change: Any) -> Members:
    """A change as the stream gets it."""
    at, keys, old, new, who = change
    micro = destination.get("precision") == "MICROSECOND"
    told: Members = {
        "ApproximateCreationDateTime": int(at * (1_000_000 if micro else 1000)),
        "Keys": keys,
    }
    if new is not None:
        told["NewImage"] = new
    if old is not None:
        told["OldImage"] = old
    told["SizeBytes"] = values.size(keys) + sum(values.size(image) for image in (old, new) if image)
    told["ApproximateCreationDateTimePrecision"] = "MICROSECOND" if micro else "MILLISECOND"
    place = table.schema.place(keys)
    digest = hashlib.blake2b(msgspec.msgpack.encode(change), digest_size=16, key=table.box.encode()).hexdigest()
    event = {
        "awsRegion": call.region,
        "eventID": f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:]}",
        "eventName": "REMOVE" if new is None else "INSERT" if old is None else "MODIFY",
        "userIdentity": {"principalId": who["PrincipalId"], "type": who["Type"]} if who else None,
        "recordFormat": "application/json",
        "tableName": table.name,
        "dynamodb": told,
        "eventSource": "aws:dynamodb",
    }
    data = msgspec.json.encode(event)
    return {"Data": data, "PartitionKey": base64.b16encode(hashlib.md5(place).digest()).decode()}


# Configuring


def of_table(table: Table, arn: str) -> Members | None:
    return next((one for one in table.destinations if one["arn"] == arn), None)


@dynamodb.operation(on=Table.of)
def enable_kinesis_streaming_destination(
    call: Call, table: Table, stream_arn: str, enable_kinesis_streaming_configuration: dict[str, str] = {}
) -> dict[str, Any]:
    """Tell a stream of the table's changes from now on."""
    check_active(table)
    found = of_table(table, stream_arn)
    if found and found["status"] != "DISABLED":
        raise Fault(
            "ValidationException",
            "Table is not in a valid state to enable Kinesis Streaming Destination: "
            "KinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform ENABLE operation.",
            status=400,
        )
    if sum(one["status"] != "DISABLED" for one in table.destinations) >= MOST:
        raise Fault("LimitExceededException", f"Only {MOST} destinations per table can be enabled at a time")
    check_allowed(call, stream_arn)
    roles.link(call, REPLICATION, LINKED_ROLE)
    precision = enable_kinesis_streaming_configuration.get("ApproximateCreationDateTimePrecision", "MILLISECOND")
    enabled = {"arn": stream_arn, "status": "ENABLING", "precision": precision}
    table.destinations = [one for one in table.destinations if one["arn"] != stream_arn] + [enabled]
    table.put(call)
    settle.later(call, name=table.name, box=table.box, arn=stream_arn)
    return told(table, enabled) | {"EnableKinesisStreamingConfiguration": configuration(enabled)}


def check_allowed(call: Call, arn: str) -> None:
    """Who lets a stream be told must be allowed to look at it; whether it is there turns out later."""
    try:
        call.aws("kinesis").describe_stream_summary(stream_arn=arn)
    except (Fault, Unfinished) as fault:
        if fault.code in ("AccessDenied", "AccessDeniedException"):
            raise


def check_active(table: Table) -> None:
    if table.status not in ("ACTIVE", "UPDATING"):
        raise Fault("ResourceInUseException", f"Table is being created or deleted: {table.name}")


def told(table: Table, destination: Members) -> Members:
    return {"TableName": table.name, "StreamArn": destination["arn"], "DestinationStatus": destination["status"]}


def configuration(destination: Members) -> Members:
    return {"ApproximateCreationDateTimePrecision": destination["precision"]}


@dynamodb.task
def settle(call: Call, name: str, box: str, arn: str) -> None:
    """A destination is what it was about to be; one whose stream is not there has failed."""
    table = Table.get(call, name)
    destination = of_table(table, arn) if table and table.box == box else None
    if table is None or destination is None:
        return
    if destination["status"] == "DISABLING":
        destination["status"] = "DISABLED"
    elif destination["status"] in ("ENABLING", "UPDATING"):
        try:
            call.aws("kinesis", principal=replicator(call)).describe_stream(stream_arn=arn, limit=1)
        except (Fault, Unfinished) as error:
            destination |= {"status": "ENABLE_FAILED", "description": str(error)}
        else:
            destination["status"] = "ACTIVE"
    table.put(call)


@dynamodb.operation(on=Table.of)
def disable_kinesis_streaming_destination(
    call: Call, table: Table, stream_arn: str, enable_kinesis_streaming_configuration: dict[str, str] = {}
) -> dict[str, Any]:
    """Tell a stream no more."""
    check_active(table)
    destination = active(table, stream_arn, "DISABLE")
    destination["status"] = "DISABLING"
    table.put(call)
    settle.later(call, name=table.name, box=table.box, arn=stream_arn)
    answer = told(table, destination)
    if enable_kinesis_streaming_configuration:
        answer["EnableKinesisStreamingConfiguration"] = enable_kinesis_streaming_configuration
    return answer


def active(table: Table, arn: str, act: str) -> Members:
    destination = of_table(table, arn)
    if destination is None or destination["status"] == "DISABLED":
        raise Fault(
            "ResourceNotFoundException",
            f"Requested resource not found: Table: {table.name} has no streaming destination {arn}",
        )
    if destination["status"] not in ("ACTIVE", "ENABLE_FAILED"):
        raise Fault(
            "ValidationException",
            f"Table is not in a valid state to {act.lower()} Kinesis Streaming Destination: "
            f"KinesisStreamingDestination must be ACTIVE to perform {act} operation.",
            status=400,
        )
    return destination


@dynamodb.operation(on=Table.of)
def describe_kinesis_streaming_destination(call: Call, table: Table) -> dict[str, Any]:
    """The streams that are or were told of the table's changes."""
    described = [
        {
            "StreamArn": one["arn"],
            "DestinationStatus": one["status"],
            "ApproximateCreationDateTimePrecision": one["precision"],
        }
        | ({"DestinationStatusDescription": one["description"]} if "description" in one else {})
        for one in table.destinations
    ]
    return {"TableName": table.name, "KinesisDataStreamDestinations": described}


@dynamodb.operation(on=Table.of)
def update_kinesis_streaming_destination(
    call: Call, table: Table, stream_arn: str, update_kinesis_streaming_configuration: dict[str, str] = {}
) -> dict[str, Any]:
    """Change how precisely a stream is told when something happened."""
    check_active(table)
    destination = active(table, stream_arn, "UPDATE")
    precision = update_kinesis_streaming_configuration.get("ApproximateCreationDateTimePrecision")
    if precision in (None, destination["precision"]):
        raise Fault(
            "ValidationException",
            "Invalid Request: Precision is already set to the desired value of "
            f"{destination['precision']} for tableId: {table.id}, kdsArn: {stream_arn}",
            status=400,
        )
    destination |= {"precision": precision, "status": "UPDATING"}
    table.put(call)
    settle.later(call, name=table.name, box=table.box, arn=stream_arn)
    return told(table, destination) | {"UpdateKinesisStreamingConfiguration": configuration(destination)}
