"""Where VPN connections lead: to a virtual private gateway, to a transit gateway, or to one by a concentrator."""

from __future__ import annotations

from typing import NamedTuple

from pileus.engines.tunnels import Tunnels
from pileus.kernel import Call
from pileus.services.ec2.kinds import BY_RECORD, named, new_id
from pileus.services.ec2.network.changes import changed

from .lives import enter
from .transit_attachments import CONCENTRATOR, VPN, Attachment
from .transit_gateways import TransitGateway, check_available, seen
from .transit_routes import tells
from .transit_tables import arrived, left
from .vpn_gateways import VpnGateway, available, learn
from .vpn_record import VpnConcentrator, VpnConnection


class Gateway(NamedTuple):
    """What a connection is led to: one of these, or none yet."""

    vpn_gateway_id: str = ""
    transit_gateway_id: str = ""
    vpn_concentrator_id: str = ""


def bind(call: Call, one: VpnConnection, to: Gateway) -> None:
    """Lead a connection to a gateway."""
    one.vpn_gateway_id, one.transit_gateway_id, one.vpn_concentrator_id = to
    if one.vpn_gateway_id:
        available(call, one.vpn_gateway_id)
        refresh(call, one.vpn_gateway_id, one)
    elif one.vpn_concentrator_id:
        shared = concentrator(call, one.vpn_concentrator_id)
        one.transit_gateway_id, one.attachment = shared.transit_gateway_id, shared.attachment
        changed(call, one.vpn_concentrator_id)
    elif one.transit_gateway_id:
        one.attachment = attach(call, one.transit_gateway_id, VPN, one.vpn_connection_id)


def unbind(call: Call, one: VpnConnection) -> None:
    """Lead a connection away from its gateway."""
    if one.vpn_gateway_id:
        refresh(call, one.vpn_gateway_id, one, gone=True)
    elif one.vpn_concentrator_id:
        changed(call, one.vpn_concentrator_id)
    else:
        detach(call, one.attachment)
    one.vpn_gateway_id = one.transit_gateway_id = one.vpn_concentrator_id = one.attachment = ""


def attach(call: Call, transit_gateway_id: str, what: str, resource_id: str) -> str:
    """Attach something of the account's to a transit gateway; the attachment's id."""
    there, gateway = seen(call, transit_gateway_id)
    check_available(gateway)
    attachment = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=transit_gateway_id,
        gateway_owner=gateway.owner,
        resource_type=what,
        resource_id=resource_id,
        resource_owner=call.account,
        created=call.now,
        parties=[(gateway.owner, call.region), (call.account, call.region)],
    )
    enter(call, attachment, "pending")
    arrived(there, gateway, attachment)
    return attachment.transit_gateway_attachment_id


def detach(call: Call, attachment_id: str) -> None:
    if attachment_id and (attachment := Attachment.get(call, attachment_id)):
        left(call.at(attachment.gateway_owner), attachment)
        enter(call, attachment, "deleting")


def concentrator(call: Call, vpn_concentrator_id: str) -> VpnConcentrator:
    """A concentrator that is not deleted."""
    found = named(call, VpnConcentrator, vpn_concentrator_id)
    if not found.present:
        raise BY_RECORD[VpnConcentrator].absent(vpn_concentrator_id)
    return found


def concentrated(call: Call, vpn_concentrator_id: str) -> list[VpnConnection]:
    """The connections of a concentrator."""
    found = VpnConnection.scan(call, vpn_concentrator_id, index="by_concentrator")
    return [one for one in found if one.present]


def refresh(call: Call, vpn_gateway_id: str, this: VpnConnection, gone: bool = False) -> None:
    """Tell a virtual private gateway what is behind its connections, of which one has changed."""
    others = VpnConnection.scan(call, vpn_gateway_id, index="by_gateway")
    those = [one for one in others if one.present and one.vpn_connection_id != this.vpn_connection_id]
    found = [block for one in (*those, *(() if gone else (this,))) for block in blocks(call, one)]
    learn(call, vpn_gateway_id, [*dict.fromkeys(found)])
    changed(call, vpn_gateway_id)


def learn_again(call: Call, vpn_gateway_id: str) -> None:
    """Tell a virtual private gateway what is behind its connections, and behind whatever else leads to it."""
    there = [one for one in VpnConnection.scan(call, vpn_gateway_id, index="by_gateway") if one.present]
    learn(call, vpn_gateway_id, [*dict.fromkeys(block for one in there for block in blocks(call, one))])


def blocks(call: Call, one: VpnConnection) -> list[str]:
    """What is behind a connection. Its static routes are told while a tunnel is up, if tunnels can ever be."""
    if not one.static_only:
        return [*one.told]
    return one.routes if one.up or not tunnelled(call) else []


def tunnelled(call: Call) -> bool:
    """Whether connections have tunnels here, besides records of them."""
    return call.cloud.folder is not None and not Tunnels.available()


def amazon_asn(call: Call, one: VpnConnection) -> int:
    """The autonomous system of a connection's gateway."""
    if one.vpn_gateway_id and (gateway := VpnGateway.get(call, one.vpn_gateway_id)):
        return gateway.asn
    if one.transit_gateway_id:
        transit: TransitGateway = seen(call, one.transit_gateway_id)[1]
        return int(transit.options["AmazonSideAsn"])
    return 64512


@tells(VPN)
def behind(call: Call, attachment: Attachment) -> list[str]:
    """The blocks behind a connection that is attached to a transit gateway."""
    connection = VpnConnection.get(call.at(attachment.resource_owner), attachment.resource_id)
    return blocks(call, connection) if connection else []


@tells(CONCENTRATOR)
def behind_all(call: Call, attachment: Attachment) -> list[str]:
    """The blocks behind the connections of a concentrator."""
    there = concentrated(call.at(attachment.resource_owner), attachment.resource_id)
    return [*dict.fromkeys(block for one in there for block in blocks(call, one))]
