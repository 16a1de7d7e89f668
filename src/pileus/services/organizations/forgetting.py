"""What becomes of addresses and handshakes, which lie in no account by their keys, when an account is reset."""

from __future__ import annotations

from pileus.kernel import Call

from . import organizations
from .addresses import Address
from .handshakes import Handshake


@organizations.forget
def forget(call: Call) -> None:
    """The account's address is free again, and it neither asks nor is asked anything."""
    for address in list(Address.scan(call, call.account, index="by_account")):
        address.delete(call)
    for handshake in list(Handshake.scan(call)):
        if call.account in (handshake.management, handshake.account):
            handshake.delete(call)
