"""How the tunnels of VPN connections are: what has been negotiated, and when their ends were replaced.

Nothing here ever waits to be maintained: ends are replaced when somebody asks for it.
"""

from __future__ import annotations

from pileus.kernel import Call
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members

from .lives import enter
from .vpn_connections import gateway_of, present, tunnel_of
from .vpn_record import Seen, VpnConnection


@ec2.operation
def get_active_vpn_tunnel_status(call: Call, vpn_connection_id: str, vpn_tunnel_outside_ip_address: str) -> Members:
    """What the two ends of a tunnel have negotiated."""
    one = present(call, vpn_connection_id)
    outside = tunnel_of(one, vpn_tunnel_outside_ip_address)["OutsideIpAddress"]
    status = "available" if one.state == "available" else "pending"
    return {"ActiveVpnTunnelStatus": one.seen.get(outside, Seen()).agreed | {"ProvisioningStatus": status}}


@ec2.operation
def replace_vpn_tunnel(
    call: Call,
    vpn_connection_id: str,
    vpn_tunnel_outside_ip_address: str,
    apply_pending_maintenance: bool = False,
) -> Members:
    """Begin a tunnel anew, with all that was due to be done to it: here that is nothing more."""
    one = present(call, vpn_connection_id)
    replaced(call, one, tunnel_of(one, vpn_tunnel_outside_ip_address)["OutsideIpAddress"])
    enter(call, one, "modifying")
    return {"Return": True}


def replaced(call: Call, one: VpnConnection, outside: str) -> None:
    """Let the end of a tunnel be another one."""
    one.replaced = one.replaced | {outside: call.now}


@ec2.operation
def get_vpn_tunnel_replacement_status(
    call: Call, vpn_connection_id: str, vpn_tunnel_outside_ip_address: str
) -> Members:
    """Whether the end of a tunnel is to be replaced, and when it last was."""
    one = present(call, vpn_connection_id)
    outside = tunnel_of(one, vpn_tunnel_outside_ip_address)["OutsideIpAddress"]
    return {
        "VpnConnectionId": one.vpn_connection_id,
        "TransitGatewayId": gateway_of(one).transit_gateway_id or None,
        "VpnGatewayId": one.vpn_gateway_id or None,
        "CustomerGatewayId": one.customer_gateway_id,
        "VpnTunnelOutsideIpAddress": outside,
        "MaintenanceDetails": {
            "PendingMaintenance": "none",
            "LastMaintenanceApplied": one.replaced.get(outside),
        },
    }
