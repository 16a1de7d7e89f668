"""What connects VPCs of one Region so that the rules of security groups may name groups of the other."""

from __future__ import annotations

from pileus.kernel import Call
from pileus.services.ec2.network.rule_reading import connects

from .peering import VpcPeeringConnection
from .transit_attachments import VPC, Attachment
from .transit_gateways import seen

REFERENCING = "SecurityGroupReferencingSupport"


@connects
def by_peering(call: Call, vpc_id: str, account: str, other_vpc_id: str) -> str:
    """The active peering connection between two VPCs."""
    for one in VpcPeeringConnection.scan(call):
        sides = one.requester, one.accepter
        if one.state == "active" and {side["VpcId"] for side in sides} == {vpc_id, other_vpc_id}:
            return one.vpc_peering_connection_id if {side["Region"] for side in sides} == {call.region} else ""
    return ""


@connects
def by_transit_gateway(call: Call, vpc_id: str, account: str, other_vpc_id: str) -> str:
    """The transit gateway to which both VPCs are attached, where it and both attachments let groups be named."""
    theirs = {one.transit_gateway_id for one in attachments(call.at(account=account), other_vpc_id)}
    for one in attachments(call, vpc_id):
        if one.transit_gateway_id in theirs:
            _, gateway = seen(call, one.transit_gateway_id)
            if gateway.options.get(REFERENCING) == "enable":
                return one.transit_gateway_id
    return ""


def attachments(call: Call, vpc_id: str) -> list[Attachment]:
    found = Attachment.scan(call, vpc_id, index="by_resource")
    return [
        one
        for one in found
        if one.resource_type == VPC and one.state == "available" and one.options.get(REFERENCING) == "enable"
    ]
