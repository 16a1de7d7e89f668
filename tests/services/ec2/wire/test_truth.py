"""What packets do is what Reachability Analyzer says that they do, whatever the API was told.

`PILEUS_TOPOLOGIES=200` tries as many as that; a few are enough for every day.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
import time

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pileus.services.ec2.connectivity import insight_loading
from pileus.services.ec2.connectivity.insight_paths import reaches
from pileus.services.ec2.connectivity.insight_world import Packet
from pileus.services.ec2.wire.keeping import wired

from .conftest import PATIENCE, Vpc, Wire
from .test_neighbours import accept, peered

TOPOLOGIES = int(os.environ.get("PILEUS_TOPOLOGIES", "8"))
PORTS = (8080, 8443)
EPHEMERAL = 40000
BLOCKS = ["0.0.0.0/0", "10.1.0.0/24", "10.1.1.0/24", "10.1.0.5/32", "10.2.0.0/16"]

peers = st.sampled_from([*BLOCKS, "g", "h"])
rules = st.tuples(st.sampled_from(["-1", "tcp", "udp"]), st.sampled_from([(0, 65535), (8080, 8080)]), peers)
lines = st.tuples(
    st.sampled_from(["allow", "allow", "deny"]),
    st.sampled_from(["-1", "6", "17"]),
    st.sampled_from([(0, 65535), (8080, 8080), (32768, 65535)]),
    st.sampled_from(BLOCKS),
)
several = st.lists(rules, max_size=3, unique=True)
topologies = st.fixed_dictionaries(
    {
        "groups": st.fixed_dictionaries({name: st.tuples(several, several) for name in "gh"}),
        "lists": st.tuples(*(st.tuples(*(st.lists(lines, max_size=3) for _ in range(2))) for _ in range(2))),
        "members": st.lists(st.sampled_from([("g",), ("h",), ("g", "h")]), min_size=5, max_size=5),
        "routes": st.tuples(st.booleans(), st.booleans()),
    }
)


class Site:
    """Two VPCs that are peered: two instances in each subnet of the first, one in the second."""

    def __init__(self, cloud) -> None:
        self.account = cloud.account()
        self.ec2, self.wire, self.cloud = self.account.client("ec2"), Wire(cloud), cloud
        self.home, self.other = Vpc(self.ec2, "10.1.0.0/16"), Vpc(self.ec2, "10.2.0.0/16")
        near, far, there = self.home.subnet(0), self.home.subnet(1), self.other.subnet(0)
        self.peering = peered(self.ec2, self.home, self.other)
        accept(self.ec2, self.wire, self.peering)
        self.groups = {
            (vpc.id, name): self.ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc.id)["GroupId"]
            for vpc in (self.home, self.other)
            for name in "gh"
        }
        self.lists = [self.list_of(subnet) for subnet in (near, far)]
        places = {"10.1.0.5": near, "10.1.0.6": near, "10.1.1.5": far, "10.1.1.6": far, "10.2.0.5": there}
        self.vpcs = {address: self.other if address.startswith("10.2") else self.home for address in places}
        self.hosts = {a: self.vpcs[a].instance(subnet, a) for a, subnet in places.items()}
        self.interfaces = {a: self.interface(host) for a, host in self.hosts.items()}

    def list_of(self, subnet, vpc=None):
        acl = self.ec2.create_network_acl(VpcId=(vpc or self.home).id)["NetworkAcl"]["NetworkAclId"]
        filters = [{"Name": "association.subnet-id", "Values": [subnet]}]
        (there,) = self.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        (one,) = (each for each in there["Associations"] if each["SubnetId"] == subnet)
        self.ec2.replace_network_acl_association(AssociationId=one["NetworkAclAssociationId"], NetworkAclId=acl)
        return acl

    def interface(self, host):
        (told,) = self.ec2.describe_instances(InstanceIds=[host])["Reservations"][0]["Instances"]
        return told["NetworkInterfaces"][0]["NetworkInterfaceId"]

    # Telling the API

    def become(self, topology) -> None:
        for (vpc_id, name), group_id in self.groups.items():
            self.allow(vpc_id, group_id, *topology["groups"][name])
        for acl, ways in zip(self.lists, topology["lists"], strict=True):
            self.fill(acl, ways)
        for address, names in zip(self.hosts, topology["members"], strict=True):
            groups = [self.groups[self.vpcs[address].id, name] for name in names]
            self.ec2.modify_network_interface_attribute(NetworkInterfaceId=self.interfaces[address], Groups=groups)
        for vpc, block, there in zip(
            (self.home, self.other), ("10.2.0.0/16", "10.1.0.0/16"), topology["routes"], strict=True
        ):
            with contextlib.suppress(self.ec2.exceptions.ClientError):
                self.ec2.delete_route(RouteTableId=vpc.table, DestinationCidrBlock=block)
            if there:
                vpc.route(block, VpcPeeringConnectionId=self.peering)

    def allow(self, vpc_id, group_id, inbound, outbound) -> None:
        (there,) = self.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"]
        ways = (("ingress", "IpPermissions", inbound), ("egress", "IpPermissionsEgress", outbound))
        for way, member, wanted in ways:
            if there[member]:
                revoke = getattr(self.ec2, f"revoke_security_group_{way}")
                revoke(GroupId=group_id, IpPermissions=there[member])
            permissions = {(p if p == "-1" else (p, *ports), peer): (p, ports, peer) for p, ports, peer in wanted}
            if permissions:
                asked = [self.permission(vpc_id, *one) for one in permissions.values()]
                getattr(self.ec2, f"authorize_security_group_{way}")(GroupId=group_id, IpPermissions=asked)

    def permission(self, vpc_id, protocol, ports, peer):
        told = {"IpProtocol": protocol}
        if protocol != "-1":
            told |= {"FromPort": ports[0], "ToPort": ports[1]}
        if peer in "gh":
            return told | {"UserIdGroupPairs": [{"GroupId": self.groups[vpc_id, peer]}]}
        return told | {"IpRanges": [{"CidrIp": peer}]}

    def fill(self, acl, ways) -> None:
        (there,) = self.ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"]
        for entry in there["Entries"]:
            if entry["RuleNumber"] < 32767:
                named = {"RuleNumber": entry["RuleNumber"], "Egress": entry["Egress"]}
                self.ec2.delete_network_acl_entry(NetworkAclId=acl, **named)
        for egress, wanted in zip((False, True), ways, strict=True):
            for number, (action, protocol, ports, block) in enumerate(wanted, 1):
                told = {"PortRange": {"From": ports[0], "To": ports[1]}} if protocol != "-1" else {}
                self.ec2.create_network_acl_entry(
                    NetworkAclId=acl, RuleNumber=number, Egress=egress, RuleAction=action, Protocol=protocol,
                    CidrBlock=block, **told,
                )  # fmt: skip

    # Asking

    def call(self):
        return self.cloud.server.cloud.call("ec2", account=self.account.id)

    def expected(self):
        """The connections that come about according to the analyzer."""
        world = self.cloud.do(lambda: insight_loading.world(self.call()))
        return {
            (source, target, port)
            for source, target in itertools.permutations(self.hosts, 2)
            for port in PORTS
            if reaches(world, self.interfaces[source], Packet("6", source, EPHEMERAL, target, port))
        }

    def observed(self):
        """Those that really do."""
        for vpc in (self.home, self.other):
            self.cloud.run(wired(self.call(), vpc.id))
        found = set()
        with contextlib.ExitStack() as stack:
            for address, port in itertools.product(self.hosts, PORTS):
                stack.enter_context(self.wire.listening(self.hosts[address], port))
            waiting = {}
            for source, target in itertools.permutations(self.hosts, 2):
                for port in PORTS:
                    client = stack.enter_context(self.wire.socket(self.hosts[source]))
                    client.setblocking(False)
                    client.connect_ex((target, port))
                    waiting[client] = source, target, port
            until = time.monotonic() + PATIENCE
            while waiting and (left := until - time.monotonic()) > 0:
                for client in select.select([], [*waiting], [], left)[1]:
                    probe = waiting.pop(client)
                    if client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        found.add(probe)
        return found


class Hub(Site):
    """Two VPCs at a transit gateway, whose doors are both in one zone: a subnet of its own, and one with instances."""

    def __init__(self, cloud) -> None:
        self.account = cloud.account()
        self.ec2, self.wire, self.cloud = self.account.client("ec2"), Wire(cloud), cloud
        self.home, self.other = Vpc(self.ec2, "10.1.0.0/16"), Vpc(self.ec2, "10.2.0.0/16")
        a, b = "us-east-1a", "us-east-1b"
        near, far, door = self.home.subnet(0, a), self.home.subnet(1, b), self.home.subnet(2, a)
        there, beyond = self.other.subnet(0, a), self.other.subnet(1, b)
        for vpc in (self.home, self.other):
            vpc.open()
        self.gateway = gateway = self.ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
        cloud.clock.advance(2)
        self.attachments = [
            self.ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc.id, SubnetIds=[subnet])
            for vpc, subnet in ((self.home, door), (self.other, there))
        ]
        cloud.clock.advance(2)
        for vpc in (self.home, self.other):
            vpc.route("10.0.0.0/8", TransitGatewayId=gateway)
        self.lists = [self.list_of(door), self.list_of(there, self.other)]
        places = {"10.1.0.5": near, "10.1.1.5": far, "10.2.0.5": there, "10.2.1.5": beyond}
        vpcs = {address: self.other if address.startswith("10.2") else self.home for address in places}
        self.hosts = {a: vpcs[a].instance(subnet, a) for a, subnet in places.items()}
        self.interfaces = {a: self.interface(host) for a, host in self.hosts.items()}

    def across(self):
        """The connections between the VPCs that come about, as expected."""
        observed = self.observed()
        assert observed == self.expected()
        return {one for one in observed if one[0][:4] != one[1][:4]}

    def translate(self, block, known):
        """Let the gateway know the other VPC's addresses as others, and the first VPC send to those."""
        told = self.attachments[1]["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
        self.ec2.modify_transit_gateway_attachment_nat_configuration(
            TransitGatewayAttachmentId=told,
            NatGatewaySupport="enable",
            NatGatewayRules=[{"RuleNumber": 1, "MatchSourceCidr": block, "NatCidr": known}],
        )
        self.home.route(known, TransitGatewayId=self.gateway)


@pytest.fixture(scope="module")
def site(wired_cloud):
    return Site(wired_cloud)


@settings(max_examples=TOPOLOGIES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(topology=topologies)
def test_packets_do_what_the_analyzer_says(site, topology):
    site.become(topology)
    assert site.observed() == site.expected()


EVERYTHING = [("allow", "-1", (0, 65535), "0.0.0.0/0")]
NO_WEB = [("deny", "6", (PORTS[0], PORTS[0]), "10.1.0.0/16"), *EVERYTHING]
NOBODY = [("deny", "6", (0, 65535), "10.2.0.0/24"), *EVERYTHING]
OPEN = (EVERYTHING, EVERYTHING)


def test_transit_gateways_serve_the_zones_of_their_doors_and_are_judged_there(wired_cloud):
    hub = Hub(wired_cloud)
    there, back = ("10.1.0.5", "10.2.0.5"), ("10.2.0.5", "10.1.0.5")
    every = {(*pair, port) for pair in (there, back) for port in PORTS}
    for lists, blocked in (
        ((OPEN, OPEN), set()),
        (((NO_WEB, EVERYTHING), OPEN), {(*there, PORTS[0])}),  # what goes out enters the door
        (((EVERYTHING, NO_WEB), OPEN), {(*back, PORTS[0])}),  # what comes in leaves it
        ((OPEN, (NO_WEB, EVERYTHING)), set()),  # but for the door's own subnet crosses no border
        ((OPEN, (NOBODY, EVERYTHING)), every),  # while what goes out from there enters it
    ):
        for acl, ways in zip(hub.lists, lists, strict=True):
            hub.fill(acl, ways)
        assert hub.across() == every - blocked
    hub.translate("10.2.0.0/24", "100.64.7.0/24")
    for acl in hub.lists:
        hub.fill(acl, OPEN)
    seen = hub.wire.seen(hub.hosts["10.2.0.5"], hub.hosts["10.1.0.5"], "10.1.0.5", PORTS[0])
    assert seen == "100.64.7.5"
    assert hub.wire.soon(hub.hosts["10.1.0.5"], hub.hosts["10.2.0.5"], "100.64.7.5", PORTS[0])
    assert hub.across() == every - {(*there, port) for port in PORTS}  # it is answered by another address
