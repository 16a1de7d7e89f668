"""Connect: GRE tunnels to appliances, carried by another attachment of the transit gateway, and their BGP peers.

No appliance speaks BGP here, so that a peer's session stays down and no routes are learned from it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address, ip_network
from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .lives import USUAL, Life, enter
from .transit_attachments import CONNECT, DIRECT, VPC, Attachment, listing, of_kind
from .transit_gateways import TransitGateway
from .transit_tables import arrived, left

MOST_PEERS = 4

FILTERS = Filters(
    {
        "options.protocol": "options.Protocol",
        "state": "state",
        "transit-gateway-attachment-id": "transit_gateway_attachment_id",
        "transit-gateway-id": "transit_gateway_id",
        "transport-transit-gateway-attachment-id": "transport",
    }
)


@kind(
    "transit-gateway-connect-peer",
    "tgw-connect-peer",
    missing=(
        "InvalidTransitGatewayConnectPeerID.NotFound",
        "Transit Gateway Connect Peer {} was deleted or does not exist.",
    ),
)
class ConnectPeer(
    Record,
    arn="transit-gateway-connect-peer/{transit_gateway_connect_peer_id}",
    cfn="AWS::EC2::TransitGatewayConnectPeer",
    indexes={"of_attachment": ("attachment",)},
):
    """A BGP peer behind a GRE tunnel."""

    life: ClassVar[Life] = USUAL
    transit_gateway_connect_peer_id: str
    attachment: str
    transit_gateway_address: str
    peer_address: str
    inside: list[str]
    gateway_asn: int
    peer_asn: int
    created: float
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


@ec2.operation
def create_transit_gateway_connect(
    call: Call,
    transport_transit_gateway_attachment_id: str,
    options: Members,
    tag_specifications: list[Members] = [],
) -> Members:
    """Attach appliances behind a VPC or Direct Connect attachment."""
    transport = of_kind(call, transport_transit_gateway_attachment_id, (VPC, DIRECT), ("available",))
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=transport.transit_gateway_id,
        gateway_owner=transport.gateway_owner,
        resource_type=CONNECT,
        resource_id=transport_transit_gateway_attachment_id,
        resource_owner=call.account,
        created=call.now,
        parties=[(transport.gateway_owner, call.region), (call.account, call.region)],
        options=dict(options),
        transport=transport_transit_gateway_attachment_id,
        tags=specified(tag_specifications, "transit-gateway-attachment"),
    )
    enter(call, made, "pending")
    owner = call.at(transport.gateway_owner)
    arrived(owner, named(owner, TransitGateway, transport.transit_gateway_id), made)
    return {"TransitGatewayConnect": shown(call, made)}


@ec2.operation
def describe_transit_gateway_connects(
    call: Call,
    transit_gateway_attachment_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The Connect attachments."""
    ids, member = transit_gateway_attachment_ids, "TransitGatewayConnects"
    return listing(call, (CONNECT,), FILTERS, member, shown, ids, filters, max_results, next_token)


@ec2.operation
def delete_transit_gateway_connect(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Delete a Connect attachment that has no peers."""
    one = of_kind(call, transit_gateway_attachment_id, (CONNECT,))
    if _peers(call, transit_gateway_attachment_id):
        raise Fault("IncorrectState", f"{transit_gateway_attachment_id} has non-deleted Transit Gateway Connect Peers.")
    if one.present:
        left(call.at(one.gateway_owner), one)
        enter(call, one, "deleting")
    return {"TransitGatewayConnect": shown(call, one)}


def shown(call: Call, one: Attachment) -> Members:
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "TransportTransitGatewayAttachmentId": one.transport,
        "TransitGatewayId": one.transit_gateway_id,
        "State": one.state,
        "CreationTime": one.created,
        "Options": one.options,
        "Tags": shown_tags(one.tags),
    }


# Peers

PEER_FILTERS = Filters(
    {
        "state": "state",
        "transit-gateway-attachment-id": "attachment",
        "transit-gateway-connect-peer-id": "transit_gateway_connect_peer_id",
    }
)


def _peers(call: Call, attachment: str) -> list[ConnectPeer]:
    there = ConnectPeer.scan(call, attachment, index="of_attachment")
    return [one for one in there if one.state not in ("deleting", "deleted")]


@ec2.operation
def create_transit_gateway_connect_peer(
    call: Call,
    transit_gateway_attachment_id: str,
    peer_address: str,
    inside_cidr_blocks: list[str],
    transit_gateway_address: str = "",
    bgp_options: Members = {},
    tag_specifications: list[Members] = [],
) -> Members:
    """A tunnel to an appliance, with two BGP sessions in it."""
    attachment = of_kind(call, transit_gateway_attachment_id, (CONNECT,), ("available",))
    there = _peers(call, transit_gateway_attachment_id)
    if len(there) >= MOST_PEERS:
        text = f"{transit_gateway_attachment_id} has reached the maximum number of Connect peers ({MOST_PEERS})."
        raise Fault("TransitGatewayConnectPeerLimitExceeded", text)
    gateway = named(call.at(attachment.gateway_owner), TransitGateway, attachment.transit_gateway_id)
    for block in inside_cidr_blocks:
        check_inside(block)
        if any(block in one.inside for one in there):
            raise bad_value("insideCidrBlocks", block, "The block is used by another Connect peer.")
    made = ConnectPeer(
        transit_gateway_connect_peer_id=new_id(ConnectPeer),
        attachment=transit_gateway_attachment_id,
        transit_gateway_address=_outer(call, gateway, transit_gateway_address),
        peer_address=peer_address,
        inside=inside_cidr_blocks,
        gateway_asn=gateway.options["AmazonSideAsn"],
        peer_asn=bgp_options.get("PeerAsn", gateway.options["AmazonSideAsn"]),
        created=call.now,
        tags=specified(tag_specifications, "transit-gateway-connect-peer"),
    )
    enter(call, made, "pending")
    return {"TransitGatewayConnectPeer": peer_shown(call, made)}


def _outer(call: Call, gateway: TransitGateway, wanted: str) -> str:
    """The gateway's end of a tunnel: an address of the gateway's own blocks."""
    blocks = [ip_network(block) for block in gateway.options.get("TransitGatewayCidrBlocks", [])]
    if not blocks:
        raise Fault("InvalidParameterValue", f"{gateway.transit_gateway_id} has no CIDR blocks.")
    if wanted:
        if not any(ip_address(wanted) in block for block in blocks):
            raise bad_value("transitGatewayAddress", wanted, "The address is not in a block of the transit gateway.")
        return wanted
    used = {one.transit_gateway_address for one in ConnectPeer.scan(call)}
    return next(str(host) for block in blocks for host in block.hosts() if str(host) not in used)


RESERVED = [f"169.254.{third}.0/29" for third in (0, 1, 2, 3, 4, 5)] + ["169.254.169.248/29"]


def check_inside(block: str) -> None:
    """Raise for what cannot be the inside of a tunnel: a /29 of 169.254.0.0/16, or a /125 of fd00::/8."""
    try:
        network: Any = ip_network(block)
    except ValueError:
        raise bad_value("insideCidrBlocks", block, "This is not a valid CIDR block.") from None
    if network.version == 4:
        good = network.prefixlen == 29 and network.subnet_of(IPv4Network("169.254.0.0/16")) and block not in RESERVED
    else:
        good = network.prefixlen == 125 and network.subnet_of(ip_network("fd00::/8"))
    if not good:
        raise bad_value("insideCidrBlocks", block, "The block must be a /29 of 169.254.0.0/16 or a /125 of fd00::/8.")


@ec2.operation
def describe_transit_gateway_connect_peers(
    call: Call,
    transit_gateway_connect_peer_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The peers of Connect attachments."""
    ids, member = transit_gateway_connect_peer_ids, "TransitGatewayConnectPeers"
    return described(call, ConnectPeer, PEER_FILTERS, member, peer_shown, ids, filters, max_results, next_token)


@ec2.operation
def delete_transit_gateway_connect_peer(call: Call, transit_gateway_connect_peer_id: str) -> Members:
    """Take a tunnel down."""
    if not transit_gateway_connect_peer_id:
        raise missing("TransitGatewayConnectPeerId")
    one = named(call, ConnectPeer, transit_gateway_connect_peer_id)
    if one.state not in ("deleting", "deleted"):
        enter(call, one, "deleting")
    return {"TransitGatewayConnectPeer": peer_shown(call, one)}


def peer_shown(call: Call, one: ConnectPeer) -> Members:
    inside = ip_network(one.inside[0])
    peer, *gateway = [str(inside[number]) for number in (1, 2, 3)]
    sessions = [
        {
            "TransitGatewayAsn": one.gateway_asn,
            "PeerAsn": one.peer_asn,
            "TransitGatewayAddress": address,
            "PeerAddress": peer,
            "BgpStatus": "down",
        }
        for address in gateway
    ]
    return {
        "TransitGatewayAttachmentId": one.attachment,
        "TransitGatewayConnectPeerId": one.transit_gateway_connect_peer_id,
        "State": one.state,
        "CreationTime": one.created,
        "ConnectPeerConfiguration": {
            "TransitGatewayAddress": one.transit_gateway_address,
            "PeerAddress": one.peer_address,
            "InsideCidrBlocks": one.inside,
            "Protocol": "gre",
            "BgpConfigurations": sessions,
        },
        "Tags": shown_tags(one.tags),
    }
