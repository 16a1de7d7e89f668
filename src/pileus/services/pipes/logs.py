"""What a pipe tells of its work, in a log group, a bucket or a Firehose stream.

User Guide, "Logging Amazon EventBridge Pipes". All of an execution is written when it is over. Of the execution data
there is the payload, and not the requests and answers; how objects in the bucket are called is ours.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, arn, log_delivery, names

from . import pipes
from .definitions import LEVELS, Pipe

LARGEST = 200_000
"""Characters of a payload; the rest is cut off, so that the destinations take the record."""
ENDINGS = {
    "STARTED": "TRACE",
    "SUCCEEDED": "TRACE",
    "ENTERED": "INFO",
    "SKIPPED": "INFO",
    "FAILED": "ERROR",
}
"""From which level on a step is told, by the end of its name; except that of stages and executions more is told."""


def level_of(kind: str) -> str:
    level = ENDINGS[kind.rpartition("_")[2]]
    whole = kind.startswith("EXECUTION") or "_STAGE_" in kind
    return "INFO" if level == "TRACE" and whole else level


class Execution:
    """One batch on its way through a pipe, and what is told of it."""

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe
        self._id = names.uuid4()
        self._lines: list[dict[str, Any]] = []

    def note(self, call: Call, kind: str, records: list[Any] | None = None, message: str = "") -> None:
        """Tell a step, if the pipe tells steps of its level."""
        level = level_of(kind)
        if not self.pipe.logs or LEVELS.index(level) > LEVELS.index(self.pipe.logs["Level"]):
            return
        told: dict[str, Any] = {
            "resourceArn": self.pipe.arn(call),
            "timestamp": int(call.cloud.clock.now() * 1000),
            "executionId": self._id,
            "messageType": kind,
            "logLevel": level,
        }
        if message:
            told["error"] = {"message": message}
        if records is not None and "ALL" in (self.pipe.logs.get("IncludeExecutionData") or ()):
            told["payload"] = json.dumps(records)
            if len(told["payload"]) > LARGEST:
                told |= {"payload": told["payload"][:LARGEST], "truncatedFields": ["payload"]}
        self._lines.append(told)

    def over(self, call: Call) -> None:
        """Have written what was told."""
        if not self._lines:
            return
        with call.transaction():
            for destination in places(call, self.pipe):
                write.later(call, pipe=self.pipe.name, destination=destination, lines=self._lines)


def places(call: Call, pipe: Pipe) -> list[str]:
    """Where a pipe tells of its work, as ARNs."""
    found = []
    if group := pipe.logs.get("CloudwatchLogsLogDestination"):
        found.append(group["LogGroupArn"])
    if stream := pipe.logs.get("FirehoseLogDestination"):
        found.append(stream["DeliveryStreamArn"])
    if bucket := pipe.logs.get("S3LogDestination"):
        found.append(f"arn:{call.partition}:s3:::{bucket['BucketName']}/{bucket.get('Prefix', '')}".rstrip("/"))
    return found


@pipes.task(retries=2)
async def write(call: Call, pipe: str, destination: str, lines: list[dict[str, Any]]) -> None:
    """Bring lines to a destination. One that is gone, or lets nobody in, hears nothing."""
    to, source = arn.parse(destination), call.arn(f"pipe/{pipe}", "logs")
    texts = [json.dumps(line) for line in lines]
    try:
        if to.service == "s3":
            bucket, _, prefix = to.resource.partition("/")
            body = "".join(f"{text}\n" for text in texts).encode()
            owner = {"expected_bucket_owner": owned} if (owned := owner_of(call, pipe)) else {}
            await log_delivery.to_bucket(call, source, bucket, key(call, prefix, pipe), body, **owner)
            return
        with call.transaction():
            if to.service == "firehose":
                log_delivery.to_stream(call, destination, texts)
            else:
                events = [
                    {"timestamp": line["timestamp"], "message": text} for line, text in zip(lines, texts, strict=True)
                ]
                group = to.resource.removeprefix("log-group:").removesuffix(":*")
                log_delivery.to_group(call, source, group, f"pipes/{pipe}", events)
    except Fault as fault:
        if not any(word in fault.code for word in ("NotFound", "NoSuch", "AccessDenied")):
            raise


def owner_of(call: Call, pipe: str) -> str:
    """Whose the bucket must be."""
    found = Pipe.get(call, pipe)
    return str(found.logs.get("S3LogDestination", {}).get("BucketOwner", "")) if found else ""


def key(call: Call, prefix: str, pipe: str) -> str:
    at = datetime.fromtimestamp(call.now, UTC)
    place = f"AWSLogs/{call.account}/pipes/{call.region}/{pipe}/{at:%Y/%m/%d/%H}/{names.uuid4()}.log"
    return f"{prefix}/{place}".lstrip("/")
