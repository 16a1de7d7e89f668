"""What S3 says of an event: to queues, topics and functions in its own form, to EventBridge in EventBridge's.

"Event message structure" and "EventBridge event message structure", S3 User Guide.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from pileus.kernel import Call, names

from .buckets import Bucket
from .naming import canonical_id

VERSION = "2.1"
VERSIONS = {
    "Replication": "2.2",
    "LifecycleExpiration": "2.3",
    "LifecycleTransition": "2.3",
    "IntelligentTiering": "2.3",
    "ObjectAcl": "2.3",
    "ObjectTagging": "2.3",
    "ObjectAnnotation": "2.3",
    "ObjectRetention": "2.3",
    "ObjectRestore:Delete": "2.3",
}
S3_ITSELF = "s3.amazonaws.com"


class Subject(NamedTuple):
    """The object that an event is about. What is not known of one that is gone is None."""

    name: str
    size: int | None = None
    etag: str | None = None
    version: str = ""
    """Empty in buckets without versions."""


class Event(NamedTuple):
    """Something that happened in a bucket."""

    name: str
    """Without `s3:`, such as `ObjectCreated:Put`."""
    subject: Subject
    sequencer: str
    more: dict[str, Any] = {}
    """Members of the record beside the usual ones, such as glacierEventData."""
    detail: dict[str, Any] = {}
    """The same for EventBridge."""


class Bridged(NamedTuple):
    """An event as EventBridge knows it."""

    type: str
    reason: str = ""
    deletion: str = ""


BRIDGED = {
    "ObjectCreated:Put": Bridged("Object Created", "PutObject"),
    "ObjectCreated:Post": Bridged("Object Created", "POST Object"),
    "ObjectCreated:Copy": Bridged("Object Created", "CopyObject"),
    "ObjectCreated:CompleteMultipartUpload": Bridged("Object Created", "CompleteMultipartUpload"),
    "ObjectRemoved:Delete": Bridged("Object Deleted", "DeleteObject", "Permanently Deleted"),
    "ObjectRemoved:DeleteMarkerCreated": Bridged("Object Deleted", "DeleteObject", "Delete Marker Created"),
    "LifecycleExpiration:Delete": Bridged("Object Deleted", "Lifecycle Expiration", "Permanently Deleted"),
    "LifecycleExpiration:DeleteMarkerCreated": Bridged(
        "Object Deleted", "Lifecycle Expiration", "Delete Marker Created"
    ),
    "ObjectRestore:Post": Bridged("Object Restore Initiated"),
    "ObjectRestore:Completed": Bridged("Object Restore Completed"),
    "ObjectRestore:Delete": Bridged("Object Restore Expired"),
    "LifecycleTransition": Bridged("Object Storage Class Changed"),
    "IntelligentTiering": Bridged("Object Access Tier Changed"),
    "ObjectAcl:Put": Bridged("Object ACL Updated"),
    "ObjectTagging:Put": Bridged("Object Tags Added"),
    "ObjectTagging:Delete": Bridged("Object Tags Deleted"),
}


def iso(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(instant * 1000) % 1000:03}Z"


def version_of(event: str) -> str:
    return VERSIONS.get(event) or VERSIONS.get(event.partition(":")[0], VERSION)


def principal_id(call: Call) -> str:
    """Who did it: `AWS:` and the unique id."""
    who = call.principal
    if who.type == "AWSService":
        return who.arn
    return "Anonymous" if who.type == "Anonymous" else f"AWS:{who.user_id}"


def owner_id(account: str) -> str:
    """The short form of an account's id that these records have for the owner of a bucket."""
    return f"A{canonical_id(account)[:13].upper()}"


def record(call: Call, bucket: Bucket, event: Event, configuration: str) -> dict[str, Any]:
    """The record for queues, topics and functions."""
    subject = event.subject
    described: dict[str, Any] = {"key": quote_plus(subject.name, safe="/")}
    if subject.size is not None:
        described["size"] = subject.size
    if subject.etag is not None:
        described["eTag"] = subject.etag
    if subject.version:
        described["versionId"] = subject.version
    described["sequencer"] = event.sequencer
    return {
        "eventVersion": version_of(event.name),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": iso(call.now),
        "eventName": event.name,
        "userIdentity": {"principalId": principal_id(call)},
        "requestParameters": {"sourceIPAddress": call.source_ip or S3_ITSELF},
        "responseElements": {"x-amz-request-id": call.request_id, "x-amz-id-2": names.host_id(call.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": owner_id(bucket.owner)},
                "arn": bucket.arn(call),
            },
            "object": described,
        },
        **event.more,
    }


def entry(call: Call, bucket: Bucket, event: Event) -> dict[str, Any]:
    """The entry for EventBridge: its time, source, resources, type, and the detail, still as a dict."""
    bridged, subject = BRIDGED[event.name], event.subject
    described: dict[str, Any] = {"key": subject.name}
    if subject.size is not None:
        described["size"] = subject.size
    if subject.etag is not None:
        described["etag"] = subject.etag
    if subject.version:
        described["version-id"] = subject.version
    described["sequencer"] = event.sequencer
    who = call.principal
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": described,
        "request-id": call.request_id,
        "requester": S3_ITSELF if who.type == "AWSService" else who.account,
    }
    if call.source_ip:
        detail["source-ip-address"] = call.source_ip
    if bridged.reason:
        detail["reason"] = bridged.reason
    if bridged.deletion:
        detail["deletion-type"] = bridged.deletion
    return {
        "Time": call.now,
        "Source": "aws.s3",
        "Resources": [bucket.arn(call)],
        "DetailType": bridged.type,
        "Detail": detail | event.detail,
    }


def test_event(call: Call, bucket: Bucket) -> dict[str, Any]:
    """What a destination gets when it is configured."""
    return {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(call.now),
        "Bucket": bucket.name,
        "RequestId": call.request_id,
        "HostId": names.host_id(call.request_id),
    }
