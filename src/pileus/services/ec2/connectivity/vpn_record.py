"""VPN connections as they are kept, with the states of their tunnels, and concentrators of them."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pileus.kernel import Call, Record
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.network.changes import changed, removed

from .lives import GONE, USUAL, Life


class Seen(msgspec.Struct):
    """How a tunnel is."""

    up: bool = False
    since: float = 0.0
    message: str = "IPSEC IS DOWN"
    told: dict[str, int] = {}
    """The blocks that the customer gateway tells by it, with the lengths of their paths."""
    agreed: dict[str, Any] = {}
    """What has been negotiated, as AWS calls it."""


@kind(
    "vpn-connection",
    "vpn",
    missing=("InvalidVpnConnectionID.NotFound", "The vpnConnection ID '{}' does not exist"),
)
class VpnConnection(
    Record,
    arn="vpn-connection/{vpn_connection_id}",
    cfn="AWS::EC2::VPNConnection",
    indexes={
        "by_gateway": ("vpn_gateway_id",),
        "by_customer": ("customer_gateway_id",),
        "by_concentrator": ("vpn_concentrator_id",),
    },
):
    """A connection."""

    life: ClassVar[Life] = USUAL
    vpn_connection_id: str
    customer_gateway_id: str
    type: str
    tunnels: list[dict[str, Any]]
    options: dict[str, Any]
    vpn_gateway_id: str = ""
    transit_gateway_id: str = ""
    vpn_concentrator_id: str = ""
    """The concentrator that leads it to the transit gateway, with others, by an attachment of its own."""
    attachment: str = ""
    static_only: bool = False
    routes: list[str] = []
    """The blocks that were said to be behind it."""
    seen: dict[str, Seen] = {}
    """How its tunnels are, by their outside addresses."""
    secret: str = ""
    """The ARN of the secret that has its keys, if they are kept there."""
    certificates: dict[str, str] = {}
    """The ARNs of the certificates of our ends, by outside addresses, where those are used instead of keys."""
    replaced: dict[str, float] = {}
    """When their ends were replaced."""
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ("deleting", "deleted")

    @property
    def up(self) -> list[str]:
        """The outside addresses of the tunnels through which packets go, in order."""
        outside = (tunnel["OutsideIpAddress"] for tunnel in self.tunnels)
        return [address for address in outside if address in self.seen and self.seen[address].up]

    @property
    def told(self) -> dict[str, int]:
        """The blocks that its customer gateway tells by BGP, with the lengths of paths."""
        found: dict[str, int] = {}
        for address in self.up:
            for block, length in self.seen[address].told.items():
                found[block] = min(length, found.get(block, length))
        return found

    def entered(self, call: Call, state: str) -> None:
        """Its tunnels begin when it is available, and end with it."""
        if state == GONE:
            removed(call, self.vpn_connection_id)
        else:
            changed(call, self.vpn_connection_id)


@kind(
    "vpn-concentrator",
    "vcn",
    missing=("InvalidVpnConcentratorID.NotFound", "The vpnConcentrator ID '{}' does not exist"),
)
class VpnConcentrator(Record, arn="vpn-concentrator/{vpn_concentrator_id}"):
    """What leads many connections to a transit gateway by one attachment."""

    life: ClassVar[Life] = USUAL
    vpn_concentrator_id: str
    type: str
    transit_gateway_id: str
    attachment: str
    state: str = "pending"
    since: float = 0.0
    tags: dict[str, str] = {}

    @property
    def present(self) -> bool:
        return self.state not in ("deleting", "deleted")

    def entered(self, call: Call, state: str) -> None:
        if state == GONE:
            removed(call, self.vpn_concentrator_id)
        else:
            changed(call, self.vpn_concentrator_id)
