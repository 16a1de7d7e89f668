"""Lines are ordered, put together to groups, taken out of them, offered to others, and given back."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.tags import as_map

from . import directconnect, refused
from .changes import changed
from .connections import ENDED, Connection, Hosted, connection, hosted, new_id, usable
from .connections import shown as line_shown
from .interfaces import VirtualInterface
from .lags import MOST, Lag, group, lag_for, members
from .lags import shown as lag_shown
from .locations import check_location, check_speed
from .states import enter

Members = dict[str, Any]


@directconnect.operation
def create_connection(
    call: Call,
    location: str,
    bandwidth: str,
    connection_name: str,
    lag_id: str = "",
    tags: list[Members] = [],
    provider_name: str = "",
    request_mac_sec: bool = False,
    billing_mode: str = "PayAsYouGo",
) -> Members:
    """Ask for a line, perhaps as part of a LAG."""
    made = Connection(
        connection_id=new_id("dxcon"),
        connection_name=connection_name,
        location=location,
        bandwidth=bandwidth,
        owner=call.account,
        provider=provider_name,
        lag_id=lag_id,
        mac_sec=request_mac_sec,
        billing=billing_mode,
        tags=as_map(tags, "key", "value"),
    )
    request(call, made)
    return line_shown(call, made)


def request(call: Call, made: Connection) -> None:
    """Ask for a line, if there can be one of this speed at this location, and in the group that it is for."""
    check_location(call, made.location)
    check_speed(made.bandwidth)
    if made.lag_id:
        lag_for(call, made.lag_id, made.location, made.bandwidth)
    enter(call, made, "requested")


@directconnect.operation
def delete_connection(call: Call, connection_id: str) -> Members:
    """Give a line back that carries nothing."""
    one = connection(call, connection_id)
    if any(vif.connection_id == connection_id and vif.present for vif in VirtualInterface.scan(call)):
        raise refused(f"Connection {connection_id} has virtual interfaces")
    if one.lag_id:
        leave(call, one)
    if one.parent:
        Hosted(one.parent, connection_id, one.owner).delete(call.at(one.partner))
    if one.present:
        enter(call, one, "deleting")
    return line_shown(call, one)


@directconnect.operation
def allocate_hosted_connection(
    call: Call,
    connection_id: str,
    owner_account: str,
    bandwidth: str,
    connection_name: str,
    vlan: int,
    tags: list[Members] = [],
) -> Members:
    """Give another account a part of a line; it has to confirm."""
    lag = Lag.get(call, connection_id)
    location = lag.location if lag else usable(call, connection_id).location
    there = call.at(owner_account)
    if any(one.vlan == vlan for one in hosted(call, connection_id)):
        raise refused(f"VLAN {vlan} is already in use on {connection_id}")
    if not 1 <= vlan <= 4094:
        raise refused(f"VLAN {vlan} is invalid")
    made = Connection(
        connection_id=new_id("dxcon"),
        connection_name=connection_name,
        location=location,
        bandwidth=bandwidth,
        owner=owner_account,
        vlan=vlan,
        parent=connection_id,
        partner=call.account,
        tags=as_map(tags, "key", "value"),
    )
    enter(there, made, "ordering")
    Hosted(parent=connection_id, connection_id=made.connection_id, owner=owner_account).put(call)
    return line_shown(there, made)


# Groups


@directconnect.operation
def create_lag(
    call: Call,
    number_of_connections: int,
    location: str,
    connections_bandwidth: str,
    lag_name: str,
    connection_id: str = "",
    tags: list[Members] = [],
    child_connection_tags: list[Members] = [],
    provider_name: str = "",
    request_mac_sec: bool = False,
) -> Members:
    """Make a group with as many new lines, one of which may be there already."""
    check_location(call, location)
    check_speed(connections_bandwidth)
    if not 1 <= number_of_connections <= (most := MOST[connections_bandwidth]):
        raise Fault("LimitExceededException", f"A LAG of {connections_bandwidth} has at most {most} connections")
    lag = Lag(
        lag_id=new_id("dxlag"),
        lag_name=lag_name,
        location=location,
        bandwidth=connections_bandwidth,
        provider=provider_name,
        mac_sec=request_mac_sec,
        tags=as_map(tags, "key", "value"),
    )
    enter(call, lag, "requested")
    if connection_id:
        join(call, usable(call, connection_id), lag)
    for number in range(number_of_connections - bool(connection_id)):
        made = Connection(
            connection_id=new_id("dxcon"),
            connection_name=f"Requested Connection {number + 1} for Lag {lag.lag_id}",
            location=location,
            bandwidth=connections_bandwidth,
            owner=call.account,
            provider=provider_name,
            lag_id=lag.lag_id,
            mac_sec=request_mac_sec,
            tags=as_map(child_connection_tags, "key", "value"),
        )
        enter(call, made, "requested")
    return lag_shown(call, lag)


def join(call: Call, one: Connection, lag: Lag) -> None:
    """A line becomes part of a group, and what it carried is the group's."""
    lag_for(call, lag.lag_id, one.location, one.bandwidth)
    if one.lag_id:
        leave(call, one)
    for vif in [vif for vif in VirtualInterface.scan(call) if vif.connection_id == one.connection_id]:
        vif.connection_id = lag.lag_id
        vif.put(call)
        changed(call, vif.owner)
    one.lag_id = lag.lag_id
    one.put(call)


def leave(call: Call, one: Connection) -> None:
    """A line is no longer part of its group."""
    lag = group(call, one.lag_id)
    if lag.state not in ENDED and len(members(call, lag.lag_id)) - 1 < lag.minimum:
        raise refused(f"{lag.lag_id} would have fewer than its minimum of {lag.minimum} connections")
    one.lag_id = ""
    one.put(call)


@directconnect.operation
def associate_connection_with_lag(call: Call, connection_id: str, lag_id: str) -> Members:
    """Make a line part of a group."""
    one = usable(call, connection_id)
    join(call, one, group(call, lag_id))
    return line_shown(call, one)


@directconnect.operation
def disassociate_connection_from_lag(call: Call, connection_id: str, lag_id: str) -> Members:
    """Take a line out of its group."""
    one = usable(call, connection_id)
    if one.lag_id != lag_id:
        raise refused(f"Connection {connection_id} is not associated with {lag_id}")
    leave(call, one)
    return line_shown(call, one)


@directconnect.operation
def delete_lag(call: Call, lag_id: str) -> Members:
    """Delete a group that has no virtual interfaces; its lines stay."""
    lag = group(call, lag_id)
    if any(vif.connection_id == lag_id and vif.present for vif in VirtualInterface.scan(call)):
        raise refused(f"Lag {lag_id} has virtual interfaces")
    if lag.state not in ENDED:
        enter(call, lag, "deleting")
        for one in members(call, lag_id):
            one.lag_id = ""
            one.put(call)
    return lag_shown(call, lag)


def members_or_self(call: Call, what: str) -> list[Connection]:
    """The line of an id, or the lines of a group's."""
    if what.startswith("dxlag-"):
        return members(call, group(call, what).lag_id)
    return [connection(call, what)]
