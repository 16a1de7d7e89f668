"""Request metrics: what is asked of a bucket, or of some of its objects, told to CloudWatch every minute.

"Monitoring metrics with Amazon CloudWatch" and "CloudWatch metrics configurations", S3 User Guide. Left out: metrics of
access points, of Select and of replication, and the daily ones of storage.
"""

from __future__ import annotations

import inspect
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from pileus.kernel import Call, Record, identity

from . import observing, s3
from .buckets import Bucket
from .configuration import numbered
from .documents import Document
from .objects import Object
from .rules import Filter

if TYPE_CHECKING:
    from pileus.gateway.message import Request, Response
    from pileus.gateway.requestlog import Entry

KIND = "metricsconfiguration"
MINUTE = 60.0
BY_METHOD = {
    "GET": "GetRequests",
    "PUT": "PutRequests",
    "DELETE": "DeleteRequests",
    "HEAD": "HeadRequests",
    "POST": "PostRequests",
}
UNITS = {
    "BytesDownloaded": "Bytes",
    "BytesUploaded": "Bytes",
    "FirstByteLatency": "Milliseconds",
    "TotalRequestLatency": "Milliseconds",
}

Members = dict[str, Any]


class Tally(Record, scope="cloud", key=("room", "id", "minute")):
    """What has been asked in one minute, as far as one configuration wants to know."""

    room: str
    id: str
    minute: float
    values: dict[str, list[float]] = {}
    """By the names of metrics: how many, their sum, the least and the greatest."""

    def add(self, name: str, value: float) -> None:
        count, total, least, most = self.values.get(name, (0.0, 0.0, value, value))
        self.values[name] = [count + 1, total + value, min(least, value), max(most, value)]


def check(call: Call, bucket: Bucket, content: Members) -> None:
    observing.observe(call, bucket, metered=True)


numbered("MetricsConfiguration", check)


def count(
    call: Call, bucket: Bucket, request: Request, labels: dict[str, str], response: Response, entry: Entry
) -> None:
    """Add a request to the tallies of all configurations that mean it."""
    key = unquote(labels.get("Key", ""))
    found = Object.get(call, bucket.room, key) if key else None
    for document in Document.scan(call, bucket.room, KIND):
        if means(document.content, key, found):
            tally = tallied(call, bucket, document.id)
            for name, value in measured(call, request, response, entry):
                tally.add(name, value)
            tally.put(call)


def means(content: Members, key: str, found: Object | None) -> bool:
    if "Filter" not in content:
        return True
    wanted = Filter.of(content)
    tags = found.tags if found is not None else {}
    return key.startswith(wanted.prefix) and all(tags.get(name) == value for name, value in wanted.tags)


def tallied(call: Call, bucket: Bucket, name: str) -> Tally:
    """The tally of this minute; the first request of a minute sees to it that it is told."""
    minute = call.now // MINUTE * MINUTE
    tally = Tally.get(call, bucket.room, name, minute)
    if tally is None:
        tally = Tally(bucket.room, name, minute)
        at = call.at(account=bucket.owner, region=bucket.region, principal=identity.service("s3.amazonaws.com"))
        place = {"bucket": bucket.name, "room": bucket.room, "name": name, "minute": minute}
        tell_metrics.later(at, **place, due=minute + MINUTE)
    return tally


def measured(call: Call, request: Request, response: Response, entry: Entry) -> list[tuple[str, float]]:
    """The metrics of one request."""
    headers = {name.lower(): value for name, value in response.headers}
    took = (time.perf_counter() - entry.started) * 1000
    sent = headers.get("content-length") or (len(response.body) if isinstance(response.body, bytes) else 0)
    listing = call.operation.startswith("List")
    found = [("AllRequests", 1.0), ("ListRequests" if listing else BY_METHOD.get(request.method, ""), 1.0)]
    if request.method == "GET" and not listing:
        found.append(("BytesDownloaded", float(sent)))
    if request.method in ("PUT", "POST"):
        size = request.headers.get("x-amz-decoded-content-length") or request.headers.get("content-length") or 0
        found.append(("BytesUploaded", float(size)))
    found += [("4xxErrors", float(400 <= response.status < 500)), ("5xxErrors", float(response.status >= 500))]
    found += [("FirstByteLatency", took), ("TotalRequestLatency", took)]
    return [(name, value) for name, value in found if name]


@s3.task
async def tell_metrics(call: Call, bucket: str, room: str, name: str, minute: float) -> None:
    """Hand a minute's tally to CloudWatch."""
    tally = Tally.get(call, room, name, minute)
    if tally is None:
        return
    dimensions = [{"Name": "BucketName", "Value": bucket}, {"Name": "FilterId", "Value": name}]
    data = [
        {
            "MetricName": metric,
            "Dimensions": dimensions,
            "Timestamp": minute,
            "Unit": UNITS.get(metric, "Count"),
            "StatisticValues": {"SampleCount": number, "Sum": total, "Minimum": least, "Maximum": most},
        }
        for metric, (number, total, least, most) in tally.values.items()
    ]
    cloudwatch = call.aws("cloudwatch", principal=identity.service("cloudwatch.amazonaws.com"))
    done = cloudwatch.put_metric_data(namespace="AWS/S3", metric_data=data)
    if inspect.isawaitable(done):
        await done
    with call.transaction():
        tally.delete(call)
