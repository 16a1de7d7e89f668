"""Outposts' local gateways, their tables and interfaces, customer-owned addresses; and secondary networks."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def test_an_account_without_an_outpost_has_no_local_gateway(ec2, refused):
    assert ec2.describe_local_gateways()["LocalGateways"] == []
    assert ec2.describe_outpost_lags()["OutpostLags"] == []
    with refused("InvalidLocalGatewayID.NotFound"):
        ec2.create_local_gateway_route_table(LocalGatewayId="lgw-0123456789abcdef0")
    with refused("InvalidLocalGatewayRouteTableID.NotFound"):
        ec2.create_coip_pool(LocalGatewayRouteTableId="lgw-rtb-0123456789abcdef0")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    with refused("InvalidOutpostArn.NotFound"):
        arn = "arn:aws:outposts:us-east-1:999999999999:outpost/op-0123456789abcdef0"
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", OutpostArn=arn)


def test_a_subnet_on_an_outpost_reaches_the_premises_by_its_local_gateway(aws, ec2, clock, refused):
    arn = f"arn:aws:outposts:us-east-1:{aws.id}:outpost/op-0123456789abcdef0"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    place = {"VpcId": vpc, "OutpostArn": arn}
    subnet = ec2.create_subnet(**place, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]
    assert subnet["OutpostArn"] == arn
    with refused("InvalidParameterValue", "us-east-1a"):
        ec2.create_subnet(**place, CidrBlock="10.0.2.0/24", AvailabilityZone="us-east-1b")
    [gateway] = ec2.describe_local_gateways(Filters=[{"Name": "outpost-arn", "Values": [arn]}])["LocalGateways"]
    [lag] = ec2.describe_outpost_lags()["OutpostLags"]
    [link] = ec2.describe_service_link_virtual_interfaces()["ServiceLinkVirtualInterfaces"]
    assert lag["ServiceLinkVirtualInterfaceIds"] == [link["ServiceLinkVirtualInterfaceId"]]
    of = {"LocalGatewayId": gateway["LocalGatewayId"]}

    group = ec2.create_local_gateway_virtual_interface_group(**of, LocalBgpAsn=65001)
    group = group["LocalGatewayVirtualInterfaceGroup"]["LocalGatewayVirtualInterfaceGroupId"]
    clock.advance(2)

    def groups():
        return ec2.describe_local_gateway_virtual_interface_groups()["LocalGatewayVirtualInterfaceGroups"][0]

    assert groups()["ConfigurationState"] == "incomplete"
    asked = {
        "LocalGatewayVirtualInterfaceGroupId": group,
        "OutpostLagId": lag["OutpostLagId"],
        "LocalAddress": "192.168.0.1/30",
        "PeerAddress": "192.168.0.2/30",
        "PeerBgpAsn": 65002,
    }
    with refused("InvalidParameterValue"):
        ec2.create_local_gateway_virtual_interface(**asked, Vlan=5000)
    made = ec2.create_local_gateway_virtual_interface(**asked, Vlan=100)["LocalGatewayVirtualInterface"]
    assert made["LocalBgpAsn"] == 65001 and made["LocalGatewayId"] == gateway["LocalGatewayId"]
    assert groups()["LocalGatewayVirtualInterfaceIds"] == [made["LocalGatewayVirtualInterfaceId"]]

    table = ec2.create_local_gateway_route_table(**of)["LocalGatewayRouteTable"]
    assert table["Mode"] == "direct-vpc-routing"
    on = {"LocalGatewayRouteTableId": table["LocalGatewayRouteTableId"]}
    premises = {**on, "DestinationCidrBlock": "172.16.0.0/12", "LocalGatewayVirtualInterfaceGroupId": group}
    with refused("InvalidParameterValue", "not associated"):
        ec2.create_local_gateway_route(**premises)
    joined = ec2.create_local_gateway_route_table_virtual_interface_group_association(
        **on, LocalGatewayVirtualInterfaceGroupId=group
    )["LocalGatewayRouteTableVirtualInterfaceGroupAssociation"]
    route = ec2.create_local_gateway_route(**premises)["Route"]
    assert (route["Type"], route["State"]) == ("static", "active")
    with refused("RouteAlreadyExists"):
        ec2.create_local_gateway_route(**premises)

    main = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"][0]["RouteTableId"]
    out = {"RouteTableId": main, "DestinationCidrBlock": "172.16.0.0/12", **of}
    with refused("InvalidParameterValue", "different networks"):
        ec2.create_route(**out)
    with_vpc = ec2.create_local_gateway_route_table_vpc_association(**on, VpcId=vpc)
    with_vpc = with_vpc["LocalGatewayRouteTableVpcAssociation"]["LocalGatewayRouteTableVpcAssociationId"]
    with refused("LocalGatewayRouteTableVpcAssociationAlreadyExists"):
        ec2.create_local_gateway_route_table_vpc_association(**on, VpcId=vpc)
    ec2.create_route(**out)
    [shown] = ec2.describe_route_tables(RouteTableIds=[main])["RouteTables"]
    assert {"LocalGatewayId": gateway["LocalGatewayId"], "State": "active"}.items() <= shown["Routes"][1].items()

    def search(name, *values):
        found = ec2.search_local_gateway_routes(**on, Filters=[{"Name": name, "Values": [*values]}])["Routes"]
        return [one["DestinationCidrBlock"] for one in found]

    assert search("type", "propagated") == ["10.0.1.0/24"]  # the subnet's, by itself
    assert search("route-search.longest-prefix-match", "172.16.5.0/24") == ["172.16.0.0/12"]
    assert search("route-search.subnet-of-match", "10.0.0.0/8") == ["10.0.1.0/24"]
    with refused("DependencyViolation"):
        ec2.delete_local_gateway_route_table(**on)
    ec2.delete_local_gateway_route_table_vpc_association(LocalGatewayRouteTableVpcAssociationId=with_vpc)
    [shown] = ec2.describe_route_tables(RouteTableIds=[main])["RouteTables"]
    assert shown["Routes"][1]["State"] == "blackhole"
    name = "LocalGatewayRouteTableVirtualInterfaceGroupAssociationId"
    ec2.delete_local_gateway_route_table_virtual_interface_group_association(**{name: joined[name]})
    assert search("state", "blackhole") == ["172.16.0.0/12"]
    ec2.delete_local_gateway_route(**on, DestinationCidrBlock="172.16.0.0/12")
    ec2.delete_local_gateway_route_table(**on)


def test_customer_owned_addresses_come_out_of_pools_of_a_table_for_them(aws, ec2, refused):
    arn = f"arn:aws:outposts:us-east-1:{aws.id}:outpost/op-0123456789abcdef0"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", OutpostArn=arn)
    gateway = ec2.describe_local_gateways()["LocalGateways"][0]["LocalGatewayId"]

    def table(mode):
        made = ec2.create_local_gateway_route_table(LocalGatewayId=gateway, Mode=mode)
        return made["LocalGatewayRouteTable"]["LocalGatewayRouteTableId"]

    with refused("InvalidParameterValue", "coip"):
        ec2.create_coip_pool(LocalGatewayRouteTableId=table("direct-vpc-routing"))
    pool = ec2.create_coip_pool(LocalGatewayRouteTableId=table("coip"))["CoipPool"]["PoolId"]
    ec2.create_coip_cidr(CoipPoolId=pool, Cidr="192.168.7.0/26")
    with refused("InvalidParameterValue"):
        ec2.create_coip_cidr(CoipPoolId=pool, Cidr="192.168.0.0/16")
    got = ec2.allocate_address(CustomerOwnedIpv4Pool=pool)
    assert got["CustomerOwnedIp"] == "192.168.7.1" and "PublicIp" not in got
    [usage] = ec2.get_coip_pool_usage(PoolId=pool)["CoipAddressUsages"]
    assert (usage["AllocationId"], usage["CoIp"]) == (got["AllocationId"], "192.168.7.1")
    with refused("DependencyViolation"):
        ec2.delete_coip_cidr(CoipPoolId=pool, Cidr="192.168.7.0/26")
    ec2.release_address(AllocationId=got["AllocationId"])
    ec2.delete_coip_cidr(CoipPoolId=pool, Cidr="192.168.7.0/26")
    assert ec2.describe_coip_pools(PoolIds=[pool])["CoipPools"][0]["PoolCidrs"] == []
    ec2.delete_coip_pool(CoipPoolId=pool)


def test_secondary_networks_have_subnets_that_do_not_overlap(ec2, clock, refused):
    with refused("InvalidParameterValue"):
        ec2.create_secondary_network(Ipv4CidrBlock="10.0.0.0/8", NetworkType="rdma")
    made = ec2.create_secondary_network(Ipv4CidrBlock="10.0.0.0/16", NetworkType="rdma")["SecondaryNetwork"]
    assert made["Type"] == "rdma" and made["Ipv4CidrBlockAssociations"][0]["CidrBlock"] == "10.0.0.0/16"
    of = {"SecondaryNetworkId": made["SecondaryNetworkId"]}
    subnet = ec2.create_secondary_subnet(**of, Ipv4CidrBlock="10.0.0.0/24", AvailabilityZone="us-east-1b")
    subnet = subnet["SecondarySubnet"]
    assert subnet["SecondaryNetworkType"] == "rdma" and subnet["AvailabilityZoneId"]
    with refused("InvalidSecondarySubnet.Conflict"):
        ec2.create_secondary_subnet(**of, Ipv4CidrBlock="10.0.0.128/25")
    with refused("InvalidSecondarySubnet.Range"):
        ec2.create_secondary_subnet(**of, Ipv4CidrBlock="10.1.0.0/24")
    with refused("DependencyViolation"):
        ec2.delete_secondary_network(**of)
    clock.advance(2)
    filters = [{"Name": "ipv4-cidr-block-association.cidr-block", "Values": ["10.0.0.0/24"]}]
    [found] = ec2.describe_secondary_subnets(Filters=filters)["SecondarySubnets"]
    assert found["State"] == "create-complete"
    assert ec2.describe_secondary_interfaces()["SecondaryInterfaces"] == []
    ec2.delete_secondary_subnet(SecondarySubnetId=subnet["SecondarySubnetId"])
    assert ec2.delete_secondary_network(**of)["SecondaryNetwork"]["State"] == "delete-in-progress"
