"""Records of flow logs, field by field (VPC User Guide, "Flow log records").

Fields that have no value here are `-`: those of ECS, of Wavelength and Outposts, of services of AWS by their addresses.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import NamedTuple

from pileus.engines.network import Flow, FlowKey
from pileus.kernel import Call
from pileus.services.ec2.connectivity import flow_log_formats, peering
from pileus.services.ec2.connectivity.flow_logs import FlowLog
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.vpcs import Vpc

LATER = {
    3: ("vpc-id", "subnet-id", "instance-id", "tcp-flags", "type", "pkt-srcaddr", "pkt-dstaddr"),
    4: ("region", "az-id", "sublocation-type", "sublocation-id"),
    5: ("pkt-src-aws-service", "pkt-dst-aws-service", "flow-direction", "traffic-path"),
    7: tuple(name for name in flow_log_formats.VPC_FIELDS if name.startswith("ecs-")),
    8: ("reject-reason",),
    9: ("resource-id",),
    10: ("encryption-status",),
}
"""The fields that versions after the second have brought."""
WITHIN, PEERED, GATEWAY = "1", "4", "8"
"""Ways that traffic takes out of an interface: `traffic-path`."""


class Window(NamedTuple):
    """An aggregation interval, in cloud time."""

    start: float
    end: float


class Lines:
    """The records of one flow log for an interval."""

    def __init__(self, call: Call, log: FlowLog, vpc: Vpc, window: Window) -> None:
        self._call = call
        self._fields = flow_log_formats.fields_of(log.log_format)
        self._window = window
        self._vpc = vpc
        self._peers = [other for _, other in peering.peers(call, vpc.vpc_id)]
        self._version = max([2, *(number for number, names in LATER.items() if {*names} & {*self._fields})])

    @property
    def header(self) -> str:
        return " ".join(self._fields)

    def of(self, interface: NetworkInterface, key: FlowKey, flow: Flow) -> str:
        """The record of a flow."""
        end = self._window.end
        told = self._about(interface) | {
            "srcaddr": key.source,
            "dstaddr": key.destination,
            "srcport": key.source_port,
            "dstport": key.destination_port,
            "protocol": key.protocol,
            "packets": flow.packets,
            "bytes": flow.octets,
            "start": int(max(self._window.start, end - flow.first)),
            "end": int(max(self._window.start, end - flow.last)),
            "action": "ACCEPT" if key.accepted else "REJECT",
            "log-status": "OK",
            "tcp-flags": flow.flags,
            "type": "IPv6" if ":" in key.source else "IPv4",
            "pkt-srcaddr": key.source,
            "pkt-dstaddr": key.destination,
            "flow-direction": "ingress" if key.inward else "egress",
            "traffic-path": None if key.inward else self._path(key.destination),
        }
        return self._written(told)

    def nothing(self, interface: NetworkInterface) -> str:
        """The record that there was no traffic."""
        start, end = map(int, self._window)
        return self._written(self._about(interface) | {"start": start, "end": end, "log-status": "NODATA"})

    def _about(self, interface: NetworkInterface) -> dict[str, object]:
        return {
            "version": self._version,
            "account-id": interface.owner_id,
            "interface-id": interface.network_interface_id,
            "vpc-id": interface.vpc_id,
            "subnet-id": interface.subnet_id,
            "instance-id": interface.instance_id,
            "region": self._call.region,
            "az-id": interface.availability_zone_id,
        }

    def _path(self, address: str) -> str:
        if self._within(address, self._vpc.ranges()):
            return WITHIN
        ranges = [one["CidrBlock"] for one in self._peers if one.get("CidrBlock")]
        return PEERED if self._within(address, ranges) else GATEWAY

    def _within(self, address: str, ranges: list[str]) -> bool:
        return any(ip_address(address) in ip_network(one) for one in ranges)

    def _written(self, told: dict[str, object]) -> str:
        values = [told.get(name) for name in self._fields]
        return " ".join("-" if value is None or value == "" else str(value) for value in values)
