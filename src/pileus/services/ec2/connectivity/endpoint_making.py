"""VPC endpoints are made, changed and deleted."""

from __future__ import annotations

import hashlib

from pileus.kernel import Call, Fault, regions
from pileus.kernel.errors import Unfinished
from pileus.kernel.names import LOWER, hex_id, token
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.tags import specified
from pileus.services.ec2.tokens import made_before, remember

from . import neighbours
from .endpoint_configurations import Connection, EndpointService
from .endpoint_notifications import announce
from .endpoint_services import BALANCER, GATEWAY, INTERFACE, Own, found_service, private_name
from .endpoints import VpcEndpoint, checked_policy, shown
from .lives import enter, remove, save

MOST_IN_VPC, MOST_GATEWAYS = 50, 20
"""Other endpoints in a VPC, and gateway endpoints in a Region ("AWS PrivateLink quotas")."""


@ec2.operation
def create_vpc_endpoint(
    call: Call,
    vpc_id: str,
    vpc_endpoint_type: str = GATEWAY,
    service_name: str = "",
    policy_document: str = "",
    route_table_ids: list[str] = [],
    subnet_ids: list[str] = [],
    security_group_ids: list[str] = [],
    ip_address_type: str = "",
    dns_options: Members = {},
    client_token: str = "",
    private_dns_enabled: bool | None = None,
    tag_specifications: list[Members] = [],
    subnet_configurations: list[Members] = [],
    service_region: str = "",
) -> Members:
    """Make an endpoint in a VPC."""
    if before := made_before(call, client_token):
        return {"VpcEndpoint": shown(call, named(call, VpcEndpoint, before)), "ClientToken": client_token}
    if vpc_endpoint_type not in (GATEWAY, INTERFACE, BALANCER):
        raise Unfinished(f"Pileus has no VPC endpoints of type {vpc_endpoint_type} yet.")
    if not service_name:
        raise missing("ServiceName")
    vpc = neighbours.vpc(call, vpc_id)
    there, service = found_service(call, service_name, vpc_endpoint_type)
    check_limit(call, vpc_id, vpc_endpoint_type)
    made = VpcEndpoint(
        vpc_endpoint_id=new_id(VpcEndpoint),
        vpc_id=vpc_id,
        owner=call.account,
        service_name=service_name,
        service_region=service_region or there.region,
        endpoint_type=vpc_endpoint_type,
        created=call.now,
        policy=checked_policy(policy_document),
        tags=specified(tag_specifications, "vpc-endpoint"),
    )
    if vpc_endpoint_type == GATEWAY:
        refuse_others(subnet_ids, security_group_ids, private_dns_enabled)
        made.prefix_list_id = neighbours.service_prefix_list(call, service_name)
        join_tables(call, made, route_table_ids)
    else:
        if route_table_ids:
            raise Fault("InvalidParameter", f"Route table IDs are only supported for {GATEWAY} type VPC Endpoint.")
        _interfaces(call, vpc, made, subnet_ids, security_group_ids, subnet_configurations)
        _names(call, vpc, made, service, private_dns_enabled, dns_options)
        made.ip_type = ip_address_type or "ipv4"
    asks = isinstance(service, EndpointService) and _connect(call, there, service, made)
    enter(call, made, "pendingAcceptance" if asks else "pending")
    remember(call, client_token, made.vpc_endpoint_id)
    changed(call, vpc_id)
    return {"VpcEndpoint": shown(call, made), "ClientToken": client_token or None}


def check_limit(call: Call, vpc_id: str, endpoint_type: str) -> None:
    """Raise where there are as many endpoints as there may be."""
    if endpoint_type == GATEWAY:
        most, there = MOST_GATEWAYS, [one for one in VpcEndpoint.scan(call) if one.endpoint_type == GATEWAY]
    else:
        found = VpcEndpoint.scan(call, vpc_id, index="of_vpc")
        most, there = MOST_IN_VPC, [one for one in found if one.endpoint_type != GATEWAY]
    if len(there) >= most:
        raise Fault("VpcEndpointLimitExceeded", f"The maximum number of VPC endpoints ({most}) has been reached.")


def refuse_others(subnets: list[str], groups: list[str], private_dns: bool | None) -> None:
    """Raise for what only interface endpoints have."""
    for given, what in ((subnets, "Subnet IDs"), (groups, "Security group IDs"), (private_dns, "Private DNS")):
        if given:
            raise Fault("InvalidParameter", f"{what} are only supported for Interface type VPC Endpoint.")


# Gateway endpoints


def join_tables(call: Call, one: VpcEndpoint, tables: list[str]) -> None:
    """Route the service's addresses to the endpoint in route tables of its VPC."""
    for what in dict.fromkeys(tables):
        neighbours.route_to_endpoint(call, what, one.vpc_id, one.prefix_list_id, one.vpc_endpoint_id)
        if what not in one.route_table_ids:
            one.route_table_ids = [*one.route_table_ids, what]


def leave_tables(call: Call, one: VpcEndpoint, tables: list[str]) -> None:
    for what in tables:
        if what not in one.route_table_ids:
            text = f"The route table '{what}' is not associated with {one.vpc_endpoint_id}"
            raise Fault("InvalidRouteTableId.NotFound", text)
        neighbours.route_from_endpoint(call, what, one.prefix_list_id, one.vpc_endpoint_id)
    one.route_table_ids = [what for what in one.route_table_ids if what not in tables]


# Interface endpoints


def _interfaces(
    call: Call, vpc: Vpc, one: VpcEndpoint, subnets: list[str], groups: list[str], configurations: list[Members]
) -> None:
    wanted = {given["SubnetId"]: given for given in configurations if "SubnetId" in given}
    chosen = [*dict.fromkeys([*subnets, *wanted])]
    if one.endpoint_type == BALANCER:
        if len(chosen) > 1:
            raise Fault("InvalidParameter", "Only one subnet is supported for GatewayLoadBalancer type VPC Endpoint.")
        if groups:
            raise Fault(
                "InvalidParameter", "Security groups are not supported for GatewayLoadBalancer type VPC Endpoint."
            )
    else:
        one.group_ids = neighbours.groups(call, vpc.vpc_id, groups)
    for what in chosen:
        add_subnet(call, one, what, wanted.get(what, {}).get("Ipv4", ""))


def add_subnet(call: Call, one: VpcEndpoint, subnet_id: str, address: str = "") -> None:
    """Put an interface into a subnet, of a zone that the endpoint has none in."""
    subnet = neighbours.subnet(call, subnet_id)
    if subnet.vpc_id != one.vpc_id:
        raise Fault("InvalidParameter", f"Subnet {subnet_id} does not belong to VPC {one.vpc_id}.")
    if subnet_id in one.subnet_ids:
        return
    for other in one.subnet_ids:
        if neighbours.subnet(call, other).availability_zone == subnet.availability_zone:
            text = (
                f"Found another VPC endpoint subnet in the availability zone of {subnet_id}. VPC endpoint subnets "
                "should be in different availability zones supported by the VPC endpoint service."
            )
            raise Fault("DuplicateSubnetsInSameZone", text)
    word = "VPC Endpoint Interface" if one.endpoint_type == INTERFACE else "VPC Endpoint GatewayLoadBalancer Interface"
    kind = "vpc_endpoint" if one.endpoint_type == INTERFACE else "gateway_load_balancer_endpoint"
    interface = neighbours.place(call, subnet_id, one.group_ids, f"{word} {one.vpc_endpoint_id}", address, kind)
    one.subnet_ids = [*one.subnet_ids, subnet_id]
    one.interfaces = one.interfaces | {subnet_id: interface}


def remove_subnet(call: Call, one: VpcEndpoint, subnet_id: str) -> None:
    if subnet_id not in one.subnet_ids:
        raise Fault("InvalidParameter", f"Subnet {subnet_id} is not associated with {one.vpc_endpoint_id}.")
    neighbours.displace(call, one.interfaces[subnet_id])
    one.subnet_ids = [what for what in one.subnet_ids if what != subnet_id]
    one.interfaces = {subnet: what for subnet, what in one.interfaces.items() if subnet != subnet_id}


def _names(
    call: Call, vpc: Vpc, one: VpcEndpoint, service: Own | EndpointService, private: bool | None, options: Members
) -> None:
    """The host names of an endpoint: its own, one for each zone, and the service's where private DNS is on."""
    one.zone_id = "Z" + hashlib.blake2b(f"vpce {call.region}".encode()).hexdigest()[:13].upper()
    if one.endpoint_type == BALANCER:
        return
    if isinstance(service, Own):
        base, one.private_dns_name = service.name, private_name(call, service)
    else:
        base = service.service_id
        one.private_dns_name = service.private_dns_name if service.verification == "verified" else ""
    own = f"{one.vpc_endpoint_id}-{token(8, LOWER)}"
    rest = f"{base}.{one.service_region}.vpce.{regions.dns_suffix(call.region)}"
    zones = [neighbours.subnet(call, what).availability_zone for what in one.subnet_ids]
    one.dns_names = [f"{own}.{rest}", *(f"{own}-{zone}.{rest}" for zone in sorted(zones))]
    one.dns_record_ip_type = options.get("DnsRecordIpType", "ipv4")
    one.inbound_only = options.get("PrivateDnsOnlyForInboundResolverEndpoint", False)
    set_private_dns(call, vpc, one, isinstance(service, Own) if private is None else private)


def set_private_dns(call: Call, vpc: Vpc, one: VpcEndpoint, on: bool) -> None:
    """Let an endpoint answer for its service's own host names in its VPC, or no longer."""
    if on:
        if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
            text = (
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to "
                f"true for {vpc.vpc_id}"
            )
            raise Fault("InvalidParameter", text)
        if not one.private_dns_name:
            text = (
                f"Private DNS can't be enabled because the service {one.service_name} does not provide a private DNS "
                "name."
            )
            raise Fault("InvalidParameter", text)
        for other in VpcEndpoint.scan(call, vpc.vpc_id, index="of_vpc"):
            same = other.private_dns_name == one.private_dns_name and other.vpc_endpoint_id != one.vpc_endpoint_id
            if same and other.private_dns and other.state in ("pending", "available"):
                text = (
                    "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
                    f"{one.private_dns_name} in the VPC {vpc.vpc_id}"
                )
                raise Fault("InvalidParameter", text)
    one.private_dns = on


def _connect(call: Call, there: Call, service: EndpointService, one: VpcEndpoint) -> bool:
    """Tell a service's owner of an endpoint; whether it must be accepted first."""
    one.service_id, one.service_owner = service.service_id, there.account
    Connection(
        service_id=service.service_id,
        vpc_endpoint_id=one.vpc_endpoint_id,
        connection_id=hex_id("vpce-con"),
        account=one.owner,
        region=call.region,
        created=one.created,
    ).put(there)
    announce(there, "Connect", one)
    return service.acceptance_required


# Change


@ec2.operation
def modify_vpc_endpoint(
    call: Call,
    vpc_endpoint_id: str,
    reset_policy: bool = False,
    policy_document: str = "",
    add_route_table_ids: list[str] = [],
    remove_route_table_ids: list[str] = [],
    add_subnet_ids: list[str] = [],
    remove_subnet_ids: list[str] = [],
    add_security_group_ids: list[str] = [],
    remove_security_group_ids: list[str] = [],
    ip_address_type: str = "",
    dns_options: Members = {},
    private_dns_enabled: bool | None = None,
    subnet_configurations: list[Members] = [],
) -> Members:
    """Change an endpoint's policy, route tables, subnets, groups or names."""
    one = named(call, VpcEndpoint, vpc_endpoint_id)
    if one.state not in ("available", "pending", "pendingAcceptance"):
        raise Fault("IncorrectState", f"The VPC endpoint {vpc_endpoint_id} is in state {one.state}.")
    if policy_document or reset_policy:
        one.policy = checked_policy("" if reset_policy else policy_document)
    if one.endpoint_type == GATEWAY:
        refuse_others(add_subnet_ids, add_security_group_ids, private_dns_enabled)
        leave_tables(call, one, remove_route_table_ids)
        join_tables(call, one, add_route_table_ids)
    else:
        if add_route_table_ids or remove_route_table_ids:
            raise Fault("InvalidParameter", f"Route table IDs are only supported for {GATEWAY} type VPC Endpoint.")
        _groups(call, one, add_security_group_ids, remove_security_group_ids)
        for what in remove_subnet_ids:
            remove_subnet(call, one, what)
        wanted = {given["SubnetId"]: given.get("Ipv4", "") for given in subnet_configurations if "SubnetId" in given}
        for what in [what for what in wanted if what in one.subnet_ids]:
            remove_subnet(call, one, what)
        for what in dict.fromkeys([*add_subnet_ids, *wanted]):
            add_subnet(call, one, what, wanted.get(what, ""))
        one.ip_type = ip_address_type or one.ip_type
        one.dns_record_ip_type = dns_options.get("DnsRecordIpType", one.dns_record_ip_type)
        one.inbound_only = dns_options.get("PrivateDnsOnlyForInboundResolverEndpoint", one.inbound_only)
        if private_dns_enabled is not None:
            set_private_dns(call, neighbours.vpc(call, one.vpc_id), one, private_dns_enabled)
    save(call, one)
    changed(call, one.vpc_id)
    return {"Return": True}


def _groups(call: Call, one: VpcEndpoint, added: list[str], gone: list[str]) -> None:
    if not added and not gone:
        return
    absent = [what for what in gone if what not in one.group_ids]
    if absent:
        raise Fault("InvalidGroup.NotFound", f"{absent[0]} is not associated with {one.vpc_endpoint_id}.")
    left = [what for what in dict.fromkeys([*one.group_ids, *added]) if what not in gone]
    if not left:
        raise Fault("InvalidParameter", "An interface endpoint must have at least one security group.")
    one.group_ids = neighbours.groups(call, one.vpc_id, left)
    for interface in one.interfaces.values():
        neighbours.regroup(call, interface, one.group_ids)


# Delete


@ec2.operation
def delete_vpc_endpoints(call: Call, vpc_endpoint_ids: list[str]) -> Members:
    """Delete endpoints, each by itself: those that cannot be deleted are named in the answer."""
    failed: list[Members] = []
    for what in dict.fromkeys(vpc_endpoint_ids):
        one = VpcEndpoint.get(call, what)
        if one is None:
            error = {"Code": "InvalidVpcEndpoint.NotFound", "Message": f"The Vpc Endpoint Id '{what}' does not exist"}
            failed.append({"ResourceId": what, "Error": error})
        elif one.state != "deleting":
            dismantle(call, one)
    return {"Unsuccessful": failed}


def dismantle(call: Call, one: VpcEndpoint) -> None:
    """Take an endpoint out of its VPC."""
    leave_tables(call, one, [*one.route_table_ids])
    for subnet in [*one.subnet_ids]:
        remove_subnet(call, one, subnet)
    disconnect(call, one)
    changed(call, one.vpc_id)
    if one.endpoint_type == GATEWAY:
        remove(call, one)
    else:
        enter(call, one, "deleting")


def disconnect(call: Call, one: VpcEndpoint) -> None:
    """Tell a service's owner that an endpoint is no more."""
    if not one.service_id:
        return
    there = call.at(one.service_owner, one.service_region)
    if found := Connection.get(there, one.service_id, one.vpc_endpoint_id):
        found.delete(there)
        announce(there, "Delete", one)
