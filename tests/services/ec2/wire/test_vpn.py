"""Site-to-Site VPN: packets between a VPC and premises, through tunnels of IPsec over the internet."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pileus.engines.tunnels import Tunnels

from .conftest import Vpc
from .premises import Gateway, until

pytestmark = pytest.mark.skipif(bool(Tunnels.available()), reason=f"no tunnels: {Tunnels.available()}")

PREMISES = "192.168.7.1"


class Site:
    """A VPC with an instance; premises somewhere on the internet; and a customer gateway that names them."""

    def __init__(self, ec2, wire, cloud) -> None:
        self.ec2, self.wire, self.cloud = ec2, wire, cloud
        self.home = Vpc(ec2, "10.0.0.0/16")
        self.home.open()
        self.server = self.home.instance(self.home.subnet(0), "10.0.0.5")
        elsewhere = Vpc(ec2, "10.99.0.0/16")
        elsewhere.gateway()
        self.device = elsewhere.instance(elsewhere.subnet(0), "10.99.0.5", public=True)
        [found] = ec2.describe_instances(InstanceIds=[self.device])["Reservations"][0]["Instances"]
        made = ec2.create_customer_gateway(Type="ipsec.1", IpAddress=found["PublicIpAddress"], BgpAsn=65010)
        self.customer = made["CustomerGateway"]["CustomerGatewayId"]
        wire.until(lambda: {self.server, self.device} <= {*wire.names()})
        self.premises = Gateway(wire.names()[self.device], PREMISES, Path(tempfile.mkdtemp()))

    def connect(self, static: bool, **to: str) -> dict:
        options = {"StaticRoutesOnly": static}
        made = self.ec2.create_vpn_connection(CustomerGatewayId=self.customer, Type="ipsec.1", Options=options, **to)[
            "VpnConnection"
        ]
        self.cloud.clock.advance(2)
        self.wire.until(lambda: f"{made['VpnConnectionId']}-1" in self.wire.names())
        return made

    def telemetry(self, connection: str) -> list[tuple[str, str, int]]:
        [shown] = self.ec2.describe_vpn_connections(VpnConnectionIds=[connection])["VpnConnections"]
        return [(one["Status"], one["StatusMessage"], one["AcceptedRouteCount"]) for one in shown["VgwTelemetry"]]

    def in_and_out(self) -> tuple[bool, bool]:
        """Whether the premises reach the VPC, and the VPC the premises."""
        inward = self.wire.connects(self.device, self.server, "10.0.0.5")
        return inward, self.wire.connects(self.server, self.device, PREMISES)


@pytest.fixture
def site(ec2, wire, wired_cloud):
    made = Site(ec2, wire, wired_cloud)
    yield made
    made.premises.close()


def test_a_vpc_and_premises_reach_each_other_through_either_tunnel_and_only_by_routes(site, ec2, refused):
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=site.home.id, VpnGatewayId=gateway)
    made = site.connect(True, VpnGatewayId=gateway)
    what, text = made["VpnConnectionId"], made["CustomerGatewayConfiguration"]
    first, _ = (one["OutsideIpAddress"] for one in made["Options"]["TunnelOptions"])
    ec2.create_vpn_connection_route(DestinationCidrBlock="192.168.7.0/24", VpnConnectionId=what)
    assert site.telemetry(what) == [("DOWN", "IPSEC IS DOWN", 0)] * 2

    site.premises.tunnel(text, 0, version=1)
    site.premises.route("10.0.0.0/16", 0)
    until(lambda: site.telemetry(what) == [("UP", "", 1), ("DOWN", "IPSEC IS DOWN", 0)])
    assert site.in_and_out() == (False, False), "no table of the VPC knows of the premises"
    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=site.home.table)
    until(lambda: site.in_and_out() == (True, True))
    agreed = ec2.get_active_vpn_tunnel_status(VpnConnectionId=what, VpnTunnelOutsideIpAddress=first)
    assert agreed["ActiveVpnTunnelStatus"].items() >= {
        ("IkeVersion", "ikev1"),
        ("Phase1EncryptionAlgorithm", "AES128"),
        ("Phase2IntegrityAlgorithm", "SHA1"),
        ("Phase1DHGroup", 2),
        ("ProvisioningStatus", "available"),
    }

    site.premises.tunnel(text, 1)
    until(lambda: site.telemetry(what)[1][0] == "UP")
    changed = {"PreSharedKey": "another_secret", "IKEVersions": [{"Value": "ikev2"}]}
    ec2.modify_vpn_tunnel_options(VpnConnectionId=what, VpnTunnelOutsideIpAddress=first, TunnelOptions=changed)
    site.cloud.clock.advance(2)
    until(lambda: site.telemetry(what)[0][0] == "DOWN")
    site.premises.route("10.0.0.0/16", 1)
    until(lambda: site.in_and_out() == (True, True))

    ec2.delete_vpn_connection(VpnConnectionId=what)
    assert site.wire.until(lambda: not any(name.startswith(what) for name in site.wire.names()))
    assert site.in_and_out() == (False, False)


def test_routes_are_told_by_bgp_to_a_transit_gateway_and_from_it(site, ec2):
    if reason := Tunnels.silent():
        pytest.skip(reason)
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    site.cloud.clock.advance(2)
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [site.home.id]}])["Subnets"][0]["SubnetId"]
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=site.home.id, SubnetIds=[subnet])
    site.cloud.clock.advance(2)
    site.home.route("192.168.0.0/16", TransitGatewayId=hub)
    made = site.connect(False, TransitGatewayId=hub)
    what, text = made["VpnConnectionId"], made["CustomerGatewayConfiguration"]
    for number in (0, 1):
        site.premises.tunnel(text, number)
    site.premises.speak(text, "192.168.7.0/24", "192.168.8.0/24")
    until(lambda: site.telemetry(what) == [("UP", "2 BGP ROUTES", 2)] * 2)
    table = ec2.describe_transit_gateways()["TransitGateways"][0]["Options"]["AssociationDefaultRouteTableId"]
    found = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=table, Filters=[{"Name": "attachment.resource-type", "Values": ["vpn"]}]
    )["Routes"]
    assert {one["DestinationCidrBlock"] for one in found} == {"192.168.7.0/24", "192.168.8.0/24"}
    until(lambda: site.in_and_out() == (True, True))
