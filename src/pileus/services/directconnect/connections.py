"""Connections: lines of one's own. One is requested, then pending, when its letter can be had, then available."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Record
from pileus.kernel.names import LOWER, token
from pileus.kernel.paging import opened, sealed
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list

from . import absent, directconnect, refused
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
    interconnect: bool = False
    """Whether it is a partner's, which other accounts have parts of."""
    mac_sec: bool = False
    encryption: str = "should_encrypt"
    keys: list[dict[str, str]] = []
    """MACsec's."""
    billing: str = "PayAsYouGo"
    state: str = "requested"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ENDED


def new_id(prefix: str) -> str:
    return f"{prefix}-{token(8, LOWER)}"


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
        **mac_sec(one),
        "billingMode": one.billing,
    }


def mac_sec(one: Any) -> Members:
    """What is shown of the protection of a line or a group."""
    return {
        "macSecCapable": one.mac_sec,
        "portEncryptionStatus": "Encryption Down" if one.mac_sec else None,
        "encryptionMode": one.encryption if one.mac_sec else None,
        "macSecKeys": one.keys or None,
    }


MODES = ("no_encrypt", "should_encrypt", "must_encrypt")


def checked_mode(one: Any, mode: str) -> str:
    """The encryption that is asked for of a line or a group, or the present one."""
    if mode and (mode not in MODES or not one.mac_sec):
        raise refused(f"Encryption mode {mode} is invalid")
    return mode or str(one.encryption)


@directconnect.operation
def describe_connections(call: Call, connection_id: str = "", max_results: int = 0, next_token: str = "") -> Members:
    """The lines of the account in the Region."""
    if connection_id:
        return {"connections": [shown(call, connection(call, connection_id))]}
    lines = [shown(call, one) for one in Connection.scan(call) if not one.interconnect]
    return paged(call, "connections", lines, max_results, next_token)


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
def update_connection(call: Call, connection_id: str, connection_name: str = "", encryption_mode: str = "") -> Members:
    """Rename a line, or say whether it has to be protected."""
    one = usable(call, connection_id)
    one.encryption = checked_mode(one, encryption_mode)
    one.connection_name = connection_name or one.connection_name
    one.put(call)
    return shown(call, one)


# Hosted connections


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
