"""Server access logs: a line for each request to a bucket, delivered in batches as objects of another.

"Logging requests with server access logging" and "Amazon S3 server access log format", S3 User Guide. Lines are
written down with the answer they tell of, and delivered five minutes after the first of them as
`logging.s3.amazonaws.com`; what the target's policy and ACL do not let in is lost, as on AWS.
Left out: lines of lifecycle actions.
"""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from pileus.kernel import Call, Fault, Record, identity, names

from . import documents, faults, s3
from .buckets import Bucket, by_name
from .naming import canonical_id
from .observing import Observed, observe

if TYPE_CHECKING:
    from pileus.gateway.message import Request, Response
    from pileus.gateway.requestlog import Entry

log = logging.getLogger("pileus.s3")

KIND = "logging"
WAIT = 300.0
"""Seconds from the first line to the delivery."""
MOST_LINES = 10_000
DELIVERER = "logging.s3.amazonaws.com"

Members = dict[str, Any]


class Line(Record, scope="cloud", key=("room", "at", "id")):
    """What is to be said of one request."""

    room: str
    at: float
    id: str
    """In the order in which the answers were given, where they have one time."""
    text: str


# Configuration


@s3.operation(on=by_name)
def get_bucket_logging(call: Call, bucket: Bucket) -> Members:
    """Where the logs go; nothing if there are none."""
    return dict(documents.load(call, bucket.room, KIND) or {})


@s3.operation(on=by_name, honours=("ContentMD5", "ChecksumAlgorithm"))
def put_bucket_logging(call: Call, bucket: Bucket, bucket_logging_status: Members) -> None:
    """Say where the logs go, or that there are to be none."""
    enabled = bucket_logging_status.get("LoggingEnabled")
    observe(call, bucket, logged=enabled is not None)
    if enabled is None:
        documents.drop(call, bucket.room, KIND)
        return
    check(call, bucket, enabled)
    documents.save(call, bucket.room, KIND, bucket_logging_status)


def check(call: Call, bucket: Bucket, enabled: Members) -> None:
    if "TargetBucket" not in enabled or "TargetPrefix" not in enabled:
        raise faults.malformed()
    if len(enabled.get("TargetObjectKeyFormat", {"": ""})) != 1:
        raise faults.malformed()
    target = Bucket.get(call, call.partition, enabled["TargetBucket"])
    if target is None:
        words = "The target bucket for logging does not exist"
    elif target.owner != bucket.owner:
        words = "The owner for the bucket to be logged and the target bucket must be the same."
    elif target.region != bucket.region:
        words = "Cross S3 location logging not allowed. "
        place = {"TargetBucketLocation": target.region}
        raise faults.fault("CrossLocationLoggingProhibitted", words, 403, **place)
    elif target.payer == "Requester":
        words = "Requester pays is enabled on the target bucket for logging"
    elif enabled.get("TargetGrants") and target.ownership == "BucketOwnerEnforced":
        words = "Target grants are not supported for a target bucket with BucketOwnerEnforced"
    else:
        return
    raise faults.fault("InvalidTargetBucketForLogging", words, TargetBucket=enabled["TargetBucket"])


# Lines


def write(
    call: Call,
    bucket: Bucket,
    observed: Observed,
    request: Request,
    labels: dict[str, str],
    response: Response,
    entry: Entry,
) -> None:
    """Write the line of a request; the first one sees to it that they are delivered."""
    text = line(call, bucket, request, labels, response, entry)
    Line(bucket.room, call.now, f"{time.time_ns():020}{names.token(4)}", text).put(call)
    if observed.due <= call.now:
        observed.due = call.now + WAIT
        observed.put(call)
        who = identity.service(DELIVERER, bucket.arn(call), bucket.owner)
        at = call.at(account=bucket.owner, region=bucket.region, principal=who, source_ip="", members={})
        deliver_logs.later(at, bucket=bucket.name, room=bucket.room, due=observed.due)


def line(call: Call, bucket: Bucket, request: Request, labels: dict[str, str], response: Response, entry: Entry) -> str:
    """The fields of a line, in their order."""
    headers, told = request.headers, {name.lower(): value for name, value in response.headers}
    key = unquote(labels.get("Key", ""))
    took = max(1, round((time.perf_counter() - entry.started) * 1000))
    sent = told.get("content-length") or (str(len(response.body)) if isinstance(response.body, bytes) else "-")
    bare = request.method == "HEAD" or sent == "0"
    signature, authenticated = signed(request)
    fields = [
        canonical_id(bucket.owner),
        bucket.name,
        datetime.fromtimestamp(call.now, UTC).strftime("[%d/%b/%Y:%H:%M:%S +0000]"),
        request.client,
        requester(call),
        call.request_id,
        named(call, request, labels),
        quote(key, safe="/") if key else "-",
        f'"{request.method} {request.target} HTTP/{request.http_version}"',
        str(response.status),
        entry.error if entry.error and response.status >= 300 else "-",
        "-" if bare else sent,
        size_of(request, told),
        str(took),
        str(took),
        quoted(headers.get("referer")),
        quoted(headers.get("user-agent")),
        told.get("x-amz-version-id", "-"),
        names.host_id(call.request_id),
        signature,
        "TLS_AES_128_GCM_SHA256" if call.secure else "-",
        authenticated,
        request.host or "-",
        "TLSv1.3" if call.secure else "-",
        "-",
        "-",
    ]
    return " ".join(fields)


def quoted(text: str) -> str:
    return '"' + text.replace('"', "%22") + '"' if text else '"-"'


def requester(call: Call) -> str:
    who = call.principal
    if who.type == "Anonymous":
        return "-"
    if who.type == "AWSService":
        return f"svc:{who.arn}"
    return canonical_id(who.account) if who.type == "Root" else who.arn


def signed(request: Request) -> tuple[str, str]:
    """How a request is signed, and where its signature stands."""
    authorization = request.headers.get("authorization")
    if authorization:
        return ("SigV2" if authorization.startswith("AWS ") else "SigV4"), "AuthHeader"
    if "Signature=" in request.query:
        return ("SigV4" if "X-Amz-Signature=" in request.query else "SigV2"), "QueryString"
    return "-", "-"


def size_of(request: Request, told: dict[str, str]) -> str:
    """The size of the object that came or went, as far as header fields say it."""
    if whole := told.get("content-range", "").rpartition("/")[2]:
        return whole
    if request.method == "PUT":
        return request.headers.get("x-amz-decoded-content-length") or request.headers.get("content-length") or "-"
    return told.get("content-length", "-") if "etag" in told else "-"


# What an operation is called, where it is not its method and what its name says.
RESOURCES = {
    "AbortMultipartUpload": "DELETE.UPLOAD",
    "CompleteMultipartUpload": "POST.UPLOAD",
    "CopyObject": "COPY.OBJECT",
    "CreateMultipartUpload": "POST.UPLOADS",
    "DeleteObjects": "POST.MULTI_OBJECT_DELETE",
    "GetBucketLogging": "GET.LOGGING_STATUS",
    "PutBucketLogging": "PUT.LOGGING_STATUS",
    "ListBuckets": "GET.SERVICE",
    "ListMultipartUploads": "GET.UPLOADS",
    "ListObjectVersions": "GET.BUCKETVERSIONS",
    "ListObjects": "GET.BUCKET",
    "ListObjectsV2": "GET.BUCKET",
    "ListParts": "GET.UPLOAD",
    "RestoreObject": "POST.RESTORE",
    "UploadPart": "PUT.PART",
    "UploadPartCopy": "COPY.PART",
}
VERBS = ("Get", "Put", "Delete", "Head", "Create", "List", "Update", "Post")


def named(call: Call, request: Request, labels: dict[str, str]) -> str:
    """`REST.GET.OBJECT` and the like."""
    if "Website" in labels:
        return f"WEBSITE.{request.method}.OBJECT"
    name = call.operation
    if not name:
        return f"REST.{request.method}.{'PREFLIGHT' if request.method == 'OPTIONS' else 'OBJECT'}"
    if name in RESOURCES:
        return f"REST.{RESOURCES[name]}"
    verb = next((verb for verb in VERBS if name.startswith(verb)), "")
    noun = name.removeprefix(verb)
    short = noun.removeprefix("Bucket").removesuffix("Configuration") or "Bucket"
    short = "Acl" if short == "ObjectAcl" else short
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in short).lstrip("_").upper()
    return f"REST.{request.method}.{words}"


# Delivery


@s3.task
async def deliver_logs(call: Call, bucket: str, room: str) -> None:
    """Put what has been written down into the target, and forget it."""
    lines = list(Line.scan(call, room, limit=MOST_LINES))
    found = Bucket.get(call, call.partition, bucket)
    document = documents.load(call, room, KIND) if found is not None and found.room == room else None
    if found is not None and document is not None:
        for key, body in batches(call, found, document["LoggingEnabled"], lines):
            await put(call, document["LoggingEnabled"], key, body)
    with call.transaction():
        for each in lines:
            each.delete(call)
        if len(lines) == MOST_LINES:
            deliver_logs.later(call, bucket=bucket, room=room)


def batches(call: Call, bucket: Bucket, enabled: Members, lines: list[Line]) -> list[tuple[str, bytes]]:
    """Objects to put: one, or one for each day where the days of events are to be found again by their keys."""
    prefix, form = enabled["TargetPrefix"], enabled.get("TargetObjectKeyFormat", {})
    partitioned = form.get("PartitionedPrefix")
    if partitioned is None:
        return [(f"{prefix}{stamp(call.now)}", joined(lines))] if lines else []
    place = f"{prefix}{bucket.owner}/{bucket.region}/{bucket.name}"
    if partitioned.get("PartitionDateSource", "DeliveryTime") == "DeliveryTime":
        return [(f"{place}/{day(call.now)}/{stamp(call.now)}", joined(lines))] if lines else []
    by_day = groupby(lines, key=lambda line: line.at // 86400 * 86400)
    return [(f"{place}/{day(at)}/{stamp(at)}", joined(list(some))) for at, some in by_day]


def joined(lines: list[Line]) -> bytes:
    return "".join(f"{each.text}\n" for each in lines).encode()


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y/%m/%d")


def stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d-%H-%M-%S-") + os.urandom(8).hex().upper()


async def put(call: Call, enabled: Members, key: str, body: bytes) -> None:
    grants: dict[str, list[str]] = {}
    for grant in enabled.get("TargetGrants", []):
        to = grant["Grantee"]
        who = f'id="{to["ID"]}"' if "ID" in to else f'uri="{to.get("URI", "")}"'
        grants.setdefault(f"grant_{grant['Permission'].lower()}", []).append(who)
    given = {name: ", ".join(several) for name, several in grants.items() if name != "grant_write"}
    target = call.aws("s3", principal=call.principal)
    try:
        await target.put_object(bucket=enabled["TargetBucket"], key=key, body=body, content_type="text/plain", **given)
    except Fault as fault:
        log.warning("access logs for %s are not delivered: %s", enabled["TargetBucket"], fault)
