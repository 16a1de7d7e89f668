"""SQL Server high availability: which nodes of a cluster stand by, so that their licenses cost nothing.

It takes instances of Windows with SQL Server included. Nothing here can run those; so every instance is refused, and
there are none to describe.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import invalid, unsupported

from .instances import instances

FILTERS = Filters({"haStatus": "HaStatus", "sqlServerLicenseUsage": "SqlServerLicenseUsage"})
MOST = 100


@ec2.operation
def enable_instance_sql_ha_standby_detections(
    call: Call, instance_ids: list[str], sql_server_credentials: str = ""
) -> Members:
    """Watch instances; raises for what has no SQL Server that AWS licenses."""
    raise _unlicensed(call, instance_ids)


@ec2.operation
def disable_instance_sql_ha_standby_detections(call: Call, instance_ids: list[str]) -> Members:
    raise _unlicensed(call, instance_ids)


def _unlicensed(call: Call, instance_ids: list[str]) -> Exception:
    if len(instance_ids) > MOST:
        return invalid(f"The maximum number of instances on a request is {MOST}.")
    names = ", ".join(one.instance_id for one in instances(call, instance_ids))
    return unsupported(f"The instances '{names}' do not run a Windows AMI that includes a SQL Server license.")


@ec2.operation
def describe_instance_sql_ha_states(
    call: Call,
    instance_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The instances that are watched."""
    instances(call, instance_ids)
    FILTERS.test(filters)
    return {"Instances": []}


@ec2.operation
def describe_instance_sql_ha_history_states(
    call: Call,
    instance_ids: list[str] = [],
    start_time: float = 0.0,
    end_time: float = 0.0,
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What became of them."""
    instances(call, instance_ids)
    FILTERS.test(filters)
    if end_time and end_time < start_time:
        raise invalid("StartTime must be earlier than EndTime.")
    return {"Instances": []}
