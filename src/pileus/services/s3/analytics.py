"""Storage class analysis: how much of what age is stored and read, exported every night as CSV.

"Amazon S3 analytics – Storage Class Analysis", S3 User Guide. A file has the rows of one day: for each age group of the
objects that a configuration means, and for all of them. Left out: the age at which S3 would recommend to move them.
"""

from __future__ import annotations

import asyncio
import io
import logging
from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pileus.kernel import Call, Fault, identity

from . import documents, events, faults, observing, roles, rules, s3
from .buckets import Bucket
from .configuration import numbered
from .documents import Document
from .inventories import Planned
from .objects import Object
from .request_metrics import Tally, means
from .rules import DAY

if TYPE_CHECKING:
    from pileus.gateway.message import Request, Response

log = logging.getLogger("pileus.s3")

KIND = "analyticsconfiguration"
SLICE = 1000
MB = 1024 * 1024
CLASSES = ("STANDARD", "STANDARD_IA")
AGES = (0, 15, 30, 45, 60, 75, 90, 120, 150, 180, 365, 730)
GROUPS = [f"{first:03}-{after - 1:03}" for first, after in pairwise(AGES)] + ["730+"]
HEAD = (
    "Date",
    "ConfigId",
    "Filter",
    "StorageClass",
    "ObjectAge",
    "ObjectCount",
    "DataUploaded_MB",
    "Storage_MB",
    "DataRetrieved_MB",
    "GetRequestCount",
    "CumulativeAccessRatio",
    "ObjectAgeForSIATransition",
    "RecommendedObjectAgeForSIATransition",
)

Members = dict[str, Any]


def check(call: Call, bucket: Bucket, content: Members) -> None:
    export = content["StorageClassAnalysis"].get("DataExport")
    if export is None:
        return
    if not export["Destination"]["S3BucketDestination"]["Bucket"].startswith("arn:"):
        raise faults.fault("InvalidS3DestinationBucket", "Invalid bucket ARN.")
    observing.observe(call, bucket, analysed=True)
    plan(call, bucket, content["Id"])


numbered("AnalyticsConfiguration", check)


def plan(call: Call, bucket: Bucket, name: str) -> None:
    """Have the day that is under way analysed when it is over."""
    due, key = rules.tomorrow(call.now), f"{KIND} {name}"
    before = Planned.get(call, bucket.room, key)
    if before is not None and before.due == due:
        return
    Planned(bucket.room, key, due).put(call)
    who = identity.service(events.S3_ITSELF, bucket.arn(call), bucket.owner)
    at = call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})
    analyse.later(at, bucket=bucket.name, room=bucket.room, name=name, planned=due, due=due)


def age_group(call: Call, found: Object) -> str:
    return GROUPS[bisect_right(AGES, max(0.0, (call.now - found.modified) / DAY)) - 1]


def count(call: Call, bucket: Bucket, request: Request, key: str, response: Response) -> None:
    """Remember what was read of which age."""
    found = Object.get(call, bucket.room, key) if key and request.method == "GET" and response.status < 300 else None
    if found is None or found.storage_class not in CLASSES or call.operation != "GetObject":
        return
    sent = next((value for name, value in response.headers if name.lower() == "content-length"), "0")
    for document in Document.scan(call, bucket.room, KIND):
        if means(document.content, key, found):
            tally = tallied(call, bucket.room, document.id, call.now)
            tally.add(f"{found.storage_class} {age_group(call, found)}", float(sent))
            tally.put(call)


def tallied(call: Call, room: str, name: str, at: float) -> Tally:
    """What was read on the day of some time."""
    day = at // DAY * DAY
    return Tally.get(call, room, f"{KIND} {name}", day) or Tally(room, f"{KIND} {name}", day)


@s3.task
async def analyse(call: Call, bucket: str, room: str, name: str, planned: float) -> None:
    """Export the day that is over, and plan for the next one."""
    found = Bucket.get(call, call.partition, bucket)
    expected = Planned.get(call, room, f"{KIND} {name}")
    if found is None or found.room != room or expected is None or expected.due != planned:
        return
    content = documents.load(call, room, KIND, name)
    export = content and content["StorageClassAnalysis"].get("DataExport")
    if not export:
        with call.transaction():
            expected.delete(call)
        return
    tally = tallied(call, room, name, planned - 1)
    try:
        await put(
            call, export["Destination"]["S3BucketDestination"], name, found, await table(call, found, content, tally)
        )
    except Fault as fault:
        log.warning("the analysis %s of %s is not delivered: %s", name, bucket, fault)
    with call.transaction():
        tally.delete(call)
        plan(call, found, name)


async def table(call: Call, bucket: Bucket, content: Members, tally: Tally) -> bytes:
    """The rows of the day."""
    import csv

    stored: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    after = None
    while seen := list(Object.scan(call, bucket.room, limit=SLICE, above=after)):
        for each in seen:
            if each.storage_class in CLASSES and means(content, each.name, each):
                for group in (age_group(call, each), "ALL"):
                    sums = stored[each.storage_class, group]
                    sums[0] += 1
                    sums[1] += each.size if each.modified >= call.now - DAY else 0
                    sums[2] += each.size
        after = (seen[-1].name,)
        await asyncio.sleep(0)  # others come in between
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEAD)
    day = datetime.fromtimestamp(tally.minute, UTC).strftime("%Y-%m-%d")
    for kind in CLASSES:
        for group in (*GROUPS, "ALL"):
            if (kind, group) in stored:
                writer.writerow(
                    [day, content["Id"], described(content), kind, group, *told(stored, tally, kind, group)]
                )
    return text.getvalue().encode()


def told(stored: dict[tuple[str, str], list[float]], tally: Tally, kind: str, group: str) -> list[Any]:
    """The figures of a row: how many, uploaded, stored, retrieved, requests, the ratio, and two that are left empty."""
    objects, uploaded, size = stored[kind, group]
    groups = GROUPS if group == "ALL" else [group]
    reads = [tally.values[f"{kind} {each}"] for each in groups if f"{kind} {each}" in tally.values]
    retrieved, requests = sum(read[1] for read in reads), sum(read[0] for read in reads)
    ratio = retrieved / size if size else 0.0
    figures = (uploaded / MB, size / MB, retrieved / MB)
    return [int(objects), *(f"{figure:.6f}" for figure in figures), int(requests), f"{ratio:.6f}", "", ""]


def described(content: Members) -> str:
    wanted = rules.Filter.of(content)
    tags = [f"tag={key}:{value}" for key, value in wanted.tags]
    return " ".join([*([f"prefix={wanted.prefix}"] if wanted.prefix else []), *tags])


async def put(call: Call, to: Members, name: str, bucket: Bucket, body: bytes) -> None:
    target = to["Bucket"].rpartition(":")[2]
    there = Bucket.get(call, call.partition, target)
    if there is None:
        raise faults.no_bucket(target)
    day = datetime.fromtimestamp(call.now - 1, UTC)
    key = f"{to.get('Prefix', '')}/{bucket.name}/{name}/{day:%Y-%m-%d}.csv".lstrip("/")
    roles.check(call, "s3:PutObject", there, key)
    owner = to.get("BucketAccountId")
    service = call.aws("s3", principal=call.principal)
    await service.put_object(bucket=target, key=key, body=body, content_type="text/csv", expected_bucket_owner=owner)
