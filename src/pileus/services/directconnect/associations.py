"""Associations of Direct Connect gateways with virtual private and transit gateways, and proposals of such.

A gateway of another account is associated when its owner has proposed it and the Direct Connect gateway's has accepted.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.names import uuid4

from . import absent, directconnect, refused
from .changes import changed
from .checks import checked_blocks as blocks
from .connections import paged
from .gateways import gateway
from .interfaces import vpn_gateway
from .states import GONE, Life, enter, living

Members = dict[str, Any]

PRIVATE, TRANSIT = "virtualPrivateGateway", "transitGateway"
MOST = {PRIVATE: 20, TRANSIT: 6}
"""Associations of a gateway by their kind."""


@living
class Association(Record, cfn="AWS::DirectConnect::DirectConnectGatewayAssociation", scope="account"):
    """An association, as the owner of the Direct Connect gateway has it."""

    life: ClassVar[Life] = {
        "associating": ("associated", 2.0),
        "updating": ("associated", 2.0),
        "disassociating": (GONE, 2.0),
    }
    association_id: str
    gateway_id: str
    gateway_owner: str
    associated: dict[str, str]
    """The other gateway: id, type, ownerAccount, region."""
    prefixes: list[str]
    state: str = "associating"
    since: float = 0.0

    @property
    def present(self) -> bool:
        return self.state != "disassociating"

    def entered(self, call: Call) -> None:
        changed(call, self.gateway_owner)


@directconnect.operation
def create_direct_connect_gateway_association(
    call: Call,
    direct_connect_gateway_id: str,
    gateway_id: str = "",
    add_allowed_prefixes_to_direct_connect_gateway: list[Members] = [],
    virtual_gateway_id: str = "",
) -> Members:
    """Associate a gateway of the account."""
    what = gateway_id or virtual_gateway_id
    prefixes = blocks(add_allowed_prefixes_to_direct_connect_gateway)
    made = associate(call, direct_connect_gateway_id, described(call, what), prefixes)
    return {"directConnectGatewayAssociation": shown(made)}


def associate(call: Call, gateway_id: str, associated: dict[str, str], prefixes: list[str]) -> Association:
    """Associate a gateway of any account with one of the caller's."""
    gateway(call, gateway_id)
    kind = associated["type"]
    if kind == TRANSIT and not prefixes:
        raise refused("Allowed prefixes are required for a transit gateway")
    there = [one for one in Association.scan(call) if one.present]
    if any(one.associated["id"] == associated["id"] and one.gateway_id == gateway_id for one in there):
        raise refused(f"{associated['id']} is already associated with {gateway_id}")
    mine = [one for one in there if one.gateway_id == gateway_id]
    if any(one.associated["type"] != kind for one in mine):
        raise refused("A Direct Connect gateway has associations of one kind only")
    if len(mine) >= MOST[kind]:
        raise refused(f"{gateway_id} has the maximum number of associations")
    made = Association(uuid4(), gateway_id, call.account, associated, prefixes or blocks_of(call, associated))
    enter(call, made, "associating")
    return made


def described(call: Call, what: str) -> dict[str, str]:
    """A gateway of the caller's Region and account, as associations show it."""
    if what.startswith("tgw-"):
        try:
            found = call.aws("ec2").describe_transit_gateways(transit_gateway_ids=[what])["TransitGateways"]
        except Fault:
            raise absent("Transit Gateway", what) from None
        return {"id": what, "type": TRANSIT, "ownerAccount": found[0]["OwnerId"], "region": call.region}
    vpn_gateway(call, what)
    return {"id": what, "type": PRIVATE, "ownerAccount": call.account, "region": call.region}


def blocks_of(call: Call, associated: dict[str, str]) -> list[str]:
    """What a VPC's gateway tells where nothing else is allowed: the VPC's own blocks."""
    there = call.at(associated["ownerAccount"], associated["region"])
    found = vpn_gateway(there, associated["id"])["VpcAttachments"]
    if not found:
        return []
    vpc = there.aws("ec2").describe_vpcs(vpc_ids=[found[0]["VpcId"]])["Vpcs"][0]
    return [one["CidrBlock"] for one in vpc["CidrBlockAssociationSet"]]


def shown(one: Association) -> Members:
    private = one.associated["type"] == PRIVATE
    return {
        "directConnectGatewayId": one.gateway_id,
        "directConnectGatewayOwnerAccount": one.gateway_owner,
        "associationState": one.state,
        "associatedGateway": one.associated,
        "associationId": one.association_id,
        "allowedPrefixesToDirectConnectGateway": [{"cidr": block} for block in one.prefixes],
        "virtualGatewayId": one.associated["id"] if private else None,
        "virtualGatewayRegion": one.associated["region"] if private else None,
        "virtualGatewayOwnerAccount": one.associated["ownerAccount"] if private else None,
    }


@directconnect.operation
def describe_direct_connect_gateway_associations(
    call: Call,
    association_id: str = "",
    associated_gateway_id: str = "",
    direct_connect_gateway_id: str = "",
    max_results: int = 0,
    next_token: str = "",
    virtual_gateway_id: str = "",
) -> Members:
    """The associations of the account's gateways."""
    what = associated_gateway_id or virtual_gateway_id
    found = [
        shown(one)
        for one in Association.scan(call)
        if association_id in ("", one.association_id)
        and direct_connect_gateway_id in ("", one.gateway_id)
        and what in ("", one.associated["id"])
    ]
    return paged(call, "directConnectGatewayAssociations", found, max_results, next_token)


def found(call: Call, association_id: str, gateway_id: str = "", virtual_gateway_id: str = "") -> Association:
    for one in Association.scan(call):
        pair = (one.gateway_id, one.associated["id"])
        if one.association_id == association_id or pair == (gateway_id, virtual_gateway_id):
            return one
    raise absent("Direct Connect Gateway Association", association_id or virtual_gateway_id)


@directconnect.operation
def update_direct_connect_gateway_association(
    call: Call,
    association_id: str = "",
    add_allowed_prefixes_to_direct_connect_gateway: list[Members] = [],
    remove_allowed_prefixes_to_direct_connect_gateway: list[Members] = [],
) -> Members:
    """Allow other prefixes."""
    one = found(call, association_id)
    gone = blocks(remove_allowed_prefixes_to_direct_connect_gateway)
    merged = [*one.prefixes, *blocks(add_allowed_prefixes_to_direct_connect_gateway)]
    one.prefixes = [block for block in dict.fromkeys(merged) if block not in gone]
    enter(call, one, "updating")
    return {"directConnectGatewayAssociation": shown(one)}


@directconnect.operation
def delete_direct_connect_gateway_association(
    call: Call, association_id: str = "", direct_connect_gateway_id: str = "", virtual_gateway_id: str = ""
) -> Members:
    """End an association."""
    one = found(call, association_id, direct_connect_gateway_id, virtual_gateway_id)
    if one.present:
        enter(call, one, "disassociating")
    return {"directConnectGatewayAssociation": shown(one)}


# Proposals


class Proposal(Record, scope="account"):
    """An association that the owner of a gateway asks for; both sides keep it."""

    proposal_id: str
    gateway_id: str
    gateway_owner: str
    associated: dict[str, str]
    prefixes: list[str]
    state: str = "requested"


def kept(call: Call, one: Proposal) -> None:
    for account in {one.gateway_owner, one.associated["ownerAccount"]}:
        one.put(call.at(account))


@directconnect.operation
def create_direct_connect_gateway_association_proposal(
    call: Call,
    direct_connect_gateway_id: str,
    direct_connect_gateway_owner_account: str,
    gateway_id: str,
    add_allowed_prefixes_to_direct_connect_gateway: list[Members] = [],
) -> Members:
    """Ask the owner of a Direct Connect gateway to associate a gateway of the caller's."""
    gateway(call.at(direct_connect_gateway_owner_account), direct_connect_gateway_id)
    made = Proposal(
        proposal_id=uuid4(),
        gateway_id=direct_connect_gateway_id,
        gateway_owner=direct_connect_gateway_owner_account,
        associated=described(call, gateway_id),
        prefixes=blocks(add_allowed_prefixes_to_direct_connect_gateway),
    )
    kept(call, made)
    return {"directConnectGatewayAssociationProposal": proposal_shown(made)}


def proposal_shown(one: Proposal) -> Members:
    return {
        "proposalId": one.proposal_id,
        "directConnectGatewayId": one.gateway_id,
        "directConnectGatewayOwnerAccount": one.gateway_owner,
        "proposalState": one.state,
        "associatedGateway": one.associated,
        "existingAllowedPrefixesToDirectConnectGateway": [],
        "requestedAllowedPrefixesToDirectConnectGateway": [{"cidr": block} for block in one.prefixes],
    }


@directconnect.operation
def describe_direct_connect_gateway_association_proposals(
    call: Call,
    direct_connect_gateway_id: str = "",
    proposal_id: str = "",
    associated_gateway_id: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What is proposed, by the account and to it."""
    items = [
        proposal_shown(one)
        for one in Proposal.scan(call)
        if proposal_id in ("", one.proposal_id)
        and direct_connect_gateway_id in ("", one.gateway_id)
        and associated_gateway_id in ("", one.associated["id"])
    ]
    return paged(call, "directConnectGatewayAssociationProposals", items, max_results, next_token)


def proposal(call: Call, proposal_id: str) -> Proposal:
    one = Proposal.get(call, proposal_id)
    if one is None:
        raise absent("Direct Connect Gateway Association Proposal", proposal_id)
    return one


@directconnect.operation
def accept_direct_connect_gateway_association_proposal(
    call: Call,
    direct_connect_gateway_id: str,
    proposal_id: str,
    associated_gateway_owner_account: str,
    override_allowed_prefixes_to_direct_connect_gateway: list[Members] = [],
) -> Members:
    """Associate what another account has proposed."""
    one = proposal(call, proposal_id)
    if one.state != "requested" or one.gateway_owner != call.account or one.gateway_id != direct_connect_gateway_id:
        raise refused(f"Proposal {proposal_id} cannot be accepted")
    prefixes = blocks(override_allowed_prefixes_to_direct_connect_gateway) or one.prefixes
    made = associate(call, one.gateway_id, one.associated, prefixes)
    one.state = "accepted"
    kept(call, one)
    return {"directConnectGatewayAssociation": shown(made)}


@directconnect.operation
def delete_direct_connect_gateway_association_proposal(call: Call, proposal_id: str) -> Members:
    """Take a proposal back, or refuse it."""
    one = proposal(call, proposal_id)
    for account in {one.gateway_owner, one.associated["ownerAccount"]}:
        one.delete(call.at(account))
    one.state = "deleted"
    return {"directConnectGatewayAssociationProposal": proposal_shown(one)}
