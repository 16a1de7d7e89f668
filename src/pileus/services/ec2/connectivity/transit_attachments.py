"""Transit gateway attachments: what is attached to a transit gateway, whatever it is.

The attachments of VPCs, peers, Connect and VPNs are made by the operations of those. An attachment is kept with its own
owner, and with the gateway's, if that is another account.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import BY_RECORD, kind, named
from pileus.services.ec2.network import targets
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.tags import shown_tags

from .lives import BRIEFLY, GONE, REMEMBERED
from .lives import Life as States

ENDED = ("deleting", "deleted", "rejected", "failed")

VPC, VPN, PEERING, CONNECT, DIRECT = "vpc", "vpn", "peering", "connect", "direct-connect-gateway"
CLIENT_VPN, FUNCTION, CONCENTRATOR = "client-vpn", "network-function", "vpn-concentrator"
WIRED = (VPC, VPN, CONCENTRATOR, CLIENT_VPN)
"""What has a network of its own, to which the gateway's is joined."""


@kind(
    "transit-gateway-attachment",
    "tgw-attach",
    missing=(
        "InvalidTransitGatewayAttachmentID.NotFound",
        "Transit Gateway Attachment {} was deleted or does not exist.",
    ),
)
class Attachment(
    Record,
    arn="transit-gateway-attachment/{transit_gateway_attachment_id}",
    cfn="AWS::EC2::TransitGatewayAttachment",
    indexes={"by_gateway": ("transit_gateway_id",), "by_resource": ("resource_id",)},
):
    """Something that is attached to a transit gateway."""

    life: ClassVar[States] = {
        "pending": ("available", BRIEFLY),
        "modifying": ("available", BRIEFLY),
        "initiatingRequest": ("pendingAcceptance", BRIEFLY),
        "rejecting": ("rejected", BRIEFLY),
        "rejected": (GONE, REMEMBERED),
        "deleting": ("deleted", BRIEFLY),
        "deleted": (GONE, REMEMBERED),
    }
    transit_gateway_attachment_id: str
    transit_gateway_id: str
    gateway_owner: str
    resource_type: str
    resource_id: str
    resource_owner: str
    created: float
    parties: list[tuple[str, str]]
    """The accounts and Regions that see it: the gateway's owner is the first."""
    subnet_ids: list[str] = []
    interfaces: dict[str, str] = {}
    """The gateway's network interfaces by their subnets."""
    options: dict[str, Any] = {}
    zones: list[str] = []
    """The zones of a network function."""
    transport: str = ""
    """The attachment that carries this one, for Connect."""
    peer: dict[str, str] = {}
    """The other gateway of a peering: TransitGatewayId, OwnerId, Region."""
    requested: bool = False
    """Whether this side of a peering asked for it."""
    table: str = ""
    """The route table with which it is associated."""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        """Whether it is neither deleted nor about to be."""
        return self.state not in ENDED

    @property
    def usable(self) -> bool:
        """Whether traffic passes."""
        return self.state in ("available", "modifying")

    def entered(self, call: Call, state: str) -> None:
        rewire(call, self.transit_gateway_id)


parts = Life[Attachment]()
"""What ends with one."""

FILTERS = Filters(
    {
        "association.state": lambda one: "associated" if one.table else None,
        "association.transit-gateway-route-table-id": lambda one: one.table or None,
        "resource-id": "resource_id",
        "resource-owner-id": "resource_owner",
        "resource-type": "resource_type",
        "state": "state",
        "transit-gateway-attachment-id": "transit_gateway_attachment_id",
        "transit-gateway-id": "transit_gateway_id",
        "transit-gateway-owner-id": "gateway_owner",
    }
)


@ec2.operation
def describe_transit_gateway_attachments(
    call: Call,
    transit_gateway_attachment_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The attachments of all kinds, of the account's own gateways and of its own networks."""
    return described(
        call,
        Attachment,
        FILTERS,
        "TransitGatewayAttachments",
        shown,
        transit_gateway_attachment_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, one: Attachment) -> Members:
    association = {"TransitGatewayRouteTableId": one.table, "State": "associated"} if one.table else None
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "TransitGatewayId": one.transit_gateway_id,
        "TransitGatewayOwnerId": one.gateway_owner,
        "ResourceOwnerId": one.resource_owner,
        "ResourceType": one.resource_type,
        "ResourceId": one.resource_id,
        "State": one.state,
        "Association": association,
        "CreationTime": one.created,
        "Tags": shown_tags(one.tags),
    }


def reference(one: Attachment) -> Members:
    """An attachment as what speaks of it shows it."""
    return {
        "TransitGatewayAttachmentId": one.transit_gateway_attachment_id,
        "ResourceId": one.resource_id,
        "ResourceType": one.resource_type,
    }


def attached(call: Call, transit_gateway_id: str) -> list[Attachment]:
    """What is attached to a gateway of the account, without what is deleted."""
    return [one for one in Attachment.scan(call, transit_gateway_id, index="by_gateway") if one.present]


def of_kind(call: Call, what: str, kinds: Iterable[str], states: Iterable[str] = ()) -> Attachment:
    """The attachment of that id, if it is one of these kinds and in one of these states."""
    one = named(call, Attachment, what)
    if one.resource_type not in kinds:
        raise BY_RECORD[Attachment].absent(what)
    if states and one.state not in states:
        raise Fault("IncorrectState", f"{what} is in invalid state")
    return one


def listing(
    call: Call,
    kinds: tuple[str, ...],
    fits: Filters,
    member: str,
    show: Any,
    ids: list[str],
    filters: list[Members],
    max_results: int,
    next_token: str,
) -> Members:
    """A page of the attachments of a kind."""
    for what in ids:
        of_kind(call, what, kinds)
    only = Kinds(fits, kinds)
    return described(call, Attachment, only, member, show, ids, filters, max_results, next_token)


class Kinds(Filters):
    """Filters that only see attachments of certain kinds."""

    def __init__(self, fits: Filters, kinds: tuple[str, ...]) -> None:
        self.fits = fits
        self.kinds = kinds

    def test(self, filters: Iterable[Any]) -> Any:
        test = self.fits.test(filters)
        return lambda one: one.resource_type in self.kinds and test(one)


@targets.way("tgw", "TransitGatewayId", needed=True)
def reached(call: Call, vpc_id: str, target: str) -> bool:
    """Whether packets of a VPC that a route leads to a transit gateway get there."""
    there = Attachment.scan(call, vpc_id, index="by_resource")
    return any(one.transit_gateway_id == target and one.present for one in there)


def rewire(call: Call, transit_gateway_id: str) -> None:
    """What a gateway routes has changed: so has what is attached to it."""
    for one in Attachment.scan(call, transit_gateway_id, index="by_gateway"):
        if one.resource_type in WIRED:
            changed(call.at(one.resource_owner), one.resource_id)
        elif one.resource_type == DIRECT:
            changed(call.at(one.gateway_owner), transit_gateway_id)
