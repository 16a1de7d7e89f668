"""What clients of a Client VPN endpoint reach: its subnets, its routes, and who may go where."""

from __future__ import annotations

from ipaddress import ip_network
from typing import ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.zones import zone
from pileus.services.ec2.tokens import made_before, remember

from . import neighbours
from .client_vpn import ClientVpnEndpoint, rewire
from .client_vpn import parts as endpoint_parts
from .lives import BRIEFLY, GONE, Life, enter, save


@kind(
    "client-vpn-target-network",
    "cvpn-assoc",
    missing=("InvalidClientVpnAssociationId.NotFound", "Association {} does not exist"),
)
class TargetNetwork(
    Record,
    cfn="AWS::EC2::ClientVpnTargetNetworkAssociation",
    table="ec2.ClientVpnTargetNetwork",
    indexes={"of_endpoint": ("endpoint",), "of_vpc": ("vpc_id",)},
):
    """A subnet by which clients come into its VPC."""

    life: ClassVar[Life] = {
        "associating": ("associated", BRIEFLY),
        "disassociating": (GONE, BRIEFLY),
    }
    association_id: str
    endpoint: str
    subnet_id: str
    vpc_id: str
    group_ids: list[str]
    interface: str
    zone: str
    state: str = "associating"
    since: float = 0.0

    def entered(self, call: Call, state: str) -> None:
        refresh(call, self.endpoint)

    @property
    def device(self) -> str:
        """The endpoint's interface in the subnet, which is the only one in its zone."""
        return f"eth{1 + ord(self.zone[-1]) - ord('a')}"


class ClientRoute(Record, key=("endpoint", "destination", "subnet_id"), table="ec2.ClientVpnRoute"):
    """Where clients' packets to some addresses go."""

    endpoint: str
    destination: str
    subnet_id: str
    origin: str = "add-route"
    description: str = ""


class AuthorizationRule(Record, key=("endpoint", "destination", "group"), table="ec2.ClientVpnAuthorizationRule"):
    """Who may reach some addresses."""

    endpoint: str
    destination: str
    group: str
    """Empty for everybody."""
    description: str = ""


@endpoint_parts.holds
def holds_endpoint(call: Call, endpoint: ClientVpnEndpoint) -> bool:
    return TargetNetwork.first(call, endpoint.client_vpn_endpoint_id, index="of_endpoint") is not None


@endpoint_parts.ends_with
def endpoint_gone(call: Call, endpoint: ClientVpnEndpoint) -> None:
    ClientRoute.delete_all(call, endpoint.client_vpn_endpoint_id)
    AuthorizationRule.delete_all(call, endpoint.client_vpn_endpoint_id)


@ec2.operation
def associate_client_vpn_target_network(
    call: Call,
    client_vpn_endpoint_id: str,
    subnet_id: str = "",
    client_token: str = "",
    availability_zone: str = "",
    availability_zone_id: str = "",
) -> Members:
    """Let clients come into a subnet's VPC. All subnets of an endpoint are of one VPC, each of a zone of its own.

    Where the endpoint is at a transit gateway there are no subnets, but zones all the same.
    """
    from .client_vpn_hubs import associated  # which needs networks

    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if before := made_before(call, client_token):
        return {"AssociationId": before, "Status": {"Code": named(call, TargetNetwork, before).state}}
    if endpoint.attachment:
        made = associated(call, endpoint, availability_zone, availability_zone_id)
        remember(call, client_token, made.association_id)
        return {"AssociationId": made.association_id, "Status": {"Code": made.state}}
    if not subnet_id:
        raise missing("SubnetId")
    subnet = neighbours.subnet(call, subnet_id)
    there = networks(call, client_vpn_endpoint_id)
    if endpoint.vpc_id and endpoint.vpc_id != subnet.vpc_id:
        text = f"Subnet {subnet_id} is not in the VPC {endpoint.vpc_id} of the endpoint."
        raise Fault("InvalidParameterValue", text)
    if any(ip_network(endpoint.client_cidr_block).overlaps(ip_network(one)) for one in four(call, subnet.vpc_id)):
        raise Fault("InvalidParameterValue", f"The client CIDR block overlaps with one of {subnet.vpc_id}.")
    if any(one.zone == subnet.availability_zone for one in there):
        text = f"The endpoint is already associated with a subnet in {subnet.availability_zone}."
        raise Fault("InvalidClientVpnDuplicateAssociation", text)
    if not endpoint.vpc_id:
        endpoint.vpc_id = subnet.vpc_id
        endpoint.group_ids = neighbours.groups(call, subnet.vpc_id, endpoint.group_ids)
        save(call, endpoint)
    text = f"ClientVPN Endpoint resource {client_vpn_endpoint_id}"
    made = TargetNetwork(
        association_id=hex_id("cvpn-assoc"),
        endpoint=client_vpn_endpoint_id,
        subnet_id=subnet_id,
        vpc_id=subnet.vpc_id,
        group_ids=endpoint.group_ids,
        interface=neighbours.place(call, subnet_id, endpoint.group_ids, text, kind="interface", public=True),
        zone=subnet.availability_zone,
    )
    enter(call, made, "associating")
    block = neighbours.vpc(call, subnet.vpc_id).cidr_block
    ClientRoute(client_vpn_endpoint_id, block, subnet_id, "associate", "Default Route").put(call)
    remember(call, client_token, made.association_id)
    return {"AssociationId": made.association_id, "Status": {"Code": made.state}}


def four(call: Call, vpc_id: str) -> list[str]:
    """A VPC's blocks of IPv4."""
    return [block for block in neighbours.blocks(call, vpc_id) if "." in block]


def networks(call: Call, endpoint: str) -> list[TargetNetwork]:
    return [*TargetNetwork.scan(call, endpoint, index="of_endpoint")]


def refresh(call: Call, endpoint: str) -> None:
    """An endpoint is available while it is associated."""
    one = ClientVpnEndpoint.get(call, endpoint)
    if one is None or one.state == "deleting":
        return
    associated = any(network.state == "associated" for network in networks(call, endpoint))
    one.state = "available" if associated else "pending-associate"
    save(call, one)
    rewire(call, one)


@ec2.operation
def disassociate_client_vpn_target_network(call: Call, client_vpn_endpoint_id: str, association_id: str) -> Members:
    """Let clients come in by a subnet no longer; its routes go with it."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    one = named(call, TargetNetwork, association_id)
    if one.state != "disassociating":
        neighbours.displace(call, one.interface)
        for route in [*ClientRoute.scan(call, client_vpn_endpoint_id)]:
            if route.subnet_id == one.subnet_id:
                route.delete(call)
        enter(call, one, "disassociating")
    return {"AssociationId": association_id, "Status": {"Code": one.state}}


TARGET_FILTERS = Filters(
    {"association-id": "AssociationId", "target-network-id": "TargetNetworkId", "vpc-id": "VpcId"}, tags=None
)


@ec2.operation
def describe_client_vpn_target_networks(
    call: Call,
    client_vpn_endpoint_id: str,
    association_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The subnets that an endpoint is associated with."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    for what in association_ids:
        named(call, TargetNetwork, what)
    found = [
        {
            "AssociationId": one.association_id,
            "VpcId": one.vpc_id or None,
            "TargetNetworkId": one.subnet_id or None,
            "ClientVpnEndpointId": one.endpoint,
            "Status": {"Code": one.state},
            "SecurityGroups": one.group_ids,
            "AvailabilityZones": None if one.subnet_id else [one.zone],
            "AvailabilityZoneIds": None if one.subnet_id else [zone(call, one.zone).id],
        }
        for one in networks(call, client_vpn_endpoint_id)
        if not association_ids or one.association_id in association_ids
    ]
    return selected(call, "ClientVpnTargetNetworks", TARGET_FILTERS, found, filters, max_results, next_token)


@ec2.operation
def apply_security_groups_to_client_vpn_target_network(
    call: Call, client_vpn_endpoint_id: str, vpc_id: str, security_group_ids: list[str]
) -> Members:
    """Give an endpoint's interfaces in a VPC other groups."""
    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    endpoint.group_ids = neighbours.groups(call, vpc_id, security_group_ids)
    save(call, endpoint)
    rewire(call, endpoint)
    for one in networks(call, client_vpn_endpoint_id):
        neighbours.regroup(call, one.interface, endpoint.group_ids)
        one.group_ids = endpoint.group_ids
        save(call, one)
    return {"SecurityGroupIds": endpoint.group_ids}


# Routes


def _block(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError:
        raise Fault("InvalidParameterValue", f"Value ({text}) for the CIDR block is invalid.") from None


@ec2.operation
def create_client_vpn_route(
    call: Call,
    client_vpn_endpoint_id: str,
    destination_cidr_block: str,
    target_vpc_subnet_id: str = "",
    description: str = "",
    client_token: str = "",
) -> Members:
    """Route clients' packets to some addresses by one of the endpoint's subnets."""
    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if made_before(call, client_token):
        return {"Status": {"Code": "creating"}}
    subnets = {one.subnet_id for one in networks(call, client_vpn_endpoint_id)}
    if not target_vpc_subnet_id and not endpoint.attachment:
        raise missing("TargetVpcSubnetId")
    if target_vpc_subnet_id not in ("local", *subnets):
        text = f"Subnet {target_vpc_subnet_id} is not associated with the endpoint."
        raise Fault("InvalidClientVpnActiveAssociationNotFound", text)
    block = _block(destination_cidr_block)
    if ClientRoute.get(call, client_vpn_endpoint_id, block, target_vpc_subnet_id):
        raise Fault("InvalidClientVpnDuplicateRoute", f"The route to {block} already exists.")
    ClientRoute(client_vpn_endpoint_id, block, target_vpc_subnet_id, description=description).put(call)
    rewire(call, endpoint)
    remember(call, client_token, block)
    return {"Status": {"Code": "creating"}}


@ec2.operation
def delete_client_vpn_route(
    call: Call, client_vpn_endpoint_id: str, destination_cidr_block: str, target_vpc_subnet_id: str = ""
) -> Members:
    """Remove a route that somebody has made."""
    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    route = ClientRoute.get(call, client_vpn_endpoint_id, _block(destination_cidr_block), target_vpc_subnet_id)
    if route is None:
        raise Fault("InvalidClientVpnRouteNotFound", f"The route to {destination_cidr_block} does not exist.")
    if route.origin == "associate":
        raise Fault("InvalidParameterValue", "Cannot delete default route.")
    route.delete(call)
    rewire(call, endpoint)
    return {"Status": {"Code": "deleting"}}


ROUTE_FILTERS = Filters(
    {"destination-cidr": "DestinationCidr", "origin": "Origin", "target-subnet": "TargetSubnet"}, tags=None
)


@ec2.operation
def describe_client_vpn_routes(
    call: Call,
    client_vpn_endpoint_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An endpoint's routes."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    found = [
        {
            "ClientVpnEndpointId": route.endpoint,
            "DestinationCidr": route.destination,
            "TargetSubnet": route.subnet_id or None,
            "Type": "Nat",
            "Origin": route.origin,
            "Status": {"Code": "active"},
            "Description": route.description or None,
        }
        for route in ClientRoute.scan(call, client_vpn_endpoint_id)
    ]
    return selected(call, "Routes", ROUTE_FILTERS, found, filters, max_results, next_token)


# Authorization


@ec2.operation
def authorize_client_vpn_ingress(
    call: Call,
    client_vpn_endpoint_id: str,
    target_network_cidr: str,
    access_group_id: str = "",
    authorize_all_groups: bool = False,
    description: str = "",
    client_token: str = "",
) -> Members:
    """Let a group of people, or everybody, reach some addresses."""
    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if made_before(call, client_token):
        return {"Status": {"Code": "authorizing"}}
    if bool(access_group_id) == authorize_all_groups:
        raise Fault("InvalidParameterCombination", "Specify either AccessGroupId or AuthorizeAllGroups.")
    block = _block(target_network_cidr)
    if AuthorizationRule.get(call, client_vpn_endpoint_id, block, access_group_id):
        raise Fault("InvalidClientVpnDuplicateAuthorizationRule", f"The rule for {block} already exists.")
    AuthorizationRule(client_vpn_endpoint_id, block, access_group_id, description).put(call)
    rewire(call, endpoint)
    remember(call, client_token, block)
    return {"Status": {"Code": "authorizing"}}


@ec2.operation
def revoke_client_vpn_ingress(
    call: Call,
    client_vpn_endpoint_id: str,
    target_network_cidr: str,
    access_group_id: str = "",
    revoke_all_groups: bool = False,
) -> Members:
    """Let it reach them no longer; with `revoke_all_groups` nobody."""
    endpoint = named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    block = _block(target_network_cidr)
    rules = [*AuthorizationRule.scan(call, client_vpn_endpoint_id, block)]
    chosen = [rule for rule in rules if revoke_all_groups or rule.group == access_group_id]
    if not chosen:
        text = f"The rule for {target_network_cidr} does not exist."
        raise Fault("InvalidClientVpnEndpointAuthorizationRuleNotFound", text)
    for rule in chosen:
        rule.delete(call)
    rewire(call, endpoint)
    return {"Status": {"Code": "revoking"}}


RULE_FILTERS = Filters(
    {"description": "Description", "destination-cidr": "DestinationCidr", "group-id": "GroupId"}, tags=None
)


@ec2.operation
def describe_client_vpn_authorization_rules(
    call: Call,
    client_vpn_endpoint_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Who may reach what."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    found = [
        {
            "ClientVpnEndpointId": rule.endpoint,
            "Description": rule.description or None,
            "GroupId": rule.group,
            "AccessAll": not rule.group,
            "DestinationCidr": rule.destination,
            "Status": {"Code": "active"},
        }
        for rule in AuthorizationRule.scan(call, client_vpn_endpoint_id)
    ]
    return selected(call, "AuthorizationRules", RULE_FILTERS, found, filters, max_results, next_token)
