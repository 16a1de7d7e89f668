"""Names and the cloud's own API, as instances see them."""

from __future__ import annotations

import socket
import ssl

import pytest
from dnslib import DNSRecord


@pytest.fixture
def asks(wire):
    """What a host is told by a name server: addresses, or the code of a refusal."""

    def ask(host, name, server="10.0.0.2", kind="A"):
        with wire.socket(host, ("0.0.0.0", 0), socket.SOCK_DGRAM) as client:
            client.sendto(DNSRecord.question(name, kind).pack(), (server, 53))
            try:
                answer = DNSRecord.parse(client.recvfrom(4096)[0])
            except TimeoutError:
                return None
        return sorted(str(one.rdata) for one in answer.rr) if answer.header.rcode == 0 else answer.header.rcode

    return ask


def test_a_vpc_knows_the_names_of_its_instances(ec2, vpc, wire, asks):
    home = vpc()
    home.gateway()
    one = home.instance(home.subnet(0), "10.0.0.5", public=True)
    assert wire.until(lambda: one in wire.names() and asks(one, "ip-10-0-0-5.ec2.internal"))
    assert asks(one, "ip-10-0-0-5.ec2.internal") == ["10.0.0.5"]
    assert asks(one, "ip-10-0-0-5.ec2.internal", "169.254.169.253") == ["10.0.0.5"]
    assert asks(one, "5.0.0.10.in-addr.arpa", kind="PTR") == ["ip-10-0-0-5.ec2.internal."]
    (told,) = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"]
    public = f"ec2-{told['PublicIpAddress'].replace('.', '-')}.compute-1.amazonaws.com"
    assert asks(one, public) == ["10.0.0.5"], "to those inside a public name is a private address"
    assert asks(one, f"{one}.ec2.internal") == ["10.0.0.5"]
    assert asks(one, "ip-10-0-0-5.ec2.internal", kind="AAAA") == []
    assert asks(one, "ip-192-168-0-5.ec2.internal") == 3
    assert asks(one, "www.example.com") == 3
    assert asks(one, "sqs.us-east-1.amazonaws.com") == [wire.public(1)]
    assert asks(one, "bucket.s3.us-east-1.amazonaws.com") == [wire.public(16)]
    ec2.modify_vpc_attribute(VpcId=home.id, EnableDnsSupport={"Value": False})
    assert wire.until(lambda: asks(one, "ip-10-0-0-5.ec2.internal") is None), "nobody answers"


def request(wire, host, address, port=80, secure=None):
    """GET / at an address, in the way of a program on that host; the status line, or why there is none."""
    with wire.socket(host) as client:
        try:
            client.connect((address, port))
        except OSError as error:
            return type(error).__name__
        client.settimeout(3)
        stream = client
        if secure:
            context = ssl.create_default_context(cafile=secure)
            stream = context.wrap_socket(client, server_hostname="sqs.us-east-1.amazonaws.com")
        stream.sendall(b"GET /?Action=ListQueues HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com\r\n\r\n")
        return stream.recv(100).split(b"\r\n")[0].decode()


def test_the_api_is_reached_from_inside_by_way_of_the_internet_alone(ec2, vpc, wire, wired_cloud):
    home = vpc()
    subnet = home.subnet(0)
    one, other = home.instance(subnet, public=True), home.instance(subnet)
    assert wire.until(lambda: {one, other} <= {*wire.names()})
    assert request(wire, one, wire.public(1)) == "TimeoutError"
    home.gateway()
    assert wire.until(lambda: request(wire, one, wire.public(1)).startswith("HTTP/1.1 "))
    authority = str(wired_cloud.server.certificates.authority)
    assert request(wire, one, wire.public(1), 443, authority).startswith("HTTP/1.1 ")
    assert request(wire, one, wire.public(16)).startswith("HTTP/1.1 "), "S3's own address"
    assert request(wire, other, wire.public(1)) == "TimeoutError"
