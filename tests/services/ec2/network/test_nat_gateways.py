"""NAT gateways on the cloud's clock."""

from __future__ import annotations

import pytest


@pytest.fixture
def address(ec2):
    return ec2.allocate_address(Domain="vpc")["AllocationId"]


def state(ec2, what):
    return ec2.describe_nat_gateways(NatGatewayIds=[what])["NatGateways"][0]


def test_a_gateway_becomes_available_serves_and_goes(ec2, vpc, subnet, gateway, address, clock, cloud, refused):
    made = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, ClientToken="t")["NatGateway"]
    what = made["NatGatewayId"]
    assert made["State"] == "pending" and made["ConnectivityType"] == "public"
    again = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, ClientToken="t")["NatGateway"]
    assert again["NatGatewayId"] == what
    clock.advance(5)
    now = state(ec2, what)
    assert now["State"] == "available"
    (told,) = now["NatGatewayAddresses"]
    (elastic,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert told["PublicIp"] == elastic["PublicIp"] and told["AssociationId"] == elastic["AssociationId"]
    (interface,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[told["NetworkInterfaceId"]])[
        "NetworkInterfaces"
    ]
    assert interface["InterfaceType"] == "nat_gateway" and interface["RequesterManaged"]
    assert interface["Groups"] == [] and not interface["SourceDestCheck"]
    with refused("AuthFailure"):
        ec2.disassociate_address(AssociationId=elastic["AssociationId"])
    with refused("InvalidParameterValue"):
        ec2.delete_network_interface(NetworkInterfaceId=told["NetworkInterfaceId"])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=what)
    ec2.delete_nat_gateway(NatGatewayId=what)
    assert state(ec2, what)["State"] == "deleting"
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert routes[1]["State"] == "blackhole"
    clock.advance(5)
    assert state(ec2, what)["State"] == "deleted"
    assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    clock.advance(3700)
    with refused("NatGatewayNotFound"):
        ec2.describe_nat_gateways(NatGatewayIds=[what])


def test_a_gateway_fails_where_there_is_no_way_to_the_internet(ec2, subnet, address, clock):
    what = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    clock.advance(5)
    now = state(ec2, what)
    assert (now["State"], now["FailureCode"]) == ("failed", "Gateway.NotAttached")
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []


def test_a_private_gateway_has_private_addresses_only(ec2, subnet, address, clock, refused):
    with refused("InvalidParameterCombination"):
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address, ConnectivityType="private")
    made = ec2.create_nat_gateway(
        SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.9", SecondaryPrivateIpAddressCount=2
    )["NatGateway"]
    what = made["NatGatewayId"]
    clock.advance(5)
    taken = {one["PrivateIp"] for one in state(ec2, what)["NatGatewayAddresses"]}
    free = next(one for one in ("10.0.1.40", "10.0.1.41", "10.0.1.42") if one not in taken)
    ec2.assign_private_nat_gateway_address(NatGatewayId=what, PrivateIpAddresses=[free])
    addresses = state(ec2, what)["NatGatewayAddresses"]
    assert [one["PrivateIp"] for one in addresses if one["IsPrimary"]] == ["10.0.1.9"] and len(addresses) == 4
    ec2.unassign_private_nat_gateway_address(NatGatewayId=what, PrivateIpAddresses=[free])
    assert len(state(ec2, what)["NatGatewayAddresses"]) == 3
    with refused("OperationNotPermitted"):
        ec2.unassign_private_nat_gateway_address(NatGatewayId=what, PrivateIpAddresses=["10.0.1.9"])


def test_a_public_gateway_takes_further_addresses(ec2, subnet, gateway, address, clock, refused):
    with refused("MissingParameter", "The request must include the AllocationId parameter."):
        ec2.create_nat_gateway(SubnetId=subnet)
    what = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
    clock.advance(5)
    with refused("Resource.AlreadyAssociated"):
        ec2.create_nat_gateway(SubnetId=subnet, AllocationId=address)
    second = ec2.allocate_address()["AllocationId"]
    told = ec2.associate_nat_gateway_address(NatGatewayId=what, AllocationIds=[second])["NatGatewayAddresses"]
    assert told[0]["Status"] == "associating"
    addresses = state(ec2, what)["NatGatewayAddresses"]
    assert [one["AllocationId"] for one in addresses] == [address, second]
    ec2.disassociate_nat_gateway_address(NatGatewayId=what, AssociationIds=[addresses[1]["AssociationId"]])
    assert len(state(ec2, what)["NatGatewayAddresses"]) == 1
    ec2.release_address(AllocationId=second)


def test_a_zone_has_as_many_gateways_as_aws_grants(ec2, subnet, refused):
    for _ in range(100):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
    with refused("NatGatewayLimitExceeded"):
        ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")
