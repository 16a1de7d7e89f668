"""Lines of Direct Connect: the customer's end of each is a namespace, in which somebody speaks BGP."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus.engines.bgp import Peer, Speaker, Speakers, State, unable
from pileus.kernel.cables import leading_to

pytestmark = pytest.mark.skipif(bool(unable()), reason=f"no BGP: {unable()}")

PATIENCE = 20.0
"""Seconds that BGP may take, on however busy a machine; it takes one or two."""
BEHIND = "172.20.0.1"
"""A host of the customer's."""


def sooner_or_later(true: Callable[[], Any]) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def dx(aws):
    return aws.client("directconnect")


@pytest.fixture
def line(dx) -> str:
    made = dx.create_connection(location="EqDC2", bandwidth="1Gbps", connectionName="line")
    return str(made["connectionId"])


def asked(vlan: int, **more: Any) -> dict[str, Any]:
    return {"virtualInterfaceName": "v", "vlan": vlan, "asn": 65010, "authKey": "sesame"} | more


def shown(dx, what: str) -> dict[str, Any]:
    return dx.describe_virtual_interfaces(virtualInterfaceId=what)["virtualInterfaces"][0]


class Customer:
    """The router at the other end of a line, and everything behind it."""

    def __init__(self, wire, line: str, address: str, blocks: tuple[str, ...]) -> None:
        self._wire = wire
        self._address = address
        self._blocks = blocks
        assert sooner_or_later(lambda: line in wire.names())
        self._name = wire.names()[line]
        self._speakers = Speakers(wire.cloud.server.cloud)
        self.told: dict[str, State] = {}
        self.ip("addr", "add", f"{address}/32", "dev", "lo")

    def ip(self, *words: str) -> None:
        subprocess.run(["ip", "-n", self._name, *words], check=True)

    def speak(self, vif: dict[str, Any], beyond: str = "10.0.0.0/8") -> None:
        amazon, ours = vif["amazonAddress"].split("/")[0], vif["customerAddress"].split("/")[0]
        peer = Peer("amazon", amazon, vif["amazonSideAsn"], ours, self._blocks, vif["authKey"])
        speaker = Speaker("customer", Path("/run/netns", self._name), ours, vif["asn"], (peer,))
        self._wire.cloud.run(self._speakers.run(speaker, self.told.__setitem__))
        self.ip("route", "add", beyond, "via", amazon, "dev", f"vlan{vif['vlan']}", "src", self._address)

    @property
    def heard(self) -> set[str]:
        return {*self.told.get("amazon", State()).told}

    def close(self) -> None:
        self._wire.cloud.run(self._speakers.close())


@contextlib.contextmanager
def customer(
    wire, line: str, address: str = BEHIND, blocks: tuple[str, ...] = ("172.20.0.0/16",)
) -> Iterator[Customer]:
    made = Customer(wire, line, address, blocks)
    try:
        yield made
    finally:
        made.close()


def test_what_a_customer_tells_on_a_line_is_reached_from_the_vpc_and_the_other_way_round(
    ec2, dx, line, vpc, wire, wired_cloud
):
    net = vpc()
    net.open()
    one = net.instance(net.subnet(0), "10.0.0.5")
    vgw = ec2.create_vpn_gateway(Type="ipsec.1", AmazonSideAsn=64600)["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=net.id, VpnGatewayId=vgw)
    ec2.enable_vgw_route_propagation(GatewayId=vgw, RouteTableId=net.table)
    vif = dx.create_private_virtual_interface(
        connectionId=line, newPrivateVirtualInterface=asked(100, virtualGatewayId=vgw)
    )
    wired_cloud.clock.advance(3)
    what = vif["virtualInterfaceId"]
    assert shown(dx, what)["virtualInterfaceState"] == "down"
    with customer(wire, line) as there:
        assert wire.names()[line] in vif["customerRouterConfig"], "that is how one knows where it is"
        there.speak(vif)
        assert sooner_or_later(lambda: shown(dx, what)["virtualInterfaceState"] == "available")
        assert shown(dx, what)["bgpPeers"][0]["bgpStatus"] == "up"
        assert sooner_or_later(lambda: there.heard == {"10.0.0.0/16"})
        routes = dx.list_virtual_interface_routes(virtualInterfaceId=what)["routes"]
        assert {(one["cidr"], one["routeDirection"], *one["asPath"][0]["path"]) for one in routes} == {
            ("172.20.0.0/16", "accepted", 65010),
            ("10.0.0.0/16", "advertised", 64600),
        }
        [learned] = dx.list_virtual_interface_routes(virtualInterfaceId=what, filters={"asPath": [65010]})["routes"]
        assert learned["cidr"] == "172.20.0.0/16"
        assert wire.soon(line, one, "10.0.0.5"), "from the customer"
        assert wire.seen(line, one, "10.0.0.5") == BEHIND
        assert wire.soon(one, line, BEHIND), "and to it"
        [table] = ec2.describe_route_tables(RouteTableIds=[net.table])["RouteTables"]
        [told] = [one for one in table["Routes"] if one["DestinationCidrBlock"] == "172.20.0.0/16"]
        assert (told["Origin"], told["GatewayId"]) == ("EnableVgwRoutePropagation", vgw)
        dx.start_bgp_failover_test(virtualInterfaceId=what)
        assert wire.cut(one, line, BEHIND)
        assert shown(dx, what)["virtualInterfaceState"] == "testing"
        [table] = ec2.describe_route_tables(RouteTableIds=[net.table])["RouteTables"]
        assert "172.20.0.0/16" not in [one["DestinationCidrBlock"] for one in table["Routes"]]
        dx.stop_bgp_failover_test(virtualInterfaceId=what)
        assert sooner_or_later(lambda: shown(dx, what)["virtualInterfaceState"] == "available")
        assert wire.soon(one, line, BEHIND)
    dx.delete_virtual_interface(virtualInterfaceId=what)
    assert sooner_or_later(lambda: not {what, line} & {*wire.names()})


def test_a_transit_interface_reaches_the_vpcs_at_a_transit_gateway(ec2, dx, line, vpc, wire, wired_cloud):
    net = vpc()
    net.open()
    subnet = net.subnet(0)
    one = net.instance(subnet, "10.0.0.5")
    hub = ec2.create_transit_gateway()["TransitGateway"]
    gateway = dx.create_direct_connect_gateway(directConnectGatewayName="g", amazonSideAsn=64700)
    what = gateway["directConnectGateway"]["directConnectGatewayId"]
    wired_cloud.clock.advance(3)
    ec2.create_transit_gateway_vpc_attachment(
        TransitGatewayId=hub["TransitGatewayId"], VpcId=net.id, SubnetIds=[subnet]
    )
    net.route("172.16.0.0/12", TransitGatewayId=hub["TransitGatewayId"])
    dx.create_direct_connect_gateway_association(
        directConnectGatewayId=what, gatewayId=hub["TransitGatewayId"],
        addAllowedPrefixesToDirectConnectGateway=[{"cidr": "10.0.0.0/8"}],
    )  # fmt: skip
    vif = dx.create_transit_virtual_interface(
        connectionId=line, newTransitVirtualInterface=asked(7, directConnectGatewayId=what)
    )["virtualInterface"]
    wired_cloud.clock.advance(3)
    with customer(wire, line) as there:
        there.speak(vif)
        assert sooner_or_later(lambda: there.heard == {"10.0.0.0/8"}), "what is allowed, and nothing else"
        assert wire.soon(one, line, BEHIND)
        assert wire.seen(line, one, "10.0.0.5") == BEHIND
        [attachment] = ec2.describe_transit_gateway_attachments(
            Filters=[{"Name": "resource-type", "Values": ["direct-connect-gateway"]}]
        )["TransitGatewayAttachments"]
        assert (attachment["ResourceId"], attachment["State"]) == (what, "available")
        found = ec2.search_transit_gateway_routes(
            TransitGatewayRouteTableId=hub["Options"]["AssociationDefaultRouteTableId"],
            Filters=[{"Name": "route-search.exact-match", "Values": ["172.20.0.0/16"]}],
        )["Routes"]
        assert found[0]["TransitGatewayAttachments"][0]["ResourceType"] == "direct-connect-gateway"
        [association] = dx.describe_direct_connect_gateway_associations(directConnectGatewayId=what)[
            "directConnectGatewayAssociations"
        ]
        dx.delete_direct_connect_gateway_association(associationId=association["associationId"])
        assert wire.cut(line, one, "10.0.0.5")
        assert sooner_or_later(lambda: there.heard == set())


def test_two_sites_reach_each_other_by_site_link(dx, line, wire, wired_cloud):
    gateway = dx.create_direct_connect_gateway(directConnectGatewayName="sites")["directConnectGateway"]
    hub = {"directConnectGatewayId": gateway["directConnectGatewayId"], "enableSiteLink": True}
    wired_cloud.clock.advance(2)
    second = dx.create_connection(location="CSDC3", bandwidth="1Gbps", connectionName="second")["connectionId"]
    vifs = [
        dx.create_private_virtual_interface(connectionId=one, newPrivateVirtualInterface=asked(50, **hub, asn=asn))
        for one, asn in ((line, 65010), (second, 65020))
    ]
    wired_cloud.clock.advance(3)
    with (
        customer(wire, line, "10.1.0.1", ("10.1.0.0/16",)) as here,
        customer(wire, second, "10.2.0.1", ("10.2.0.0/16",)) as there,
    ):
        here.speak(vifs[0])
        there.speak(vifs[1])
        assert sooner_or_later(lambda: here.heard == {"10.2.0.0/16"} and there.heard == {"10.1.0.0/16"})
        assert wire.soon(line, second, "10.2.0.1")
        assert wire.seen(line, second, "10.2.0.1") == "10.1.0.1"
        dx.update_virtual_interface_attributes(virtualInterfaceId=vifs[0]["virtualInterfaceId"], enableSiteLink=False)
        assert wire.cut(line, second, "10.2.0.1")
        assert sooner_or_later(lambda: here.heard == set())


def test_by_a_public_interface_the_customers_own_addresses_are_on_the_internet(dx, ec2, line, vpc, wire, wired_cloud):
    net = vpc()
    net.open()
    net.gateway()
    one = net.instance(net.subnet(0), "10.0.0.5", public=True)
    ends = {"amazonAddress": "203.0.113.129/31", "customerAddress": "203.0.113.128/31"}
    vif = dx.create_public_virtual_interface(
        connectionId=line,
        newPublicVirtualInterface=asked(20, routeFilterPrefixes=[{"cidr": "203.0.113.0/28"}], **ends),
    )
    wired_cloud.clock.advance(3)
    with customer(wire, line, "203.0.113.1", ("203.0.113.0/28", "203.0.113.64/28")) as there:
        there.speak(vif, wire.public(0) + "/21")
        assert sooner_or_later(lambda: there.heard == {str(wire.networks.public)})
        assert wire.soon(one, line, "203.0.113.1")
        [address] = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"]
        assert wire.seen(one, line, "203.0.113.1") == address["PublicIpAddress"]
        there.ip("addr", "add", "203.0.113.65/32", "dev", "lo")
        assert not wire.connects(one, line, "203.0.113.65"), "nobody has said that these are the customer's"


def test_an_account_that_is_reset_leaves_no_line_behind(aws, ec2, dx, line, wire, wired_cloud):
    vgw = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    dx.create_private_virtual_interface(connectionId=line, newPrivateVirtualInterface=asked(9, virtualGatewayId=vgw))
    wired_cloud.clock.advance(3)
    assert sooner_or_later(lambda: {line, vgw} <= {*wire.names()})
    url = f"{wired_cloud.endpoint}/_pileus/reset?account={aws.id}"
    urllib.request.urlopen(urllib.request.Request(url, method="POST")).close()
    assert sooner_or_later(lambda: not {line, vgw} & {*wire.names()})
    assert leading_to(wired_cloud.server.cloud.call("ec2"), vgw) == []
