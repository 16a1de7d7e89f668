"""Data sources: which groups have the logs of AWS services, and which fields these have.

A group has a source where something of this cloud writes it there: flow logs of a VPC, a trail, or a delivery. Left
out: what pipelines make of logs, and OCSF.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import msgspec

from pileus.kernel import Call, Unfinished, identity

from . import deliveries, faults, logs
from .fields import SAMPLE
from .groups import Group, name_in
from .parts import Stream
from .scanning import across_backwards

PLAIN, JSON = "Plain", "JSON"
FLOW = {"log-destination-type": "cloud-watch-logs"}

Members = dict[str, Any]


class Source(NamedTuple):
    name: str
    type: str
    format: str


def of_groups(call: Call) -> dict[str, Source]:
    """The sources of groups, by the groups' names."""
    found = {name: Source("amazon_vpc", "flow", PLAIN) for name in flow_groups(call)}
    found |= {name: Source("aws_cloudtrail", "management", JSON) for name in trail_groups(call)}
    for one in deliveries.Delivery.scan(call):
        source = deliveries.DeliverySource.get(call, one.source)
        target = deliveries.DeliveryDestination.get(call, one.destination.rpartition(":")[2])
        if source and target and one.kind == "CWL":
            service = source.resource.split(":")[2]
            found[name_in(target.target)] = Source(f"aws_{service}", source.kind.lower(), target.format or JSON)
    return found


def flow_groups(call: Call) -> list[str]:
    ec2 = call.aws("ec2", principal=identity.service("ec2.amazonaws.com"))
    try:
        told = ec2.describe_flow_logs(filter=[{"Name": name, "Values": [value]} for name, value in FLOW.items()])
    except Unfinished:
        return []
    return [one["LogGroupName"] for one in told["FlowLogs"] if one.get("LogGroupName")]


def trail_groups(call: Call) -> list[str]:
    trails = call.aws("cloudtrail", principal=identity.service("cloudtrail.amazonaws.com"))
    try:
        told = trails.describe_trails(include_shadow_trails=False)["trailList"]
    except Unfinished:
        return []
    return [name_in(one["CloudWatchLogsLogGroupArn"]) for one in told if one.get("CloudWatchLogsLogGroupArn")]


@logs.operation
def get_log_fields(call: Call, data_source_name: str, data_source_type: str) -> Members:
    """The fields of a source's latest events, as far as these are JSON, with their types."""
    named = [
        name for name, one in of_groups(call).items() if (one.name, one.type) == (data_source_name, data_source_type)
    ]
    groups = [group for name in named if (group := Group.get(call, name))]
    if not groups:
        raise faults.missing("The specified data source does not exist.")
    fields: dict[str, Members] = {}
    for group in groups:
        for document in documents(call, group):
            for name, value in document.items():
                if value is not None:
                    fields.setdefault(name, typed(value))
    return {"logFields": [{"logFieldName": name, "logFieldType": kind} for name, kind in sorted(fields.items())]}


def documents(call: Call, group: Group) -> list[Members]:
    streams = [stream for stream in Stream.scan(call, group.id) if stream.ingested]
    latest = max((stream.latest for stream in streams), default=0)
    found = []
    for event, _ in islice(across_backwards(call, streams, 0, latest + 1), SAMPLE) if streams else ():
        try:
            document = msgspec.json.decode(event.message)
        except msgspec.DecodeError:
            continue
        if isinstance(document, dict):
            found.append(document)
    return found


def typed(value: Any) -> Members:
    if isinstance(value, dict):
        inner = [{"logFieldName": name, "logFieldType": typed(one)} for name, one in value.items() if one is not None]
        return {"type": "struct", "fields": inner}
    if isinstance(value, list):
        return {"type": "list", "element": typed(next((one for one in value if one is not None), ""))}
    kinds = {bool: "boolean", int: "long", float: "double"}
    return {"type": kinds.get(type(value), "string")}
