"""Imports: the log files of trails, copied from S3 into an event data store.

"Copy trail events to CloudTrail Lake": files are found under `AWSLogs/`, day by day, and each is taken in once.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished, identity, names, roles

from . import cloudtrail, ingesting, stores
from .lookups import PRINCIPAL

Members = dict[str, Any]

RUNNING = ("INITIALIZING", "IN_PROGRESS")
FILE = re.compile(r".*/CloudTrail/[a-z0-9-]+/(\d{4})/(\d{2})/(\d{2})/[^/]+\.json\.gz")
MOST_LISTED = 25
DAY = 86400.0


class Import(Record, kw_only=True):
    """An import."""

    id: str
    destination: str
    source: Members
    created: float
    updated: float
    start: float | None = None
    end: float | None = None
    status: str = "INITIALIZING"
    after: str = ""
    """The last file that was dealt with."""
    prefixes: list[str] = []
    done: list[str] = []
    files: int = 0
    events: int = 0
    failed: int = 0


class Failure(Record, key=("number", "location")):
    """A file that could not be taken in."""

    number: str
    location: str
    kind: str
    message: str
    at: float
    status: str = "FAILED"


def ongoing(call: Call, store: str) -> bool:
    return any(one.destination == store and one.status in RUNNING for one in Import.scan(call))


@cloudtrail.operation
def start_import(
    call: Call,
    destinations: list[str] = [],
    import_source: Members | None = None,
    start_event_time: float | None = None,
    end_event_time: float | None = None,
    import_id: str = "",
) -> Members:
    """Begin an import; or go on with one that was stopped or has failed, and try again what has failed in it."""
    if any(one.status in RUNNING for one in Import.scan(call)):
        raise Fault("AccountHasOngoingImportException", "The account has an import that is not over.")
    if import_id:
        if destinations or import_source or start_event_time or end_event_time:
            raise Fault("InvalidParameterException", "ImportId goes with no other parameter.", status=400)
        made = import_named(call, import_id)
        if made.failed:
            Failure.delete_all(call, made.id)
            made.after, made.failed = "", 0
        made.status, made.updated = "INITIALIZING", call.now
    else:
        made = begun(call, destinations, import_source, start_event_time, end_event_time)
    made.put(call)
    take_in.later(call, number=made.id)
    return described(made)


def begun(
    call: Call, destinations: list[str], source: Members | None, start: float | None, end: float | None
) -> Import:
    if len(destinations) != 1 or not source:
        raise Fault("InvalidParameterException", "An import has a source and one destination.", status=400)
    if start is not None and end is not None and start > end:
        raise Fault("InvalidParameterException", "StartEventTime must be before EndEventTime.", status=400)
    store = stores.active(call, destinations[0])
    if store.from_outside:
        message = "The event data store is not for events of trails."
        raise Fault("InvalidEventDataStoreCategoryException", message)
    if not source["S3"]["S3LocationUri"].startswith("s3://"):
        raise Fault("InvalidImportSourceException", "The import source is not an S3 URI.")
    return Import(
        id=names.uuid4(),
        destination=store.arn(call),
        source=source,
        created=call.now,
        updated=call.now,
        start=start,
        end=end,
    )


@cloudtrail.task
async def take_in(call: Call, number: str) -> None:
    """Take in one file after the other, each with the place where to go on."""
    made = Import.get(call, number)
    if made is None or made.status not in RUNNING:
        return
    made.status = "IN_PROGRESS"
    place = made.source["S3"]
    bucket, _, prefix = place["S3LocationUri"].removeprefix("s3://").partition("/")
    ours = identity.service(PRINCIPAL, made.destination, call.account)
    try:
        with call.transaction():
            made.put(call)
            role = roles.taken_on(call, place["S3BucketAccessRoleArn"], "CloudTrailImport", ours)
        s3 = call.at(region=place["S3BucketRegion"]).aws("s3", principal=role)
        for key in files(s3, made, bucket, prefix):
            if not await one_file(call, made, s3, bucket, key):
                return
        status = "FAILED" if made.failed else "COMPLETED"
    except (Fault, Unfinished) as fault:
        status = "FAILED"
        made.failed += 1
        fail(call, made, place["S3LocationUri"], fault)
    with call.transaction():
        there = Import.get(call, number)
        if there is not None and there.status in RUNNING:
            made.status, made.updated = status, call.now
            made.put(call)


def files(s3: Any, made: Import, bucket: str, prefix: str) -> Iterator[str]:
    """The log files of the days that are asked for."""
    token = None
    while True:
        page = s3.list_objects_v2(
            bucket=bucket, prefix=prefix or None, start_after=made.after or None, continuation_token=token
        )
        for one in page.get("Contents", ()):
            found = FILE.fullmatch(one["Key"])
            if found and of_day(made, *map(int, found.groups())):
                yield one["Key"]
        token = page.get("NextContinuationToken")
        if token is None:
            return


def of_day(made: Import, year: int, month: int, day: int) -> bool:
    """Whether a day's files may have events of the time; those of a day come until a little after it."""
    begin = datetime(year, month, day, tzinfo=UTC).timestamp()
    return (made.start is None or begin + DAY > made.start) and (made.end is None or begin <= made.end + DAY)


async def one_file(call: Call, made: Import, s3: Any, bucket: str, key: str) -> bool:
    """Take in a file; whether to go on."""
    try:
        body = (await settled(s3.get_object(bucket=bucket, key=key)))["Body"]
        packed = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
        told = json.loads(await asyncio.to_thread(gzip.decompress, packed))["Records"]
        several = [event for event in told if within(made, ingesting.instant(event))]
    except (Fault, OSError, EOFError, ValueError, KeyError, TypeError) as error:
        made.failed += 1
        fail(call, made, f"s3://{bucket}/{key}", error)
        several = None
    with call.transaction():
        there = Import.get(call, made.id)
        if there is None or there.status not in RUNNING:
            return False
        store = stores.active(call, made.destination)
        if several is not None:
            made.events += ingesting.keep(call, store, several)
            made.files += 1
        folder = key.rpartition("/")[0]
        if folder not in made.prefixes:
            made.prefixes = [*made.prefixes, folder]
        made.after, made.updated = key, call.now
        made.put(call)
    await asyncio.sleep(0)
    return True


async def settled(result: Any) -> Any:
    return await result if hasattr(result, "__await__") else result


def within(made: Import, at: float) -> bool:
    return (made.start is None or at >= made.start) and (made.end is None or at <= made.end)


def fail(call: Call, made: Import, location: str, error: Exception) -> None:
    kind = error.code if isinstance(error, Fault) else "InvalidFile"
    message = error.message if isinstance(error, Fault | Unfinished) else str(error)
    with call.transaction():
        Failure(made.id, location, kind, message, call.now).put(call)


# Looking


def import_named(call: Call, import_id: str) -> Import:
    found = Import.get(call, import_id)
    if found is None:
        raise Fault("ImportNotFoundException", f"The import {import_id} was not found.")
    return found


def described(made: Import) -> Members:
    return {
        "ImportId": made.id,
        "Destinations": [made.destination],
        "ImportSource": made.source,
        "StartEventTime": made.start,
        "EndEventTime": made.end,
        "ImportStatus": made.status,
        "CreatedTimestamp": made.created,
        "UpdatedTimestamp": made.updated,
    }


def counted(made: Import) -> Members:
    over = len(made.prefixes) - (made.status in RUNNING and bool(made.prefixes))
    return described(made) | {
        "ImportStatistics": {
            "PrefixesFound": len(made.prefixes),
            "PrefixesCompleted": over,
            "FilesCompleted": made.files,
            "EventsCompleted": made.events,
            "FailedEntries": made.failed,
        }
    }


@cloudtrail.operation(on=import_named)
def get_import(call: Call, made: Import) -> Members:
    return counted(made)


@cloudtrail.operation(on=import_named)
def stop_import(call: Call, made: Import) -> Members:
    """Stop an import before its next file."""
    if made.status not in RUNNING:
        raise Fault("InvalidParameterException", f"The import is not in progress: {made.status}.", status=400)
    made.status, made.updated = "STOPPED", call.now
    made.put(call)
    return counted(made)


@cloudtrail.operation
def list_imports(
    call: Call, max_results: int = MOST_LISTED, destination: str = "", import_status: str = "", next_token: str = ""
) -> Members:
    """Imports, into one store or of one status where that is asked for."""
    page = Import.page(
        call,
        limit=max_results,
        token=next_token,
        where=lambda made: destination in ("", made.destination) and import_status in ("", made.status),
        invalid=Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again."),
    )
    kept = ("ImportId", "ImportStatus", "Destinations", "CreatedTimestamp", "UpdatedTimestamp")
    return {
        "Imports": [{name: described(made)[name] for name in kept} for made in page.items],
        "NextToken": page.token,
    }


@cloudtrail.operation(on=import_named)
def list_import_failures(call: Call, made: Import, max_results: int = MOST_LISTED, next_token: str = "") -> Members:
    """The files of an import that could not be taken in."""
    page = Failure.page(
        call,
        made.id,
        limit=max_results,
        token=next_token,
        invalid=Fault("InvalidNextTokenException", "Invalid NextToken. Please check your input and try again."),
    )
    return {
        "Failures": [
            {
                "Location": one.location,
                "Status": one.status,
                "ErrorType": one.kind,
                "ErrorMessage": one.message,
                "LastUpdatedTime": one.at,
            }
            for one in page.items
        ],
        "NextToken": page.token,
    }
