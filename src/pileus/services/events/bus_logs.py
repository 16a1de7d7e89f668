"""Logs of event buses: what becomes of each event, written to where deliveries of CloudWatch Logs say.

User Guide, "Configuring logs for Amazon EventBridge event buses". A delivery's source is the bus and one of the types
ERROR_LOGS, INFO_LOGS and TRACE_LOGS; its destination a log group, a bucket or a Firehose stream. Records tell the event
and the target only where the bus says so. How objects in the bucket are called is ours.
"""

from __future__ import annotations

import logging
from typing import Any, NamedTuple

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
    for one in found:
        try:
            await put(call, one, record)
        except (Fault, ValueError) as problem:
            log.warning("%s: a log record was not taken by %s: %s", record["resource_arn"], one.target, problem)


class Delivery(NamedTuple):
    """Where records of a bus and a type go, and in what shape."""

    source: str
    target: str
    form: str
    fields: list[str]
    delimiter: str
    s3: Members


def destinations(call: Call, resource: str, kind: str) -> list[Delivery]:
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
        delivery = Delivery(
            wanted[one["deliverySourceName"]],
            (destination.get("deliveryDestinationConfiguration") or {}).get("destinationResourceArn", ""),
            destination.get("outputFormat") or "json",
            one.get("recordFields") or [],
            one.get("fieldDelimiter") or "",
            one.get("s3DeliveryConfiguration") or {},
        )
        found.append(delivery)
    return found


async def put(call: Call, delivery: Delivery, record: Members) -> None:
    to = arn.parse(delivery.target)
    line = log_delivery.written(record, delivery.fields, delivery.form, delivery.delimiter)
    if to.service == "s3":
        hive = bool(delivery.s3.get("enableHiveCompatiblePath"))
        suffix = log_delivery.filled(call, delivery.s3.get("suffixPath") or "", hive=hive)
        bucket, _, folder = to.resource.partition("/")
        parts = (folder, "AWSLogs", call.account, "EventBusLogs", call.region, suffix, f"{names.uuid4()}.log")
        body = log_delivery.headed(record, delivery.fields, delivery.form, line)
        await log_delivery.to_bucket(call, delivery.source, bucket, "/".join(filter(None, parts)), body)
        return
    with call.transaction():
        if to.service == "firehose":
            log_delivery.to_stream(call, delivery.target, [line])
        else:
            event = {"timestamp": record["message_timestamp_ms"], "message": line}
            log_delivery.to_group(call, delivery.source, to.resource.split(":")[1], STREAM, [event])
