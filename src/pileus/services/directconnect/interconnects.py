"""Interconnects: lines of partners, who give other accounts parts of them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.tags import as_map

from . import absent, directconnect, refused
from .connections import Connection, Hosted, hosted, new_id, paged
from .connections import shown as line_shown
from .lags import Lag
from .letters import PDF, describe_loa
from .lines import allocate_hosted_connection, request
from .states import enter

Members = dict[str, Any]

LINE = (
    "region", "location", "bandwidth", "loaIssueTime", "lagId", "awsDevice", "jumboFrameCapable", "awsDeviceV2",
    "awsLogicalDeviceId", "hasLogicalRedundancy", "tags", "providerName", "macSecCapable", "portEncryptionStatus",
    "encryptionMode", "macSecKeys",
)  # fmt: skip
"""What is shown of an interconnect as of any line."""


@directconnect.operation
def create_interconnect(
    call: Call,
    interconnect_name: str,
    bandwidth: str,
    location: str,
    lag_id: str = "",
    tags: list[Members] = [],
    provider_name: str = "",
    request_mac_sec: bool = False,
) -> Members:
    """Ask for an interconnect, perhaps as part of a LAG."""
    made = Connection(
        connection_id=new_id("dxcon"),
        connection_name=interconnect_name,
        location=location,
        bandwidth=bandwidth,
        owner=call.account,
        provider=provider_name,
        lag_id=lag_id,
        interconnect=True,
        mac_sec=request_mac_sec,
        tags=as_map(tags, "key", "value"),
    )
    request(call, made)
    return shown(call, made)


def shown(call: Call, one: Connection) -> Members:
    line = line_shown(call, one)
    return {name: line[name] for name in LINE} | {
        "interconnectId": one.connection_id,
        "interconnectName": one.connection_name,
        "interconnectState": one.state,
    }


def interconnect(call: Call, what: str) -> Connection:
    found = Connection.get(call, what)
    if found is None or not found.interconnect:
        raise absent("Interconnect", what)
    return found


@directconnect.operation
def describe_interconnects(
    call: Call, interconnect_id: str = "", max_results: int = 0, next_token: str = ""
) -> Members:
    """The account's interconnects."""
    if interconnect_id:
        return {"interconnects": [shown(call, interconnect(call, interconnect_id))]}
    found = [shown(call, one) for one in Connection.scan(call) if one.interconnect]
    return paged(call, "interconnects", found, max_results, next_token)


@directconnect.operation
def delete_interconnect(call: Call, interconnect_id: str) -> Members:
    """Give an interconnect back of which nobody has a part."""
    one = interconnect(call, interconnect_id)
    if hosted(call, interconnect_id):
        raise refused(f"Interconnect {interconnect_id} has hosted connections")
    if one.present:
        enter(call, one, "deleting")
    return {"interconnectState": one.state}


@directconnect.operation
def describe_interconnect_loa(
    call: Call, interconnect_id: str, provider_name: str = "", loa_content_type: str = PDF
) -> Members:
    """The letter of authorization for its cross-connect."""
    interconnect(call, interconnect_id)
    return {"loa": describe_loa(call, interconnect_id, provider_name)}


# Parts of it


@directconnect.operation
def allocate_connection_on_interconnect(
    call: Call, bandwidth: str, connection_name: str, owner_account: str, interconnect_id: str, vlan: int
) -> Members:
    """Give another account a part, as it used to be asked for."""
    interconnect(call, interconnect_id)
    made: Members = allocate_hosted_connection(call, interconnect_id, owner_account, bandwidth, connection_name, vlan)
    return made


@directconnect.operation
def describe_connections_on_interconnect(call: Call, interconnect_id: str) -> Members:
    """What other accounts have of it, as it used to be asked for."""
    interconnect(call, interconnect_id)
    return {"connections": [line_shown(call.at(one.owner), one) for one in hosted(call, interconnect_id)]}


@directconnect.operation
def associate_hosted_connection(call: Call, connection_id: str, parent_connection_id: str) -> Members:
    """Move a part of one line of the account's to another, or to a LAG."""
    moved = next((one for one in Hosted.scan(call) if one.connection_id == connection_id), None)
    one = Connection.get(call.at(moved.owner), connection_id) if moved else None
    if moved is None or one is None or not one.present:
        raise absent("Connection", connection_id)
    parent = Lag.get(call, parent_connection_id) or interconnect(call, parent_connection_id)
    if any(other.vlan == one.vlan for other in hosted(call, parent_connection_id) if other != one):
        raise refused(f"VLAN {one.vlan} is already in use on {parent_connection_id}")
    moved.delete(call)
    Hosted(parent_connection_id, connection_id, moved.owner).put(call)
    one.parent, one.location = parent_connection_id, parent.location
    one.put(call.at(moved.owner))
    return line_shown(call.at(moved.owner), one)
