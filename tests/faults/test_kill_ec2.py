"""kill -9 amid changes of VPCs: what was acknowledged is there, and the counts of free addresses are true."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from .process import Process


def client(server: Process) -> Any:
    return boto3.client(
        "ec2",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="secret",
        config=Config(retries={"max_attempts": 0}),
    )


def test_interfaces_and_their_addresses_outlive_a_kill(tmp_path: Path) -> None:
    server = Process(tmp_path)
    made: set[str] = set()
    try:
        ec2 = client(server)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/22")["Subnet"]["SubnetId"]
        gateway = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
        for _ in range(3):
            ec2 = client(server)
            end = time.monotonic() + 0.5
            try:
                while time.monotonic() < end:
                    made.add(ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"])
            except BotoCoreError:
                pass
            server.kill()
            server.start()
        ec2 = client(server)
        found = ec2.describe_network_interfaces()["NetworkInterfaces"]
        assert made <= {interface["NetworkInterfaceId"] for interface in found}
        addresses = [interface["PrivateIpAddress"] for interface in found]
        assert len(set(addresses)) == len(addresses)
        (now,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
        assert now["AvailableIpAddressCount"] == 1024 - 5 - len(addresses)
        ec2.get_waiter("nat_gateway_available").wait(
            NatGatewayIds=[gateway], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
    finally:
        server.stop()
