"""Client VPN endpoints that are attached to a transit gateway instead of to a VPC's subnets.

The gateway sees clients under their own addresses, and is told of them.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.network.zones import zone

from .client_vpn import ClientVpnEndpoint, parts, written
from .client_vpn_networks import TargetNetwork, networks
from .lives import enter, save
from .transit_attachments import CLIENT_VPN, Attachment, of_kind
from .transit_gateways import TransitGateway, check_available, seen
from .transit_routes import tells
from .transit_tables import arrived, left


def attach(call: Call, endpoint: ClientVpnEndpoint, wanted: Members) -> None:
    """Attach an endpoint. The owner of a shared gateway is asked first."""
    there, gateway = seen(call, wanted.get("TransitGatewayId", ""))
    check_available(gateway)
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=gateway.transit_gateway_id,
        gateway_owner=gateway.owner,
        resource_type=CLIENT_VPN,
        resource_id=endpoint.client_vpn_endpoint_id,
        resource_owner=call.account,
        created=call.now,
        parties=[(gateway.owner, call.region), (call.account, call.region)],
    )
    endpoint.transit_gateway_id, endpoint.attachment = gateway.transit_gateway_id, made.transit_gateway_attachment_id
    save(call, endpoint)
    asks = gateway.owner != call.account and gateway.options["AutoAcceptSharedAttachments"] != "enable"
    enter(call, made, "pendingAcceptance" if asks else "pending")
    if not asks:
        arrived(there, gateway, made)
        save(call, made)
    for name in zones(call, wanted):
        associate(call, endpoint, name)


def zones(call: Call, wanted: Members) -> list[str]:
    """The names of the zones that are asked for."""
    names, ids = wanted.get("AvailabilityZones", []), wanted.get("AvailabilityZoneIds", [])
    if names and ids:
        raise combination("Specify either AvailabilityZones or AvailabilityZoneIds.")
    return [*(zone(call, name).name for name in names), *(zone(call, zone_id=what).name for what in ids)]


def associate(call: Call, endpoint: ClientVpnEndpoint, zone_name: str) -> TargetNetwork:
    """Let clients come in by a zone."""
    there = networks(call, endpoint.client_vpn_endpoint_id)
    if any(one.zone == zone_name for one in there):
        text = f"The endpoint is already associated with {zone_name}."
        raise Fault("InvalidClientVpnDuplicateAssociation", text)
    made = TargetNetwork(
        association_id=hex_id("cvpn-assoc"),
        endpoint=endpoint.client_vpn_endpoint_id,
        subnet_id="",
        vpc_id="",
        group_ids=[],
        interface="",
        zone=zone_name,
    )
    enter(call, made, "associating")
    return made


def associated(call: Call, endpoint: ClientVpnEndpoint, name: str, zone_id: str) -> TargetNetwork:
    """What AssociateClientVpnTargetNetwork asks for, of an endpoint at a transit gateway."""
    if not name and not zone_id:
        raise missing("AvailabilityZone", "AvailabilityZoneId")
    if name and zone_id:
        raise combination("Specify either AvailabilityZone or AvailabilityZoneId.")
    return associate(call, endpoint, zone(call, name, zone_id).name)


@parts.ends_with
def endpoint_gone(call: Call, endpoint: ClientVpnEndpoint) -> None:
    """Its attachment goes with an endpoint."""
    found = Attachment.get(call, endpoint.attachment) if endpoint.attachment else None
    if found and found.present:
        detach(call, found)


def detach(call: Call, one: Attachment) -> None:
    left(call.at(one.gateway_owner), one)
    enter(call, one, "deleting")


@tells(CLIENT_VPN)
def clients(call: Call, attachment: Attachment) -> list[str]:
    """The addresses of an endpoint's clients."""
    one = ClientVpnEndpoint.get(call.at(attachment.resource_owner), attachment.resource_id)
    return [one.client_cidr_block] if one else []


# For the owner of the gateway


@ec2.operation
def accept_transit_gateway_client_vpn_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Let another account's endpoint onto a gateway of the account."""
    one = _asked(call, transit_gateway_attachment_id)
    enter(call, one, "pending")
    arrived(call, named(call, TransitGateway, one.transit_gateway_id), one)
    save(call, one)
    return _shown(one)


@ec2.operation
def reject_transit_gateway_client_vpn_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Keep another account's endpoint from a gateway of the account."""
    one = _asked(call, transit_gateway_attachment_id)
    enter(call, one, "rejected")
    return _shown(one)


def _asked(call: Call, what: str) -> Attachment:
    return _own(call, of_kind(call, what, (CLIENT_VPN,), ("pendingAcceptance",)))


def _own(call: Call, one: Attachment) -> Attachment:
    if one.gateway_owner != call.account:
        text = f"Only the owner of {one.transit_gateway_id} can do that to {one.transit_gateway_attachment_id}."
        raise Fault("OperationNotPermitted", text)
    return one


@ec2.operation
def delete_transit_gateway_client_vpn_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Take an endpoint off a gateway of the account; it stays, and leads nowhere."""
    one = _own(call, of_kind(call, transit_gateway_attachment_id, (CLIENT_VPN,)))
    if one.present:
        detach(call, one)
    return _shown(one)


def _shown(one: Attachment) -> Members:
    return {
        "TransitGatewayClientVpnAttachment": {
            "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
            "TransitGatewayId": one.transit_gateway_id,
            "ClientVpnEndpointId": one.resource_id,
            "ClientVpnOwnerId": one.resource_owner,
            "State": "pending-acceptance" if one.state == "pendingAcceptance" else one.state,
            "CreationTime": written(one.created),
        }
    }
