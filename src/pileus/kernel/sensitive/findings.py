"""Findings of audits: reports of what was found where, delivered to where a policy says.

SNS Developer Guide, "Audit operation"; CloudWatch Logs User Guide, "Audit findings reports". How objects in buckets are
called is ours.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pileus.kernel import log_delivery, names

from . import Finder, Unknown, detections

if TYPE_CHECKING:
    from pileus.kernel.call import Call

NAMES = {"CloudWatchLogs": "LogGroup", "Firehose": "DeliveryStream", "S3": "Bucket"}

Members = dict[str, Any]


def checked(destinations: Any) -> dict[str, str]:
    """Where findings go: what is named, by kind of destination."""
    if not isinstance(destinations, dict) or destinations.keys() - NAMES.keys():
        raise Unknown(f"destinations of findings are {', '.join(NAMES)}")
    found = {}
    for kind, told in destinations.items():
        if not isinstance(told, dict) or told.keys() != {NAMES[kind]} or not told[NAMES[kind]]:
            raise Unknown(f"{kind} needs {NAMES[kind]}")
        found[kind] = str(told[NAMES[kind]])
    return found


def admit(call: Call, destinations: dict[str, str]) -> None:
    """Let the delivery of logs write there, as far as the caller may say so."""
    head = f"arn:{call.partition}"
    arns = {
        "CloudWatchLogs": f"{head}:logs:{call.region}:{call.account}:log-group:",
        "Firehose": f"{head}:firehose:{call.region}:{call.account}:deliverystream/",
        "S3": f"{head}:s3:::",
    }
    for kind, name in destinations.items():
        log_delivery.admit(call, f"{arns[kind]}{name}")


def finding(call: Call, finders: list[Finder], text: str, resource: str, **more: str) -> Members | None:
    """What an audit tells of a text; None for one in which there is nothing."""
    found = list(detections(finders, text))
    if not found:
        return None
    at = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {**more, "auditTimestamp": at, "resourceArn": resource, "dataIdentifiers": found}


async def deliver(call: Call, destinations: dict[str, str], source: str, stream: str, told: list[Members]) -> None:
    """Bring findings to each destination; a fault where one does not take them."""
    lines = [json.dumps(one, separators=(",", ":")) for one in told]
    if bucket := destinations.get("S3"):
        at = datetime.fromtimestamp(call.now, UTC)
        key = f"AWSLogs/{call.account}/{call.service}/{call.region}/{stream}/{at:%Y/%m/%d/%H}/{names.uuid4()}.log"
        body = "".join(f"{line}\n" for line in lines).encode()
        await log_delivery.to_bucket(call, source, bucket, key, body)
    with call.transaction():
        if name := destinations.get("Firehose"):
            log_delivery.to_stream(call, f"arn:{call.partition}:firehose:{call.region}::deliverystream/{name}", lines)
        if group := destinations.get("CloudWatchLogs"):
            events = [{"timestamp": int(call.now * 1000), "message": line} for line in lines]
            log_delivery.to_group(call, source, group, stream, events)
