"""The connection log of a Client VPN endpoint ("Connection logging", Client VPN Administrator Guide)."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from pileus.engines.openvpn import Visitor
from pileus.kernel import Call, Fault, identity
from pileus.kernel.names import HEX, token
from pileus.services.ec2 import ec2
from pileus.services.ec2.connectivity.client_vpn import ClientVpnEndpoint
from pileus.services.ec2.connectivity.client_vpn_connections import ClientVpnConnection, written

CLOUD = identity.service("pileus.amazonaws.com")
"""As service-linked roles let Client VPN do it."""
NONE = "NA"


class Attempt(Struct):
    """Somebody who has come, or gone."""

    connection_id: str
    visitor: Visitor
    status: str
    made: ClientVpnConnection | None = None
    reason: str = NONE

    def line(self, call: Call, one: ClientVpnEndpoint) -> str:
        told, made = self.visitor.told, self.made
        over = made is not None and made.over
        began = made.established if made else call.now
        record = {
            "connection-log-type": "connection-reset" if over else "connection-attempt",
            "connection-attempt-status": self.status,
            "connection-reset-status": "successful" if over else NONE,
            "connection-attempt-failure-reason": self.reason,
            "connection-id": self.connection_id,
            "client-vpn-endpoint-id": one.client_vpn_endpoint_id,
            "transport-protocol": one.transport,
            "connection-start-time": written(began),
            "connection-last-update-time": written(call.now),
            "client-ip": made.client_ip if made else NONE,
            "common-name": self.visitor.name or NONE,
            "device-type": made.platform if made else told.get("IV_PLAT", NONE),
            "device-ip": made.device_ip if made else told.get("untrusted_ip", NONE),
            "port": made.port if made else told.get("untrusted_port", NONE),
            "ingress-bytes": str(made.ingress if made else 0),
            "egress-bytes": str(made.egress if made else 0),
            "connection-end-time": written(made.ended) if made and over else NONE,
            "connection-duration-seconds": str(int(made.ended - began) if made and over else 0),
        }
        return json.dumps(record)


@ec2.task
async def log(call: Call, endpoint: str, line: str) -> None:
    """Write a line to the endpoint's log group, which has to be there; the stream is made if the endpoint names none.

    Where logging cannot work, connections work all the same.
    """
    one = ClientVpnEndpoint.get(call, endpoint)
    group = one.logging.get("CloudwatchLogGroup", "") if one and one.logging.get("Enabled") else ""
    if one is None or not group:
        return
    logs = call.aws("logs", principal=CLOUD)
    at = datetime.fromtimestamp(call.now, UTC)
    own = f"{endpoint}-{call.region}-{at:%Y}-{at:%m}-{at:%d}-{token(12, HEX)}"
    stream = one.logging.get("CloudwatchLogStream") or one.stream or own
    put = {"log_group_name": group, "log_stream_name": stream}
    try:
        await settled(logs.create_log_stream(**put))
    except Fault as fault:
        if fault.code == "ResourceNotFoundException":
            return
        if fault.code != "ResourceAlreadyExistsException":
            raise
    if stream == own:
        with call.transaction():
            one.stream = own
            one.put(call)
    await settled(logs.put_log_events(**put, log_events=[{"timestamp": int(call.now * 1000), "message": line}]))


async def settled(result: Any) -> Any:
    return await result if inspect.isawaitable(result) else result
