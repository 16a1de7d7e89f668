"""Virtual interfaces: VLANs on a line, to a VPC's gateway, to Direct Connect gateways, or to AWS's public services.

One is down as long as no BGP session is up on it. What makes them for other accounts is in `allocations`.
"""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from typing import Any, ClassVar

import msgspec

from pileus.engines.bgp import unable
from pileus.engines.network.claims import token as token_of
from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import HEX, token
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list, as_map

from . import absent, directconnect, refused
from .changes import changed
from .checks import checked_address, checked_blocks, checked_key
from .connections import Connection, new_id, paged, usable
from .gateways import gateway
from .lags import Lag, group
from .states import DAY, GONE, Life, enter, living

Members = dict[str, Any]

PRIVATE, PUBLIC, TRANSIT = "private", "public", "transit"
ENDED = ("deleting", "deleted", "rejected")
MTUS = {PRIVATE: (1500, 8500, 9001), TRANSIT: (1500, 8500), PUBLIC: (1500,)}
AMAZON = 7224
"""The number of the autonomous system by which Amazon's public addresses are told."""
MOST = 50
"""Private and public virtual interfaces on a line."""


class Accepted(msgspec.Struct):
    """A route that a customer tells."""

    path: list[int]
    communities: list[str]
    at: float


@living
@resource_type(
    directconnect,
    "virtualInterfaceId",
    read="DescribeVirtualInterfaces",
    delete="DeleteVirtualInterface",
)
class VirtualInterface(Record, arn="dxvif/{virtual_interface_id}", cfn="AWS::DirectConnect::PrivateVirtualInterface"):
    """A virtual interface."""

    life: ClassVar[Life] = {
        "pending": ("down", 2.0),
        "verifying": ("down", 2.0),
        "deleting": ("deleted", 1.0),
        "deleted": (GONE, DAY),
        "rejected": (GONE, DAY),
    }
    virtual_interface_id: str
    virtual_interface_name: str
    connection_id: str
    """A line or a group."""
    type: str
    owner: str
    location: str
    vlan: int
    asn: int
    amazon_asn: int
    auth_key: str
    amazon_address: str
    customer_address: str
    address_family: str
    connection_owner: str
    peers: list[dict[str, Any]] = []
    mtu: int = 1500
    virtual_gateway_id: str = ""
    gateway_id: str = ""
    prefixes: list[str] = []
    site_link: bool = False
    accepted: dict[str, dict[str, Accepted]] = {}
    """What the customer tells, by its routers' names and blocks."""
    advertised: dict[str, float] = {}
    """What it is told, and since when."""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ENDED

    def entered(self, call: Call) -> None:
        changed(call, self.owner)


@directconnect.operation
def create_private_virtual_interface(call: Call, connection_id: str, new_private_virtual_interface: Members) -> Members:
    """To one VPC, or by a Direct Connect gateway to several."""
    given = new_private_virtual_interface
    if bool(given.get("virtualGatewayId")) == bool(given.get("directConnectGatewayId")):
        raise refused("Specify either a virtual gateway or a Direct Connect gateway")
    return shown(call, make(call, call.account, connection_id, PRIVATE, given, "pending"))


@directconnect.operation
def create_public_virtual_interface(call: Call, connection_id: str, new_public_virtual_interface: Members) -> Members:
    """To AWS's public addresses."""
    return shown(call, make(call, call.account, connection_id, PUBLIC, new_public_virtual_interface, "verifying"))


@directconnect.operation
def create_transit_virtual_interface(call: Call, connection_id: str, new_transit_virtual_interface: Members) -> Members:
    """By a Direct Connect gateway to transit gateways."""
    given = new_transit_virtual_interface
    if not given.get("directConnectGatewayId"):
        raise refused("A transit virtual interface needs a Direct Connect gateway")
    return {"virtualInterface": shown(call, make(call, call.account, connection_id, TRANSIT, given, "pending"))}


def make(call: Call, owner: str, connection_id: str, kind: str, given: Members, state: str) -> VirtualInterface:
    """A new interface on a line of the caller's, for an account."""
    line = line_of(call, connection_id)
    vlan = given.get("vlan", 0)
    if not 1 <= vlan <= 4094:
        raise refused(f"VLAN {vlan} is invalid")
    others = on_line(call, connection_id)
    if any(one.vlan == vlan for one in others):
        raise refused(f"VLAN {vlan} is already in use on {connection_id}")
    if len(others) >= MOST:
        raise Fault("LimitExceededException", f"{connection_id} has the maximum number of virtual interfaces")
    mtu = given.get("mtu", 1500)
    if mtu not in MTUS[kind]:
        raise refused(f"MTU {mtu} is invalid for a {kind} virtual interface")
    asn = given.get("asn") or given.get("asnLong")
    if not asn:
        raise refused("An ASN is required")
    gateway, private_gateway = given.get("directConnectGatewayId", ""), given.get("virtualGatewayId", "")
    amazon, customer = addresses(given, kind)
    made = VirtualInterface(
        virtual_interface_id=new_id("dxvif"),
        virtual_interface_name=given.get("virtualInterfaceName", ""),
        connection_id=connection_id,
        type=kind,
        owner=owner,
        location=line.location,
        vlan=vlan,
        asn=asn,
        amazon_asn=amazon_asn(call.at(owner), kind, gateway, private_gateway),
        auth_key=checked_key(given.get("authKey", "")),
        amazon_address=amazon,
        customer_address=customer,
        address_family=given.get("addressFamily", "ipv4"),
        connection_owner=call.account,
        mtu=mtu,
        virtual_gateway_id=private_gateway,
        gateway_id=gateway,
        prefixes=checked_blocks(given.get("routeFilterPrefixes", [])),
        site_link=given.get("enableSiteLink", False),
        tags=as_map(given.get("tags", []), "key", "value"),
    )
    made.peers = [peer_of(made)]
    enter(call.at(owner), made, state)
    OnLine(connection_id, made.virtual_interface_id, owner).put(call)
    return made


class OnLine(Record, key=("connection_id", "virtual_interface_id")):
    """An interface on a line, whoever has it."""

    connection_id: str
    virtual_interface_id: str
    owner: str


def on_line(call: Call, connection_id: str) -> list[VirtualInterface]:
    """The interfaces on a line of the caller's."""
    found = [
        VirtualInterface.get(call.at(one.owner), one.virtual_interface_id) for one in OnLine.scan(call, connection_id)
    ]
    return [one for one in found if one and one.present]


def line_of(call: Call, connection_id: str) -> Connection | Lag:
    if connection_id.startswith("dxlag-"):
        return group(call, connection_id)
    return usable(call, connection_id)


def addresses(given: Members, kind: str) -> tuple[str, str]:
    """The addresses of both ends: those given, or two of a free /30 for interfaces that are not public."""
    amazon, customer = given.get("amazonAddress", ""), given.get("customerAddress", "")
    if amazon and customer:
        family = given.get("addressFamily", "ipv4")
        return checked_address(amazon, family), checked_address(customer, family)
    if kind == PUBLIC and given.get("addressFamily", "ipv4") == "ipv4":
        raise refused("A public virtual interface needs an Amazon address and a customer address")
    third, fourth = int(token(2, HEX), 16), int(token(2, HEX), 16) & ~3
    return f"169.254.{third}.{fourth + 1}/30", f"169.254.{third}.{fourth + 2}/30"


def amazon_asn(call: Call, kind: str, gateway_id: str, virtual_gateway_id: str) -> int:
    """The number of the system at AWS's end; raises where the gateway is not there."""
    if gateway_id:
        return gateway(call, gateway_id).asn
    if virtual_gateway_id:
        return int(vpn_gateway(call, virtual_gateway_id)["AmazonSideAsn"])
    return AMAZON


def vpn_gateway(call: Call, what: str) -> Members:
    """A virtual private gateway, as EC2 shows it."""
    try:
        found = call.aws("ec2").describe_vpn_gateways(vpn_gateway_ids=[what])["VpnGateways"]
    except Fault:
        found = []
    if not found or found[0]["State"] in ("deleting", "deleted"):
        raise absent("Virtual Gateway", what)
    one: Members = found[0]
    return one


def peer_of(one: VirtualInterface, **other: Any) -> Members:
    """A BGP session."""
    peer = {
        "bgpPeerId": new_id("dxpeer"),
        "asn": one.asn,
        "authKey": one.auth_key,
        "addressFamily": one.address_family,
        "amazonAddress": one.amazon_address,
        "customerAddress": one.customer_address,
        "bgpPeerState": "available",
        "bgpStatus": "down",
    }
    return peer | other


def shown(call: Call, one: VirtualInterface) -> Members:
    return {
        "ownerAccount": one.owner,
        "virtualInterfaceId": one.virtual_interface_id,
        "location": one.location,
        "connectionId": one.connection_id,
        "virtualInterfaceType": one.type,
        "virtualInterfaceName": one.virtual_interface_name,
        "vlan": one.vlan,
        "asn": one.asn if one.asn < 1 << 31 else None,
        "asnLong": one.asn,
        "amazonSideAsn": one.amazon_asn,
        "authKey": one.auth_key,
        "amazonAddress": one.amazon_address,
        "customerAddress": one.customer_address,
        "addressFamily": one.address_family,
        "virtualInterfaceState": one.state,
        "customerRouterConfig": router_configuration(call, one),
        "mtu": one.mtu,
        "jumboFrameCapable": one.mtu > 1500,
        "virtualGatewayId": one.virtual_gateway_id,
        "directConnectGatewayId": one.gateway_id,
        "routeFilterPrefixes": [{"cidr": block} for block in one.prefixes],
        "bgpPeers": one.peers,
        "region": call.region,
        "tags": as_list(one.tags, "key", "value"),
        "siteLinkEnabled": one.site_link,
    }


def router_configuration(call: Call, one: VirtualInterface) -> str:
    """What the router at the customer's end has to be told; and where that end is, where lines carry packets."""
    root = Xml.Element("logical_connection", id=one.virtual_interface_id)
    for name, value in (
        ("vlan", one.vlan),
        ("customer_address", one.customer_address),
        ("amazon_address", one.amazon_address),
        ("bgp_asn", one.asn),
        ("bgp_auth_key", one.auth_key),
        ("amazon_bgp_asn", one.amazon_asn),
        ("connection_type", one.type),
    ):
        Xml.SubElement(root, name).text = str(value)
    if call.cloud.folder is not None and not unable():
        space = f"pileus-{token_of(call.cloud.folder)}-{one.connection_id}"
        root.append(Xml.Comment(f" this end is vlan{one.vlan} in the network namespace {space} "))
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode") + "\n"


@directconnect.operation
def describe_virtual_interfaces(
    call: Call,
    connection_id: str = "",
    virtual_interface_id: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's interfaces, and those of others on its lines."""
    if virtual_interface_id:
        return {"virtualInterfaces": [shown(call, interface(call, virtual_interface_id))]}
    own = {one.virtual_interface_id: one for one in VirtualInterface.scan(call)}
    lines = [connection_id] if connection_id else {one.connection_id for one in OnLine.scan(call)}
    others = {one.virtual_interface_id: one for line in lines for one in on_line(call, line)}
    found = [one for one in (others | own).values() if connection_id in ("", one.connection_id)]
    items = [shown(call, one) for one in sorted(found, key=lambda one: one.virtual_interface_id)]
    return paged(call, "virtualInterfaces", items, max_results, next_token)


def interface(call: Call, virtual_interface_id: str) -> VirtualInterface:
    """An interface of the account, or one of another account on a line of its own."""
    if found := VirtualInterface.get(call, virtual_interface_id):
        return found
    for one in OnLine.scan(call):
        if one.virtual_interface_id == virtual_interface_id:
            there = VirtualInterface.get(call.at(one.owner), virtual_interface_id)
            if there:
                return there
    raise absent("Virtual Interface", virtual_interface_id)


@directconnect.operation
def update_virtual_interface_attributes(
    call: Call,
    virtual_interface_id: str,
    mtu: int | None = None,
    enable_site_link: bool | None = None,
    virtual_interface_name: str = "",
) -> Members:
    """Change an interface's name, its largest packets, or whether it reaches other sites."""
    one = interface(call, virtual_interface_id)
    if mtu is not None and mtu not in MTUS[one.type]:
        raise refused(f"MTU {mtu} is invalid for a {one.type} virtual interface")
    one.mtu = one.mtu if mtu is None else mtu
    one.site_link = one.site_link if enable_site_link is None else enable_site_link
    one.virtual_interface_name = virtual_interface_name or one.virtual_interface_name
    one.put(call.at(one.owner))
    changed(call, one.owner)
    return shown(call, one)


@directconnect.operation
def associate_virtual_interface(call: Call, virtual_interface_id: str, connection_id: str) -> Members:
    """Move an interface to another line or group."""
    one = interface(call, virtual_interface_id)
    line = line_of(call, connection_id)
    if any(other.vlan == one.vlan for other in on_line(call, connection_id)):
        raise refused(f"VLAN {one.vlan} is already in use on {connection_id}")
    OnLine(one.connection_id, virtual_interface_id, one.owner).delete(call)
    OnLine(connection_id, virtual_interface_id, one.owner).put(call)
    one.connection_id, one.location = connection_id, line.location
    one.put(call.at(one.owner))
    changed(call, one.owner)
    return shown(call, one)


@directconnect.operation
def delete_virtual_interface(call: Call, virtual_interface_id: str) -> Members:
    """Delete an interface."""
    one = interface(call, virtual_interface_id)
    if one.present:
        enter(call.at(one.owner), one, "deleting")
        OnLine(one.connection_id, virtual_interface_id, one.owner).delete(call.at(one.connection_owner))
    return {"virtualInterfaceState": one.state}


@directconnect.operation
def describe_router_configuration(call: Call, virtual_interface_id: str, router_type_identifier: str = "") -> Members:
    """What the router at the customer's end has to be told, whatever router it is."""
    one = interface(call, virtual_interface_id)
    return {
        "customerRouterConfig": router_configuration(call, one),
        "virtualInterfaceId": one.virtual_interface_id,
        "virtualInterfaceName": one.virtual_interface_name,
    }


@directconnect.operation
def describe_virtual_gateways(call: Call) -> Members:
    """The virtual private gateways of the account, which are EC2's."""
    found = call.aws("ec2").describe_vpn_gateways()["VpnGateways"]
    return {
        "virtualGateways": [
            {"virtualGatewayId": one["VpnGatewayId"], "virtualGatewayState": one["State"]} for one in found
        ]
    }
