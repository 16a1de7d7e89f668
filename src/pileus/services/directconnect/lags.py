"""Link aggregation groups: several lines of one speed at one location, used as one."""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tags import as_list

from . import absent, directconnect, refused
from .connections import ENDED, Connection, checked_mode, mac_sec, paged
from .connections import shown as connection_shown
from .states import DAY, GONE, Life, living

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
    mac_sec: bool = False
    encryption: str = "should_encrypt"
    keys: list[dict[str, str]] = []
    state: str = "requested"
    since: float = 0.0
    tags: dict[str, str] = {}


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
        **mac_sec(lag),
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


@directconnect.operation
def update_lag(
    call: Call, lag_id: str, lag_name: str = "", minimum_links: int | None = None, encryption_mode: str = ""
) -> Members:
    """Rename a group, or say how many lines must work for it to work, or whether they have to be protected."""
    lag = group(call, lag_id)
    lag.encryption = checked_mode(lag, encryption_mode)
    if minimum_links is not None and not 0 <= minimum_links <= len(members(call, lag_id)):
        raise refused(f"The minimum number of links {minimum_links} is invalid")
    lag.minimum = lag.minimum if minimum_links is None else minimum_links
    lag.lag_name = lag_name or lag.lag_name
    lag.put(call)
    return shown(call, lag)
