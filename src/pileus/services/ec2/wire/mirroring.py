"""Traffic mirroring: sessions, as routers understand them.

Copies go to interfaces of the same VPC. Left out: targets elsewhere and load balancers, and the length of copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pileus.engines.network import Copied, Mirror
from pileus.kernel import Call
from pileus.kernel.resource import Row
from pileus.services.ec2.connectivity.traffic_mirroring import TrafficMirrorSession, TrafficMirrorTarget, rules_of
from pileus.services.ec2.network.interfaces import NetworkInterface

from .filtering import NAMES


def mirrors(call: Call, found: Iterable[NetworkInterface]) -> Iterator[Mirror]:
    """The sessions of these interfaces, in the order of their numbers."""
    here = {one.network_interface_id: one for one in found}
    sessions = [one for one in TrafficMirrorSession.family.row.scan(call) if one["NetworkInterfaceId"] in here]
    for one in sorted(sessions, key=lambda row: int(row["SessionNumber"])):
        target = TrafficMirrorTarget.named(call, one["TrafficMirrorTargetId"])
        receiver = here.get(target["NetworkInterfaceId"]) if "NetworkInterfaceId" in target else None
        if receiver and receiver.private_ip_address:
            inbound, outbound = (
                tuple(map(copied, rules_of(call, one["TrafficMirrorFilterId"], way))) for way in ("ingress", "egress")
            )
            yield Mirror(
                name=one["TrafficMirrorSessionId"],
                port=one["NetworkInterfaceId"],
                to=receiver.private_ip_address,
                number=one["VirtualNetworkId"],
                inbound=inbound,
                outbound=outbound,
            )


def copied(rule: Row) -> Copied:
    protocol = str(rule["Protocol"]) if "Protocol" in rule else "-1"
    return Copied(
        allow=rule["RuleAction"] == "accept",
        source=rule["SourceCidrBlock"],
        destination=rule["DestinationCidrBlock"],
        protocol=NAMES.get(protocol, protocol),
        source_ports=ports(rule, "SourcePortRange"),
        ports=ports(rule, "DestinationPortRange"),
    )


def ports(rule: Row, member: str) -> tuple[int, int] | None:
    return (rule[member]["FromPort"], rule[member]["ToPort"]) if member in rule else None
