"""Imports from S3: a new table, filled with the items of files in a bucket.

Developer Guide, "DynamoDB data import from Amazon S3". What cannot be an item is counted as an error and left out;
items of the same key overwrite each other. Left out: the errors are not written to CloudWatch Logs.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record, Unfinished, names

from . import documents, dynamodb, faults, writing
from .creating import activate, create_table
from .tables import Members, Table, below
from .tables import short as short_name
from .values import Item

AT_ONCE = 250
REMEMBERED = 8 * 3600.0
MOST_LISTED = 25
CREATION = {
    "AttributeDefinitions": "attribute_definitions",
    "KeySchema": "key_schema",
    "BillingMode": "billing_mode",
    "ProvisionedThroughput": "provisioned_throughput",
    "OnDemandThroughput": "on_demand_throughput",
    "SSESpecification": "sse_specification",
    "GlobalSecondaryIndexes": "global_secondary_indexes",
    "VectorIndexes": "vector_indexes",
}
"""The members of TableCreationParameters as CreateTable knows them."""


class Import(Record, key=("table", "id"), arn="table/{table}/import/{id}", kw_only=True):
    """An import."""

    table: str
    id: str
    table_id: str
    box: str
    asked: Members
    """The request, in wire names."""
    started: float
    status: str = "IN_PROGRESS"
    ended: float = 0.0
    processed: int = 0
    size: int = 0
    imported: int = 0
    errors: int = 0
    failure: tuple[str, str] | None = None


class ImportToken(Record):
    """A client token, and the import that it stands for."""

    token: str
    table: str
    id: str
    digest: bytes
    at: float


@dynamodb.operation
def import_table(
    call: Call,
    s3_bucket_source: Members,
    input_format: str,
    table_creation_parameters: Members,
    client_token: str = "",
    input_format_options: Members = {},
    input_compression_type: str = "NONE",
) -> dict[str, Any]:
    """Make a table, and begin to fill it."""
    asked: Members = {
        "S3BucketSource": s3_bucket_source,
        "InputFormat": input_format,
        "TableCreationParameters": table_creation_parameters,
        "InputCompressionType": input_compression_type,
    }
    if input_format_options:
        asked["InputFormatOptions"] = input_format_options
    if client_token:
        asked["ClientToken"] = client_token
    digest = hashlib.blake2b(msgspec.msgpack.encode(asked)).digest()
    if known := remembered(call, client_token, digest):
        return {"ImportTableDescription": described(call, known)}
    if input_format == "ION":
        documents.ion()
    if input_format_options and input_format != "CSV":
        raise faults.invalid("InputFormatOptions can only be specified for the input format CSV")
    new = begun(call, asked)
    if client_token:
        ImportToken(token=client_token, table=new.table, id=new.id, digest=digest, at=call.now).put(call)
    return {"ImportTableDescription": described(call, new)}


def remembered(call: Call, token: str, digest: bytes) -> Import | None:
    known = ImportToken.get(call, token) if token else None
    if known is None or call.now - known.at >= REMEMBERED:
        return None
    if known.digest != digest:
        raise Fault("ImportConflictException", "There was a conflict when importing from the specified S3 source.")
    return Import.get(call, known.table, known.id)


def begun(call: Call, asked: Members) -> Import:
    given = asked["TableCreationParameters"]
    chosen = {CREATION[name]: value for name, value in given.items() if name in CREATION}
    create_table(call, given["TableName"], **chosen)
    table = Table.of(call, given["TableName"])
    table.filling = True
    table.put(call)
    number = f"{int(call.now * 1000):014d}-{names.uuid4()[:8]}"
    new = Import(table=table.name, id=number, table_id=table.id, box=table.box, asked=asked, started=call.now).put(call)
    take_in.later(call, table=table.name, number=number)
    return new


# Importing


@dynamodb.task
async def take_in(call: Call, table: str, number: str) -> None:
    """Read the files and put what is in them; after a crash it begins again, and overwrites what it has put."""
    made = Import.get(call, table, number)
    if made is None or made.status != "IN_PROGRESS":
        return
    made.processed = made.size = made.imported = made.errors = 0
    try:
        await fill(call, made)
        made.status = "COMPLETED"
    except (Fault, Unfinished) as fault:
        made.status, made.failure = "FAILED", (f"S3{fault.code}", fault.message)
    with call.transaction():
        made.ended = call.now
        made.put(call)
        there = Table.get(call, table)
        if there is not None and there.box == made.box:
            there.filling = False
            there.put(call)
            activate.later(call, name=table)


async def fill(call: Call, made: Import) -> None:
    table = Table.get(call, made.table)
    if table is None or table.box != made.box:
        raise Fault("ResourceNotFoundException", f"Table: {made.table} not found")
    async for data in files(call, made):
        made.size += len(data)
        waiting: list[Item] = []
        for item in items(made, data, table):
            made.processed += 1
            if item is None:
                made.errors += 1
                continue
            waiting.append(item)
            if len(waiting) == AT_ONCE:
                put(call, table, made, waiting)
                waiting = []
                await asyncio.sleep(0)
        put(call, table, made, waiting)


async def files(call: Call, made: Import) -> AsyncIterator[bytes]:
    """The contents of all objects under the prefix."""
    source = made.asked["S3BucketSource"]
    where = {"bucket": source["S3Bucket"], "expected_bucket_owner": source.get("S3BucketOwner")}
    token = None
    while True:
        listed = call.aws("s3").list_objects_v2(**where, prefix=source.get("S3KeyPrefix"), continuation_token=token)
        for one in listed.get("Contents", ()):
            if one["Size"]:
                body = call.aws("s3").get_object(**where, key=one["Key"])["Body"]
                data = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
                try:
                    yield await asyncio.to_thread(documents.unpacked, data, made.asked["InputCompressionType"])
                except ValueError as error:
                    made.errors += 1
                    made.failure = ("InvalidFile", f"{one['Key']}: {error}")
        token = listed.get("NextContinuationToken")
        if token is None:
            return


def items(made: Import, data: bytes, table: Table) -> Iterator[Item | None]:
    """What is in a file; None for what cannot be an item."""
    kind = made.asked["InputFormat"]
    if kind == "CSV":
        options = made.asked.get("InputFormatOptions", {}).get("Csv", {})
        return documents.from_csv(data, options.get("Delimiter", ","), options.get("HeaderList", []), table.attributes)
    if kind == "ION":
        return documents.from_ion(data)
    return lines(data)


def lines(data: bytes) -> Iterator[Item | None]:
    for line in data.splitlines():
        if line.strip():
            try:
                yield documents.from_json(line)
            except Fault:
                yield None


def put(call: Call, table: Table, made: Import, several: list[Item]) -> None:
    with call.transaction():
        for item in several:
            try:
                with call.store.attempt():
                    writing.carry_out(call, writing.decide(call, writing.put(table, item)))
                made.imported += 1
            except Fault:
                made.errors += 1


# Describing


def found(call: Call, import_arn: str) -> Import:
    named = below(import_arn, "import")
    there = Import.get(call, *named) if named else None
    if there is None:
        raise Fault("ImportNotFoundException", f"Import not found: {import_arn}")
    return there


def described(call: Call, made: Import) -> Members:
    told: Members = {
        "ImportArn": made.arn(call),
        "ImportStatus": made.status,
        "TableArn": call.arn(f"table/{made.table}", "dynamodb"),
        "TableId": made.table_id,
        "StartTime": made.started,
        "ErrorCount": made.errors,
        "ProcessedSizeBytes": made.size,
        "ProcessedItemCount": made.processed,
        "ImportedItemCount": made.imported,
        **made.asked,
    }
    if made.ended:
        told["EndTime"] = made.ended
    if made.failure:
        told["FailureCode"], told["FailureMessage"] = made.failure
    return told


@dynamodb.operation(on=found)
def describe_import(call: Call, made: Import) -> dict[str, Any]:
    """An import, and what has become of it."""
    return {"ImportTableDescription": described(call, made)}


@dynamodb.operation
def list_imports(call: Call, table_arn: str = "", page_size: int = MOST_LISTED, next_token: str = "") -> dict[str, Any]:
    """Imports into a table, or all."""
    own = [short_name(table_arn)] if table_arn else []
    page = Import.page(call, *own, limit=page_size, token=bytes.fromhex(next_token).decode().strip())
    told: dict[str, Any] = {"ImportSummaryList": [summary(call, one) for one in page.items]}
    return told | ({"NextToken": hexadecimal(page.token)} if page.token else {})


def hexadecimal(token: str) -> str:
    """A token as the model wants this one: at least 112 hexadecimal digits, in groups of sixteen."""
    text = token.ljust(56)
    return text.ljust(-(-len(text) // 8) * 8).encode().hex()


def summary(call: Call, made: Import) -> Members:
    kept = ("ImportArn", "ImportStatus", "TableArn", "S3BucketSource", "InputFormat", "StartTime", "EndTime")
    told = described(call, made)
    return {name: told[name] for name in kept if name in told}
