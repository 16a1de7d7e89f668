"""From the records of virtual interfaces to networks, speakers of BGP, and cables.

A virtual interface is a router. The customer's end of its line is a namespace that is called after the line, and has an
interface called after the VLAN: whoever plays the customer's router speaks BGP there. What it tells leads to the
gateway that the virtual interface belongs to, and what is behind that is told to it. A Direct Connect gateway between
virtual interfaces and transit gateways is a router too.

By a public virtual interface the customer's own public addresses are on the cloud's internet, those that it has said
before and tells of.

Virtual interfaces of one Direct Connect gateway reach each other where both have SiteLink.

Left out: IPv6, and the bandwidth of lines; of a customer's public addresses more than 256.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_interface, ip_network

from msgspec import Struct

from pileus.engines.bgp import Peer, Speaker
from pileus.engines.network import INTERNET, Link, Network, Networks, Port, Route, Subnet
from pileus.engines.network.spaces import FOLDER
from pileus.kernel import Call
from pileus.kernel.cables import Cable, of_network
from pileus.kernel.regions import regions

from .associations import PRIVATE as TO_VPCS
from .associations import TRANSIT as TO_HUBS
from .associations import Association
from .interfaces import PRIVATE, PUBLIC, TRANSIT, VirtualInterface
from .peers import FailoverTest

LINE, OUT, IN = "line", "out", "in"
WIRED = ("down", "available", "testing")
MOST = {PRIVATE: 100, TRANSIT: 100, PUBLIC: 1000}
"""Routes that a customer may tell ("AWS Direct Connect quotas"); with more of them the session ends."""
MOST_PUBLIC = 256
SERVICE = "directconnect"


class Wires(Struct):
    """What an account's lines are to be."""

    interfaces: list[VirtualInterface]
    networks: list[Network]
    cables: list[Cable]


def wired(call: Call) -> list[VirtualInterface]:
    """The account's virtual interfaces that packets can go through."""
    return [
        one
        for region in regions(call.partition)
        for one in VirtualInterface.scan(call.at(region=region))
        if one.state in WIRED and one.type in MOST and one.address_family == "ipv4"
    ]


def wires(call: Call) -> Wires:
    interfaces = wired(call)
    gateways = sorted({one.gateway_id for one in interfaces if one.type == TRANSIT})
    networks = [network(call, one) for one in interfaces]
    networks += [gateway(call, what, interfaces) for what in gateways]
    cables = [each for one in interfaces for each in to_vpcs(call, one)]
    cables += [each for what in gateways for each in to_hubs(call, what, interfaces)]
    return Wires(interfaces, networks, cables)


def bare(address: str) -> str:
    return str(ip_interface(address).ip)


# Virtual interfaces


def network(call: Call, one: VirtualInterface) -> Network:
    """A virtual interface's router: the line on one side, gateways on the other."""
    amazon, customer = bare(one.amazon_address), bare(one.customer_address)
    line = str(ip_interface(one.customer_address).network)
    name = one.virtual_interface_id
    return Network(
        name=name,
        local=(amazon,),
        subnets={LINE: Subnet((line,), (amazon,), OUT)},
        tables={
            OUT: tuple(Route(block, link=link) for block, link in sorted(beyond(call, one).items())),
            IN: tuple(Route(block, port=name) for block in sorted(learned(one))),
        },
        ports=(Port(name, LINE, mac(one), (customer,), one.connection_id, device=device(one), checked=False),),
        links=tuple(links(call, one)),
    )


def device(one: VirtualInterface) -> str:
    return f"vlan{one.vlan}"


def mac(one: VirtualInterface) -> str:
    return f"02:00:00:02:{one.vlan >> 8:02x}:{one.vlan & 255:02x}"


def learned(one: VirtualInterface) -> dict[str, int]:
    """What the customer tells, with the lengths of paths; of public addresses those alone that are known to be its."""
    found: dict[str, int] = {}
    for routes in one.accepted.values():
        for block, route in routes.items():
            if one.type == PUBLIC and not within(block, one.prefixes):
                continue
            found[block] = min(len(route.path), found.get(block, len(route.path)))
    return found


def links(call: Call, one: VirtualInterface) -> Iterator[Link]:
    if one.type == TRANSIT:
        yield Link(one.virtual_interface_id, one.gateway_id, IN)
        return
    if one.type == PUBLIC:
        own = {str(address): str(address) for block in sorted(learned(one)) for address in ip_network(block)}
        public = dict([*own.items()][:MOST_PUBLIC])
        yield Link(one.virtual_interface_id, INTERNET, IN, ours=tuple(public), public=public)
        return
    for each in to_vpcs(call, one):
        yield Link(each.name, each.to, IN)
    for other in sites(call, one):
        yield Link(between(one, other), other.virtual_interface_id, IN)


def sites(call: Call, one: VirtualInterface) -> list[VirtualInterface]:
    """The private virtual interfaces that one reaches through the gateway that they have in common."""
    if one.type != PRIVATE or not one.site_link or not one.gateway_id:
        return []
    others = (other for other in wired(call) if other.virtual_interface_id != one.virtual_interface_id)
    return [each for each in others if each.type == PRIVATE and each.site_link and each.gateway_id == one.gateway_id]


def between(one: VirtualInterface, other: VirtualInterface) -> str:
    """The cable between two virtual interfaces."""
    return "-".join(sorted((one.virtual_interface_id, other.virtual_interface_id)))


def beyond(call: Call, one: VirtualInterface) -> dict[str, str]:
    """What is told to the customer, and by which link it is reached."""
    if one.type == PUBLIC:
        return {str(call.cloud.engine(Networks).public): one.virtual_interface_id}
    if one.type == TRANSIT:
        blocks = [block for each in associated(call, one.gateway_id, TO_HUBS) for block in each.prefixes]
        return {block: one.virtual_interface_id for block in blocks if "." in block}
    allowed = {each.associated["id"]: each.prefixes for each in associated(call, one.gateway_id, TO_VPCS)}
    other_sites = {block: between(one, other) for other in sites(call, one) for block in learned(other)}
    return other_sites | {
        block: each.name
        for each in of_network(call, one.virtual_interface_id)
        for block in each.heard
        if "." in block and (each.to not in allowed or within(block, allowed[each.to]))
    }


def within(block: str, allowed: list[str]) -> bool:
    """Whether a block is one of those that are allowed, or part of one."""
    ours = ip_network(block)
    theirs = (ip_network(each) for each in allowed)
    return any(each.version == 4 and ours.subnet_of(each) for each in theirs)  # type: ignore[arg-type]


def associated(call: Call, gateway_id: str, kind: str) -> list[Association]:
    """The associations of a gateway of the account."""
    if not gateway_id:
        return []
    found = (one for one in Association.scan(call) if one.gateway_id == gateway_id and one.present)
    return [one for one in found if one.associated["type"] == kind and one.state != "associating"]


def speaker(call: Call, one: VirtualInterface, space: str) -> Speaker:
    """Who speaks for AWS."""
    asn, ours = one.amazon_asn, bare(one.amazon_address)
    announced = tuple(sorted(beyond(call, one)))
    peers = tuple(
        Peer(
            name=peer_name(peer["bgpPeerId"]),
            address=bare(peer["customerAddress"]),
            asn=peer["asn"],
            ours=bare(peer["amazonAddress"]),
            announces=announced,
            password=peer["authKey"],
            most=MOST[one.type],
        )
        for peer in one.peers
        if peer["addressFamily"] == "ipv4" and peer["bgpPeerId"] not in silenced(call, one)
    )
    return Speaker(one.virtual_interface_id, FOLDER / space, ours, asn, peers)


def peer_name(peer_id: str) -> str:
    return peer_id.replace("-", "_")


def silenced(call: Call, one: VirtualInterface) -> set[str]:
    """The peers that a test of failures has taken down."""
    if one.state != "testing":
        return set()
    tests = FailoverTest.scan(call.at(one.connection_owner), one.virtual_interface_id, index="of_interface")
    return {peer for test in tests if test.status == "IN_PROGRESS" for peer in test.peers}


def to_vpcs(call: Call, one: VirtualInterface) -> Iterator[Cable]:
    """The cables from a private virtual interface to gateways of VPCs."""
    if one.type != PRIVATE:
        return
    name, told = one.virtual_interface_id, learned(one)
    if one.virtual_gateway_id:
        yield cable(call, one.virtual_gateway_id, name, name, (call.account, region_of(call, one)), told)
    for each in associated(call, one.gateway_id, TO_VPCS):
        to, far = each.associated["id"], (each.associated["ownerAccount"], each.associated["region"])
        yield cable(call, to, f"{name}-{to}", name, far, told)


def cable(call: Call, to: str, name: str, network: str, far: tuple[str, str], told: dict[str, int]) -> Cable:
    return Cable(to, name, network, SERVICE, call.account, call.region, *far, told=told)


def region_of(call: Call, one: VirtualInterface) -> str:
    """The Region that a virtual interface is in."""
    there = (region for region in regions(call.partition))
    name = one.virtual_interface_id
    return next(region for region in there if VirtualInterface.get(call.at(region=region), name))


# Direct Connect gateways of transit gateways


def gateway(call: Call, gateway_id: str, interfaces: list[VirtualInterface]) -> Network:
    """A Direct Connect gateway's router: virtual interfaces on one side, transit gateways on the other."""
    hubs = {one.associated["id"]: one for one in associated(call, gateway_id, TO_HUBS)}
    outward = {
        block: Route(block, link=f"{gateway_id}-{to}")
        for to, one in hubs.items()
        for block in one.prefixes
        if "." in block
    }
    ways = behind(gateway_id, interfaces)
    return Network(
        name=gateway_id,
        tables={
            OUT: tuple(outward.values()),
            IN: tuple(Route(block, link=link) for block, (_, link) in sorted(ways.items())),
        },
        links=(
            *(Link(f"{gateway_id}-{to}", to, IN) for to in hubs),
            *(Link(one.virtual_interface_id, one.virtual_interface_id, OUT) for one in of(gateway_id, interfaces)),
        ),
    )


def of(gateway_id: str, interfaces: list[VirtualInterface]) -> list[VirtualInterface]:
    return [one for one in interfaces if one.gateway_id == gateway_id and one.type == TRANSIT]


def behind(gateway_id: str, interfaces: list[VirtualInterface]) -> dict[str, tuple[int, str]]:
    """The shortest ways to what customers tell, and the virtual interfaces by which they go."""
    found: dict[str, tuple[int, str]] = {}
    for one in of(gateway_id, interfaces):
        for block, length in learned(one).items():
            way = length, one.virtual_interface_id
            found[block] = min(way, found.get(block, way))
    return found


def to_hubs(call: Call, gateway_id: str, interfaces: list[VirtualInterface]) -> Iterator[Cable]:
    """The cables from a Direct Connect gateway to transit gateways."""
    told = {block: length for block, (length, _) in behind(gateway_id, interfaces).items()}
    for one in associated(call, gateway_id, TO_HUBS):
        to, far = one.associated["id"], (one.associated["ownerAccount"], one.associated["region"])
        yield cable(call, to, f"{gateway_id}-{to}", gateway_id, far, told)
