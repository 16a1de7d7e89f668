"""Link aggregation groups: several lines of one speed at one location, used as one."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list, as_map

from . import absent, directconnect, refused
from .connections import ENDED, Connection, new_id, paged, usable
from .connections import shown as connection_shown
from .locations import check_location, check_speed
from .states import DAY, GONE, Life, enter, living

Members = dict[str, Any]

MOST = {"1Gbps": 4, "10Gbps": 4, "100Gbps": 2}
"""Lines of a group by their speed."""


@living
@resource_type(directconnect, "lagId", create="CreateLag", read="DescribeLags", delete="DeleteLag")
class Lag(Record, arn="dxlag/{lag_id}", cfn="AWS::DirectConnect::Lag"):
    """A group."""

    life: ClassVar[Life] = {
        "requested": ("pending", 1.0),
        "pending": ("available", 60.0),
        "deleting": ("deleted", 1.0),
        "deleted": (GONE, DAY),
    }
    lag_id: str
    lag_name: str
    location: str
    bandwidth: str
    provider: str = ""
    minimum: int = 0
    state: str = "requested"
    since: float = 0.0
    tags: dict[str, str] = {}


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
            tags=as_map(child_connection_tags, "key", "value"),
        )
        enter(call, made, "requested")
    return shown(call, lag)


def members(call: Call, lag_id: str) -> list[Connection]:
    return [one for one in Connection.scan(call) if one.lag_id == lag_id and one.present]


def shown(call: Call, lag: Lag) -> Members:
    lines = members(call, lag.lag_id)
    return {
        "connectionsBandwidth": lag.bandwidth,
        "numberOfConnections": len(lines),
        "lagId": lag.lag_id,
        "ownerAccount": call.account,
        "lagName": lag.lag_name,
        "lagState": lag.state,
        "location": lag.location,
        "region": call.region,
        "minimumLinks": lag.minimum,
        "connections": [connection_shown(call, one) for one in lines],
        "allowsHostedConnections": False,
        "jumboFrameCapable": True,
        "hasLogicalRedundancy": "no",
        "tags": as_list(lag.tags, "key", "value"),
        "providerName": lag.provider or None,
        "macSecCapable": False,
    }


@directconnect.operation
def describe_lags(call: Call, lag_id: str = "", max_results: int = 0, next_token: str = "") -> Members:
    """The groups of the account in the Region."""
    if lag_id:
        return {"lags": [shown(call, group(call, lag_id))]}
    return paged(call, "lags", [shown(call, one) for one in Lag.scan(call)], max_results, next_token)


def group(call: Call, lag_id: str) -> Lag:
    found = Lag.get(call, lag_id)
    if found is None:
        raise absent("Lag", lag_id)
    return found


def lag_for(call: Call, lag_id: str, location: str, bandwidth: str) -> Lag:
    """The group that a line of this speed at this location can belong to."""
    lag = group(call, lag_id)
    if lag.state in ENDED:
        raise refused(f"Lag {lag_id} is in state {lag.state}")
    if (lag.location, lag.bandwidth) != (location, bandwidth):
        raise refused(f"The connection must have the location and the bandwidth of {lag_id}")
    if len(members(call, lag_id)) >= MOST[bandwidth]:
        raise Fault("LimitExceededException", f"{lag_id} has the maximum number of connections")
    return lag


def join(call: Call, one: Connection, lag: Lag) -> None:
    """A line becomes part of a group, and what it carried is the group's."""
    from .interfaces import VirtualInterface

    lag_for(call, lag.lag_id, one.location, one.bandwidth)
    if one.lag_id:
        leave(call, one)
    for vif in [vif for vif in VirtualInterface.scan(call) if vif.connection_id == one.connection_id]:
        vif.connection_id = lag.lag_id
        vif.put(call)
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
    return connection_shown(call, one)


@directconnect.operation
def disassociate_connection_from_lag(call: Call, connection_id: str, lag_id: str) -> Members:
    """Take a line out of its group."""
    one = usable(call, connection_id)
    if one.lag_id != lag_id:
        raise refused(f"Connection {connection_id} is not associated with {lag_id}")
    leave(call, one)
    return connection_shown(call, one)


@directconnect.operation
def update_lag(call: Call, lag_id: str, lag_name: str = "", minimum_links: int | None = None) -> Members:
    """Rename a group, or say how many lines must work for it to work."""
    lag = group(call, lag_id)
    if minimum_links is not None and not 0 <= minimum_links <= len(members(call, lag_id)):
        raise refused(f"The minimum number of links {minimum_links} is invalid")
    lag.minimum = lag.minimum if minimum_links is None else minimum_links
    lag.lag_name = lag_name or lag.lag_name
    lag.put(call)
    return shown(call, lag)


@directconnect.operation
def delete_lag(call: Call, lag_id: str) -> Members:
    """Delete a group that has no virtual interfaces; its lines stay."""
    from .interfaces import VirtualInterface

    lag = group(call, lag_id)
    if any(vif.connection_id == lag_id and vif.present for vif in VirtualInterface.scan(call)):
        raise refused(f"Lag {lag_id} has virtual interfaces")
    if lag.state not in ENDED:
        enter(call, lag, "deleting")
        for one in members(call, lag_id):
            one.lag_id = ""
            one.put(call)
    return shown(call, lag)
