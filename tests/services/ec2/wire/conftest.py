"""VPCs whose packets are real. Instances are namespaces without machines in them: the network is what is tested."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import pileus
from pileus.engines.network import Networks

WEB = 8080
"""Where the servers of tests listen."""
PATIENCE = 0.4
"""Seconds after which a connection is held to be refused: those that are let through take a millisecond."""
SETTLING = 3.0
"""Seconds within which whatever was changed has to take effect, on however busy a machine."""


@pytest.fixture(scope="session")
def wired_cloud() -> Iterator[pileus.LocalCloud]:
    """A cloud of its own, without machines."""
    if reason := Networks.available():
        pytest.skip(f"no networks: {reason}")
    with pileus.cloud(machines="none", sockets=True) as running:
        yield running


@pytest.fixture
def aws(wired_cloud):
    return wired_cloud.account()


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


class Wire:
    """What a test sends and receives in the networks of a cloud."""

    def __init__(self, cloud: pileus.LocalCloud) -> None:
        self.cloud = cloud
        self.networks = cloud.server.cloud.engine(Networks)

    def socket(
        self, where: str, address: tuple[str, int] | None = None, kind: int = socket.SOCK_STREAM, listens: bool = False
    ) -> socket.socket:
        made = self.cloud.run(self.networks.socket(where, address, kind, listens=listens))
        made.settimeout(PATIENCE)
        return made

    def names(self) -> dict[str, str]:
        return self.cloud.run(self.networks.names())

    @contextlib.contextmanager
    def listening(self, host: str, port: int = WEB) -> Iterator[socket.socket]:
        self.until(lambda: host in self.names())
        with self.socket(host, ("0.0.0.0", port), listens=True) as server:
            yield server

    def reaches(self, source: str, address: str, port: int = WEB) -> bool:
        """Whether a connection can be opened, to somebody who listens."""
        self.until(lambda: source in self.names())
        with self.socket(source) as probe:
            try:
                probe.connect((address, port))
            except OSError:
                return False
            return True

    def connects(self, source: str, host: str, address: str, port: int = WEB) -> bool:
        with self.listening(host, port):
            return self.reaches(source, address, port)

    def seen(self, source: str, host: str, address: str, port: int = WEB) -> str:
        """By which address the source is known to the host that it reaches; empty if it does not reach it."""
        with self.listening(host, port) as server:
            if not self.reaches(source, address, port):
                return ""
            while select.select([server], [], [], PATIENCE)[0]:
                peer, (name, _) = server.accept()
                peer.close()
                return str(name)
            return ""

    def says(self, source: str, host: str, address: str, port: int = 53) -> bool:
        """Whether a datagram of IPv6 gets there and its answer back."""
        kind = socket.SOCK_DGRAM
        self.until(lambda: {source, host} <= {*self.names()})
        with self.socket(host, ("::", port), kind) as server, self.socket(source, ("::", 0), kind) as client:
            try:
                client.sendto(b"?", (address, port))
                server.sendto(b"!", server.recvfrom(10)[1])
                return client.recvfrom(10)[0] == b"!"
            except OSError:
                return False

    def until(self, true: Any) -> bool:
        """Wait until something is so that was asked for a moment ago; whether it is."""
        until = time.monotonic() + SETTLING
        while time.monotonic() < until:
            if true():
                return True
            time.sleep(0.01)
        return False

    def soon(self, source: str, host: str, address: str, port: int = WEB) -> bool:
        return self.until(lambda: self.connects(source, host, address, port))

    def cut(self, source: str, host: str, address: str, port: int = WEB) -> bool:
        return self.until(lambda: not self.connects(source, host, address, port))

    def public(self, place: int) -> str:
        return str(self.networks.public[place])


@pytest.fixture
def wire(wired_cloud) -> Wire:
    return Wire(wired_cloud)


X86 = {"Name": "architecture", "Values": ["x86_64"]}


class Vpc:
    """A VPC as a test builds it."""

    def __init__(self, client: Any, cidr: str) -> None:
        self.ec2 = client
        self.id = client.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"]
        self.prefix = cidr.rsplit(".", 2)[0]
        filters = [{"Name": "vpc-id", "Values": [self.id]}]
        self.table = client.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
        self.acl = client.describe_network_acls(Filters=filters)["NetworkAcls"][0]["NetworkAclId"]
        self.group = client.describe_security_groups(Filters=filters)["SecurityGroups"][0]["GroupId"]

    def subnet(self, number: int, zone: str = "us-east-1a") -> str:
        block = f"{self.prefix}.{number}.0/24"
        made = self.ec2.create_subnet(VpcId=self.id, CidrBlock=block, AvailabilityZone=zone)
        return str(made["Subnet"]["SubnetId"])

    def open(self, *rules: dict[str, Any]) -> None:
        """Let in what rules say, or everything."""
        every = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        self.ec2.authorize_security_group_ingress(GroupId=self.group, IpPermissions=[*rules] or every)

    def gateway(self, table: str = "") -> str:
        """An internet gateway, and a route to it."""
        made = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=made, VpcId=self.id)
        self.ec2.create_route(RouteTableId=table or self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=made)
        return str(made)

    def instance(self, subnet: str, address: str = "", groups: tuple[str, ...] = (), public: bool = False) -> str:
        """An instance; its id."""
        interface: dict[str, Any] = {"DeviceIndex": 0, "SubnetId": subnet, "AssociatePublicIpAddress": public}
        if address:
            interface["PrivateIpAddress"] = address
        if groups:
            interface["Groups"] = [*groups]
        image = self.ec2.describe_images(Owners=["amazon"], Filters=[X86])["Images"][0]["ImageId"]
        made = self.ec2.run_instances(
            ImageId=image, InstanceType="t3.nano", MinCount=1, MaxCount=1, NetworkInterfaces=[interface]
        )
        return str(made["Instances"][0]["InstanceId"])

    def route(self, block: str, table: str = "", **target: str) -> None:
        self.ec2.create_route(RouteTableId=table or self.table, DestinationCidrBlock=block, **target)


@pytest.fixture
def vpc(ec2):
    """Makes VPCs: `vpc("10.0.0.0/16")`."""

    def make(cidr: str = "10.0.0.0/16", client: Any = None) -> Vpc:
        return Vpc(client or ec2, cidr)

    return make
