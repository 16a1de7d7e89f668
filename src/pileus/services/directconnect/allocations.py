"""Virtual interfaces for other accounts: they are allocated on one's own line, and confirmed by who is to have them."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import absent, directconnect, refused
from .interfaces import PRIVATE, PUBLIC, TRANSIT, VirtualInterface, amazon_asn, make, shown
from .states import enter

Members = dict[str, Any]


@directconnect.operation
def allocate_private_virtual_interface(
    call: Call, connection_id: str, owner_account: str, new_private_virtual_interface_allocation: Members
) -> Members:
    """Offer another account a private interface."""
    given = new_private_virtual_interface_allocation
    return shown(call, make(call, owner_account, connection_id, PRIVATE, given, "confirming"))


@directconnect.operation
def allocate_public_virtual_interface(
    call: Call, connection_id: str, owner_account: str, new_public_virtual_interface_allocation: Members
) -> Members:
    """Offer another account a public interface."""
    given = new_public_virtual_interface_allocation
    return shown(call, make(call, owner_account, connection_id, PUBLIC, given, "confirming"))


@directconnect.operation
def allocate_transit_virtual_interface(
    call: Call, connection_id: str, owner_account: str, new_transit_virtual_interface_allocation: Members
) -> Members:
    """Offer another account a transit interface."""
    given = new_transit_virtual_interface_allocation
    return {"virtualInterface": shown(call, make(call, owner_account, connection_id, TRANSIT, given, "confirming"))}


def offered(call: Call, virtual_interface_id: str, kind: str) -> VirtualInterface:
    """An interface that waits for the caller to take it."""
    found = VirtualInterface.get(call, virtual_interface_id)
    if found is None or found.type != kind:
        raise absent("Virtual Interface", virtual_interface_id)
    if found.state != "confirming":
        raise refused(f"Virtual interface {virtual_interface_id} is in state {found.state}, not confirming")
    return found


@directconnect.operation
def confirm_private_virtual_interface(
    call: Call, virtual_interface_id: str, virtual_gateway_id: str = "", direct_connect_gateway_id: str = ""
) -> Members:
    """Take an interface, and say to which gateway it leads."""
    one = offered(call, virtual_interface_id, PRIVATE)
    if bool(virtual_gateway_id) == bool(direct_connect_gateway_id):
        raise refused("Specify either a virtual gateway or a Direct Connect gateway")
    return _confirmed(call, one, virtual_gateway_id, direct_connect_gateway_id)


@directconnect.operation
def confirm_public_virtual_interface(call: Call, virtual_interface_id: str) -> Members:
    """Take an interface; the addresses that are to be told are verified next."""
    one = offered(call, virtual_interface_id, PUBLIC)
    enter(call, one, "verifying")
    return {"virtualInterfaceState": one.state}


@directconnect.operation
def confirm_transit_virtual_interface(call: Call, virtual_interface_id: str, direct_connect_gateway_id: str) -> Members:
    """Take an interface, and say to which gateway it leads."""
    one = offered(call, virtual_interface_id, TRANSIT)
    return _confirmed(call, one, "", direct_connect_gateway_id)


def _confirmed(call: Call, one: VirtualInterface, virtual_gateway: str, gateway: str) -> Members:
    one.amazon_asn = amazon_asn(call, one.type, gateway, virtual_gateway)
    one.virtual_gateway_id, one.gateway_id = virtual_gateway, gateway
    enter(call, one, "pending")
    return {"virtualInterfaceState": one.state}
