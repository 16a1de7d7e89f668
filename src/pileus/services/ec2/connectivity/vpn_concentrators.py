"""VPN concentrators: many connections of small sites, attached to a transit gateway as one. All of them speak BGP."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .lives import enter
from .transit_attachments import CONCENTRATOR
from .vpn_ends import attach, concentrated, detach
from .vpn_record import VpnConcentrator

MOST = 10

FILTERS = Filters(
    {
        "state": "state",
        "transit-gateway-attachment-id": "attachment",
        "transit-gateway-id": "transit_gateway_id",
        "type": "type",
        "vpn-concentrator-id": "vpn_concentrator_id",
    }
)


@ec2.operation
def create_vpn_concentrator(
    call: Call,
    type: str,  # noqa: A002 (the member's name)
    transit_gateway_id: str = "",
    tag_specifications: list[Members] = [],
) -> Members:
    """Make a concentrator, which is attached to a transit gateway from then on."""
    if not transit_gateway_id:
        raise missing("TransitGatewayId")
    if len([one for one in VpnConcentrator.scan(call) if one.present]) >= MOST:
        raise Fault(
            "VpnConcentratorLimitExceeded", f"The maximum number of VPN concentrators ({MOST}) has been reached."
        )
    what = new_id(VpnConcentrator)
    made = VpnConcentrator(
        vpn_concentrator_id=what,
        type=type,
        transit_gateway_id=transit_gateway_id,
        attachment=attach(call, transit_gateway_id, CONCENTRATOR, what),
        tags=specified(tag_specifications, "vpn-concentrator"),
    )
    enter(call, made, "pending")
    return {"VpnConcentrator": shown(call, made)}


@ec2.operation
def describe_vpn_concentrators(
    call: Call,
    vpn_concentrator_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's concentrators."""
    ids, member = vpn_concentrator_ids, "VpnConcentrators"
    return described(call, VpnConcentrator, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: VpnConcentrator) -> Members:
    return {
        "VpnConcentratorId": one.vpn_concentrator_id,
        "State": one.state,
        "TransitGatewayId": one.transit_gateway_id,
        "TransitGatewayAttachmentId": one.attachment,
        "Type": one.type,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_vpn_concentrator(call: Call, vpn_concentrator_id: str) -> Members:
    """Delete a concentrator to which no connection leads."""
    one = named(call, VpnConcentrator, vpn_concentrator_id)
    if ids := [found.vpn_connection_id for found in concentrated(call, vpn_concentrator_id)]:
        raise Fault("IncorrectState", f"{vpn_concentrator_id} has non-deleted VPN connections: {', '.join(ids)}.")
    if one.present:
        detach(call, one.attachment)
        enter(call, one, "deleting")
    return {"Return": True}
