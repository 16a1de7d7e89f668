"""What becomes of addresses, handshakes and transfers, which lie in no account by their keys, when one is reset."""

from __future__ import annotations

from pileus.kernel import Call

from . import organizations
from .addresses import Address
from .handshakes import Handshake
from .transfers import forgotten


@organizations.forget
def forget(call: Call) -> None:
    """The account's address is free again, and it neither asks nor is asked anything."""
    for address in list(Address.scan(call, call.account, index="by_account")):
        address.delete(call)
    forgotten(call)
    for handshake in list(Handshake.scan(call)):
        if call.account in (handshake.management, handshake.account):
            handshake.delete(call)
