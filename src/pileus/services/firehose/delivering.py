"""Deliveries: records that waited together are processed and written to S3, or sent to an endpoint.

A delivery that fails is tried again for a day; what it had written it writes again under the same names.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from pileus.kernel import Call, Fault, roles
from pileus.kernel.identity import Principal

from . import buffers, endpoints, firehose, opensearch, splunk
from .destinations import HTTP, OPENSEARCH, OUTSIDE, SPLUNK
from .packing import EXTENSIONS, packed
from .prefixes import rendered
from .processing import Failed, Item, Outcome, processed
from .streams import Stream

RETRIES = 300
"""At five minutes each, these are the 24 hours for which Firehose keeps trying."""
SENDING = {
    HTTP: (endpoints.send, "http-endpoint-failed"),
    SPLUNK: (splunk.send, "splunk-failed"),
    OPENSEARCH: (opensearch.send, opensearch.FAILED),
}
"""How records are sent to destinations outside, and what those are called that they do not take."""


@firehose.task(retries=RETRIES)
async def deliver(call: Call, stream: str, delivery: str, at: float) -> None:
    """Deliver what waited together until `at`, and then forget it."""
    found = Stream.get(call, stream)
    records = list(buffers.held(call, stream, delivery))
    if found is None or not records:
        return
    try:
        await Delivery(call, found, delivery, at).run(records)
    except Fault as fault:
        tell(call, found, fault)
        raise
    with call.transaction():
        buffers.Batch.delete_all(call, stream, delivery)


def acting(call: Call, stream: Stream, role_arn: str) -> Principal:
    with call.transaction():
        return roles.taken_on(call, role_arn, stream.name, stream.itself(call))


class Delivery:
    """One delivery on its way."""

    def __init__(self, call: Call, stream: Stream, name: str, at: float) -> None:
        self.call = call
        self.stream = stream
        self.name = name
        self.at = at
        self.destination = stream.destination
        self.principal = acting(call, stream, self.destination.bucket["RoleARN"])

    async def run(self, records: list[tuple[float, bytes]]) -> None:
        if (backup := self.destination.backup) and self.destination.kind not in OUTSIDE:
            await self.write(backup, b"".join(data for _, data in records), "source")
        outcome = await processed(self.call, self.stream, records, self.principal)
        if self.destination.kind in OUTSIDE:
            await self.send(outcome)
        else:
            await self.write_items(outcome)
        await self.write_failures(outcome.failed)

    async def write_items(self, outcome: Outcome) -> None:
        """An object of each partition; without partitions, one."""
        parts: dict[tuple[tuple[str, str], ...], list[Item]] = {}
        for item in outcome.items:
            key = tuple(sorted(item.keys.items())) if self.destination.partitioned else ()
            parts.setdefault(key, []).append(item)
        for number, (keys, items) in enumerate(parts.items()):
            body = b"".join(item.data for item in items)
            await self.write(self.destination.settings, body, str(number), keys=dict(keys))

    async def send(self, outcome: Outcome) -> None:
        """Send to the endpoint; once that has failed for long enough, keep what it did not take."""
        settings = self.destination.settings
        if self.destination.backup:
            await self.write(self.destination.bucket, b"".join(item.data for item in outcome.items), "all")
        send, kind = SENDING[self.destination.kind]
        try:
            outcome.failed += await send(self.call, self.stream, self.name, outcome.items, self.at)
        except endpoints.Refused as refused:
            if self.call.now - self.at < settings["RetryOptions"].get("DurationInSeconds", 300):
                raise Fault(refused.code, str(refused), status=400) from None
            outcome.failed += [Failed(one.at, one.data, kind, refused.code, str(refused)) for one in outcome.items]

    async def write_failures(self, failed: list[Failed]) -> None:
        """Records that failed, as lines of JSON, an object of each kind of failure."""
        for kind in dict.fromkeys(one.kind for one in failed):
            lines = [json.dumps(self.told(one)) for one in failed if one.kind == kind]
            await self.write(self.destination.bucket, "\n".join([*lines, ""]).encode(), kind, error=kind)

    def told(self, failed: Failed) -> dict[str, Any]:
        told = {
            "attemptsMade": failed.attempts,
            "arrivalTimestamp": int(failed.at * 1000),
            "errorCode": failed.code,
            "errorMessage": failed.message,
            "attemptEndingTimestamp": int(self.call.now * 1000),
            "rawData": base64.b64encode(failed.data).decode(),
        }
        function = self.destination.processor("Lambda")
        return told | ({"lambdaArn": function["LambdaArn"]} if function else {})

    async def write(
        self, bucket: dict[str, Any], body: bytes, part: str, *, keys: Mapping[str, str] = {}, error: str = ""
    ) -> None:
        """Write an object; its name is the same whenever this part of this delivery is written."""
        compression = "UNCOMPRESSED" if error else bucket.get("CompressionFormat", "UNCOMPRESSED")
        prefix = bucket.get("ErrorOutputPrefix") or bucket.get("Prefix", "") if error else bucket.get("Prefix", "")
        timezone = bucket.get("CustomTimeZone", "")
        seed = f"{self.name}/{part}"
        place = rendered(prefix, self.at, error=error, keys=keys, timezone=timezone, seed=seed)
        stamp = rendered("!{timestamp:yyyy-MM-dd-HH-mm-ss}", self.at, timezone=timezone)
        extension = bucket.get("FileExtension") or EXTENSIONS.get(compression, "")
        unique = self.name if part == "0" else f"{self.name}-{part}"
        key = f"{place}{self.stream.name}-{self.stream.version}-{stamp}-{unique}{extension}"
        encryption = bucket.get("EncryptionConfiguration", {}).get("KMSEncryptionConfig")
        principal = self.principal
        if bucket["RoleARN"] != self.destination.bucket["RoleARN"]:
            principal = acting(self.call, self.stream, bucket["RoleARN"])
        await self.call.aws("s3", principal=principal).put_object(
            bucket=bucket["BucketARN"].rpartition(":")[2],
            key=key,
            body=packed(body, compression),
            content_type="application/octet-stream",
            content_encoding="gzip" if compression == "GZIP" else None,
            server_side_encryption="aws:kms" if encryption else None,
            ssekms_key_id=encryption["AWSKMSKeyARN"] if encryption else None,
        )


def tell(call: Call, stream: Stream, fault: Fault) -> None:
    """Say in the stream's log what failed, where it has one."""
    logging = stream.destination.settings["CloudWatchLoggingOptions"]
    if not logging.get("Enabled") or not logging.get("LogGroupName"):
        return
    message = {
        "deliveryStreamARN": stream.arn(call),
        "destination": stream.destination.bucket["BucketARN"],
        "deliveryStreamVersionId": stream.version,
        "message": fault.message,
        "errorCode": f"S3.{fault.code}" if stream.destination.kind not in OUTSIDE else fault.code,
    }
    try:
        with call.transaction():
            call.aws("logs", principal=stream.itself(call)).put_log_events(
                log_group_name=logging["LogGroupName"],
                log_stream_name=logging["LogStreamName"],
                log_events=[{"timestamp": int(call.now * 1000), "message": json.dumps(message)}],
            )
    except Fault:
        return  # the log is not there: AWS does not say so either
