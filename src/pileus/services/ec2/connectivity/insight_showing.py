"""What the Reachability Analyzer has found, in EC2's words: path components and explanations."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.services.ec2.describing import Members

from .insight_accounts import found
from .insight_paths import Step, Why
from .insight_world import Entry, Line, Packet, Rule, TransitLine, World

PROTOCOLS = {"6": "tcp", "17": "udp", "-1": "all"}

COMPONENTS = {
    "Acl",
    "Component",
    "Destination",
    "InternetGateway",
    "NatGateway",
    "NetworkInterface",
    "RouteTable",
    "Subnet",
    "TransitGateway",
    "TransitGatewayAttachment",
    "TransitGatewayRouteTable",
    "Vpc",
    "VpcPeeringConnection",
}
"""Members of explanations that are a component each."""

TARGETS = {
    "igw": "GatewayId",
    "vgw": "GatewayId",
    "vpce": "GatewayId",
    "local": "GatewayId",
    "eigw": "EgressOnlyInternetGatewayId",
    "eni": "NetworkInterfaceId",
    "nat": "NatGatewayId",
    "pcx": "VpcPeeringConnectionId",
    "tgw": "TransitGatewayId",
    "cagw": "CarrierGatewayId",
    "lgw": "LocalGatewayId",
}


def component(call: Call, world: World, what: str) -> Members:
    there, record = found(call, world.accounts, what)
    return {"Id": what, "Arn": record.arn(there) if record else None}


def components(call: Call, world: World, steps: list[Step]) -> list[Members]:
    """The steps of a path, numbered."""
    return [_step(call, world, number, step) for number, step in enumerate(steps, 1)]


def _step(call: Call, world: World, number: int, step: Step) -> Members:
    shown: Members = {
        "SequenceNumber": number,
        "Component": component(call, world, step.component),
        "Vpc": component(call, world, step.vpc) if step.vpc else None,
        "Subnet": component(call, world, step.subnet) if step.subnet else None,
        "TransitGateway": component(call, world, step.transit) if step.transit else None,
        "OutboundHeader": header(step.packet),
    }
    interface = world.interfaces.get(step.component)
    if interface and interface.instance:
        shown["AttachedTo"] = component(call, world, interface.instance)
    if step.entry:
        shown["AclRule"] = acl_rule(step.entry)
    if step.rule:
        shown["SecurityGroupRule"] = group_rule(step.rule)
    if step.line:
        shown["RouteTableRoute"] = route(step.line)
    if step.transit_line:
        shown["TransitGatewayRouteTableRoute"] = transit_route(world, step.transit, step.transit_line)
    return shown


def header(packet: Packet) -> Members:
    return {
        "Protocol": packet.protocol,
        "SourceAddresses": [f"{packet.source}/{'128' if ':' in packet.source else '32'}"],
        "SourcePortRanges": [{"From": packet.source_port, "To": packet.source_port}],
        "DestinationAddresses": [f"{packet.destination}/{'128' if ':' in packet.destination else '32'}"],
        "DestinationPortRanges": [{"From": packet.destination_port, "To": packet.destination_port}],
    }


def acl_rule(entry: Entry) -> Members:
    return {
        "Cidr": entry.block,
        "Egress": entry.egress,
        "PortRange": _ports(entry.ports),
        "Protocol": PROTOCOLS.get(entry.protocol, entry.protocol),
        "RuleAction": "allow" if entry.allow else "deny",
        "RuleNumber": entry.number,
    }


def group_rule(rule: Rule) -> Members:
    return {
        "Cidr": rule.blocks[0] if rule.blocks and not rule.prefix_list else None,
        "Direction": "egress" if rule.egress else "ingress",
        "SecurityGroupId": rule.peer_group or None,
        "PrefixListId": rule.prefix_list or None,
        "PortRange": _ports(rule.ports),
        "Protocol": PROTOCOLS.get(rule.protocol, rule.protocol),
    }


def _ports(ports: tuple[int, int] | None) -> Members | None:
    return {"From": ports[0], "To": ports[1]} if ports else None


def route(line: Line) -> Members:
    shown: Members = {"Origin": line.origin.lower(), "State": "active" if line.active else "blackhole"}
    if line.prefix_list:
        shown["DestinationPrefixListId"] = line.prefix_list
    else:
        shown["DestinationCidr"] = line.block
    prefix = line.target.rpartition("-")[0] or line.target
    return shown | {TARGETS.get(prefix, "GatewayId"): line.target}


def transit_route(world: World, transit: str, line: TransitLine) -> Members:
    shown: Members = {
        "DestinationCidr": line.block,
        "State": "active" if line.attachments else "blackhole",
        "RouteOrigin": line.origin,
        "PrefixListId": line.prefix_list or None,
    }
    found = world.transits[transit].attachments.get(line.attachments[0]) if line.attachments else None
    if found:
        shown |= {"AttachmentId": found.id, "ResourceId": found.resource, "ResourceType": found.kind}
    return shown


def explanation(call: Call, world: World, why: Why) -> Members:
    """Why there is no path."""
    shown: Members = {"ExplanationCode": why.code}
    for name, value in why.about.items():
        shown[name] = _about(call, world, why, name, value)
    return shown


def _about(call: Call, world: World, why: Why, name: str, value: Any) -> Any:
    if name in COMPONENTS:
        return component(call, world, value)
    if name == "SecurityGroups":
        return [component(call, world, what) for what in value]
    if isinstance(value, Entry):
        return acl_rule(value)
    if isinstance(value, Line):
        return route(value)
    if isinstance(value, TransitLine):
        return transit_route(world, why.about["TransitGateway"], value)
    return value
