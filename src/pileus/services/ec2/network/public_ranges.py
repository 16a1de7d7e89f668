"""Amazon's pools of public addresses, out of which the whole cloud gives each address once.

IPv4 addresses come out of the range that is reserved for benchmarks (RFC 2544), of which each cloud on a machine has a
share, IPv6 ranges out of the one for documentation (RFC 3849): neither can be anybody's on the real internet.
"""

from __future__ import annotations

import secrets
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Network

from pileus.engines.network import Networks
from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2

OWN = 64
"""How many addresses at the beginning belong to the cloud itself."""
SERVICES = {"s3": 16, "dynamodb": 32}
"""Where among those a /28 begins at which the endpoints of a service answer."""
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
    share = pool(call)
    for _ in range(TRIES):
        address = str(share[OWN + secrets.randbelow(share.num_addresses - OWN - 1)])
        if hold(call, address):
            return address
    address = next((one for one in map(str, [*share.hosts()][OWN:]) if hold(call, one)), "")
    if not address:
        raise Fault("InsufficientAddressCapacity", "Not enough addresses available to fulfill your request.")
    return address


def take_block(call: Call, length: int) -> str:
    """A block of public IPv4 addresses of which nobody has any; all of them are the account's from then on."""
    for block in reversed([*pool(call).subnets(new_prefix=length)][1:]):
        addresses = [str(one) for one in block]
        if int(block[0]) >= int(pool(call)[OWN]) and not any(Held.get(call, one) for one in addresses):
            for one in addresses:
                hold(call, one)
            return str(block)
    raise Fault("InsufficientAddressCapacity", "Not enough addresses available to fulfill your request.")


def take_ipv6(call: Call, length: int = 56) -> str:
    """A block of Amazon's IPv6 addresses that nobody has, in steps of four bits down to /56."""
    while True:
        number = secrets.randbits(length - IPV6.prefixlen)
        found = IPv6Network((int(IPV6.network_address) | number << 128 - length, length))
        around = (found.supernet(new_prefix=shorter) for shorter in range(40, length, 4))
        if not any(Held.get(call, str(one)) for one in around) and hold(call, str(found)):
            return str(found)


def give_back_block(call: Call, block: str) -> None:
    """What `take_block` or `take_ipv6` gave is anybody's again."""
    for one in [block] if ":" in block else map(str, IPv4Network(block)):
        give_back(call, one)


def hold(call: Call, address: str) -> bool:
    """Whether the account has the address or range now, because nobody had it."""
    if Held.get(call, address):
        return False
    Held(range=address, account=call.account, region=call.region).put(call)
    return True


def give_back(call: Call, address: str) -> None:
    Held(range=address, account="", region="").delete(call)


def public(call: Call, address: str) -> bool:
    """Whether an address is one of Amazon's pool."""
    try:
        return IPv4Address(address) in pool(call)
    except AddressValueError:
        return False


def pool(call: Call) -> IPv4Network:
    """All public addresses of the cloud."""
    return call.cloud.engine(Networks).public


def service_block(call: Call, service: str) -> str:
    """Where the endpoints of S3 or DynamoDB answer, as instances see them."""
    return f"{pool(call)[SERVICES[service]]}/28"
