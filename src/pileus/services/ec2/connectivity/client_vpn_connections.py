"""Who is connected to a Client VPN endpoint, and who was an hour ago. Packets are not counted, bytes are.

Records are made by `wire.client_vpn_gate`, when a server says so.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pileus.engines.openvpn import OpenVpn
from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import missing
from pileus.services.ec2.kinds import named

from .client_vpn import ClientVpnEndpoint, parts

HOUR = 3600.0
ACTIVE, TERMINATING, TERMINATED = "active", "terminating", "terminated"

FILTERS = Filters({"connection-id": "ConnectionId", "username": "Username"}, tags=None)


class ClientVpnConnection(Record, key=("endpoint", "connection_id")):
    """A session."""

    endpoint: str
    connection_id: str
    number: int
    """By which the server knows it."""
    common_name: str
    client_ip: str
    established: float
    device_ip: str
    port: str
    platform: str
    postures: list[str] = []
    status: str = ACTIVE
    ingress: int = 0
    """Bytes that the client sent, when it ended."""
    egress: int = 0
    ended: float = 0.0

    @property
    def over(self) -> bool:
        return self.status == TERMINATED


def written(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%d %H:%M:%S")


@parts.ends_with
def endpoint_gone(call: Call, endpoint: ClientVpnEndpoint) -> None:
    ClientVpnConnection.delete_all(call, endpoint.client_vpn_endpoint_id)


@ec2.operation
async def describe_client_vpn_connections(
    call: Call,
    client_vpn_endpoint_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Who is connected, and who was within the last hour."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    counted = {one.number: one for one in await call.cloud.engine(OpenVpn).clients(client_vpn_endpoint_id)}
    found = []
    for one in ClientVpnConnection.scan(call, client_vpn_endpoint_id):
        if not one.over and (now := counted.get(one.number)):
            one.ingress, one.egress = now.received, now.sent
        found.append(shown(call, one))
    return paged(call, "Connections", FILTERS.select(found, filters), max_results, next_token)


def shown(call: Call, one: ClientVpnConnection) -> Members:
    return {
        "ClientVpnEndpointId": one.endpoint,
        "Timestamp": written(call.now),
        "ConnectionId": one.connection_id,
        "ConnectionEstablishedTime": written(one.established),
        "IngressBytes": str(one.ingress),
        "EgressBytes": str(one.egress),
        "ClientIp": one.client_ip,
        "CommonName": one.common_name,
        "Status": {"Code": one.status},
        "ConnectionEndTime": written(one.ended) if one.over else "-",
        "PostureComplianceStatuses": one.postures or None,
    }


@ec2.operation
def terminate_client_vpn_connections(
    call: Call, client_vpn_endpoint_id: str, connection_id: str = "", username: str = ""
) -> Members:
    """End a session. By a user's name nobody is found: who comes by a certificate has none."""
    named(call, ClientVpnEndpoint, client_vpn_endpoint_id)
    if bool(connection_id) == bool(username):
        raise missing("ConnectionId", "Username")
    chosen = [] if username else [ClientVpnConnection.get(call, client_vpn_endpoint_id, connection_id)]
    statuses = []
    for one in chosen:
        if one is None:
            text = f"Connection {connection_id} does not exist"
            raise Fault("InvalidClientVpnConnection.IdNotFound", text)
        before = one.status
        if before == ACTIVE:
            one.status = TERMINATING
            one.put(call)
            put_out.later(call, endpoint=one.endpoint, connection_id=one.connection_id, for_good=True)
        statuses.append(
            {
                "ConnectionId": one.connection_id,
                "PreviousStatus": {"Code": before},
                "CurrentStatus": {"Code": one.status},
            }
        )
    return {
        "ClientVpnEndpointId": client_vpn_endpoint_id,
        "Username": username or None,
        "ConnectionStatuses": statuses,
    }


@ec2.task
async def put_out(call: Call, endpoint: str, connection_id: str, for_good: bool) -> None:
    """End a session; the server then says that it has ended, if it was there."""
    one = ClientVpnConnection.get(call, endpoint, connection_id)
    if one is None or one.over:
        return
    if not await call.cloud.engine(OpenVpn).put_out(endpoint, one.number, for_good=for_good):
        with call.transaction():
            end(call, one)


@ec2.task
def session_over(call: Call, endpoint: str, connection_id: str) -> None:
    """A session has lasted as long as it may; unless the endpoint says otherwise, the client is not to come back."""
    found = ClientVpnEndpoint.get(call, endpoint)
    if found:
        put_out.later(call, endpoint=endpoint, connection_id=connection_id, for_good=found.disconnect)


def end(call: Call, one: ClientVpnConnection) -> None:
    """A session is over; it is shown for an hour."""
    one.status, one.ended = TERMINATED, call.now
    one.put(call)
    forget_connection.later(call, delay=HOUR, endpoint=one.endpoint, connection_id=one.connection_id)


@ec2.task
def forget_connection(call: Call, endpoint: str, connection_id: str) -> None:
    if one := ClientVpnConnection.get(call, endpoint, connection_id):
        one.delete(call)


def end_all(call: Call, endpoint: str) -> None:
    """An endpoint's server has ended, or another one begun: nobody is connected any more."""
    for one in [*ClientVpnConnection.scan(call, endpoint)]:
        if not one.over:
            end(call, one)
