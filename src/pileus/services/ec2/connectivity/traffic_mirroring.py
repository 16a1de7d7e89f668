"""Traffic mirroring: copies of what passes an interface, to another interface or to load balancers.

These are the records: filters with their rules, targets and sessions. The copying itself is done where packets flow.
"""

from __future__ import annotations

import secrets
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network import changes
from pileus.services.ec2.network.interfaces import NetworkInterface

from .endpoints import VpcEndpoint

FILTER_MISSING = ("InvalidTrafficMirrorFilterId.NotFound", "The traffic mirror filter '{}' does not exist")
RULE_MISSING = ("InvalidTrafficMirrorFilterRuleId.NotFound", "The traffic mirror filter rule '{}' does not exist")
TARGET_MISSING = ("InvalidTrafficMirrorTargetId.NotFound", "The traffic mirror target '{}' does not exist")
SESSION_MISSING = ("InvalidTrafficMirrorSessionId.NotFound", "The traffic mirror session '{}' does not exist")

REMOVABLE = {
    "destination-port-range": "DestinationPortRange",
    "source-port-range": "SourcePortRange",
    "protocol": "Protocol",
    "description": "Description",
    "packet-length": "PacketLength",
    "virtual-network-id": "VirtualNetworkId",
}
"""What RemoveFields calls the members."""


@kind("traffic-mirror-filter-rule", "tmfr", missing=RULE_MISSING)
class TrafficMirrorFilterRule(Resource, service=ec2, cfn="AWS::EC2::TrafficMirrorFilterRule"):
    """A rule that says which packets are copied."""

    key = "TrafficMirrorFilterRuleId"
    create, list = "CreateTrafficMirrorFilterRule", "DescribeTrafficMirrorFilterRules"
    delete = "DeleteTrafficMirrorFilterRule"
    missing = RULE_MISSING
    tags = "TagSpecifications"
    fields = {"TrafficMirrorFilterRuleId": hex_id("tmfr")}
    filters = {
        "TrafficMirrorFilterId": "TrafficMirrorFilterId",
        "traffic-mirror-filter-rule-id": "TrafficMirrorFilterRuleId",
        "traffic-mirror-filter-id": "TrafficMirrorFilterId",
        "rule-number": "RuleNumber",
        "rule-action": "RuleAction",
        "traffic-direction": "TrafficDirection",
        "protocol": "Protocol",
        "source-cidr-block": "SourceCidrBlock",
        "destination-cidr-block": "DestinationCidrBlock",
        "description": "Description",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        TrafficMirrorFilter.named(call, row["TrafficMirrorFilterId"])
        check_number(call, row)
        rewire(call, row["TrafficMirrorFilterId"])

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        rewire(call, row["TrafficMirrorFilterId"])


def rewire(call: Call, filter_id: str) -> None:
    """What a filter lets be copied has changed."""
    for session in TrafficMirrorSession.family.row.scan(call):
        if session["TrafficMirrorFilterId"] == filter_id:
            rewire_session(call, session)


def rewire_session(call: Call, session: Row) -> None:
    if source := NetworkInterface.get(call, session["NetworkInterfaceId"]):
        changes.changed(call, source.vpc_id)


def shown(kind: type[Resource], call: Call, row: Row) -> Any:
    """A resource as the answer to its creation shows it."""
    return kind.family.show(call, row, "create")[kind.__name__]


def rules_of(call: Call, filter_id: str, direction: str = "") -> list[Row]:
    """The rules of a filter, in the order of their numbers."""
    found = [
        row
        for row in TrafficMirrorFilterRule.family.row.scan(call)
        if row["TrafficMirrorFilterId"] == filter_id and direction in ("", row["TrafficDirection"])
    ]
    return sorted(found, key=lambda row: int(row["RuleNumber"]))


def check_number(call: Call, row: Row) -> None:
    """Raise where another rule of the same direction has the number."""
    for other in rules_of(call, row["TrafficMirrorFilterId"], row["TrafficDirection"]):
        if other["RuleNumber"] == row["RuleNumber"] and other.path != row.path:
            text = f"Rule number {row['RuleNumber']} already exists for {row['TrafficDirection']}."
            raise Fault("TrafficMirrorFilterRuleAlreadyExists", text)


@kind("traffic-mirror-filter", "tmf", missing=FILTER_MISSING)
class TrafficMirrorFilter(Resource, service=ec2, cfn="AWS::EC2::TrafficMirrorFilter"):
    """A set of rules."""

    key = "TrafficMirrorFilterId"
    create, list, delete = "CreateTrafficMirrorFilter", "DescribeTrafficMirrorFilters", "DeleteTrafficMirrorFilter"
    missing = FILTER_MISSING
    tags = "TagSpecifications"
    fields = {
        "TrafficMirrorFilterId": hex_id("tmf"),
        "NetworkServices": [],
        "IngressFilterRules": None,
        "EgressFilterRules": None,
    }
    filters = {"description": "Description", "traffic-mirror-filter-id": "TrafficMirrorFilterId"}

    @staticmethod
    def shown(call: Call, row: Row) -> Members:
        return {
            f"{direction.capitalize()}FilterRules": [
                shown(TrafficMirrorFilterRule, call, rule)
                for rule in rules_of(call, row["TrafficMirrorFilterId"], direction)
            ]
            for direction in ("ingress", "egress")
        }

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        for session in TrafficMirrorSession.family.row.scan(call):
            if session["TrafficMirrorFilterId"] == row["TrafficMirrorFilterId"]:
                text = f"{row['TrafficMirrorFilterId']} is used by {session['TrafficMirrorSessionId']}."
                raise Fault("TrafficMirrorFilterInUse", text)
        for rule in rules_of(call, row["TrafficMirrorFilterId"]):
            TrafficMirrorFilterRule.family.erase(call, rule)


@kind("traffic-mirror-target", "tmt", missing=TARGET_MISSING)
class TrafficMirrorTarget(Resource, service=ec2, cfn="AWS::EC2::TrafficMirrorTarget"):
    """Where copies go."""

    key = "TrafficMirrorTargetId"
    create, list, delete = "CreateTrafficMirrorTarget", "DescribeTrafficMirrorTargets", "DeleteTrafficMirrorTarget"
    missing = TARGET_MISSING
    tags = "TagSpecifications"
    fields = {"TrafficMirrorTargetId": hex_id("tmt"), "OwnerId": owner, "Type": None}
    filters = {
        "description": "Description",
        "network-interface-id": "NetworkInterfaceId",
        "network-load-balancer-arn": "NetworkLoadBalancerArn",
        "owner-id": "OwnerId",
        "traffic-mirror-target-id": "TrafficMirrorTargetId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        kinds = {
            "NetworkInterfaceId": "network-interface",
            "NetworkLoadBalancerArn": "network-load-balancer",
            "GatewayLoadBalancerEndpointId": "gateway-load-balancer-endpoint",
        }
        given = [name for name in kinds if name in row]
        if len(given) != 1:
            raise Fault("InvalidParameterCombination", "Specify exactly one target.")
        if "NetworkInterfaceId" in row:
            named(call, NetworkInterface, row["NetworkInterfaceId"])
        if "GatewayLoadBalancerEndpointId" in row:
            named(call, VpcEndpoint, row["GatewayLoadBalancerEndpointId"])
        row["Type"] = kinds[given[0]]

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        for session in TrafficMirrorSession.family.row.scan(call):
            if session["TrafficMirrorTargetId"] == row["TrafficMirrorTargetId"]:
                text = f"{row['TrafficMirrorTargetId']} is used by {session['TrafficMirrorSessionId']}."
                raise Fault("TrafficMirrorTargetInUse", text)


@kind("traffic-mirror-session", "tms", missing=SESSION_MISSING)
class TrafficMirrorSession(Resource, service=ec2, cfn="AWS::EC2::TrafficMirrorSession"):
    """A source whose packets a filter lets be copied to a target."""

    key = "TrafficMirrorSessionId"
    create, list, delete = "CreateTrafficMirrorSession", "DescribeTrafficMirrorSessions", "DeleteTrafficMirrorSession"
    missing = SESSION_MISSING
    tags = "TagSpecifications"
    fields = {"TrafficMirrorSessionId": hex_id("tms"), "OwnerId": owner}
    filters = {
        "description": "Description",
        "network-interface-id": "NetworkInterfaceId",
        "owner-id": "OwnerId",
        "packet-length": "PacketLength",
        "session-number": "SessionNumber",
        "traffic-mirror-filter-id": "TrafficMirrorFilterId",
        "traffic-mirror-session-id": "TrafficMirrorSessionId",
        "traffic-mirror-target-id": "TrafficMirrorTargetId",
        "virtual-network-id": "VirtualNetworkId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        check_session(call, row)
        if "VirtualNetworkId" not in row:
            row["VirtualNetworkId"] = secrets.randbelow(1 << 24)
        rewire_session(call, row)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        rewire_session(call, row)


def check_session(call: Call, row: Row) -> None:
    """Raise for what a session cannot be made of."""
    named(call, NetworkInterface, row["NetworkInterfaceId"])
    TrafficMirrorTarget.named(call, row["TrafficMirrorTargetId"])
    TrafficMirrorFilter.named(call, row["TrafficMirrorFilterId"])
    if not 1 <= row["SessionNumber"] <= 32766:
        raise Fault("InvalidParameterValue", f"Value ({row['SessionNumber']}) for parameter sessionNumber is invalid.")
    for other in TrafficMirrorSession.family.row.scan(call):
        same = other["NetworkInterfaceId"] == row["NetworkInterfaceId"] and other.path != row.path
        if same and other["SessionNumber"] == row["SessionNumber"]:
            text = f"Session number {row['SessionNumber']} already exists for {row['NetworkInterfaceId']}."
            raise Fault("TrafficMirrorSessionAlreadyExists", text)


def changed(row: Row, given: dict[str, Any], removed: list[str]) -> None:
    """Give a resource those members that are given, and take from it those that are named."""
    for name in removed:
        row.members.pop(REMOVABLE[name], None)
    row.members.update({name: value for name, value in given.items() if value is not None})


@ec2.operation(on=TrafficMirrorFilterRule.of("ModifyTrafficMirrorFilterRule"))
def modify_traffic_mirror_filter_rule(
    call: Call,
    row: Row,
    traffic_direction: str | None = None,
    rule_number: int | None = None,
    rule_action: str | None = None,
    destination_port_range: Members | None = None,
    source_port_range: Members | None = None,
    protocol: int | None = None,
    destination_cidr_block: str | None = None,
    source_cidr_block: str | None = None,
    description: str | None = None,
    remove_fields: list[str] = [],
) -> Members:
    """Change a rule."""
    given = {
        "TrafficDirection": traffic_direction,
        "RuleNumber": rule_number,
        "RuleAction": rule_action,
        "DestinationPortRange": destination_port_range,
        "SourcePortRange": source_port_range,
        "Protocol": protocol,
        "DestinationCidrBlock": destination_cidr_block,
        "SourceCidrBlock": source_cidr_block,
        "Description": description,
    }
    changed(row, given, remove_fields)
    check_number(call, row)
    row.put(call)
    rewire(call, row["TrafficMirrorFilterId"])
    return {"TrafficMirrorFilterRule": shown(TrafficMirrorFilterRule, call, row)}


@ec2.operation(on=TrafficMirrorFilter.of("ModifyTrafficMirrorFilterNetworkServices"))
def modify_traffic_mirror_filter_network_services(
    call: Call, row: Row, add_network_services: list[str] = [], remove_network_services: list[str] = []
) -> Members:
    """Let traffic of AWS's own name servers be copied, or no longer."""
    there = dict.fromkeys([*row["NetworkServices"], *add_network_services])
    row["NetworkServices"] = [one for one in there if one not in remove_network_services]
    row.put(call)
    return {"TrafficMirrorFilter": shown(TrafficMirrorFilter, call, row)}


@ec2.operation(on=TrafficMirrorSession.of("ModifyTrafficMirrorSession"))
def modify_traffic_mirror_session(
    call: Call,
    row: Row,
    traffic_mirror_target_id: str | None = None,
    traffic_mirror_filter_id: str | None = None,
    packet_length: int | None = None,
    session_number: int | None = None,
    virtual_network_id: int | None = None,
    description: str | None = None,
    remove_fields: list[str] = [],
) -> Members:
    """Change a session."""
    given = {
        "TrafficMirrorTargetId": traffic_mirror_target_id,
        "TrafficMirrorFilterId": traffic_mirror_filter_id,
        "PacketLength": packet_length,
        "SessionNumber": session_number,
        "VirtualNetworkId": virtual_network_id,
        "Description": description,
    }
    changed(row, given, remove_fields)
    check_session(call, row)
    row.put(call)
    rewire_session(call, row)
    return {"TrafficMirrorSession": shown(TrafficMirrorSession, call, row)}
