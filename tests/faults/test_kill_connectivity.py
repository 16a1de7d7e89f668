"""kill -9 while connections between networks are on their way: they arrive after the next start."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from .process import ACCOUNT, Process


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    folder = tmp_path / "data"
    folder.mkdir()
    process = Process(folder)
    yield process
    process.stop()


def until(fits: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not fits():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.05)


def test_states_go_on_after_a_kill_and_both_sides_agree(server: Process) -> None:
    def ec2(region: str) -> Any:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "test", "region_name": region}
        return boto3.client("ec2", endpoint_url=server.endpoint, **keys)

    here, there = ec2("us-east-1"), ec2("eu-west-1")
    one = here.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    two = there.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = here.create_subnet(VpcId=one, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    asked = {"VpcId": one, "PeerVpcId": two, "PeerRegion": "eu-west-1"}
    what = here.create_vpc_peering_connection(**asked)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    gateway = here.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    server.kill()
    server.start()

    def state(client: Any) -> str:
        found = client.describe_vpc_peering_connections(VpcPeeringConnectionIds=[what])["VpcPeeringConnections"]
        return str(found[0]["Status"]["Code"])

    until(lambda: state(there) == "pending-acceptance")
    until(lambda: here.describe_transit_gateways()["TransitGateways"][0]["State"] == "available")
    there.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    here.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=one, SubnetIds=[subnet])
    server.kill()
    server.start()
    until(lambda: state(there) == "active")
    assert state(here) == "active"
    until(lambda: here.describe_transit_gateway_attachments()["TransitGatewayAttachments"][0]["State"] == "available")
    table = here.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"][0]["TransitGatewayRouteTableId"]
    filters = [{"Name": "type", "Values": ["propagated"]}]
    found = here.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=filters)["Routes"]
    assert [route["DestinationCidrBlock"] for route in found] == ["10.0.0.0/16"]
