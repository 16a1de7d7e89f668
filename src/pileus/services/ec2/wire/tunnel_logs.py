"""Logs of the tunnels of VPN connections, in CloudWatch ("AWS Site-to-Site VPN logs", Site-to-Site VPN User Guide).

What strongSwan says of the exchange of keys, with the state of the tunnel, and what BIRD says of BGP. Log groups have
to be there; there is a stream for each tunnel and each of the two.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Any

from pileus.engines.tunnels import Tunnels
from pileus.kernel import Call, Fault, Unfinished, identity
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.vpn_record import Seen, VpnConnection
from pileus.services.ec2.describing import Members

CLOUD = identity.service("pileus.amazonaws.com")
"""As service-linked roles let Site-to-Site VPN do it."""
TOGETHER = 0.1
"""Seconds, of real time, in which lines are gathered."""
MEMBERS = {
    "IKE": ("LogEnabled", "LogGroupArn", "LogOutputFormat"),
    "BGP": ("BgpLogEnabled", "BgpLogGroupArn", "BgpLogOutputFormat"),
}


def options(tunnel: Members) -> Members:
    told: Members = tunnel.get("LogOptions", {}).get("CloudWatchLogOptions", {})
    return told


def wanted(tunnel: Members) -> tuple[str, ...]:
    """Which of its logs a tunnel has."""
    told = options(tunnel)
    return tuple(kind for kind, (enabled, group, _) in MEMBERS.items() if told.get(enabled) and told.get(group))


def listener(call: Call, engine: Tunnels, vpn_connection_id: str) -> Callable[[str, str, str], None]:
    """What is called with each line: it is written down soon."""
    cloud, account, region = call.cloud, call.account, call.region
    waiting: dict[tuple[str, str], list[str]] = {}

    def write() -> None:
        if not engine.closed:
            now = cloud.call("ec2", account=account, region=region)
            with now.transaction():
                for (outside, kind), lines in waiting.items():
                    log_tunnel.later(now, vpn_connection_id=vpn_connection_id, outside=outside, kind=kind, lines=lines)
        waiting.clear()

    def listen(outside: str, kind: str, line: str) -> None:
        if not waiting:
            asyncio.get_running_loop().call_later(TOGETHER, write)
        waiting.setdefault((outside, kind), []).append(line)

    return listen


@ec2.task
async def log_tunnel(call: Call, vpn_connection_id: str, outside: str, kind: str, lines: list[str]) -> None:
    """Write lines to the log of a tunnel; where that cannot be, the tunnel works all the same."""
    one = VpnConnection.get(call, vpn_connection_id)
    tunnel = next((each for each in one.tunnels if each["OutsideIpAddress"] == outside), None) if one else None
    if one is None or tunnel is None or kind not in wanted(tunnel):
        return
    _, group, form = (options(tunnel).get(name, "") for name in MEMBERS[kind])
    record = ike(one, tunnel) if kind == "IKE" else {"resource_id": vpn_connection_id, "type": "BGPStatus"}
    records = ({"event_timestamp": int(call.now), "details": line} | record for line in lines)
    at = int(call.now * 1000)
    events = [{"timestamp": at, "message": text(each) if form == "text" else json.dumps(each)} for each in records]
    put = {"log_group_name": group.split(":log-group:")[-1].removesuffix(":*")}
    put["log_stream_name"] = f"{vpn_connection_id}-{outside}-{kind}.log"
    logs = call.aws("logs", principal=CLOUD)
    try:
        await _settled(logs.create_log_stream(**put))
    except Fault as fault:
        if fault.code != "ResourceAlreadyExistsException":
            return
    except Unfinished:
        return
    await _settled(logs.put_log_events(**put, log_events=events))


def ike(one: VpnConnection, tunnel: Members) -> Members:
    """How a tunnel is, in the words of its log."""
    seen = one.seen.get(tunnel["OutsideIpAddress"], Seen())
    state = "established" if seen.agreed else "down"
    return {
        "dpd_enabled": tunnel.get("DPDTimeoutAction") != "none",
        "nat_t_detected": True,
        "ike_phase1_state": state,
        "ike_phase2_state": state,
    }


def text(record: Members) -> str:
    return ", ".join(f"{name}: {value}" for name, value in record.items())


async def _settled(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
