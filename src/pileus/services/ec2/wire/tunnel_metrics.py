"""What CloudWatch is told of tunnels (AWS/VPN): every minute that passes here, and when a state changes.

For each tunnel, and for the connection as a whole: bytes added up, and the states of its tunnels on average.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pileus.engines.tunnels import Tunnels
from pileus.kernel import Call, Unfinished
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.vpn_record import VpnConnection
from pileus.services.ec2.describing import Members
from pileus.services.ec2.instances.announcing import AS_CLOUDWATCH

from . import vpns

MINUTE = 60.0

Moved = dict[str, tuple[int, int]]


def changed(call: Call, vpn_connection_id: str) -> None:
    """The state of a tunnel has changed."""
    call.wake(("ec2.tunnels", vpn_connection_id))


@ec2.watch
async def meter_tunnels(call: Call, vpn_connection_id: str) -> None:
    """Tell how the tunnels of a connection are, for as long as it has any."""
    before: Moved = {}
    while True:
        await call.wait(("ec2.tunnels", vpn_connection_id), seconds=MINUTE)
        with call.cloud.runner.working():
            now = call.cloud.call("ec2", account=call.account, region=call.region)
            one = vpns.connection(now, vpn_connection_id)
            if one is None:
                with now.transaction():
                    meter_tunnels.end(now, vpn_connection_id=vpn_connection_id)
                return
            moved = await now.cloud.engine(Tunnels).moved(vpn_connection_id)
            await _put(now, [*data(now, one, {name: since(before.get(name), moved[name]) for name in moved})])
            before = moved


def since(before: tuple[int, int] | None, now: tuple[int, int]) -> tuple[int, int]:
    """What has moved since it was last asked; counters begin anew with new keys."""
    if before is None or now[0] < before[0] or now[1] < before[1]:
        return now
    return now[0] - before[0], now[1] - before[1]


def data(call: Call, one: VpnConnection, moved: Moved) -> Iterator[Members]:
    connection = {"Name": "VpnId", "Value": one.vpn_connection_id}
    for outside, (incoming, outgoing) in moved.items():
        state = float(outside in one.up)
        values: dict[str, tuple[float, str]] = {"TunnelState": (state, "None")}
        values |= {"TunnelDataIn": (float(incoming), "Bytes"), "TunnelDataOut": (float(outgoing), "Bytes")}
        for dimensions in ([connection], [connection, {"Name": "TunnelIpAddress", "Value": outside}]):
            for name, (value, unit) in values.items():
                yield {
                    "MetricName": name,
                    "Value": value,
                    "Unit": unit,
                    "Dimensions": dimensions,
                    "Timestamp": call.now,
                }


async def _put(call: Call, found: list[Members]) -> None:
    try:
        cloudwatch = call.aws("cloudwatch", principal=AS_CLOUDWATCH)
        done: Any = cloudwatch.put_metric_data(namespace="AWS/VPN", metric_data=found)
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
