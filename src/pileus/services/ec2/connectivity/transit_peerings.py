"""Peering of transit gateways: of other Regions or accounts, or of the same.

Set routes lead over it, and, where routing is dynamic, announced ones (`transit_announcements`).

Both gateways have an attachment of the same id, each kept with its own owner in its own Region.
"""

from __future__ import annotations

import msgspec

from pileus.kernel import Call, Fault, regions
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import combination
from pileus.services.ec2.kinds import BY_RECORD, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .lives import enter
from .transit_attachments import PEERING, Attachment, listing, of_kind
from .transit_gateways import TransitGateway, available
from .transit_tables import arrived_associated, left

FILTERS = Filters(
    {
        "local-owner-id": "gateway_owner",
        "remote-owner-id": "peer.OwnerId",
        "state": "state",
        "transit-gateway-attachment-id": "transit_gateway_attachment_id",
        "transit-gateway-id": "transit_gateway_id",
    }
)


@ec2.operation
def create_transit_gateway_peering_attachment(
    call: Call,
    transit_gateway_id: str,
    peer_transit_gateway_id: str,
    peer_account_id: str,
    peer_region: str,
    options: Members = {},
    tag_specifications: list[Members] = [],
) -> Members:
    """Ask the owner of another gateway to peer with one of the account's."""
    gateway = available(call, transit_gateway_id)
    if not regions.is_region(peer_region):
        raise Fault("InvalidParameterValue", f"Value ({peer_region}) for parameter peerRegion is invalid.")
    there = call.at(peer_account_id, peer_region)
    other = TransitGateway.get(there, peer_transit_gateway_id)
    if other is None or other.state in ("deleting", "deleted"):
        raise BY_RECORD[TransitGateway].absent(peer_transit_gateway_id)
    if peer_transit_gateway_id == transit_gateway_id:
        raise Fault("InvalidParameterValue", "A transit gateway cannot be peered with itself.")
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.present and one.peer.get("TransitGatewayId") == peer_transit_gateway_id:
            text = f"{transit_gateway_id} has non-deleted peering attachments with {peer_transit_gateway_id}."
            raise Fault("DuplicateTransitGatewayAttachment", text)
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=transit_gateway_id,
        gateway_owner=gateway.owner,
        resource_type=PEERING,
        resource_id=peer_transit_gateway_id,
        resource_owner=peer_account_id,
        created=call.now,
        parties=[(call.account, call.region)],
        options=dict(options),
        peer=_info(other, peer_region),
        requested=True,
        tags=specified(tag_specifications, "transit-gateway-attachment"),
    )
    mirrored = msgspec.structs.replace(
        made,
        transit_gateway_id=peer_transit_gateway_id,
        gateway_owner=peer_account_id,
        resource_id=transit_gateway_id,
        resource_owner=call.account,
        parties=[(peer_account_id, peer_region)],
        peer=_info(gateway, call.region),
        requested=False,
        tags={},
    )
    enter(call, made, "initiatingRequest")
    enter(there, mirrored, "initiatingRequest")
    return {"TransitGatewayPeeringAttachment": shown(call, made)}


def _info(gateway: TransitGateway, region: str) -> dict[str, str]:
    return {"TransitGatewayId": gateway.transit_gateway_id, "OwnerId": gateway.owner, "Region": region}


@ec2.operation
def accept_transit_gateway_peering_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Peer with a gateway whose owner has asked for it."""
    mine, other = _asked(call, transit_gateway_attachment_id)
    for there, one in (mine, other):
        enter(there, one, "pending")
        if gateway := TransitGateway.get(there, one.transit_gateway_id):
            arrived_associated(there, gateway, one)
    return {"TransitGatewayPeeringAttachment": shown(call, mine[1])}


@ec2.operation
def reject_transit_gateway_peering_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """Refuse to peer."""
    mine, other = _asked(call, transit_gateway_attachment_id)
    for there, one in (mine, other):
        enter(there, one, "rejecting")
    return {"TransitGatewayPeeringAttachment": shown(call, mine[1])}


def _asked(call: Call, what: str) -> tuple[tuple[Call, Attachment], tuple[Call, Attachment]]:
    one = of_kind(call, what, (PEERING,), ("pendingAcceptance",))
    if one.requested:
        raise Fault("InvalidTransitGatewayAttachmentID.NotFound", f"{what} is not yours to accept or reject.")
    return (call, one), _other(call, one)


def _other(call: Call, one: Attachment) -> tuple[Call, Attachment]:
    """The same peering as the other gateway has it."""
    there = call.at(one.peer["OwnerId"], one.peer["Region"])
    other = Attachment.get(there, one.transit_gateway_attachment_id)
    assert other
    return there, other


@ec2.operation
def delete_transit_gateway_peering_attachment(call: Call, transit_gateway_attachment_id: str) -> Members:
    """End a peering, from either side."""
    one = of_kind(call, transit_gateway_attachment_id, (PEERING,))
    if one.present:
        for there, side in ((call, one), _other(call, one)):
            left(there, side)
            enter(there, side, "deleting")
    return {"TransitGatewayPeeringAttachment": shown(call, one)}


@ec2.operation
def modify_transit_gateway_peering_attachment(
    call: Call, transit_gateway_attachment_id: str, options: Members = {}
) -> Members:
    """Allow multipath resilience for the account's side; there is some when both sides allow it."""
    one = of_kind(call, transit_gateway_attachment_id, (PEERING,), ("available",))
    allowed, mode = options.get("AllowMultipathResilience"), options.get("MultipathResilienceMode")
    if one.peer["Region"] == call.region:
        raise Fault("UnsupportedOperation", "Multipath resilience is not supported for peering in the same Region.")
    if mode and not allowed:
        raise combination("MultipathResilienceMode needs AllowMultipathResilience.")
    side = "Requester" if one.requested else "Accepter"
    there, other = _other(call, one)
    for at, record in ((call, one), (there, other)):
        if allowed is not None:
            record.options = record.options | {f"{side}AllowMultipathResilience": allowed}
            record.options.pop(f"{side}MultipathResilienceMode", None)
        if mode:
            record.options[f"{side}MultipathResilienceMode"] = mode
        both = [record.options.get(f"{each}AllowMultipathResilience", False) for each in ("Requester", "Accepter")]
        record.options["MultipathResilienceStatus"] = "enabled" if all(both) else "pending" if any(both) else "disabled"
        enter(at, record, "modifying")
    return {"TransitGatewayPeeringAttachment": shown(call, one)}


@ec2.operation
def describe_transit_gateway_peering_attachments(
    call: Call,
    transit_gateway_attachment_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The peerings of the account's gateways in the Region."""
    ids, member = transit_gateway_attachment_ids, "TransitGatewayPeeringAttachments"
    return listing(call, (PEERING,), FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Attachment) -> Members:
    mine = {"TransitGatewayId": one.transit_gateway_id, "OwnerId": one.gateway_owner, "Region": call.region}
    requester, accepter = (mine, one.peer) if one.requested else (one.peer, mine)
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "AccepterTransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "RequesterTgwInfo": requester,
        "AccepterTgwInfo": accepter,
        "Options": one.options or None,
        "Status": {"Code": one.state},
        "State": one.state,
        "CreationTime": one.created,
        "Tags": shown_tags(one.tags),
    }
