"""Amazon's pools of public addresses, out of which the whole cloud gives each address once.

IPv4 addresses come out of the range that is reserved for benchmarks (RFC 2544), IPv6 ranges out of the one for
documentation (RFC 3849): neither can be anybody's on the real internet.
"""

from __future__ import annotations

import secrets
from ipaddress import IPv4Address, IPv6Network

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2

FIRST = int(IPv4Address("198.18.1.0"))
"""The /24 below belongs to the cloud itself."""
LAST = int(IPv4Address("198.18.255.255"))
IPV6 = IPv6Network("2001:db8::/32")
TRIES = 64


class Held(Record, scope="cloud"):
    """A public address or range that somebody has."""

    range: str
    account: str
    region: str


@ec2.forget
def forget(call: Call) -> None:
    """Take back what an account had that is reset."""
    for one in [one for one in Held.scan(call) if one.account == call.account]:
        one.delete(call)


def take_address(call: Call, wanted: str = "") -> str:
    """A public IPv4 address that nobody has, or the one that is wanted; empty if that is taken."""
    if wanted:
        return wanted if hold(call, wanted) else ""
    for _ in range(TRIES):
        address = str(IPv4Address(FIRST + secrets.randbelow(LAST - FIRST + 1)))
        if hold(call, address):
            return address
    address = next((one for one in map(_text, range(FIRST, LAST + 1)) if hold(call, one)), "")
    if not address:
        raise Fault("InsufficientAddressCapacity", "Not enough addresses available to fulfill your request.")
    return address


def take_ipv6(call: Call) -> str:
    """A /56 of Amazon's that nobody has."""
    while True:
        number = secrets.randbits(24)
        found = str(IPv6Network((int(IPV6.network_address) | number << 72, 56)))
        if hold(call, found):
            return found


def hold(call: Call, address: str) -> bool:
    """Whether the account has the address or range now, because nobody had it."""
    if Held.get(call, address):
        return False
    Held(range=address, account=call.account, region=call.region).put(call)
    return True


def give_back(call: Call, address: str) -> None:
    Held(range=address, account="", region="").delete(call)


def public(address: str) -> bool:
    """Whether an address is one of Amazon's pool."""
    return FIRST <= int(IPv4Address(address)) <= LAST


def _text(number: int) -> str:
    return str(IPv4Address(number))
