"""Route tables, gateways, and where packets would go."""

from __future__ import annotations

import pytest


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def routes(ec2, table):
    found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return {route.get("DestinationCidrBlock") or route.get("DestinationPrefixListId"): route for route in found}


def test_routes_are_made_replaced_and_removed(ec2, vpc, table, gateway, refused):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    assert routes(ec2, table)["0.0.0.0/0"]["State"] == "active"
    assert routes(ec2, table)["0.0.0.0/0"]["Origin"] == "CreateRoute"
    assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists."):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=interface)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=interface)
    assert routes(ec2, table)["0.0.0.0/0"]["NetworkInterfaceId"] == interface
    assert routes(ec2, table)["0.0.0.0/0"]["State"] == "blackhole"  # the interface belongs to nothing
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidRoute.NotFound", "no route with destination-cidr-block 0.0.0.0/0 in route table"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidParameterValue", "There is no route defined for '0.0.0.0/0' in the route table."):
        ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)


def test_local_routes_stay_but_may_lead_to_an_interface(ec2, vpc, table, refused):
    with refused("InvalidParameterValue", f"cannot remove local route 10.0.0.0/16 in route table {table}"):
        ec2.delete_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", NetworkInterfaceId=interface)
    assert routes(ec2, table)["10.0.0.0/16"]["NetworkInterfaceId"] == interface
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", LocalTarget=True)
    assert routes(ec2, table)["10.0.0.0/16"]["GatewayId"] == "local"
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.1.0/24", NetworkInterfaceId=interface)


def test_targets_must_be_there_and_of_the_vpc(ec2, vpc, table, gateway, refused):
    alone = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with refused("InvalidParameterValue", f"route table {table} and network gateway {alone} belong to different"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=alone)
    with refused("InvalidInternetGatewayID.NotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId="igw-0123456789abcdef0")
    with refused("NatGatewayNotFound"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId="nat-0123456789abcdef0")
    with refused("MissingParameter"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")
    with refused("InvalidParameterValue", "more specific than one of this VPC's CIDR blocks"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.1.0/24", GatewayId=gateway)


def test_a_route_to_a_gateway_that_is_gone_is_a_black_hole(ec2, vpc, table, gateway, refused):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    with refused("Resource.AlreadyAssociated", f"resource {gateway} is already attached to network {vpc}"):
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("DependencyViolation", f"The internetGateway '{gateway}' has dependencies and cannot be deleted."):
        ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("Gateway.NotAttached", f"resource {gateway} is not attached to network {vpc}"):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes(ec2, table)["0.0.0.0/0"]["State"] == "blackhole"
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    assert routes(ec2, table)["0.0.0.0/0"]["GatewayId"] == gateway
    black = [{"Name": "route.state", "Values": ["blackhole"]}]
    assert [one["RouteTableId"] for one in ec2.describe_route_tables(Filters=black)["RouteTables"]] == [table]


def test_subnets_follow_the_main_table_or_their_own(ec2, vpc, subnet, table, refused):
    association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert association.startswith("rtbassoc-")
    main = ec2.describe_route_tables(
        Filters=[{"Name": "association.main", "Values": ["true"]}, {"Name": "vpc-id", "Values": [vpc]}]
    )["RouteTables"][0]
    with refused("Resource.AlreadyAssociated", "conflicts with an existing association"):
        ec2.associate_route_table(RouteTableId=main["RouteTableId"], SubnetId=subnet)
    with refused("DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted."):
        ec2.delete_route_table(RouteTableId=table)
    of_subnet = [{"Name": "association.subnet-id", "Values": [subnet]}]
    assert len(ec2.describe_route_tables(Filters=of_subnet)["RouteTables"]) == 1
    ec2.disassociate_route_table(AssociationId=association)
    assert ec2.describe_route_tables(Filters=of_subnet)["RouteTables"] == []
    with refused("InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist"):
        ec2.disassociate_route_table(AssociationId=association)
    old = main["Associations"][0]["RouteTableAssociationId"]
    with refused("InvalidParameterValue"):
        ec2.disassociate_route_table(AssociationId=old)
    new = ec2.replace_route_table_association(AssociationId=old, RouteTableId=table)["NewAssociationId"]
    (now,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [(one["RouteTableAssociationId"], one["Main"]) for one in now["Associations"]] == [(new, True)]
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])


def test_a_gateway_may_have_a_table_for_what_comes_in(ec2, vpc, table, gateway):
    ec2.associate_route_table(RouteTableId=table, GatewayId=gateway)
    (now,) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert now["Associations"][0]["GatewayId"] == gateway


def test_egress_only_gateways_route_ipv6_only(ec2, vpc, table, refused):
    made = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    what = made["EgressOnlyInternetGatewayId"]
    assert made["Attachments"] == [{"State": "attached", "VpcId": vpc}]
    ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=what)
    with refused("InvalidParameterValue"):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", EgressOnlyInternetGatewayId=what)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=what)
    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == []


def test_a_second_internet_gateway_is_refused(ec2, vpc, gateway, refused):
    other = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    with refused("InvalidParameterValue", f"Network {vpc} already has an internet gateway attached"):
        ec2.attach_internet_gateway(InternetGatewayId=other, VpcId=vpc)


def test_a_token_makes_one_table_only(ec2, vpc, refused):
    first, second = (ec2.create_route_table(VpcId=vpc, ClientToken="t")["RouteTable"] for _ in "12")
    assert first["RouteTableId"] == second["RouteTableId"]
    other = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    with refused("IdempotentParameterMismatch"):
        ec2.create_route_table(VpcId=other, ClientToken="t")
