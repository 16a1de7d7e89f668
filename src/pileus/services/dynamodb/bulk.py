"""Bulk operations: the items of files in S3, put into a table that is there already.

A line is what PutItem takes: an `Item`, and perhaps a ConditionExpression with its names and values. What is no item is
an error; an item whose condition does not hold is none, and both can be had as files, `PREFIX/AWSDynamoDB/ID/TYPE/…`.
The place in the files is kept with each batch of writes, so that no line is put twice, whatever happens. What an index
costs is told in whole units of 1 KB.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import math
from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import documents, dynamodb, faults, writing
from .imports import hexadecimal
from .items import condition_of
from .tables import Members, Table, below

AT_ONCE = 250
REMEMBERED = 8 * 3600.0
LISTED = 90 * 86400.0
MOST_AT_WORK = 50
MOST_LISTED = 10
SHOWN = 200
FILE = 1000
"""Records that go into a file of output."""
RUNNING = ("IN_PROGRESS", "CANCELLING")
ERROR, UNMET = "ERROR", "CONDITION_CHECK_FAILURE"


class BulkOperation(Record, arn="table/{table}/bulk-operation/{id}", indexes={"by_status": ("status",)}, kw_only=True):
    """A bulk operation."""

    id: str
    table: str
    table_id: str
    box: str
    asked: Members
    """The request, in wire names, with its defaults."""
    started: float
    status: str = "IN_PROGRESS"
    ended: float = 0.0
    after: str = ""
    """The object that is being read, or has been read last."""
    reading: bool = False
    line: int = 0
    """How many of its lines have been dealt with."""
    processed: int = 0
    failed: int = 0
    read: int = 0
    total: int | None = None
    written: int = 0
    """Bytes of items that were put."""
    indexes: dict[str, int] = {}
    files: int = 0
    failure: tuple[str, str] | None = None


class BulkToken(Record):
    """A client token, and the operation that it stands for."""

    token: str
    id: str
    digest: bytes
    at: float


class BulkOutput(Record, key=("id", "kind", "number")):
    """What is to be told of a line, until it is in a file."""

    id: str
    kind: str
    number: int
    told: bytes


Line = Members | str
"""What a line asks for, as a request; or what is wrong with it."""


@dynamodb.operation(on=Table.named)
def start_bulk_put_items(
    call: Call,
    table: Table,
    input_s3_configuration: Members,
    output_s3_configuration: Members,
    client_token: str = "",
    max_write_request_units: int = 0,
    performance_tier: str = "STANDARD",
) -> dict[str, Any]:
    """Begin to put what is in files."""
    asked: Members = {
        "InputS3Configuration": input_s3_configuration,
        "OutputS3Configuration": output_s3_configuration,
        "PerformanceTier": performance_tier,
    }
    if max_write_request_units:
        asked["MaxWriteRequestUnits"] = max_write_request_units
    if client_token:
        asked["ClientToken"] = client_token
    digest = hashlib.blake2b(msgspec.msgpack.encode([table.id, asked])).digest()
    if known := remembered(call, client_token, digest):
        return {"BulkOperationDescription": described(call, known)}
    check(call, table, input_s3_configuration, output_s3_configuration)
    made = BulkOperation(
        id=f"{int(call.now * 1000):014d}-{names.uuid4()[:8]}",
        table=table.name,
        table_id=table.id,
        box=table.box,
        asked=asked,
        started=call.now,
    ).put(call)
    if client_token:
        BulkToken(token=client_token, id=made.id, digest=digest, at=call.now).put(call)
    carry_on.later(call, number=made.id)
    return {"BulkOperationDescription": described(call, made)}


def remembered(call: Call, token: str, digest: bytes) -> BulkOperation | None:
    known = BulkToken.get(call, token) if token else None
    if known is None or call.now - known.at >= REMEMBERED:
        return None
    if known.digest != digest:
        message = "The request uses the same client token as a previous, but non-identical request."
        raise Fault("IdempotentParameterMismatchException", message)
    return BulkOperation.get(call, known.id)


def check(call: Call, table: Table, source: Members, output: Members) -> None:
    if table.status != "ACTIVE":
        raise faults.in_use(f"Table is not active: {table.name}")
    if source["InputFormat"] == "ION":
        documents.ion()
    if not output.get("S3Bucket"):
        raise faults.invalid("S3Bucket must be specified in OutputS3Configuration")
    if (output.get("S3SseAlgorithm") == "KMS") != bool(output.get("S3SseKmsKeyId")):
        raise faults.invalid("S3SseKmsKeyId must be specified if, and only if, S3SseAlgorithm is KMS")
    if sum(1 for status in RUNNING for _ in BulkOperation.scan(call, status, index="by_status")) >= MOST_AT_WORK:
        raise Fault("LimitExceededException", f"There are {MOST_AT_WORK} bulk operations in progress already.")


# At work


@dynamodb.task
async def carry_on(call: Call, number: str) -> None:
    """Put as much as may be put in a second, or everything; files of output last."""
    made = BulkOperation.get(call, number)
    if made is None or made.status not in RUNNING:
        return
    try:
        if made.total is None:
            made.total = sum([one["Size"] for one in objects(call, made, "")])
        done = await put_some(call, made)
        await write_output(call, made, everything=done)
    except (Fault, Unfinished) as fault:
        finish(call, made, "FAILED", (fault.code if isinstance(fault, Fault) else "NotImplemented", fault.message))
        return
    if not done:
        with call.transaction():
            carry_on.later(call, number=number, delay=1.0)
    elif made.status == "CANCELLING":
        finish(call, made, "CANCELLED", ("UserCancelled", "The bulk operation was cancelled."))
    else:
        finish(call, made, "COMPLETED_WITH_ERRORS" if made.failed else "COMPLETED", None)


def finish(call: Call, made: BulkOperation, status: str, failure: tuple[str, str] | None) -> None:
    with call.transaction():
        there = BulkOperation.get(call, made.id)
        if there is None or there.status not in RUNNING:
            return
        made.status, made.failure, made.ended = status, failure, call.now
        made.reading = False
        made.put(call)
        BulkOutput.delete_all(call, made.id)


def objects(call: Call, made: BulkOperation, after: str) -> Iterator[Members]:
    """The objects under the prefix, from one on."""
    source = made.asked["InputS3Configuration"]
    token = None
    while True:
        listed = call.aws("s3").list_objects_v2(
            bucket=source["S3Bucket"],
            expected_bucket_owner=source.get("S3BucketOwner"),
            prefix=source.get("S3KeyPrefix"),
            start_after=after or None,
            continuation_token=token,
        )
        yield from (one for one in listed.get("Contents", ()) if one["Size"])
        token = listed.get("NextContinuationToken")
        if token is None:
            return


async def put_some(call: Call, made: BulkOperation) -> bool:
    """Deal with lines until the second's units are used up; whether there are none left."""
    room = float(made.asked.get("MaxWriteRequestUnits", 0)) or math.inf
    while made.status == "IN_PROGRESS":
        if not made.reading:
            following = next(objects(call, made, made.after), None)
            if following is None:
                return True
            made.after, made.line, made.reading = following["Key"], 0, True
        if room <= 0:
            return False
        room = await put_object(call, made, room)
    return True


async def put_object(call: Call, made: BulkOperation, room: float) -> float:
    """Deal with the lines of an object that are left, as far as there is room; the units that are left then."""
    source = made.asked["InputS3Configuration"]
    answer = call.aws("s3").get_object(
        bucket=source["S3Bucket"], key=made.after, expected_bucket_owner=source.get("S3BucketOwner")
    )
    body = answer["Body"]
    packed = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
    try:
        data = await asyncio.to_thread(documents.unpacked, packed, source.get("InputCompressionType", "NONE"))
        lines = [*lines_of(data, source["InputFormat"])]
    except ValueError as error:
        lines = [f"The object cannot be read: {error}"]
    while made.reading and room > 0:
        with call.transaction():
            there = BulkOperation.get(call, made.id)
            if there is None or there.status != "IN_PROGRESS":
                made.status = "CANCELLING"
                return room
            room = put_batch(call, made, lines, room)
            if made.line >= len(lines):
                made.reading = False
                made.read += len(packed)
            made.put(call)
        await asyncio.sleep(0)
    return room


def lines_of(data: bytes, form: str) -> Iterator[Line]:
    if form == "ION":
        yield from (
            "The record is not an item." if item is None else {"Item": item} for item in documents.from_ion(data)
        )
        return
    for line in data.splitlines():
        if line.strip():
            try:
                yield request_of(line)
            except Fault as fault:
                yield f"{fault.message}: {line[:SHOWN].decode(errors='replace')}"


def request_of(line: bytes) -> Members:
    """What a line of JSON asks for."""
    request: Members = {"Item": documents.from_json(line)}
    document = msgspec.json.decode(line)
    for name in ("ConditionExpression", "ExpressionAttributeNames"):
        if name in document:
            request[name] = document[name]
    if isinstance(given := document.get("ExpressionAttributeValues"), dict):
        request["ExpressionAttributeValues"] = {name: documents.checked(value) for name, value in given.items()}
    return request


def put_batch(call: Call, made: BulkOperation, lines: list[Line], room: float) -> float:
    """Some lines, each for itself."""
    table = Table.get(call, made.table)
    if table is None or table.box != made.box:
        raise Fault("ResourceNotFoundException", f"Table: {made.table} not found")
    for line in lines[made.line : made.line + AT_ONCE]:
        room -= put_line(call, table, made, line)
        made.line += 1
        made.processed += 1
        if room <= 0:
            break
    return room


def put_line(call: Call, table: Table, made: BulkOperation, line: Line) -> float:
    """Put one item, or note why not; what it has cost."""
    if isinstance(line, str):
        note(call, made, ERROR, {"ErrorMessage": line})
        return 0.0
    try:
        with call.store.attempt():
            outcome = writing.decide(call, writing.put(table, line["Item"], *condition_of(line, tell=True)))
            units = writing.carry_out(call, outcome)
    except Fault as fault:
        if fault.code == "ConditionalCheckFailedException":
            there = fault.members.get("Item")
            note(call, made, UNMET, {"Item": line["Item"]} | ({"ExistingItem": there} if there else {}))
        else:
            note(call, made, ERROR, {"Item": line["Item"], "ErrorCode": fault.code, "ErrorMessage": fault.message})
        return 0.0
    made.written += outcome.new_size
    for name, cost in units.items():
        made.indexes[name] = made.indexes.get(name, 0) + int(cost) * 1024
    return outcome.units + sum(units.values())


def note(call: Call, made: BulkOperation, kind: str, told: Members) -> None:
    made.failed += kind == ERROR
    if kind in made.asked["OutputS3Configuration"]["OutputType"]:
        place = {"InputObject": made.after, "InputRecord": made.line + 1}
        BulkOutput(made.id, kind, made.processed, documents.to_json(place | told)).put(call)


async def write_output(call: Call, made: BulkOperation, *, everything: bool) -> None:
    """Files of what has been noted, once there is enough for one."""
    output = made.asked["OutputS3Configuration"]
    algorithm = output.get("S3SseAlgorithm")
    for kind in output["OutputType"]:
        while several := list(BulkOutput.scan(call, made.id, kind, limit=FILE)):
            if len(several) < FILE and not everything:
                break
            await call.aws("s3").put_object(
                bucket=output["S3Bucket"],
                key=f"{prefix(output)}AWSDynamoDB/{made.id}/{kind}/{made.files:05d}.json.gz",
                body=gzip.compress(b"".join(one.told + b"\n" for one in several), 6, mtime=0),
                expected_bucket_owner=output.get("S3BucketOwner"),
                server_side_encryption="aws:kms" if algorithm == "KMS" else algorithm,
                ssekms_key_id=output.get("S3SseKmsKeyId"),
            )
            with call.transaction():
                made.files += 1
                made.put(call)
                BulkOutput.delete_all(call, made.id, kind, limit=len(several))


def prefix(output: Members) -> str:
    given = output.get("S3KeyPrefix", "").rstrip("/")
    return f"{given}/" if given else ""


# Looking, and giving up


def found(call: Call, bulk_operation_arn: str) -> BulkOperation:
    named = below(bulk_operation_arn, "bulk-operation")
    there = BulkOperation.get(call, named[1]) if named else None
    if there is None:
        raise Fault("ResourceNotFoundException", f"Bulk operation not found: {bulk_operation_arn}")
    return there


def described(call: Call, made: BulkOperation) -> Members:
    table = call.arn(f"table/{made.table}", "dynamodb")
    indexes = {name: {"BulkPutBytes": size} for name, size in made.indexes.items()}
    there = Table.get(call, made.table)
    local = {index.name for index in there.indexes if index.local} if there else set()
    usage: Members = {
        "TableName": table,
        "BulkPutBytes": made.written + sum(made.indexes.values()),
        "Table": {"BulkPutBytes": made.written},
    }
    if own := {name: size for name, size in indexes.items() if name in local}:
        usage["LocalSecondaryIndexes"] = own
    if others := {name: size for name, size in indexes.items() if name not in local}:
        usage["GlobalSecondaryIndexes"] = others
    told: Members = {
        "BulkOperationArn": made.arn(call),
        "BulkOperationStatus": made.status,
        "TableDetails": [{"TableName": table, "TableId": made.table_id}],
        "StartTime": made.started,
        "ProcessedItemCount": made.processed,
        "ProcessedInputBytes": made.read,
        "FailedItemCount": made.failed,
        "BulkOperationUsage": [usage],
        **made.asked,
    }
    if made.total is not None:
        told["TotalInputBytes"] = made.total
    if made.ended:
        told["EndTime"] = made.ended
    if made.failure:
        told["FailureCode"], told["FailureMessage"] = made.failure
    return told


@dynamodb.operation(on=found)
def describe_bulk_operation(call: Call, made: BulkOperation) -> dict[str, Any]:
    """A bulk operation, and how far it has come."""
    return {"BulkOperationDescription": described(call, made)}


@dynamodb.operation
def list_bulk_operations(call: Call, max_results: int = MOST_LISTED, next_token: str = "") -> dict[str, Any]:
    """Bulk operations of the last 90 days, the latest first."""
    since = f"{int((call.now - LISTED) * 1000):014d}"
    token = bytes.fromhex(next_token).decode().strip()
    page = BulkOperation.page(call, limit=max_results, token=token, since=(since,), reverse=True)
    kept = ("BulkOperationArn", "BulkOperationStatus", "StartTime", "EndTime")
    several = [described(call, one) for one in page.items]
    told: dict[str, Any] = {
        "BulkOperationsSummaryList": [{name: one[name] for name in kept if name in one} for one in several]
    }
    return told | ({"NextToken": hexadecimal(page.token)} if page.token else {})


@dynamodb.operation(on=found)
def cancel_bulk_operation(call: Call, made: BulkOperation) -> dict[str, Any]:
    """Stop an operation before its next write. What it has written stays."""
    if made.status not in RUNNING:
        raise faults.invalid(f"The bulk operation is in the status {made.status}: {made.arn(call)}")
    made.status = "CANCELLING"
    made.put(call)
    carry_on.later(call, number=made.id)
    return {"BulkOperationArn": made.arn(call), "BulkOperationStatus": made.status}
