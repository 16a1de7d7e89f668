"""Connections: lines of one's own. One is requested, then pending, when its letter can be had, then available."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Record
from pileus.kernel.names import LOWER, token
from pileus.kernel.paging import opened, sealed
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list, as_map

from . import absent, directconnect, refused
from .locations import check_location, check_speed
from .states import DAY, GONE, Life, enter, living

Members = dict[str, Any]

ENDED = ("deleting", "deleted", "rejected")
PAGE = 100


@living
@resource_type(
    directconnect,
    "connectionId",
    create="CreateConnection",
    read="DescribeConnections",
    delete="DeleteConnection",
)
class Connection(Record, arn="dxcon/{connection_id}", cfn="AWS::DirectConnect::Connection"):
    """A line, or what a partner gives of one."""

    life: ClassVar[Life] = {
        "requested": ("pending", 1.0),
        "pending": ("available", 60.0),
        "deleting": ("deleted", 1.0),
        "deleted": (GONE, DAY),
        "rejected": (GONE, DAY),
    }
    connection_id: str
    connection_name: str
    location: str
    bandwidth: str
    owner: str
    provider: str = ""
    lag_id: str = ""
    vlan: int = 0
    parent: str = ""
    """The line of a partner that carries it."""
    partner: str = ""
    issued: float = 0.0
    """When its letter was first issued."""
    state: str = "requested"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ENDED


def new_id(prefix: str) -> str:
    return f"{prefix}-{token(8, LOWER)}"


@directconnect.operation
def create_connection(
    call: Call,
    location: str,
    bandwidth: str,
    connection_name: str,
    lag_id: str = "",
    tags: list[Members] = [],
    provider_name: str = "",
) -> Members:
    """Ask for a line, perhaps as part of a LAG."""
    from .lags import lag_for

    check_location(call, location)
    check_speed(bandwidth)
    if lag_id:
        lag_for(call, lag_id, location, bandwidth)
    made = Connection(
        connection_id=new_id("dxcon"),
        connection_name=connection_name,
        location=location,
        bandwidth=bandwidth,
        owner=call.account,
        provider=provider_name,
        lag_id=lag_id,
        tags=as_map(tags, "key", "value"),
    )
    enter(call, made, "requested")
    return shown(call, made)


def shown(call: Call, one: Connection) -> Members:
    device = f"{one.location}-{one.connection_id[-4:]}"
    return {
        "ownerAccount": one.owner,
        "connectionId": one.connection_id,
        "connectionName": one.connection_name,
        "connectionState": one.state,
        "region": call.region,
        "location": one.location,
        "bandwidth": one.bandwidth,
        "vlan": one.vlan or None,
        "partnerName": one.partner or None,
        "loaIssueTime": one.issued or None,
        "lagId": one.lag_id or None,
        "awsDevice": device,
        "awsDeviceV2": device,
        "awsLogicalDeviceId": device,
        "jumboFrameCapable": True,
        "hasLogicalRedundancy": "no",
        "tags": as_list(one.tags, "key", "value"),
        "providerName": one.provider or None,
        "macSecCapable": False,
    }


@directconnect.operation
def describe_connections(call: Call, connection_id: str = "", max_results: int = 0, next_token: str = "") -> Members:
    """The lines of the account in the Region."""
    if connection_id:
        return {"connections": [shown(call, connection(call, connection_id))]}
    return paged(call, "connections", [shown(call, one) for one in Connection.scan(call)], max_results, next_token)


def paged(call: Call, member: str, items: list[Members], max_results: int, next_token: str) -> Members:
    """A page of a list."""
    start = opened(call, next_token, refused("The token is invalid.")) if next_token else 0
    end = start + (max_results or PAGE)
    return {member: items[start:end], "nextToken": sealed(call, end) if len(items) > end else None}


def connection(call: Call, connection_id: str) -> Connection:
    found = Connection.get(call, connection_id)
    if found is None:
        raise absent("Connection", connection_id)
    return found


def usable(call: Call, connection_id: str) -> Connection:
    """A line that is neither deleted nor rejected."""
    found = connection(call, connection_id)
    if not found.present:
        raise refused(f"Connection {connection_id} is in state {found.state}")
    return found


@directconnect.operation
def update_connection(call: Call, connection_id: str, connection_name: str = "") -> Members:
    """Rename a line."""
    one = usable(call, connection_id)
    one.connection_name = connection_name or one.connection_name
    one.put(call)
    return shown(call, one)


@directconnect.operation
def delete_connection(call: Call, connection_id: str) -> Members:
    """Give a line back that carries nothing."""
    from .interfaces import VirtualInterface

    one = connection(call, connection_id)
    if any(vif.connection_id == connection_id and vif.present for vif in VirtualInterface.scan(call)):
        raise refused(f"Connection {connection_id} has virtual interfaces")
    if one.lag_id:
        from .lags import leave

        leave(call, one)
    if one.present:
        enter(call, one, "deleting")
    return shown(call, one)


# Hosted connections


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
    from .lags import Lag

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
    return shown(there, made)


class Hosted(Record, key=("parent", "connection_id")):
    """A part of a line that another account has."""

    parent: str
    connection_id: str
    owner: str


def hosted(call: Call, parent: str) -> list[Connection]:
    """The parts of a line that other accounts have."""
    found = [Connection.get(call.at(one.owner), one.connection_id) for one in Hosted.scan(call, parent)]
    return [one for one in found if one and one.present]


@directconnect.operation
def describe_hosted_connections(call: Call, connection_id: str, max_results: int = 0, next_token: str = "") -> Members:
    """What other accounts have of a line."""
    items = [shown(call, one) for one in hosted(call, connection_id)]
    return paged(call, "connections", items, max_results, next_token)


@directconnect.operation
def confirm_connection(call: Call, connection_id: str) -> Members:
    """Take what a partner offers."""
    one = connection(call, connection_id)
    if one.state != "ordering":
        raise refused(f"Connection {connection_id} is in state {one.state}, not ordering")
    enter(call, one, "pending")
    return {"connectionState": one.state}


def members_or_self(call: Call, what: str) -> list[Connection]:
    """The line of an id, or the lines of a group's."""
    if what.startswith("dxlag-"):
        from .lags import group, members

        return members(call, group(call, what).lag_id)
    return [connection(call, what)]
