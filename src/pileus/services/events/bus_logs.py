"""Logs of event buses: what becomes of each event, written to where deliveries of CloudWatch Logs say.

User Guide, "Configuring logs for Amazon EventBridge event buses". A delivery's source is the bus and one of the types
ERROR_LOGS, INFO_LOGS and TRACE_LOGS; its destination a log group, a bucket or a Firehose stream. Records tell the event
and the target only where the bus says so. How objects in the bucket are called is ours.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from pileus.kernel import Call, Fault, arn, identity, log_delivery, names, paging

from . import events
from .buses import Bus

LEVELS = ("OFF", "ERROR", "INFO", "TRACE")
"""Each has what those before it have."""
STREAM = "event-bus-logs"

log = logging.getLogger("pileus.events")

Members = dict[str, Any]


def note(
    call: Call, bus: Bus | None, level: str, message: str, event: Members, about: Members | None = None, **detail: Any
) -> None:
    """Have a record written, if the bus tells that much."""
    if bus is None or LEVELS.index(level) > LEVELS.index(bus.logged["Level"]):
        return
    record: Members = {
        "resource_arn": bus.arn(call),
        "message_timestamp_ms": int(call.now * 1000),
        "event_bus_name": bus.name,
        "request_id": call.request_id,
        "event_id": event["id"],
        "message_type": message,
        "log_level": level,
        "details": {"caller_account_id": event["account"], "source_time_ms": event["time"], **(about or {})},
    }
    if bus.logged["IncludeDetail"] == "FULL":
        record["details"] |= {"event_detail": event, **detail}
    write.later(call, record=record)


@events.task
async def write(call: Call, record: Members) -> None:
    """Give a record to each destination. One that does not take it is not told again."""
    kind = f"{record['log_level']}_LOGS"
    with call.transaction():
        found = destinations(call, record["resource_arn"], kind)
    for source, target, settings in found:
        try:
            await put(call, source, target, settings, record)
        except (Fault, ValueError) as problem:
            log.warning("%s: a log record was not taken by %s: %s", record["resource_arn"], target, problem)


def destinations(call: Call, resource: str, kind: str) -> list[tuple[str, str, Members]]:
    """Where records of a bus and a type go: the ARNs of sources and targets, and what is said of objects in buckets."""
    logs = call.aws("logs", principal=identity.service("logs.amazonaws.com", source_account=call.account))
    asked: Members = {"resource_arns": [resource]}
    sources = paging.every(logs.describe_delivery_sources, "deliverySources", token="nextToken", **asked)
    wanted = {one["name"]: one["arn"] for one in sources if one["logType"] == kind}
    if not wanted:
        return []
    found = []
    asked = {"delivery_source_names": list(wanted)}
    for one in paging.every(logs.describe_deliveries, "deliveries", token="nextToken", **asked):
        name = one["deliveryDestinationArn"].rpartition(":")[2]
        destination = logs.get_delivery_destination(name=name)["deliveryDestination"]
        target = (destination.get("deliveryDestinationConfiguration") or {}).get("destinationResourceArn", "")
        found.append((wanted[one["deliverySourceName"]], target, one.get("s3DeliveryConfiguration") or {}))
    return found


async def put(call: Call, source: str, target: str, settings: Members, record: Members) -> None:
    to = arn.parse(target)
    line = json.dumps(record, separators=(",", ":"))
    if to.service == "s3":
        path = f"{settings.get('suffixPath', '').strip('/')}/{names.uuid4()}.log".lstrip("/")
        bucket, _, folder = to.resource.partition("/")
        key = f"{folder}/AWSLogs/{call.account}/EventBusLogs/{call.region}/{path}".lstrip("/")
        await log_delivery.to_bucket(call, source, bucket, key, f"{line}\n".encode())
        return
    with call.transaction():
        if to.service == "firehose":
            log_delivery.to_stream(call, target, [line])
        else:
            event = {"timestamp": record["message_timestamp_ms"], "message": line}
            log_delivery.to_group(call, source, to.resource.split(":")[1], STREAM, [event])
