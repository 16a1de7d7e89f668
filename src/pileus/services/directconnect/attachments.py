"""The virtual interfaces that lead to Direct Connect gateways; and how a gateway ends to which nothing leads."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call
from pileus.kernel.regions import regions

from . import directconnect, refused
from .associations import Association
from .connections import paged
from .gateways import Gateway, gateway, shown
from .interfaces import TRANSIT, VirtualInterface
from .states import enter

Members = dict[str, Any]


def attached(call: Call, gateway_id: str) -> list[tuple[str, VirtualInterface]]:
    """The virtual interfaces that lead to a gateway, with their Regions."""
    return [
        (region, one)
        for region in regions(call.partition)
        for one in VirtualInterface.scan(call.at(region=region))
        if one.gateway_id == gateway_id and one.present
    ]


@directconnect.operation
def describe_direct_connect_gateway_attachments(
    call: Call,
    direct_connect_gateway_id: str = "",
    virtual_interface_id: str = "",
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The virtual interfaces that lead to gateways."""
    wanted = [direct_connect_gateway_id] if direct_connect_gateway_id else [g.gateway_id for g in Gateway.scan(call)]
    found = [
        {
            "directConnectGatewayId": one.gateway_id,
            "virtualInterfaceId": one.virtual_interface_id,
            "virtualInterfaceRegion": region,
            "virtualInterfaceOwnerAccount": one.owner,
            "attachmentState": "attaching" if one.state in ("pending", "confirming") else "attached",
            "attachmentType": "TransitVirtualInterface" if one.type == TRANSIT else "PrivateVirtualInterface",
        }
        for gateway_id in wanted
        for region, one in attached(call, gateway_id)
        if virtual_interface_id in ("", one.virtual_interface_id)
    ]
    return paged(call, "directConnectGatewayAttachments", found, max_results, next_token)


@directconnect.operation
def delete_direct_connect_gateway(call: Call, direct_connect_gateway_id: str) -> Members:
    """Delete a gateway to which nothing leads any more."""
    one = gateway(call, direct_connect_gateway_id)
    there = [a for a in Association.scan(call) if a.gateway_id == direct_connect_gateway_id and a.present]
    if there or attached(call, direct_connect_gateway_id):
        raise refused(f"Direct Connect gateway {direct_connect_gateway_id} has attachments or associations")
    enter(call, one, "deleting")
    return {"directConnectGateway": shown(call, one)}
