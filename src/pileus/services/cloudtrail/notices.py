"""Who is told of deliveries: an SNS topic of each file, a log group in CloudWatch Logs of each event."""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, identity, roles

from .lookups import PRINCIPAL
from .trails import Trail

Members = dict[str, Any]

MOST_BYTES = 1_000_000
MOST_EVENTS = 10_000
LONGEST = 256_000


async def tell(call: Call, trail: Trail, account: str, region: str, key: str, records: list[Members]) -> Members:
    """Tell them; what the trail's status says of it."""
    status: Members = {}
    if trail.topic:
        try:
            await notify(call, trail, key)
            status["LatestNotificationTime"] = call.now
        except Fault as fault:
            status["LatestNotificationError"] = fault.code
    if trail.log_group:
        try:
            await write(call, trail, account, region, records)
            status["LatestCloudWatchLogsDeliveryTime"] = call.now
        except Fault as fault:
            status["LatestCloudWatchLogsDeliveryError"] = fault.code
    return status


async def notify(call: Call, trail: Trail, key: str) -> None:
    """User Guide, "Configuring Amazon SNS notifications for CloudTrail"."""
    message = json.dumps({"s3Bucket": trail.bucket, "s3ObjectKey": [key]}, separators=(",", ":"))
    ours = identity.service(PRINCIPAL, trail.arn(call), call.account)
    await settled(call.aws("sns", principal=ours).publish(topic_arn=trail.topic, message=message))


async def write(call: Call, trail: Trail, account: str, region: str, records: list[Members]) -> None:
    """Write the events to a stream of the trail's log group, as its role ("Sending events to CloudWatch Logs")."""
    ours = identity.service(PRINCIPAL, trail.arn(call), call.account)
    with call.transaction():
        role = roles.taken_on(call, trail.role, "CLOUDTRAIL", ours)
    logs = call.aws("logs", principal=role)
    group, stream = trail.log_group.split(":")[6], f"{account}_CloudTrail_{region}"
    for batch in batches(call, records):
        try:
            await settled(logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=batch))
        except Fault as fault:
            if fault.code != "ResourceNotFoundException":
                raise
            await settled(logs.create_log_stream(log_group_name=group, log_stream_name=stream))
            await settled(logs.put_log_events(log_group_name=group, log_stream_name=stream, log_events=batch))


def batches(call: Call, records: list[Members]) -> list[list[Members]]:
    """As many events at a time as CloudWatch Logs takes."""
    found: list[list[Members]] = [[]]
    size = 0
    for record in records:
        message = json.dumps(record, separators=(",", ":"))
        if len(message) > LONGEST:
            continue
        if found[-1] and (size + len(message) > MOST_BYTES or len(found[-1]) == MOST_EVENTS):
            found.append([])
            size = 0
        found[-1].append({"timestamp": int(call.now * 1000), "message": message})
        size += len(message.encode()) + 26
    return [batch for batch in found if batch]


async def settled(result: Any) -> Any:
    """The result, whether the operation waits for something or not."""
    return await result if hasattr(result, "__await__") else result
