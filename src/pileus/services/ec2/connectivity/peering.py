"""VPC peering: two VPCs that reach each other, of one account or two, of one Region or two. It is not transitive.

Each side keeps the connection with tags of its own. A request that nobody answers expires after seven days.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record, regions
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, missing, unsupported
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network import targets
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.network.vpcs import life as vpc_life
from pileus.services.ec2.tags import shown_tags, specified

from .lives import BRIEFLY, GONE, Life, enter, save

MOST_ACTIVE, MOST_WAITING = 50, 25
"""Active connections of a VPC, and requests of an account that wait ("Amazon VPC quotas")."""
WEEK = 7 * 86400.0
TWO_DAYS, TWO_HOURS = 2 * 86400.0, 7200.0
"""For how long a request shows that it was rejected or has expired; and a connection that it was deleted."""

MESSAGES = {
    "pending-acceptance": "Pending Acceptance by {accepter}",
    "provisioning": "Provisioning",
    "active": "Active",
    "deleting": "Deleting",
    "deleted": "Deleted by {deleter}",
    "rejected": "Rejected by {accepter}",
    "expired": "Expired",
}


@kind(
    "vpc-peering-connection",
    "pcx",
    missing=("InvalidVpcPeeringConnectionID.NotFound", "The vpcPeeringConnection ID '{}' does not exist"),
)
class VpcPeeringConnection(
    Record,
    arn="vpc-peering-connection/{vpc_peering_connection_id}",
    cfn="AWS::EC2::VPCPeeringConnection",
    indexes={"by_requester": ("requester_vpc",), "by_accepter": ("accepter_vpc",)},
):
    """A peering connection: the requester's side and the accepter's, each a structure in wire names."""

    life: ClassVar[Life] = {
        "initiating-request": ("pending-acceptance", BRIEFLY / 2),
        "pending-acceptance": ("expired", WEEK),
        "provisioning": ("active", BRIEFLY / 2),
        "deleting": ("deleted", BRIEFLY / 2),
        "deleted": (GONE, TWO_HOURS),
        "rejected": (GONE, TWO_DAYS),
        "expired": (GONE, TWO_DAYS),
        "failed": (GONE, TWO_HOURS),
    }
    vpc_peering_connection_id: str
    requester_vpc: str
    accepter_vpc: str
    requester: dict[str, Any]
    accepter: dict[str, Any]
    parties: list[tuple[str, str]]
    expires: float
    message: str = ""
    deleter: str = ""
    state: str = "initiating-request"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def status(self) -> str:
        if self.state == "failed":
            return self.message
        text = MESSAGES.get(self.state, "Initiating Request to {accepter}")
        return text.format(accepter=self.accepter["OwnerId"], deleter=self.deleter)

    @property
    def present(self) -> bool:
        return self.state in ("initiating-request", "pending-acceptance", "provisioning", "active")

    def entered(self, call: Call, state: str) -> None:
        rewire(call, self)


FILTERS = Filters(
    {
        "accepter-vpc-info.cidr-block": "accepter.CidrBlock",
        "accepter-vpc-info.owner-id": "accepter.OwnerId",
        "accepter-vpc-info.vpc-id": "accepter.VpcId",
        "expiration-time": "expires",
        "requester-vpc-info.cidr-block": "requester.CidrBlock",
        "requester-vpc-info.owner-id": "requester.OwnerId",
        "requester-vpc-info.vpc-id": "requester.VpcId",
        "status-code": "state",
        "status-message": "status",
        "vpc-peering-connection-id": "vpc_peering_connection_id",
    }
)


@ec2.operation
def create_vpc_peering_connection(
    call: Call,
    vpc_id: str,
    peer_vpc_id: str = "",
    peer_owner_id: str = "",
    peer_region: str = "",
    tag_specifications: list[Members] = [],
    requester_peering_connection_options: Members = {},
) -> Members:
    """Ask the owner of another VPC to peer. What cannot be becomes a connection that has failed, as on AWS."""
    if not peer_vpc_id:
        raise missing("peerVpcId")
    region, owner = peer_region or call.region, peer_owner_id or call.account
    if not regions.is_region(region):
        raise Fault("InvalidParameterValue", f"Value ({region}) for parameter peerRegion is invalid.")
    mine = named(call, Vpc, vpc_id)
    there = call.at(owner, region)
    other = Vpc.get(there, peer_vpc_id)
    if earlier := _between(call, vpc_id, peer_vpc_id):
        return {"VpcPeeringConnection": shown(call, earlier)}
    check_limits(call, vpc_id)
    made = VpcPeeringConnection(
        vpc_peering_connection_id=new_id(VpcPeeringConnection),
        requester_vpc=vpc_id,
        accepter_vpc=peer_vpc_id,
        requester=side(call, vpc_id, mine),
        accepter=side(there, peer_vpc_id, None),
        parties=[(call.account, call.region), (owner, region)],
        expires=call.now + WEEK,
        message=unfit(mine, other),
        tags=specified(tag_specifications, "vpc-peering-connection"),
    )
    check_resilience(made, requester_peering_connection_options)
    made.requester["PeeringOptions"] |= requester_peering_connection_options
    if made.message:
        made.parties = made.parties[:1]
    enter(call, made, "failed" if made.message else "initiating-request")
    return {"VpcPeeringConnection": shown(call, made)}


def check_limits(call: Call, vpc_id: str) -> None:
    """Raise where a VPC has as many connections as it may, or the account has asked for as many."""
    active = [one for one in of_vpc(call, vpc_id) if one.state == "active"]
    if len(active) >= MOST_ACTIVE:
        text = f"The VPC {vpc_id} has reached the maximum number of active VPC peering connections ({MOST_ACTIVE})."
        raise Fault("ActiveVpcPeeringConnectionPerVpcLimitExceeded", text)
    waiting = [one for one in VpcPeeringConnection.scan(call) if one.state == "pending-acceptance"]
    if len([one for one in waiting if one.requester["OwnerId"] == call.account]) >= MOST_WAITING:
        text = f"The maximum number of outstanding VPC peering connection requests ({MOST_WAITING}) has been reached."
        raise Fault("OutstandingVpcPeeringConnectionLimitExceeded", text)


def side(call: Call, vpc_id: str, vpc: Vpc | None) -> Members:
    """One side of a connection; the accepter's addresses are told when it has accepted."""
    info: Members = {"VpcId": vpc_id, "OwnerId": call.account, "Region": call.region}
    if vpc:
        ranges = vpc.ranges()
        info["CidrBlock"] = vpc.cidr_block
        info["CidrBlockSet"] = [{"CidrBlock": block} for block in ranges if ":" not in block]
        info["Ipv6CidrBlockSet"] = [{"Ipv6CidrBlock": block} for block in ranges if ":" in block] or None
    return info | {"PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": False}}


def unfit(mine: Vpc, other: Vpc | None) -> str:
    """Why two VPCs cannot peer; empty if they can."""
    if other is None or mine.vpc_id == other.vpc_id:
        return "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"
    if any(_overlap(one, another) for one in mine.ranges() for another in other.ranges()):
        return "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"
    return ""


def _overlap(one: str, another: str) -> bool:
    first, second = ip_network(one), ip_network(another)
    return first.version == second.version and first.overlaps(second)


def _between(call: Call, one: str, another: str) -> VpcPeeringConnection | None:
    """A connection that there is, or that is asked for, between two VPCs."""
    for found in of_vpc(call, one):
        if found.present and another in (found.requester_vpc, found.accepter_vpc):
            return found
    return None


def of_vpc(call: Call, vpc_id: str) -> list[VpcPeeringConnection]:
    """The connections that a VPC has, or had of late, on either side."""
    asked = VpcPeeringConnection.scan(call, vpc_id, index="by_requester")
    return [*asked, *VpcPeeringConnection.scan(call, vpc_id, index="by_accepter")]


@ec2.operation
def accept_vpc_peering_connection(call: Call, vpc_peering_connection_id: str) -> Members:
    """Accept what another VPC's owner has asked for."""
    found = asked(call, vpc_peering_connection_id, "accept")
    here = named(call, Vpc, found.accepter["VpcId"])
    requester = found.requester
    vpc = Vpc.get(call.at(requester["OwnerId"], requester["Region"]), requester["VpcId"])
    found.message = unfit(here, vpc)
    found.accepter |= {**side(call, here.vpc_id, here)}
    enter(call, found, "failed" if found.message else "provisioning")
    return {"VpcPeeringConnection": shown(call, found)}


@ec2.operation
def reject_vpc_peering_connection(call: Call, vpc_peering_connection_id: str) -> Members:
    """Refuse what another VPC's owner has asked for."""
    enter(call, asked(call, vpc_peering_connection_id, "reject"), "rejected")
    return {"Return": True}


def asked(call: Call, what: str, verb: str) -> VpcPeeringConnection:
    """A connection that waits for the account and Region of the call to answer."""
    found = named(call, VpcPeeringConnection, what)
    accepter = found.accepter
    if accepter["OwnerId"] != call.account:
        text = f"User {call.account} cannot {verb} peering {what}"
        raise Fault("OperationNotPermitted", text)
    if accepter["Region"] != call.region:
        text = (
            f"Incorrect region ({call.region}) specified for this request. VPC peering connection {what} must be "
            f"{verb}ed in region {accepter['Region']}"
        )
        raise Fault("OperationNotPermitted", text)
    if found.state not in ("pending-acceptance", "initiating-request"):
        text = f"VPC peering connection {what} is not in the pending-acceptance state: {found.state}."
        raise Fault("InvalidStateTransition", text)
    return found


@ec2.operation
def delete_vpc_peering_connection(call: Call, vpc_peering_connection_id: str) -> Members:
    """End a connection, from either side; or take a request back."""
    found = named(call, VpcPeeringConnection, vpc_peering_connection_id)
    if found.state in ("rejected", "expired", "failed"):
        text = (
            f"Invalid state transition for {vpc_peering_connection_id}, attempting to transition from {found.state} "
            "to deleting"
        )
        raise Fault("InvalidStateTransition", text)
    end(call, found)
    return {"Return": True}


def end(call: Call, found: VpcPeeringConnection) -> None:
    if found.present:
        found.deleter = call.account
        enter(call, found, "deleting")
        rewire(call, found)


@vpc_life.ends_with
def without(call: Call, vpc: Vpc) -> None:
    """A VPC that is deleted takes its connections with it."""
    for found in of_vpc(call, vpc.vpc_id):
        end(call, found)


@ec2.operation
def modify_vpc_peering_connection_options(
    call: Call,
    vpc_peering_connection_id: str,
    requester_peering_connection_options: Members = {},
    accepter_peering_connection_options: Members = {},
) -> Members:
    """Let the names of one VPC be resolved to private addresses in the other; each owner says it for its own side."""
    found = named(call, VpcPeeringConnection, vpc_peering_connection_id)
    if found.state != "active":
        text = f"Peering connection {vpc_peering_connection_id} is not active."
        raise Fault("OperationNotPermitted", text)
    given = {"Requester": requester_peering_connection_options, "Accepter": accepter_peering_connection_options}
    for role, options in given.items():
        if not options:
            continue
        info = found.requester if role == "Requester" else found.accepter
        if (info["OwnerId"], info["Region"]) != (call.account, call.region):
            text = f"User {call.account} cannot modify the {role.lower()} options of {vpc_peering_connection_id}."
            raise Fault("OperationNotPermitted", text)
        if any(value for name, value in options.items() if "ClassicLink" in name):
            raise unsupported("ClassicLink is not supported.")
        check_resilience(found, options)
        info["PeeringOptions"] |= options
    save(call, found)
    rewire(call, found)
    return {
        "RequesterPeeringConnectionOptions": found.requester["PeeringOptions"] if given["Requester"] else None,
        "AccepterPeeringConnectionOptions": found.accepter["PeeringOptions"] if given["Accepter"] else None,
    }


@ec2.operation
def describe_vpc_peering_connections(
    call: Call,
    vpc_peering_connection_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The connections of the account's VPCs in the Region, whoever asked for them."""
    ids, member = vpc_peering_connection_ids, "VpcPeeringConnections"
    return described(call, VpcPeeringConnection, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, found: VpcPeeringConnection) -> Members:
    return {
        "VpcPeeringConnectionId": found.vpc_peering_connection_id,
        "RequesterVpcInfo": found.requester,
        "AccepterVpcInfo": found.accepter,
        "ExpirationTime": found.expires if found.state in ("initiating-request", "pending-acceptance") else None,
        "Status": {"Code": found.state, "Message": found.status},
        "MultipathResilienceStatus": resilience(found),
        "Tags": shown_tags(found.tags),
    }


def resilience(found: VpcPeeringConnection) -> str | None:
    """Whether both sides allow multipath resilience, which there is between two Regions only."""
    if found.requester["Region"] == found.accepter["Region"]:
        return None
    both = [info["PeeringOptions"].get("AllowMultipathResilience", False) for info in (found.requester, found.accepter)]
    return "enabled" if all(both) else "pending" if any(both) else "disabled"


def check_resilience(found: VpcPeeringConnection, options: Members) -> None:
    if options.get("MultipathResilienceMode") and not options.get("AllowMultipathResilience"):
        raise combination("MultipathResilienceMode needs AllowMultipathResilience.")
    if "AllowMultipathResilience" in options and found.requester["Region"] == found.accepter["Region"]:
        raise unsupported("Multipath resilience is not supported for peering in the same Region.")


# For what wires VPCs


@targets.way("pcx", "VpcPeeringConnectionId")
def reached(call: Call, vpc_id: str, target: str) -> bool:
    """Whether packets of a VPC get to the other side."""
    found = VpcPeeringConnection.get(call, target)
    return found is not None and found.state == "active"


def rewire(call: Call, found: VpcPeeringConnection) -> None:
    for info in (found.requester, found.accepter):
        changed(call.at(info["OwnerId"], info["Region"]), info["VpcId"])


def peers(call: Call, vpc_id: str) -> list[tuple[VpcPeeringConnection, Members]]:
    """The active connections of a VPC, each with the side that is not the VPC's."""
    found = []
    for one in of_vpc(call, vpc_id):
        if one.state == "active":
            for mine, other in ((one.requester, one.accepter), (one.accepter, one.requester)):
                if (mine["VpcId"], mine["OwnerId"], mine["Region"]) == (vpc_id, call.account, call.region):
                    found.append((one, other))
    return found
