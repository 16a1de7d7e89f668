"""Lines that other services have laid to gateways: Direct Connect's virtual interfaces, and its gateways.

A virtual private gateway learns what is behind them; a transit gateway has an attachment for each.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.kernel.cables import Cable, lands, leading_to
from pileus.services.ec2.kinds import new_id
from pileus.services.ec2.network.changes import changed

from .lives import enter, save
from .transit_attachments import DIRECT, Attachment, rewire
from .transit_gateways import TransitGateway
from .transit_routes import tells
from .transit_tables import arrived, left
from .vpn_ends import learn_again
from .vpn_gateways import VpnGateway


@lands("vgw")
def at_gateway(call: Call, cable: Cable, there: bool) -> None:
    """A line to a virtual private gateway, or something else behind it."""
    if VpnGateway.get(call, cable.to) is None:
        return
    learn_again(call, cable.to)
    changed(call, cable.to)


@lands("tgw")
def at_hub(call: Call, cable: Cable, there: bool) -> None:
    """A line to a transit gateway, which is attached as long as it is there; or something else behind it."""
    gateway = TransitGateway.get(call, cable.to)
    if gateway is None:
        return
    found = attachment(call, cable)
    if there and found is None:
        attach(call, gateway, cable)
    elif found and not there:
        left(call, found)
        enter(call, found, "deleting")
    rewire(call, cable.to)


def attachment(call: Call, cable: Cable) -> Attachment | None:
    """The attachment of a line."""
    for one in Attachment.scan(call, cable.to, index="by_gateway"):
        if one.resource_type == DIRECT and one.resource_id == cable.network and one.present:
            return one
    return None


def attach(call: Call, gateway: TransitGateway, cable: Cable) -> None:
    made = Attachment(
        transit_gateway_attachment_id=new_id(Attachment),
        transit_gateway_id=cable.to,
        gateway_owner=call.account,
        resource_type=DIRECT,
        resource_id=cable.network,
        resource_owner=cable.account,
        created=call.now,
        parties=[(call.account, call.region)],
    )
    enter(call, made, "available")
    arrived(call, gateway, made)
    save(call, made)


@tells(DIRECT)
def behind(call: Call, one: Attachment) -> list[str]:
    """What customers tell by a line to a transit gateway."""
    cable = line(call, one)
    return [*cable.told] if cable else []


def line(call: Call, one: Attachment) -> Cable | None:
    """The line of an attachment."""
    return next((each for each in leading_to(call, one.transit_gateway_id) if each.network == one.resource_id), None)
