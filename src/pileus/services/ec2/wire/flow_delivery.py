"""Flow logs: what routers have recorded is asked for once in each interval, and delivered.

To CloudWatch Logs, S3 and Firehose, at the end of the interval. What was recorded and not delivered when the cloud
ended is lost, as AWS says that it may be. A VPC that has flow logs with different intervals uses the shortest for all.
Left out: Parquet files.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pileus.engines.network import Flow, FlowKey
from pileus.kernel import Call, Fault, Record, identity, log_delivery, roles
from pileus.kernel.errors import Unfinished
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity import flow_logs
from pileus.services.ec2.connectivity.flow_logs import BUCKET, LOGS, FlowLog
from pileus.services.ec2.instances import machines
from pileus.services.ec2.network import interfaces
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.vpcs import Vpc

from .flow_lines import Lines, Window

PRINCIPAL = "vpc-flow-logs.amazonaws.com"

Flows = dict[FlowKey, Flow]


class Recording(Record):
    """A VPC whose flows are being recorded, and since when they have been for the interval that runs."""

    vpc_id: str
    since: float


def begin(call: Call, vpc_id: str) -> None:
    """See to it that what is recorded of a VPC is delivered."""
    if Recording.get(call, vpc_id) is None:
        Recording(vpc_id, call.now).put(call)
        deliver_flows.later(call, vpc_id=vpc_id, delay=interval(call, vpc_id))


def logs_of(call: Call, vpc_id: str) -> Iterator[tuple[FlowLog, NetworkInterface]]:
    """The flow logs of a VPC and of all that is in it, with each interface that they are about."""
    for one in interfaces.of_vpc(call, vpc_id):
        for what in (vpc_id, one.subnet_id, one.network_interface_id):
            for log in flow_logs.logs_of(call, what):
                yield log, one


def interval(call: Call, vpc_id: str) -> int:
    return min((log.interval for log, _ in logs_of(call, vpc_id)), default=600)


@ec2.task
async def deliver_flows(call: Call, vpc_id: str) -> None:
    """An interval is over."""
    recording, engine, vpc = Recording.get(call, vpc_id), machines.networks(call), Vpc.get(call, vpc_id)
    found: dict[str, tuple[FlowLog, list[NetworkInterface]]] = {}
    for log, interface in logs_of(call, vpc_id) if vpc else ():
        found.setdefault(log.flow_log_id, (log, []))[1].append(interface)
    if recording is None or engine is None or vpc is None or not found:
        with call.transaction():
            if recording:
                recording.delete(call)
        return
    flows = await engine.flows(vpc_id)
    with call.transaction():
        Recording(vpc_id, call.now).put(call)
        deliver_flows.later(call, vpc_id=vpc_id, delay=interval(call, vpc_id))
    for log, own in found.values():
        lines = Lines(call, log, vpc, Window(recording.since, call.now))
        await deliver(call, log, lines, {one.network_interface_id: written(log, lines, one, flows) for one in own})


def written(log: FlowLog, lines: Lines, interface: NetworkInterface, flows: Flows) -> list[str]:
    """The records of an interface."""
    wanted = {"ACCEPT": (True,), "REJECT": (False,)}.get(log.traffic_type, (True, False))
    own = {key: flow for key, flow in flows.items() if key.port == interface.network_interface_id}
    told = [lines.of(interface, key, flow) for key, flow in own.items() if key.accepted in wanted]
    return told or ([] if own else [lines.nothing(interface)])


async def deliver(call: Call, log: FlowLog, lines: Lines, told: dict[str, list[str]]) -> None:
    """Bring records to where a flow log sends them, and take note of how that went."""
    way = {LOGS: to_logs, BUCKET: to_bucket}.get(log.destination_type, to_stream)
    error = ""
    try:
        await way(call, log, lines, {name: records for name, records in told.items() if records})
    except (Fault, Unfinished) as fault:
        error = "Access error" if "AccessDenied" in str(fault) else "Unknown error"
    with call.transaction():
        flow_logs.delivered(call, log.flow_log_id, error)


async def to_logs(call: Call, log: FlowLog, lines: Lines, told: dict[str, list[str]]) -> None:
    """A stream for each interface; the group is made where it is not there."""
    ours = identity.service(PRINCIPAL, log.arn(call), call.account)
    with call.transaction():
        role = roles.taken_on(call, log.role, log.flow_log_id, ours)
    logs = call.aws("logs", principal=role)
    for name, records in told.items():
        stream = f"{name}-{log.traffic_type.lower()}"
        events = [{"timestamp": int(call.now * 1000), "message": record} for record in records]
        put = {"log_group_name": log.log_group, "log_stream_name": stream}
        try:
            await settled(logs.put_log_events(**put, log_events=events))
        except Fault as fault:
            if fault.code != "ResourceNotFoundException":
                raise
            for make, named in (
                (logs.create_log_group, {"log_group_name": log.log_group}),
                (logs.create_log_stream, put),
            ):
                try:
                    await settled(make(**named))
                except Fault as there:
                    if there.code != "ResourceAlreadyExistsException":
                        raise
            await settled(logs.put_log_events(**put, log_events=events))


async def to_bucket(call: Call, log: FlowLog, lines: Lines, told: dict[str, list[str]]) -> None:
    """One compressed file with a header."""
    text = "\n".join([lines.header, *(record for records in told.values() for record in records), ""])
    bucket, _, folder = log.destination.split(":::", 1)[1].partition("/")
    place = f"{folder.strip('/')}/" if folder.strip("/") else ""
    source = call.arn(f"flow-log/{log.flow_log_id}", "logs")
    body = gzip.compress(text.encode(), mtime=0)
    await log_delivery.to_bucket(call, source, bucket, place + key(call, log, text), body)


def key(call: Call, log: FlowLog, text: str) -> str:
    """Where a file goes ("Flow log files")."""
    at = datetime.fromtimestamp(call.now, UTC)
    parts = [call.account, "vpcflowlogs", call.region, f"{at:%Y}", f"{at:%m}", f"{at:%d}"]
    names = ["aws-account-id", "aws-service", "aws-region", "year", "month", "day"]
    if log.file_options.get("PerHourPartition"):
        parts, names = [*parts, f"{at:%H}"], [*names, "hour"]
    if log.file_options.get("HiveCompatiblePartitions"):
        parts = [f"{name}={part}" for name, part in zip(names, parts, strict=True)]
    digest = hashlib.sha256(f"{text}{call.now}".encode()).hexdigest()[:8]
    name = f"{call.account}_vpcflowlogs_{call.region}_{log.flow_log_id}_{at:%Y%m%dT%H%MZ}_{digest}.log.gz"
    return "/".join(("AWSLogs", *parts, name))


async def to_stream(call: Call, log: FlowLog, lines: Lines, told: dict[str, list[str]]) -> None:
    """Each record is one of the stream's."""
    with call.transaction():
        log_delivery.to_stream(call, log.destination, [line for each in told.values() for line in each])


async def settled(result: Any) -> Any:
    """The result, whether the operation waits for something or not."""
    return await result if hasattr(result, "__await__") else result
