"""Trunk interfaces: branch interfaces that come through another one, each under a number of its own."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, invalid
from pileus.services.ec2.kinds import kind, named, new_id

from . import changes
from .interfaces import NetworkInterface, life


@kind(
    "trunk-interface-association",
    "trunk-assoc",
    missing=("InvalidAssociationID.NotFound", "The association ID '{}' does not exist"),
)
class TrunkAssociation(Record, indexes={"of_trunk": ("trunk_interface_id",), "of_branch": ("branch_interface_id",)}):
    """A branch interface and the trunk that it comes through."""

    association_id: str
    branch_interface_id: str
    trunk_interface_id: str
    vlan_id: int = 0
    gre_key: int = 0


FILTERS = Filters({"gre-key": "gre_key", "interface-protocol": lambda one: "VLAN" if one.vlan_id else "GRE"})


@ec2.operation
def associate_trunk_interface(
    call: Call,
    branch_interface_id: str,
    trunk_interface_id: str,
    vlan_id: int = 0,
    gre_key: int = 0,
    client_token: str = "",
) -> Members:
    """Let a branch interface come through a trunk, by a VLAN or a GRE tunnel of its own."""
    if made := tokens.made_before(call, client_token):
        return {"InterfaceAssociation": shown(call, named(call, TrunkAssociation, made)), "ClientToken": client_token}
    branch = named(call, NetworkInterface, branch_interface_id)
    trunk = named(call, NetworkInterface, trunk_interface_id)
    if (branch.interface_type, trunk.interface_type) != ("branch", "trunk"):
        raise invalid("A branch interface can be associated with a trunk interface only.")
    if bool(vlan_id) == bool(gre_key):
        raise combination("Exactly one of VlanId and GreKey must be specified.")
    if TrunkAssociation.first(call, branch_interface_id, index="of_branch"):
        raise Fault("Resource.AlreadyAssociated", f"{branch_interface_id} is already associated with a trunk.")
    for other in TrunkAssociation.scan(call, trunk_interface_id, index="of_trunk"):
        if (other.vlan_id, other.gre_key) == (vlan_id, gre_key):
            raise invalid(f"The number {vlan_id or gre_key} is already used on {trunk_interface_id}.")
    one = TrunkAssociation(new_id(TrunkAssociation), branch_interface_id, trunk_interface_id, vlan_id, gre_key)
    one.put(call)
    tokens.remember(call, client_token, one.association_id)
    changes.changed(call, branch.vpc_id)
    return {"InterfaceAssociation": shown(call, one), "ClientToken": client_token or None}


@ec2.operation
def describe_trunk_interface_associations(
    call: Call,
    association_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Which branch interface comes through which trunk."""
    return described(
        call,
        TrunkAssociation,
        FILTERS,
        "InterfaceAssociations",
        shown,
        association_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, one: TrunkAssociation) -> Members:
    number = {"VlanId": one.vlan_id} if one.vlan_id else {"GreKey": one.gre_key}
    return {
        "AssociationId": one.association_id,
        "BranchInterfaceId": one.branch_interface_id,
        "TrunkInterfaceId": one.trunk_interface_id,
        "InterfaceProtocol": "VLAN" if one.vlan_id else "GRE",
    } | number


@ec2.operation(honours=["ClientToken"])
def disassociate_trunk_interface(call: Call, association_id: str) -> Members:
    """Let a branch interface come through its trunk no more."""
    one = named(call, TrunkAssociation, association_id)
    one.delete(call)
    changes.changed(call, named(call, NetworkInterface, one.branch_interface_id).vpc_id)
    return {"Return": True}


@life.holds
def holds(call: Call, interface: NetworkInterface) -> bool:
    """Neither a branch nor a trunk can be deleted as long as they are together."""
    return any(
        TrunkAssociation.first(call, interface.network_interface_id, index=index) for index in ("of_trunk", "of_branch")
    )
