"""Premises that are an instance with strongSwan in another VPC, as labs about Site-to-Site VPN have them."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

import pileus
from pileus.engines.machine import survey
from pileus.engines.tunnels import Tunnels
from tests.services.ec2.wire.premises import connection, settings, until

NO = survey.unable() or Tunnels.available()
pytestmark = pytest.mark.skipif(bool(NO), reason=f"no machines with tunnels: {NO}")

HOME = Path("/tmp/vpn")
SCRIPT = """#!/bin/bash
mkdir -p {home} && cd {home}
cat > strongswan.conf <<'END'
{settings}
END
cat > swanctl.conf <<'END'
{connection}
END
tell() {{ swanctl "$@" --uri unix://{home}/vici > /dev/null 2>&1; }}
STRONGSWAN_CONF={home}/strongswan.conf charon-systemd > /dev/null 2>&1 &
until tell --stats; do sleep 0.1; done
ip address add {inside}/30 dev ipsec0
ip rule del priority 220
ip address add 192.168.7.1/32 dev lo
ip route add 10.7.0.0/16 dev ipsec0 src 192.168.7.1
tell --load-all --file {home}/swanctl.conf
until tell --initiate --child aws --timeout 5; do sleep 0.1; done
until ping -c 1 -W 1 10.7.0.5; do :; done
echo "the premises reach the VPC"
"""


def test_an_instance_with_strongswan_stands_for_the_premises(cloud: pileus.LocalCloud) -> None:
    ec2 = cloud.account().client("ec2")
    address = ec2.allocate_address()
    customer = ec2.create_customer_gateway(Type="ipsec.1", IpAddress=address["PublicIp"], BgpAsn=65010)
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    within = [{"Name": "vpc-id", "Values": [vpc]}]
    [table] = ec2.describe_route_tables(Filters=within)["RouteTables"]
    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table["RouteTableId"])
    [group] = ec2.describe_security_groups(Filters=within)["SecurityGroups"]
    ping = [{"IpProtocol": "icmp", "FromPort": -1, "ToPort": -1, "IpRanges": [{"CidrIp": "192.168.7.0/24"}]}]
    ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=ping)
    made = ec2.create_vpn_connection(
        CustomerGatewayId=customer["CustomerGateway"]["CustomerGatewayId"],
        Type="ipsec.1",
        VpnGatewayId=gateway,
        Options={"StaticRoutesOnly": True},
    )["VpnConnection"]
    what = made["VpnConnectionId"]
    ec2.create_vpn_connection_route(DestinationCidrBlock="192.168.7.0/24", VpnConnectionId=what)
    cloud.clock.advance(2)

    told = Xml.fromstring(made["CustomerGatewayConfiguration"]).findall("ipsec_tunnel")[0]
    inside = told.findtext("customer_gateway/tunnel_inside_address/ip_address")
    script = SCRIPT.format(home=HOME, settings=settings(HOME), connection=connection(told, 2), inside=inside)
    image = ec2.describe_images(Owners=["amazon"], Filters=[{"Name": "architecture", "Values": ["x86_64"]}])
    launch = {"ImageId": image["Images"][0]["ImageId"], "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    ec2.run_instances(**launch, SubnetId=subnet, PrivateIpAddress="10.7.0.5")
    premises = ec2.run_instances(**launch, UserData=script)["Instances"][0]["InstanceId"]

    def associated() -> bool:
        [one] = ec2.describe_instances(InstanceIds=[premises])["Reservations"][0]["Instances"]
        return bool(one["State"]["Name"] == "running")

    until(associated)
    ec2.associate_address(InstanceId=premises, AllocationId=address["AllocationId"])
    until(lambda: "the premises reach the VPC" in ec2.get_console_output(InstanceId=premises).get("Output", ""))
    [shown] = ec2.describe_vpn_connections(VpnConnectionIds=[what])["VpnConnections"]
    assert [one["Status"] for one in shown["VgwTelemetry"]] == ["UP", "DOWN"]
