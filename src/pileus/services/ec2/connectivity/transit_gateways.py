"""Transit gateways: routers of a Region, to which VPCs and other networks are attached.

What makes and deletes them is in `transit_making`, the tables by which they route in `transit_tables`. Encryption
between attachments is left out.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.paging import every
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import BY_RECORD, kind, named
from pileus.services.ec2.tags import shown_tags

from . import homes
from .lives import USUAL, Life

SHARED = "ec2:TransitGateway"


@kind(
    "transit-gateway",
    "tgw",
    missing=("InvalidTransitGatewayID.NotFound", "Transit Gateway {} was deleted or does not exist."),
)
class TransitGateway(Record, arn="transit-gateway/{transit_gateway_id}", cfn="AWS::EC2::TransitGateway"):
    """A transit gateway."""

    life: ClassVar[Life] = USUAL
    transit_gateway_id: str
    description: str
    options: dict[str, Any]
    owner: str
    created: float
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "options.propagation-default-route-table-id": "options.PropagationDefaultRouteTableId",
        "options.amazon-side-asn": "options.AmazonSideAsn",
        "options.association-default-route-table-id": "options.AssociationDefaultRouteTableId",
        "options.auto-accept-shared-attachments": "options.AutoAcceptSharedAttachments",
        "options.default-route-table-association": "options.DefaultRouteTableAssociation",
        "options.default-route-table-propagation": "options.DefaultRouteTablePropagation",
        "options.dns-support": "options.DnsSupport",
        "options.vpn-ecmp-support": "options.VpnEcmpSupport",
        "owner-id": "owner",
        "state": "state",
        "transit-gateway-id": "transit_gateway_id",
    }
)


@ec2.operation
def describe_transit_gateways(
    call: Call,
    transit_gateway_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's transit gateways, and with its last page those that others share with it."""
    if transit_gateway_ids:
        test = FILTERS.test(filters)
        found = [seen(call, what)[1] for what in dict.fromkeys(transit_gateway_ids)]
        return {"TransitGateways": [shown(call, one) for one in found if test(one)]}
    page = described(call, TransitGateway, FILTERS, "TransitGateways", shown, (), filters, max_results, next_token)
    if "NextToken" not in page:
        test = FILTERS.test(filters)
        page["TransitGateways"] += [shown(call, one) for one in received(call) if test(one)]
    return page


# For the rest of the package


def shown(call: Call, gateway: TransitGateway) -> Members:
    """A gateway as its operations show it."""
    return {
        "TransitGatewayId": gateway.transit_gateway_id,
        "TransitGatewayArn": gateway.arn(call.at(gateway.owner)),
        "State": gateway.state,
        "OwnerId": gateway.owner,
        "Description": gateway.description,
        "CreationTime": gateway.created,
        "Options": gateway.options,
        "Tags": shown_tags(gateway.tags if gateway.owner == call.account else {}),
    }


def seen(call: Call, transit_gateway_id: str) -> tuple[Call, TransitGateway]:
    """A gateway that is the account's own, or shared with it; and a call that looks at its owner."""
    if gateway := TransitGateway.get(call, transit_gateway_id):
        return call, gateway
    there = homes.of(call, transit_gateway_id)
    if there and there.region == call.region:
        gateway = TransitGateway.get(there, transit_gateway_id)
        if gateway and shared(call, gateway.arn(there)):
            return there, gateway
    kind = BY_RECORD[TransitGateway]
    kind.check(transit_gateway_id)
    raise kind.absent(transit_gateway_id)


def available(call: Call, transit_gateway_id: str) -> TransitGateway:
    """The account's own gateway, if it can be used now."""
    gateway = named(call, TransitGateway, transit_gateway_id)
    check_available(gateway)
    return gateway


def check_available(gateway: TransitGateway) -> None:
    if gateway.state in ("deleting", "deleted"):
        raise BY_RECORD[TransitGateway].absent(gateway.transit_gateway_id)
    if gateway.state != "available":
        raise Fault("IncorrectState", f"{gateway.transit_gateway_id} is in invalid state")


def shared(call: Call, arn: str) -> bool:
    """Whether a resource share gives the account this resource of another one."""
    found = call.aws("ram").list_resources(resource_owner="OTHER-ACCOUNTS", resource_arns=[arn])
    return bool(found["resources"])


def received(call: Call) -> list[TransitGateway]:
    """The gateways that other accounts share with this one."""
    if not homes.any_of(call, "tgw-"):
        return []
    found = every(call.aws("ram").list_resources, "resources", token="nextToken", resource_owner="OTHER-ACCOUNTS")
    ids = {one["arn"].rpartition("/")[2] for one in found if one["type"] == SHARED}
    theirs = [(there, what) for what in sorted(ids) if (there := homes.of(call, what)) and there.region == call.region]
    return [gateway for there, what in theirs if (gateway := TransitGateway.get(there, what))]


@ec2.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a transit gateway of the account."""
    kind, _, what = arn.rpartition(":")[2].partition("/")
    return kind == "transit-gateway" and TransitGateway.get(call, what) is not None
