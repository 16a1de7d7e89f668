"""The name servers of VPCs: at the second address of each of their ranges, and at 169.254.169.253.

They know the names of instances, private and public ones (a public name is a private address to those inside), those of
interface endpoints, and AWS's own, which lead to the cloud. Nothing else has a name: there is no other internet.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from pileus.engines.network import Networks
from pileus.kernel import Call
from pileus.services.ec2.connectivity.client_vpn import ClientVpnEndpoint
from pileus.services.ec2.connectivity.endpoints import VpcEndpoint
from pileus.services.ec2.network import host_names, interfaces
from pileus.services.ec2.network.addresses import Mapped
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.vpcs import Vpc

from . import doors, plans

if TYPE_CHECKING:
    from dnslib import DNSRecord

    from pileus.kernel.cloud import Cloud

log = logging.getLogger("pileus.ec2")

PORT = 53
LIFETIME = 60
SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".aws.dev", ".on.aws")
ADDRESS_NAME = re.compile(r"(?:ip|ec2)-(\d+)-(\d+)-(\d+)-(\d+)")


class NameServers:
    """The name servers of a cloud, by VPC (`cloud.engine(NameServers)`)."""

    def __init__(self, cloud: Cloud) -> None:
        self._transports: dict[str, dict[str, asyncio.DatagramTransport]] = {}

    async def serve(self, call: Call, vpc: Vpc) -> None:
        """See to it that a VPC's name server answers where it should, and nowhere else; it takes dnslib to do so."""
        wanted = set(plans.resolvers(vpc)) if find_spec("dnslib") else set()
        there = self._transports.setdefault(vpc.vpc_id, {})
        for gone in there.keys() - wanted:
            there.pop(gone).close()
        for address in sorted(wanted - there.keys()):
            bound = await call.cloud.engine(Networks).socket(vpc.vpc_id, (address, PORT), socket.SOCK_DGRAM)
            loop = asyncio.get_running_loop()
            there[address], _ = await loop.create_datagram_endpoint(lambda: Answering(call, vpc.vpc_id), sock=bound)

    def leave(self, vpc_id: str) -> None:
        for transport in self._transports.pop(vpc_id, {}).values():
            transport.close()

    async def close(self) -> None:
        for vpc_id in list(self._transports):
            self.leave(vpc_id)


class Answering(asyncio.DatagramProtocol):
    """One socket of a name server."""

    def __init__(self, call: Call, vpc_id: str) -> None:
        self._call = call
        self._vpc_id = vpc_id

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, sender: Any) -> None:
        from dnslib import DNSError, DNSRecord

        try:
            question = DNSRecord.parse(data)
        except DNSError:
            return
        now = self._call.cloud.call("ec2", account=self._call.account, region=self._call.region)
        self._transport.sendto(answer(now, self._vpc_id, question).pack(), sender)

    def error_received(self, error: Exception) -> None:
        log.debug("a name server's socket: %s", error)


def answer(call: Call, vpc_id: str, question: DNSRecord) -> DNSRecord:
    """What a VPC's name server answers."""
    from dnslib import AAAA, PTR, QTYPE, RCODE, RR, A

    reply = question.reply(aa=0, ra=1)
    name, kind = str(question.q.qname).rstrip(".").lower(), QTYPE[question.q.qtype]
    vpc = Vpc.get(call, vpc_id)
    if vpc is None:
        reply.header.rcode = RCODE.SERVFAIL
    elif name.endswith((".in-addr.arpa", ".ip6.arpa")):
        if found := reversed_name(call, vpc, name):
            reply.add_answer(RR(question.q.qname, QTYPE.PTR, ttl=LIFETIME, rdata=PTR(found)))
        else:
            reply.header.rcode = RCODE.NXDOMAIN
    else:
        addresses = resolved(call, vpc, name)
        if not addresses:
            reply.header.rcode = RCODE.NXDOMAIN
        for one in addresses:
            if kind == ("AAAA" if ":" in one else "A"):
                data = AAAA(one) if kind == "AAAA" else A(one)
                reply.add_answer(RR(question.q.qname, getattr(QTYPE, kind), ttl=LIFETIME, rdata=data))
    return reply


def resolved(call: Call, vpc: Vpc, name: str) -> list[str]:
    """The addresses that a name stands for in a VPC; none if nobody has that name."""
    if name.endswith(f".{host_names.internal_domain(call.region)}"):
        return of_instance(call, vpc, name.partition(".")[0])
    if found := of_endpoint(call, vpc, name) or of_client_vpn(call, name):
        return found
    suffix = next((one for one in SUFFIXES if name.endswith(one)), "")
    if not suffix:
        return []
    if match := ADDRESS_NAME.match(name):
        address = ".".join(match.groups())
        mapped = Mapped.get(call, vpc.vpc_id, address)
        return [mapped.private_ip_address if mapped else address]
    return [doors.address(call, name.removesuffix(suffix).split("."))]


def of_instance(call: Call, vpc: Vpc, label: str) -> list[str]:
    """Of `ip-10-0-0-5`, and of `i-0123456789abcdef0`."""
    if match := ADDRESS_NAME.fullmatch(label):
        address = ".".join(match.groups())
        inside = any(ip_address(address) in ip_network(block) for block in vpc.ranges() if "." in block)
        return [address] if inside else []
    for one in interfaces.of_instance(call, label):
        if one.vpc_id == vpc.vpc_id:
            return [one.private_ip_address, *(six.ipv6_address for six in one.ipv6_addresses)]
    return []


def of_endpoint(call: Call, vpc: Vpc, name: str) -> list[str]:
    """Of an interface endpoint: its own names, and the service's name that it takes over."""
    for one in VpcEndpoint.scan(call, vpc.vpc_id, index="of_vpc"):
        if not one.usable or not one.interfaces:
            continue
        private = one.private_dns and vpc.enable_dns_support and fits(one.private_dns_name, name)
        if private or name in one.dns_names:
            found = [NetworkInterface.get(call, interface) for interface in one.interfaces.values()]
            return [each.private_ip_address for each in found if each and each.private_ip_address]
    return []


def of_client_vpn(call: Call, name: str) -> list[str]:
    """Of a Client VPN endpoint, whatever stands before its id."""
    found = next((label for label in name.split(".") if label.startswith("cvpn-endpoint-")), "")
    one = ClientVpnEndpoint.get(call, found) if found else None
    return [one.public_ip] if one else []


def fits(pattern: str, name: str) -> bool:
    """Whether a name is that of an endpoint, or one of those that `*.` stands for."""
    return name == pattern or (pattern.startswith("*.") and name.endswith(pattern[1:]))


def reversed_name(call: Call, vpc: Vpc, name: str) -> str:
    """The name of a private address of the VPC."""
    address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
    if address.count(".") == 3 and of_instance(call, vpc, f"ip-{address.replace('.', '-')}"):
        return host_names.private_name(call.region, address)
    return ""
