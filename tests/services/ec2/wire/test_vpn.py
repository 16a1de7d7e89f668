"""Site-to-Site VPN: packets between a VPC and premises, through tunnels of IPsec over the internet."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

import pileus
from pileus.engines.network.claims import token
from pileus.engines.tunnels import Tunnels
from pileus.engines.tunnels.engine import FOLDER
from tests.services.acm_pca.conftest import Authorities

from .conftest import Vpc, Wire
from .premises import Gateway, until

pytestmark = pytest.mark.skipif(bool(Tunnels.available()), reason=f"no tunnels: {Tunnels.available()}")

PREMISES = "192.168.7.1"


class Site:
    """A VPC with an instance; premises somewhere on the internet; and a customer gateway that names them."""

    def __init__(self, aws, wire, cloud) -> None:
        self.aws, self.wire, self.cloud = aws, wire, cloud
        self.ec2 = ec2 = aws.client("ec2")
        self.logs = aws.client("logs")
        self.logs.create_log_group(logGroupName="vpn")
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
        group = self.logs.describe_log_groups()["logGroups"][0]["arn"]
        log = {"LogEnabled": True, "LogGroupArn": group, "BgpLogEnabled": True, "BgpLogGroupArn": group}
        options = {"StaticRoutesOnly": static, "TunnelOptions": [{"LogOptions": {"CloudWatchLogOptions": log}}]}
        made = self.ec2.create_vpn_connection(CustomerGatewayId=self.customer, Type="ipsec.1", Options=options, **to)[
            "VpnConnection"
        ]
        self.cloud.clock.advance(2)
        self.wire.until(lambda: f"{made['VpnConnectionId']}-1" in self.wire.names())
        return made

    def telemetry(self, connection: str) -> list[tuple[str, str, int]]:
        [shown] = self.ec2.describe_vpn_connections(VpnConnectionIds=[connection])["VpnConnections"]
        return [(one["Status"], one["StatusMessage"], one["AcceptedRouteCount"]) for one in shown["VgwTelemetry"]]

    def logged(self, stream: str) -> str:
        """What the log of a tunnel says."""
        try:
            told = self.logs.get_log_events(logGroupName="vpn", logStreamName=stream)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return ""
        return "\n".join(one["message"] for one in told)

    def measured(self, connection: str, name: str, outside: str = "") -> float:
        """The highest value of a metric."""
        dimensions = [{"Name": "VpnId", "Value": connection}]
        if outside:
            dimensions.append({"Name": "TunnelIpAddress", "Value": outside})
        now = datetime.fromtimestamp(self.cloud.clock.now(), UTC)
        told = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/VPN",
            MetricName=name,
            Dimensions=dimensions,
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=1),
            Period=7200,
            Statistics=["Maximum"],
        )
        return max((point["Maximum"] for point in told["Datapoints"]), default=-1.0)

    def in_and_out(self) -> tuple[bool, bool]:
        """Whether the premises reach the VPC, and the VPC the premises."""
        inward = self.wire.connects(self.device, self.server, "10.0.0.5")
        return inward, self.wire.connects(self.server, self.device, PREMISES)


@pytest.fixture
def site(aws, wire, wired_cloud):
    made = Site(aws, wire, wired_cloud)
    yield made
    made.premises.close()


@pytest.fixture
def fresh_site():
    """Premises at a cloud whose clock nobody has turned: strongSwan takes certificates by the machine's."""
    with pileus.cloud(machines="none", sockets=True) as cloud:
        made = Site(cloud.account(), Wire(cloud), cloud)
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

    until(lambda: site.measured(what, "TunnelDataOut") > 0)
    until(lambda: '"ike_phase1_state": "established"' in site.logged(f"{what}-{first}-IKE.log"))
    assert "CHILD_SA" in site.logged(f"{what}-{first}-IKE.log")
    assert site.measured(what, "TunnelState", first) == 1
    ec2.delete_vpn_connection(VpnConnectionId=what)
    assert site.wire.until(lambda: not any(name.startswith(what) for name in site.wire.names()))
    assert site.in_and_out() == (False, False)


@pytest.mark.parametrize("concentrated", [False, True])
def test_routes_are_told_by_bgp_to_a_transit_gateway_and_from_it(site, ec2, concentrated):
    if reason := Tunnels.silent():
        pytest.skip(reason)
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    site.cloud.clock.advance(2)
    subnet = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [site.home.id]}])["Subnets"][0]["SubnetId"]
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=site.home.id, SubnetIds=[subnet])
    site.cloud.clock.advance(2)
    site.home.route("192.168.0.0/16", TransitGatewayId=hub)
    if concentrated:
        concentrator = ec2.create_vpn_concentrator(Type="ipsec.1", TransitGatewayId=hub)["VpnConcentrator"]
        made = site.connect(False, VpnConcentratorId=concentrator["VpnConcentratorId"])
    else:
        made = site.connect(False, TransitGatewayId=hub)
    what, text = made["VpnConnectionId"], made["CustomerGatewayConfiguration"]
    for number in (0, 1):
        site.premises.tunnel(text, number)
    site.premises.speak(text, "192.168.7.0/24", "192.168.8.0/24")
    until(lambda: site.telemetry(what) == [("UP", "2 BGP ROUTES", 2)] * 2)
    outside = made["Options"]["TunnelOptions"][0]["OutsideIpAddress"]
    until(lambda: "192.168.7.0/24" in site.logged(f"{what}-{outside}-BGP.log"))
    table = ec2.describe_transit_gateways()["TransitGateways"][0]["Options"]["AssociationDefaultRouteTableId"]
    found = ec2.search_transit_gateway_routes(
        TransitGatewayRouteTableId=table, Filters=[{"Name": "attachment.resource-type", "Values": ["vpn*"]}]
    )["Routes"]
    assert {one["DestinationCidrBlock"] for one in found} == {"192.168.7.0/24", "192.168.8.0/24"}
    until(lambda: site.in_and_out() == (True, True))


def test_certificates_of_a_private_authority_take_the_place_of_keys(fresh_site):
    site, aws, ec2 = fresh_site, fresh_site.aws, fresh_site.ec2
    authority, acm = Authorities(aws).root(), aws.client("acm")
    arn = acm.request_certificate(DomainName="device.example.com", CertificateAuthorityArn=authority)["CertificateArn"]
    site.cloud.clock.advance(5)
    export = acm.export_certificate(CertificateArn=arn, Passphrase=b"a passphrase")
    key = load_pem_private_key(export["PrivateKey"].encode(), b"a passphrase")
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    certificates = {"x509/device.pem": export["Certificate"], "private/device.pem": plain}
    certificates["x509ca/ca.pem"] = export["CertificateChain"]

    made = ec2.create_customer_gateway(Type="ipsec.1", CertificateArn=arn, BgpAsn=65010)["CustomerGateway"]
    site.customer = made["CustomerGatewayId"]
    made = site.connect(True)
    what, outside = made["VpnConnectionId"], made["Options"]["TunnelOptions"][0]["OutsideIpAddress"]
    assert "pre_shared_key" not in made["CustomerGatewayConfiguration"]
    own = made["VgwTelemetry"][0]["CertificateArn"]
    site.premises.tunnel(made["CustomerGatewayConfiguration"], 0, certificates=certificates)
    until(lambda: site.telemetry(what)[0][0] == "UP")
    tunnel = {"VpnConnectionId": what, "VpnTunnelOutsideIpAddress": outside}
    changed = ec2.modify_vpn_tunnel_certificate(**tunnel)["VpnConnection"]
    assert changed["VgwTelemetry"][0]["CertificateArn"] != own
    site.cloud.clock.advance(5)
    until(lambda: site.premises.asked(0, "--initiate", "--child", "aws", "--timeout", "2"))
    until(lambda: site.telemetry(what)[0][0] == "UP")


KILLED = """
import os, sys
from pathlib import Path
import pileus
from tests.services.ec2.wire.conftest import Wire
from tests.services.ec2.wire.test_vpn import Site, until

with pileus.cloud(data=Path(sys.argv[1]), machines="none", sockets=True) as cloud:
    site = Site(cloud.account("111122223333"), Wire(cloud), cloud)
    ec2 = site.ec2
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=site.home.id, VpnGatewayId=gateway)
    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=site.home.table)
    made = site.connect(True, VpnGatewayId=gateway)
    what = made["VpnConnectionId"]
    ec2.create_vpn_connection_route(DestinationCidrBlock="192.168.7.0/24", VpnConnectionId=what)
    site.premises.tunnel(made["CustomerGatewayConfiguration"], 0)
    until(lambda: site.telemetry(what)[0][0] == "UP")
    print(what, site.device, site.server, flush=True)
    os.kill(os.getpid(), 9)
"""


def leftovers(folder: Path) -> list[str]:
    """What a cloud has left of its tunnels."""
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
    there = [one.name for one in FOLDER.iterdir()] if FOLDER.is_dir() else []
    return [line for line in (*running, *there) if token(folder) in line]


def test_a_cloud_that_was_killed_has_its_tunnels_again_and_leaves_nothing(tmp_path):
    root = Path(__file__).parents[4]
    path = os.pathsep.join((str(root), str(root / "src")))
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, timeout=60)
    what, device, server = done.stdout.split()
    with pileus.cloud(data=tmp_path, machines="none", sockets=True) as cloud:
        ec2, wire = cloud.account("111122223333").client("ec2"), Wire(cloud)
        assert wire.until(lambda: {device, server, f"{what}-0"} <= {*wire.names()})

        def shown() -> dict:
            return ec2.describe_vpn_connections(VpnConnectionIds=[what])["VpnConnections"][0]

        until(lambda: shown()["VgwTelemetry"][0]["Status"] == "DOWN")
        premises = Gateway(wire.names()[device], PREMISES, tmp_path / "premises")
        premises.folder.mkdir()
        premises.tunnel(shown()["CustomerGatewayConfiguration"], 0)
        premises.route("10.0.0.0/16", 0)
        until(lambda: wire.connects(server, device, PREMISES))
        premises.close()
    assert leftovers(tmp_path) == []
