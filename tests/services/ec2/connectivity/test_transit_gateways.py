"""Transit gateways and their route tables."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def gateway(ec2, clock):
    made = ec2.create_transit_gateway(Description="hub")["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    return made


def test_a_gateway_comes_up_with_one_default_table_for_both_roles(ec2, clock):
    made = ec2.create_transit_gateway(Description="hub", Options={"AmazonSideAsn": 64520})["TransitGateway"]
    assert made["State"] == "pending" and made["Options"]["AmazonSideAsn"] == 64520
    assert made["TransitGatewayArn"].endswith(f":transit-gateway/{made['TransitGatewayId']}")
    clock.advance(2)
    [there] = ec2.describe_transit_gateways(TransitGatewayIds=[made["TransitGatewayId"]])["TransitGateways"]
    assert there["State"] == "available"
    [table] = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"]
    assert table["DefaultAssociationRouteTable"] and table["DefaultPropagationRouteTable"]
    options = there["Options"]
    assert options["AssociationDefaultRouteTableId"] == table["TransitGatewayRouteTableId"]
    assert options["PropagationDefaultRouteTableId"] == table["TransitGatewayRouteTableId"]


def test_a_gateway_without_defaults_has_no_table(ec2):
    off = {"DefaultRouteTableAssociation": "disable", "DefaultRouteTablePropagation": "disable"}
    ec2.create_transit_gateway(Options=off)
    assert ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"] == []


def test_bad_numbers_and_blocks_are_refused(ec2, refused):
    with refused("InvalidParameterValue"):
        ec2.create_transit_gateway(Options={"AmazonSideAsn": 1})
    with refused("InvalidParameterValue"):
        ec2.create_transit_gateway(Options={"TransitGatewayCidrBlocks": ["10.0.0.0/25"]})
    with refused("InvalidTransitGatewayID.NotFound"):
        ec2.delete_transit_gateway(TransitGatewayId="tgw-0123456789abcdef0")


def test_a_deleted_gateway_is_shown_for_a_while_and_then_gone(ec2, gateway, clock):
    assert ec2.delete_transit_gateway(TransitGatewayId=gateway)["TransitGateway"]["State"] == "deleting"
    clock.advance(2)
    assert ec2.describe_transit_gateways()["TransitGateways"][0]["State"] == "deleted"
    clock.advance(3601)
    assert ec2.describe_transit_gateways()["TransitGateways"] == []
    assert ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"] == []


def test_blackholes_are_set_replaced_and_searched_by_block(ec2, gateway, clock, refused):
    table = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)["TransitGatewayRouteTable"]
    table = table["TransitGatewayRouteTableId"]
    clock.advance(2)
    for block in ("10.0.0.0/8", "10.1.0.0/16", "10.1.1.0/24"):
        route = ec2.create_transit_gateway_route(
            TransitGatewayRouteTableId=table, DestinationCidrBlock=block, Blackhole=True
        )["Route"]
        assert (route["Type"], route["State"]) == ("static", "blackhole")
    with refused("RouteAlreadyExists"):
        ec2.create_transit_gateway_route(
            TransitGatewayRouteTableId=table, DestinationCidrBlock="10.0.0.0/8", Blackhole=True
        )

    def search(name, value):
        filters = [{"Name": name, "Values": [value]}]
        found = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=filters)
        return [route["DestinationCidrBlock"] for route in found["Routes"]]

    assert search("route-search.exact-match", "10.1.0.0/16") == ["10.1.0.0/16"]
    assert search("route-search.longest-prefix-match", "10.1.1.7/32") == ["10.1.1.0/24"]
    assert search("route-search.subnet-of-match", "10.1.0.0/16") == ["10.1.0.0/16", "10.1.1.0/24"]
    assert search("route-search.supernet-of-match", "10.1.0.0/17") == ["10.0.0.0/8", "10.1.0.0/16"]
    assert search("state", "active") == []
    ec2.delete_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="10.1.0.0/16")
    with refused("InvalidRoute.NotFound"):
        ec2.delete_transit_gateway_route(TransitGatewayRouteTableId=table, DestinationCidrBlock="10.1.0.0/16")
