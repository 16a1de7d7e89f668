"""Resiliency groups: lines that are to stand in for each other."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Record
from pileus.kernel.names import hex_id
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list, as_map

from . import absent, directconnect, refused
from .connections import Connection, paged, usable
from .states import DAY, GONE, Life, enter, living

Members = dict[str, Any]


@living
@resource_type(
    directconnect,
    "resiliencyGroupId",
    create="CreateResiliencyGroup",
    read="GetResiliencyGroup",
    update="UpdateResiliencyGroup",
    list="ListResiliencyGroups",
    delete="DeleteResiliencyGroup",
)
class ResiliencyGroup(
    Record,
    arn="arn:{partition}:directconnect::{account}:dx-resiliency-group/{group_id}",
    cfn="AWS::DirectConnect::ResiliencyGroup",
    scope="account",
):
    """A group."""

    life: ClassVar[Life] = {
        "pending": ("available", 1.0),
        "deleting": ("deleted", 1.0),
        "deleted": (GONE, DAY),
    }
    group_id: str
    name: str
    model: str
    """The resiliency that is intended."""
    token: str = ""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}


class Together(
    Record, key=("group_id", "connection_id"), table="directconnect.ResiliencyGroupAssociation", scope="account"
):
    """A line in a group."""

    group_id: str
    connection_id: str


def found(call: Call, group_id: str) -> ResiliencyGroup:
    one = ResiliencyGroup.get(call, group_id)
    if one is None:
        raise absent("Resiliency Group", group_id)
    return one


def usable_group(call: Call, group_id: str) -> ResiliencyGroup:
    one = found(call, group_id)
    if one.state in ("deleting", "deleted"):
        raise refused(f"Resiliency group {group_id} is in state {one.state}")
    return one


def summary(call: Call, one: ResiliencyGroup) -> Members:
    return {
        "resiliencyGroupId": one.group_id,
        "resiliencyGroupArn": one.arn(call),
        "resiliencyGroupName": one.name,
        "resiliencyGroupType": "Managed",
        "ownerAccount": call.account,
        "state": one.state,
    }


def shown(call: Call, one: ResiliencyGroup) -> Members:
    return {"resiliencyGroup": summary(call, one) | {"tags": as_list(one.tags, "key", "value")}}


@directconnect.operation
def create_resiliency_group(
    call: Call,
    resiliency_group_name: str,
    intended_resiliency_model: str,
    client_token: str = "",
    tags: list[Members] = [],
) -> Members:
    """Make a group; the same token does not make a second one."""
    if client_token:
        for one in ResiliencyGroup.scan(call):
            if one.token == client_token:
                return shown(call, one)
    made = ResiliencyGroup(
        group_id=hex_id("dxrg"),
        name=resiliency_group_name,
        model=intended_resiliency_model,
        token=client_token,
        tags=as_map(tags, "key", "value"),
    )
    enter(call, made, "pending")
    return shown(call, made)


@directconnect.operation
def get_resiliency_group(call: Call, resiliency_group_id: str) -> Members:
    return shown(call, found(call, resiliency_group_id))


@directconnect.operation
def list_resiliency_groups(call: Call, max_results: int = 0, next_token: str = "") -> Members:
    """The account's groups."""
    return paged(call, "items", [summary(call, one) for one in ResiliencyGroup.scan(call)], max_results, next_token)


@directconnect.operation
def update_resiliency_group(
    call: Call, resiliency_group_id: str, resiliency_group_name: str, client_token: str = ""
) -> Members:
    """Rename a group."""
    one = usable_group(call, resiliency_group_id)
    one.name = resiliency_group_name
    one.put(call)
    return shown(call, one)


@directconnect.operation
def delete_resiliency_group(call: Call, resiliency_group_id: str) -> Members:
    """Delete a group without lines."""
    one = found(call, resiliency_group_id)
    if Together.first(call, resiliency_group_id):
        raise refused(f"Resiliency group {resiliency_group_id} has associated connections")
    if one.state not in ("deleting", "deleted"):
        enter(call, one, "deleting")
    return shown(call, one)


# Lines


def chosen(call: Call, identifiers: list[str]) -> list[Connection]:
    """Lines by their ids or ARNs."""
    return [usable(call, what.rpartition("/")[2]) for what in dict.fromkeys(identifiers)]


def association(call: Call, group_id: str, one: Connection, state: str) -> Members:
    return {"resiliencyGroupId": group_id, "connectionArn": one.arn(call), "state": state}


@directconnect.operation
def associate_connections_to_resiliency_group(
    call: Call, connection_identifiers: list[str], resiliency_group_id: str, client_token: str = ""
) -> Members:
    """Put lines into a group: all of them, or none."""
    usable_group(call, resiliency_group_id)
    lines = chosen(call, connection_identifiers)
    for one in lines:
        Together(resiliency_group_id, one.connection_id).put(call)
    told = [association(call, resiliency_group_id, one, "associated") for one in lines]
    return {"resiliencyGroupAssociations": told}


@directconnect.operation
def disassociate_connections_from_resiliency_group(
    call: Call, connection_identifiers: list[str], resiliency_group_id: str, client_token: str = ""
) -> Members:
    """Take lines out of a group: all of them, or none."""
    found(call, resiliency_group_id)
    lines = chosen(call, connection_identifiers)
    for one in lines:
        there = Together.get(call, resiliency_group_id, one.connection_id)
        if there is None:
            raise refused(f"Connection {one.connection_id} is not associated with {resiliency_group_id}")
        there.delete(call)
    told = [association(call, resiliency_group_id, one, "disassociated") for one in lines]
    return {"resiliencyGroupAssociations": told}


@directconnect.operation
def list_resiliency_group_associations(
    call: Call, resiliency_group_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """The lines of a group."""
    found(call, resiliency_group_id)
    there = [Connection.get(call, one.connection_id) for one in Together.scan(call, resiliency_group_id)]
    items = [association(call, resiliency_group_id, one, "associated") for one in there if one]
    return paged(call, "items", items, max_results, next_token)
