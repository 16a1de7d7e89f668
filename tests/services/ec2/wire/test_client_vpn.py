"""People's own machines come into a VPC by OpenVPN's own client."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

import pileus
from pileus.engines.network import INTERNET, Link, Network, Port, Route, Subnet, claims
from pileus.engines.openvpn import OpenVpn, program, unable
from tests.engines.network.test_claims import left

from .conftest import Vpc, Wire

pytestmark = pytest.mark.skipif(bool(unable()), reason=f"no OpenVPN: {unable()}")

CONNECTED = "Initialization Sequence Completed"
PATIENCE = 20.0
"""Seconds that OpenVPN may take, on however busy a machine; it takes less than one."""
PEM = serialization.Encoding.PEM
NOW = datetime.now(UTC)


def sooner_or_later(true: Callable[[], Any]) -> bool:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if true():
            return True
        time.sleep(0.02)
    return False


class Issued(NamedTuple):
    certificate: str
    key: str
    serial: int


class Authority:
    """An authority of somebody's own, as with easy-rsa."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Home")])
        authority = x509.BasicConstraints(ca=True, path_length=None)
        self.pem = self._sign(self._name, self._key, authority).public_bytes(PEM).decode()

    def _sign(self, name: x509.Name, key: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
        made = x509.CertificateBuilder().subject_name(name).issuer_name(self._name).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=1))
        made = made.not_valid_after(NOW + timedelta(days=30))
        for one in extensions:
            made = made.add_extension(one, critical=True)
        return made.sign(self._key, hashes.SHA256())

    def issue(self, name: str, usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.CLIENT_AUTH) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        rest = "content_commitment data_encipherment key_cert_sign crl_sign encipher_only decipher_only"
        signs = x509.KeyUsage(
            digital_signature=True, key_agreement=True, key_encipherment=False, **dict.fromkeys(rest.split(), False)
        )
        made = self._sign(subject, key, x509.ExtendedKeyUsage([usage]), signs)
        private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Issued(made.public_bytes(PEM).decode(), private.decode(), made.serial_number)

    def revoke(self, one: Issued) -> str:
        revoked = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(NOW).build()
        made = x509.CertificateRevocationListBuilder().issuer_name(self._name).last_update(NOW)
        made = made.next_update(NOW + timedelta(days=7)).add_revoked_certificate(revoked)
        return made.sign(self._key, hashes.SHA256()).public_bytes(PEM).decode()


class Client:
    """OpenVPN as it comes, at home."""

    def __init__(self, process: subprocess.Popen[str], written: Path) -> None:
        self.process = process
        self._written = written

    @property
    def told(self) -> str:
        return self._written.read_text()

    def says(self, what: str) -> bool:
        """Whether it says so sooner or later."""
        sooner_or_later(lambda: what in self.told or self.process.poll() is not None)
        return what in self.told


def somewhere(name: str, host: str, address: str) -> Network:
    """A host on the internet."""
    return Network(
        name,
        subnets={"lan": Subnet(("192.168.1.0/24",), ("192.168.1.1",), "out")},
        tables={"out": (Route("0.0.0.0/0", link=f"line-{name}"), Route("192.168.1.0/24", local=True))},
        ports=(Port(host, "lan", "02:00:00:00:07:07", ("192.168.1.5",), host),),
        links=(Link(f"line-{name}", INTERNET, "out", public={"192.168.1.5": address}),),
    )


@pytest.fixture
def home(wire) -> Iterator[str]:
    """Where people are."""
    wire.cloud.run(wire.networks.apply(somewhere("home", "laptop", wire.public(2040))))
    yield "laptop"
    wire.cloud.run(wire.networks.remove("home"))


@pytest.fixture
def connecting(wire, home, tmp_path):
    """Runs a client at home: `with connecting(configuration, certificate) as client`."""

    @contextlib.contextmanager
    def run(configuration: str, one: Issued) -> Iterator[Client]:
        config, written = tmp_path / f"{one.serial}.ovpn", tmp_path / f"{one.serial}.log"
        config.write_text(f"{configuration}\n<cert>\n{one.certificate}</cert>\n<key>\n{one.key}</key>\n")
        space = f"/run/netns/{wire.names()[home]}"
        words = ["nsenter", f"--net={space}", program(), "--config", str(config), "--connect-retry", "1", "1"]
        with written.open("w") as log:
            process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, text=True)
        try:
            yield Client(process, written)
        finally:
            process.terminate()
            process.wait(10)

    return run


@pytest.fixture
def authority() -> Authority:
    return Authority()


def made(account: Any, vpc: Vpc, authority: Authority) -> None:
    """An endpoint with a subnet."""
    subnet = vpc.subnet(0)
    what = maker(account, authority)()
    vpc.ec2.associate_client_vpn_target_network(ClientVpnEndpointId=what, SubnetId=subnet)


def line_made(account: Any) -> None:
    """A line of Direct Connect, on which somebody speaks for AWS."""
    dx = account.client("directconnect")
    hub = dx.create_direct_connect_gateway(directConnectGatewayName="g")["directConnectGateway"]
    line = dx.create_connection(location="EqDC2", bandwidth="1Gbps", connectionName="line")["connectionId"]
    given = {"virtualInterfaceName": "v", "vlan": 4, "asn": 65010}
    given["directConnectGatewayId"] = hub["directConnectGatewayId"]
    dx.create_transit_virtual_interface(connectionId=line, newTransitVirtualInterface=given)


def running(cloud: Any) -> list[str]:
    return list(cloud.server.cloud.engine(OpenVpn).names())


def processes(data: Path) -> list[str]:
    """What runs in the namespaces of a cloud, whoever has started it."""
    there = {os.stat(space).st_ino for space in Path("/run/netns").glob(f"pileus-{claims.token(data)}-*")}
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "ns/net").stat().st_ino in there:
                found.append((process / "comm").read_text().strip())
    return sorted(found)


@pytest.fixture
def endpoint(aws, authority):
    """Makes an endpoint; its id."""
    return maker(aws, authority)


def maker(aws: Any, authority: Authority) -> Callable[..., str]:
    ec2 = aws.client("ec2")
    own = authority.issue("server", ExtendedKeyUsageOID.SERVER_AUTH)
    arn = aws.client("acm").import_certificate(
        Certificate=own.certificate, PrivateKey=own.key, CertificateChain=authority.pem
    )["CertificateArn"]

    def make(**given: Any) -> str:
        asked = {
            "ServerCertificateArn": arn,
            "ClientCidrBlock": "10.8.0.0/22",
            "ConnectionLogOptions": {"Enabled": False},
            "SplitTunnel": True,
            "AuthenticationOptions": [
                {"Type": "certificate-authentication", "MutualAuthentication": {"ClientRootCertificateChainArn": arn}}
            ],
        }
        return str(ec2.create_client_vpn_endpoint(**asked | given)["ClientVpnEndpointId"])

    return make


def exported(ec2, endpoint: str) -> str:
    return ec2.export_client_vpn_client_configuration(ClientVpnEndpointId=endpoint)["ClientConfiguration"]


def sessions(ec2, endpoint: str) -> dict[str, dict[str, Any]]:
    found = ec2.describe_client_vpn_connections(ClientVpnEndpointId=endpoint)["Connections"]
    return {one["CommonName"]: one for one in found}


def test_clients_reach_what_they_are_allowed_to_until_they_are_cut_off(
    aws, ec2, vpc, wire, wired_cloud, home, connecting, authority, endpoint
):
    net = vpc()
    subnet = net.subnet(0)
    one, two = net.instance(subnet, "10.0.0.5"), net.instance(subnet, "10.0.0.6")
    net.open()
    aws.client("logs").create_log_group(logGroupName="vpn")
    what = endpoint(
        ConnectionLogOptions={"Enabled": True, "CloudwatchLogGroup": "vpn", "CloudwatchLogStream": "all"},
        DnsServers=["10.0.0.2"],
    )
    aws.client("logs").create_log_stream(logGroupName="vpn", logStreamName="all")
    ec2.associate_client_vpn_target_network(ClientVpnEndpointId=what, SubnetId=subnet)
    wired_cloud.clock.advance(2)
    assert sooner_or_later(lambda: what in running(wired_cloud))
    alice = authority.issue("alice")
    with connecting(exported(ec2, what), alice) as client:
        assert client.says(CONNECTED), client.told
        assert not wire.connects(home, one, "10.0.0.5"), "nothing says that she may"
        ec2.authorize_client_vpn_ingress(
            ClientVpnEndpointId=what, TargetNetworkCidr="10.0.0.0/16", AuthorizeAllGroups=True
        )
        assert wire.soon(home, one, "10.0.0.5")
        [interface] = ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"ClientVPN Endpoint resource {what}"]}]
        )["NetworkInterfaces"]
        assert wire.seen(home, one, "10.0.0.5") == interface["PrivateIpAddress"], "as whom she is known there"
        ec2.authorize_client_vpn_ingress(
            ClientVpnEndpointId=what, TargetNetworkCidr="10.0.0.6/32", AccessGroupId="S-1-5-21"
        )
        assert wire.cut(home, two, "10.0.0.6"), "the most specific rule counts, and she is in no group"
        there = sessions(ec2, what)["alice"]
        assert there["Status"]["Code"] == "active" and there["ClientIp"].startswith("10.8.0.")
        assert int(there["IngressBytes"]) > 100 and int(there["EgressBytes"]) > 100
        ended = ec2.terminate_client_vpn_connections(ClientVpnEndpointId=what, ConnectionId=there["ConnectionId"])
        assert ended["ConnectionStatuses"][0]["CurrentStatus"]["Code"] == "terminating"
        client.process.wait(10)
        assert wire.until(lambda: sessions(ec2, what)["alice"]["Status"]["Code"] == "terminated")
        assert not wire.connects(home, one, "10.0.0.5")
        assert "dhcp-option DNS 10.0.0.2" in client.told

    crl = authority.revoke(alice)
    ec2.import_client_vpn_client_certificate_revocation_list(ClientVpnEndpointId=what, CertificateRevocationList=crl)
    with connecting(exported(ec2, what), alice) as client:
        assert client.says("AUTH_FAILED"), client.told
    lines = logged(aws, 3)
    assert [(one["connection-log-type"], one["connection-attempt-status"]) for one in lines] == [
        ("connection-attempt", "successful"),
        ("connection-reset", "successful"),
        ("connection-attempt", "failed"),
    ]
    assert lines[1]["common-name"] == "alice" and int(lines[1]["ingress-bytes"]) > 100
    assert "revoked" in lines[2]["connection-attempt-failure-reason"]


def logged(aws, number: int) -> list[dict[str, str]]:
    """The lines of the connection log, once there are so many."""

    def events() -> list[Any]:
        told = aws.client("logs").get_log_events(logGroupName="vpn", logStreamName="all", startFromHead=True)
        return list(told["events"])

    sooner_or_later(lambda: len(events()) >= number)
    return [json.loads(event["message"]) for event in events()]


HANDLER = """
def handler(event, context):
    allowed = event["common-name"] != "bob" and event["schema-version"] == "v3"
    return {"allow": allowed, "error-msg-on-denied-connection": "not bob", "posture-compliance-statuses": ["fine"],
            "schema-version": "v3"}
"""


def function(aws) -> str:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.py", HANDLER)
    role = aws.client("iam").create_role(
        RoleName="handler", AssumeRolePolicyDocument=json.dumps({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                          "Action": "sts:AssumeRole"},
        }),
    )["Role"]["Arn"]  # fmt: skip
    made = aws.client("lambda").create_function(
        FunctionName="AWSClientVPN-handler", Runtime="python3.11", Handler="index.handler", Role=role,
        Code={"ZipFile": archive.getvalue()},
    )  # fmt: skip
    return str(made["FunctionArn"])


def test_all_of_a_clients_traffic_goes_through_a_full_tunnel_of_whom_the_handler_lets_in(
    aws, ec2, vpc, wire, wired_cloud, home, connecting, authority, endpoint
):
    net = vpc()
    subnet = net.subnet(0)
    net.gateway()
    net.instance(subnet, "10.0.0.5")
    what = endpoint(
        SplitTunnel=False, TransportProtocol="tcp", VpnPort=1194, SessionTimeoutHours=8,
        ClientConnectOptions={"Enabled": True, "LambdaFunctionArn": function(aws)},
    )  # fmt: skip
    ec2.associate_client_vpn_target_network(ClientVpnEndpointId=what, SubnetId=subnet)
    ec2.create_client_vpn_route(ClientVpnEndpointId=what, DestinationCidrBlock="0.0.0.0/0", TargetVpcSubnetId=subnet)
    ec2.authorize_client_vpn_ingress(ClientVpnEndpointId=what, TargetNetworkCidr="0.0.0.0/0", AuthorizeAllGroups=True)
    wired_cloud.clock.advance(2)
    assert sooner_or_later(lambda: what in running(wired_cloud))
    text = exported(ec2, what)
    with connecting(text, Authority().issue("stranger")) as client:
        assert client.says("Connection reset"), client.told
    with connecting(text, authority.issue("bob")) as client:
        assert client.says("not bob"), client.told
    with connecting(text, authority.issue("carol")) as client:
        assert client.says(CONNECTED), client.told
        assert wire.until(lambda: "carol" in sessions(ec2, what))
        assert sessions(ec2, what)["carol"]["PostureComplianceStatuses"] == ["fine"]
        [interface] = ec2.describe_network_interfaces(
            Filters=[{"Name": "description", "Values": [f"ClientVPN Endpoint resource {what}"]}]
        )["NetworkInterfaces"]
        wire.cloud.run(wire.networks.apply(somewhere("elsewhere", "server", wire.public(2041))))
        assert wire.seen(home, "server", wire.public(2041)) == interface["Association"]["PublicIp"]
        wired_cloud.clock.advance(8 * 3600 + 1)
        client.process.wait(10)
        assert sessions(ec2, what)["carol"]["Status"]["Code"] == "terminated"
    wire.cloud.run(wire.networks.remove("elsewhere"))
    wired_cloud.clock.advance(3600)
    assert sessions(ec2, what) == {}


def test_clients_of_an_endpoint_at_a_transit_gateway_are_known_under_their_own_addresses(
    ec2, vpc, wire, wired_cloud, home, connecting, authority, endpoint
):
    net = vpc()
    net.open()
    subnet = net.subnet(0)
    one = net.instance(subnet, "10.0.0.5")
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    wired_cloud.clock.advance(2)
    ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=net.id, SubnetIds=[subnet])
    net.route("10.8.0.0/22", TransitGatewayId=hub)
    configuration = {"TransitGatewayId": hub, "AvailabilityZones": ["us-east-1a"]}
    what = endpoint(TransitGatewayConfiguration=configuration)
    ec2.create_client_vpn_route(ClientVpnEndpointId=what, DestinationCidrBlock="10.0.0.0/16")
    ec2.authorize_client_vpn_ingress(ClientVpnEndpointId=what, TargetNetworkCidr="10.0.0.0/16", AuthorizeAllGroups=True)
    wired_cloud.clock.advance(2)
    assert sooner_or_later(lambda: what in running(wired_cloud))
    with connecting(exported(ec2, what), authority.issue("dora")) as client:
        assert client.says(CONNECTED), client.told
        assert wire.soon(home, one, "10.0.0.5")
        assert sooner_or_later(lambda: "dora" in sessions(ec2, what))
        assert wire.seen(home, one, "10.0.0.5") == sessions(ec2, what)["dora"]["ClientIp"]
        [there] = ec2.describe_client_vpn_endpoints(ClientVpnEndpointIds=[what])["ClientVpnEndpoints"]
        attachment = there["TransitGatewayConfiguration"]["TransitGatewayAttachmentId"]
        ec2.delete_transit_gateway_client_vpn_attachment(TransitGatewayAttachmentId=attachment)
        assert wire.cut(home, one, "10.0.0.5")


KILLED = """
import os, sys
from pathlib import Path
import pileus
from tests.services.ec2.wire.conftest import Vpc
from tests.services.ec2.wire.test_client_vpn import Authority, line_made, made, processes, running, sooner_or_later

with pileus.cloud(data=Path(sys.argv[1]), machines="none", sockets=True) as cloud:
    account = cloud.account("111122223333")
    home = Vpc(account.client("ec2"), "10.0.0.0/16")
    made(account, home, Authority())
    line_made(account)
    cloud.clock.advance(4)
    assert sooner_or_later(lambda: running(cloud))
    assert sooner_or_later(lambda: processes(Path(sys.argv[1])) == ["bird", "openvpn"])
    os.kill(os.getpid(), 9)
"""


def test_servers_end_with_a_cloud_that_is_killed_and_run_again_with_the_next(tmp_path):
    root = Path(__file__).parents[4]
    path = os.pathsep.join((str(root), str(root / "src")))
    words = [sys.executable, "-c", KILLED, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, timeout=60)
    assert done.returncode == -9, done.stderr
    assert sooner_or_later(lambda: processes(tmp_path) == []), "they notice that nobody manages them any more"
    with pileus.cloud(data=tmp_path, machines="none", sockets=True) as cloud:
        assert sooner_or_later(lambda: running(cloud))
        assert sooner_or_later(lambda: processes(tmp_path) == ["bird", "openvpn"])
        dx = cloud.account("111122223333").client("directconnect")
        [line] = dx.describe_connections()["connections"]
        assert line["connectionId"] in Wire(cloud).names()
    assert processes(tmp_path) == [] and left(tmp_path) == []
