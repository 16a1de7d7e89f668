"""Flow logs: what is recorded of the traffic of VPCs, subnets, interfaces and transit gateways, and where that goes.

Here are the records; the traffic is watched and delivered where packets flow. Left out: tags in records, flow logs of
Cloud WAN, and roles of other accounts.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, log_delivery
from pileus.kernel.errors import Unfinished
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import kind, kind_of, new_id
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import flow_log_formats

LOGS, BUCKET, STREAM = "cloud-watch-logs", "s3", "kinesis-data-firehose"

PREFIXES = {
    "VPC": "vpc",
    "Subnet": "subnet",
    "NetworkInterface": "eni",
    "TransitGateway": "tgw",
    "TransitGatewayAttachment": "tgw-attach",
    "RegionalNatGateway": "nat",
}
GATEWAYS = ("TransitGateway", "TransitGatewayAttachment")


@kind("vpc-flow-log", "fl", missing=("InvalidFlowLogId.NotFound", "The flow log '{}' does not exist"))
class FlowLog(Record, arn="vpc-flow-log/{flow_log_id}", cfn="AWS::EC2::FlowLog", indexes={"of": ("resource_id",)}):
    """What is recorded of one resource's traffic."""

    flow_log_id: str
    resource_id: str
    resource_type: str
    created: float
    traffic_type: str
    """ACCEPT, REJECT or ALL; empty for transit gateways."""
    destination_type: str
    destination: str
    """The ARN of a log group, of a bucket with a folder, or of a delivery stream."""
    log_format: str
    interval: int = 600
    log_group: str = ""
    role: str = ""
    cross_account_role: str = ""
    file_options: dict[str, Any] = {}
    error: str = ""
    """Why the last delivery failed; empty if it did not."""
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "deliver-log-status": lambda log: "FAILED" if log.error else "SUCCESS",
        "log-destination-type": "destination_type",
        "flow-log-id": "flow_log_id",
        "log-group-name": lambda log: log.log_group or None,
        "resource-id": "resource_id",
        "traffic-type": lambda log: log.traffic_type or None,
    }
)


@ec2.operation
def create_flow_logs(
    call: Call,
    resource_ids: list[str],
    resource_type: str,
    client_token: str = "",
    deliver_logs_permission_arn: str = "",
    deliver_cross_account_role: str = "",
    log_group_name: str = "",
    traffic_type: str = "",
    log_destination_type: str = LOGS,
    log_destination: str = "",
    log_format: str = "",
    tag_specifications: list[Members] = [],
    max_aggregation_interval: int = 0,
    destination_options: Members = {},
) -> Members:
    """Record the traffic of resources of one type; those that it cannot be recorded of are named in the answer."""
    if before := made_before(call, client_token):
        return {"FlowLogIds": before.split(), "ClientToken": client_token, "Unsuccessful": []}
    gateway = resource_type in GATEWAYS
    if resource_type not in PREFIXES:
        raise Unfinished(f"Pileus has no flow logs of {resource_type} yet.")
    if gateway == bool(traffic_type):
        if gateway:
            raise Fault("InvalidParameter", f"TrafficType is not supported for resource type {resource_type}.")
        raise missing("TrafficType")
    if len(resource_ids) > (most := 25 if gateway else 300):
        raise Fault("InvalidParameter", f"The maximum number of resources is {most}.")
    interval = max_aggregation_interval or (60 if gateway else 600)
    if interval not in ((60,) if gateway else (60, 600)):
        raise bad_value("maxAggregationInterval", interval, "Valid values are 60 and 600.")
    template = FlowLog(
        flow_log_id="",
        resource_id="",
        resource_type=resource_type,
        created=call.now,
        traffic_type=traffic_type,
        destination_type=log_destination_type,
        destination=_destination(call, log_destination_type, log_destination, log_group_name),
        log_format=flow_log_formats.checked(log_format, gateway),
        interval=interval,
        log_group=log_group_name or (log_destination.split(":")[6] if log_destination_type == LOGS else ""),
        role=_role(log_destination_type, deliver_logs_permission_arn),
        cross_account_role=deliver_cross_account_role,
        file_options=_options(log_destination_type, destination_options),
        tags=specified(tag_specifications, "vpc-flow-log"),
    )
    made, failed = _made(call, template, resource_ids)
    if made and log_destination_type in (BUCKET, STREAM):
        log_delivery.admit(call, template.destination)
    remember(call, client_token, " ".join(made))
    return {"FlowLogIds": made, "ClientToken": client_token or None, "Unsuccessful": failed}


def _made(call: Call, template: FlowLog, resources: list[str]) -> tuple[list[str], list[Members]]:
    made: list[str] = []
    failed: list[Members] = []
    for what in dict.fromkeys(resources):
        try:
            _check_resource(call, template, what)
        except Fault as fault:
            failed.append({"ResourceId": what, "Error": {"Code": fault.code, "Message": fault.message}})
            continue
        template.flow_log_id, template.resource_id = new_id(FlowLog), what
        template.put(call)
        made.append(template.flow_log_id)
        _rewire(call, what)
    return made, failed


def _check_resource(call: Call, log: FlowLog, what: str) -> None:
    """Raise for a resource that is not there, or that has such a flow log already."""
    one = kind_of(what)
    if one is None or one.prefix != PREFIXES[log.resource_type]:
        raise Fault("InvalidParameter", f"Value '{what}' for ResourceId is not of type {log.resource_type}.")
    if one.record.get(call, what) is None:
        raise one.absent(what)
    for other in FlowLog.scan(call, what, index="of"):
        same = other.traffic_type == log.traffic_type and other.log_format == log.log_format
        if same and other.destination == log.destination:
            text = "There is an existing Flow Log with the same configuration and log destination."
            raise Fault("FlowLogAlreadyExists", text)


def _destination(call: Call, kind: str, destination: str, group: str) -> str:
    """Where records go, as an ARN."""
    if kind == LOGS:
        if bool(destination) == bool(group):
            if group:
                raise Fault("InvalidParameter", "Only one of LogDestination and LogGroupName can be specified.")
            raise Fault("InvalidParameter", "LogDestination can't be empty if LogGroupName is not provided.")
        if group:
            return call.arn(f"log-group:{group}", "logs")
    if group:
        raise Fault("InvalidParameter", f"LogGroupName is not supported for destination type {kind}.")
    wanted = {LOGS: ":log-group:", BUCKET: ":s3:::", STREAM: ":deliverystream/"}[kind]
    if not destination.startswith("arn:") or (wanted not in destination and ":deliverystream:" not in destination):
        raise Fault("InvalidParameter", f"LogDestination is not a valid ARN of type {kind}: {destination}")
    if kind == BUCKET and "AWSLogs" in destination.split("/")[1:]:
        raise Fault("InvalidParameter", "AWSLogs is a reserved term and can not be used as a subfolder name.")
    return destination.removesuffix(":*")


def _role(kind: str, role: str) -> str:
    if kind == LOGS and not role:
        raise Fault(
            "InvalidParameter", "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        )
    if kind == BUCKET and role:
        raise Fault("InvalidParameter", "DeliverLogsPermissionArn is not applicable for s3 type log destination")
    return role


def _options(kind: str, options: Members) -> Members:
    if kind != BUCKET:
        if options:
            raise Fault("InvalidParameter", "DestinationOptions are only supported for destination type s3.")
        return {}
    return {"FileFormat": "plain-text", "HiveCompatiblePartitions": False, "PerHourPartition": False} | options


@ec2.operation
def describe_flow_logs(
    call: Call,
    filter: list[Members] = [],  # noqa: A002 (the member's name)
    flow_log_ids: list[str] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's flow logs in the Region."""
    return described(call, FlowLog, FILTERS, "FlowLogs", shown, flow_log_ids, filter, max_results, next_token)


def shown(call: Call, log: FlowLog) -> Members:
    return {
        "CreationTime": log.created,
        "DeliverLogsErrorMessage": log.error or None,
        "DeliverLogsPermissionArn": log.role or None,
        "DeliverCrossAccountRole": log.cross_account_role or None,
        "DeliverLogsStatus": "FAILED" if log.error else "SUCCESS",
        "FlowLogId": log.flow_log_id,
        "FlowLogStatus": "ACTIVE",
        "LogGroupName": log.log_group or None,
        "ResourceId": log.resource_id,
        "TrafficType": log.traffic_type or None,
        "LogDestinationType": log.destination_type,
        "LogDestination": log.destination,
        "LogFormat": log.log_format,
        "MaxAggregationInterval": log.interval,
        "DestinationOptions": log.file_options or None,
        "Tags": shown_tags(log.tags),
    }


@ec2.operation
def delete_flow_logs(call: Call, flow_log_ids: list[str]) -> Members:
    """Record no more; what was delivered stays."""
    failed: list[Members] = []
    for what in dict.fromkeys(flow_log_ids):
        log = FlowLog.get(call, what)
        if log is None:
            text = f"The flow log '{what}' does not exist"
            failed.append({"ResourceId": what, "Error": {"Code": "InvalidFlowLogId.NotFound", "Message": text}})
            continue
        log.delete(call)
        _rewire(call, log.resource_id)
    return {"Unsuccessful": failed}


# For what watches traffic


def logs_of(call: Call, resource_id: str) -> list[FlowLog]:
    """The flow logs of a VPC, a subnet, an interface, or what else it may be."""
    return [*FlowLog.scan(call, resource_id, index="of")]


def delivered(call: Call, flow_log_id: str, error: str = "") -> None:
    """Take note of how a delivery went."""
    log = FlowLog.get(call, flow_log_id)
    if log and log.error != error:
        log.error = error
        log.put(call)


def _rewire(call: Call, what: str) -> None:
    one = kind_of(what)
    found: Any = one.record.get(call, what) if one else None
    if vpc_id := getattr(found, "vpc_id", ""):
        changed(call, vpc_id)
