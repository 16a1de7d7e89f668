"""A network of the Reachability Analyzer, made of an account's records in a Region."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pileus.kernel import Call
from pileus.services.ec2.network import route_tables, targets
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.internet_gateways import EgressOnlyInternetGateway, InternetGateway
from pileus.services.ec2.network.network_acls import Entry as AclEntry
from pileus.services.ec2.network.network_acls import NetworkAcl
from pileus.services.ec2.network.security_groups import SecurityGroup, SecurityGroupRule
from pileus.services.ec2.network.subnets import Subnet as SubnetRecord
from pileus.services.ec2.network.vpcs import Vpc

from . import neighbours, transit_nat
from .endpoints import VpcEndpoint
from .insight_world import (
    ANY,
    NUMBERS,
    Attached,
    Entry,
    Interface,
    Line,
    Rule,
    Subnet,
    Transit,
    TransitLine,
    World,
)
from .peering import VpcPeeringConnection
from .transit_attachments import Attachment
from .transit_gateways import TransitGateway
from .transit_routes import effective
from .transit_tables import TransitGatewayRouteTable
from .vpn_gateways import VpnGateway


def world(call: Call, accounts: Iterable[str] = ()) -> World:
    """All VPCs in the Region of the account, and of others that it may look into, and what joins them."""
    others = [one for one in dict.fromkeys(accounts) if one != call.account]
    whole = _world(call)
    for account in others:
        theirs = _world(call.at(account=account))._asdict()
        kept = whole._asdict()
        whole = World(**{name: kept[name] | theirs[name] for name in kept if name != "accounts"})
    return whole._replace(accounts=tuple(others))


def _world(call: Call) -> World:
    vpcs = {vpc.vpc_id: tuple(vpc.ranges()) for vpc in Vpc.scan(call)}
    nats = {one.nat_gateway_id: one.network_interface_id for one in neighbours.nat_gateways(call)}
    return World(
        vpcs=vpcs,
        subnets={one.subnet_id: _subnet(call, one) for one in SubnetRecord.scan(call)},
        interfaces={one.network_interface_id: _interface(one, nats) for one in NetworkInterface.scan(call)},
        groups={one.group_id: [*_rules(call, one.group_id)] for one in SecurityGroup.scan(call)},
        acls={
            one.network_acl_id: [*map(_entry, AclEntry.scan(call, one.network_acl_id))] for one in NetworkAcl.scan(call)
        },
        tables={table.route_table_id: [*_lines(call, table)] for table in route_tables.RouteTable.scan(call)},
        gateways={one.internet_gateway_id: one.vpc_id for one in InternetGateway.scan(call) if one.vpc_id},
        egress_only={one.egress_only_internet_gateway_id: one.vpc_id for one in EgressOnlyInternetGateway.scan(call)},
        vpn_gateways={one.vpn_gateway_id: one.vpc_id for one in VpnGateway.scan(call) if one.vpc_id},
        peerings={
            one.vpc_peering_connection_id: (one.requester["VpcId"], one.accepter["VpcId"])
            for one in VpcPeeringConnection.scan(call)
            if one.state == "active"
        },
        nats=nats,
        endpoints={one.vpc_endpoint_id: one.vpc_id for one in VpcEndpoint.scan(call) if one.usable},
        transits={one.transit_gateway_id: _transit(call, one.transit_gateway_id) for one in TransitGateway.scan(call)},
    )


def _subnet(call: Call, one: SubnetRecord) -> Subnet:
    table = route_tables.table_of(call, one).route_table_id
    return Subnet(one.subnet_id, one.vpc_id, one.availability_zone, tuple(one.ranges()), table, one.network_acl_id)


def _interface(one: NetworkInterface, nats: dict[str, str]) -> Interface:
    addresses = [private.private_ip_address for private in one.private_ip_addresses]
    public = [
        (private.private_ip_address, private.association.public_ip)
        for private in one.private_ip_addresses
        if private.association
    ]
    return Interface(
        id=one.network_interface_id,
        subnet=one.subnet_id,
        vpc=one.vpc_id,
        addresses=(*addresses, *(six.ipv6_address for six in one.ipv6_addresses)),
        groups=tuple(one.groups),
        public=tuple(public),
        forwards=not one.source_dest_check,
        nat=next((nat for nat, interface in nats.items() if interface == one.network_interface_id), ""),
        instance=one.instance_id,
    )


def _rules(call: Call, group_id: str) -> Iterable[Rule]:
    for one in SecurityGroupRule.scan(call, group_id, index="of_group"):
        protocol = NUMBERS.get(one.ip_protocol, one.ip_protocol)
        ports = (one.from_port, one.to_port) if protocol in ("6", "17") and one.from_port >= 0 else None
        blocks: list[str] = [block for block in (one.cidr_ipv4, one.cidr_ipv6) if block]
        if one.prefix_list_id:
            blocks += neighbours.prefix_list_blocks(call, one.prefix_list_id)
        peer = one.referenced_group_id
        yield Rule(group_id, one.is_egress, protocol, ports, tuple(blocks), peer, one.prefix_list_id)


def _entry(one: AclEntry) -> Entry:
    block = one.cidr_block or one.ipv6_cidr_block
    ports = one.ports if one.protocol in ("6", "17") else None
    return Entry(one.rule_number, one.egress, one.rule_action == "allow", one.protocol or ANY, block, ports)


def _lines(call: Call, table: Any) -> Iterable[Line]:
    for route in route_tables.routes(call, table.route_table_id):
        active = targets.active(call, table.vpc_id, route.target)
        if route.destination.startswith("pl-"):
            for block in neighbours.prefix_list_blocks(call, route.destination):
                yield Line(block, route.target, active, route.origin, route.destination)
        else:
            yield Line(route.destination, route.target, active, route.origin)


def _transit(call: Call, what: str) -> Transit:
    attachments = {
        one.transit_gateway_attachment_id: Attached(
            id=one.transit_gateway_attachment_id,
            kind=one.resource_type,
            resource=one.resource_id,
            table=one.table,
            subnets=tuple(one.subnet_ids),
            usable=one.usable,
            translated=tuple(transit_nat.translated(call, one.transit_gateway_attachment_id)),
        )
        for one in Attachment.scan(call, what, index="by_gateway")
        if one.present
    }
    tables = {
        table.transit_gateway_route_table_id: [
            TransitLine(
                block=route.destination,
                attachments=tuple(one.transit_gateway_attachment_id for one in route.attachments),
                origin=route.type,
                prefix_list=route.prefix_list_id,
            )
            for route in effective(call, table.transit_gateway_route_table_id)
        ]
        for table in TransitGatewayRouteTable.scan(call, what, index="by_gateway")
    }
    return Transit(what, attachments, tables)
