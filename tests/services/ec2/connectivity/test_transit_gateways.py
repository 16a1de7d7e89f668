"""Transit gateways and their route tables."""

from __future__ import annotations

import json

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


def network(ec2, block):
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block.replace("/16", "/24"))["Subnet"]["SubnetId"]
    return vpc, subnet


def attach(ec2, gateway, vpc, subnet):
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=gateway, VpcId=vpc, SubnetIds=[subnet])
    return made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def routes(ec2, table, *states):
    filters = [{"Name": "state", "Values": states or ["active", "blackhole"]}]
    found = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=filters)["Routes"]
    return {(route["DestinationCidrBlock"], route["Type"], route["State"]) for route in found}


def default_table(ec2):
    return ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"][0]["TransitGatewayRouteTableId"]


def test_attached_vpcs_tell_their_blocks_to_the_default_table_and_route_by_it(ec2, gateway, clock, refused):
    table = default_table(ec2)
    first = attach(ec2, gateway, *network(ec2, "10.0.0.0/16"))
    second = attach(ec2, gateway, *network(ec2, "10.1.0.0/16"))
    assert routes(ec2, table) == set()
    clock.advance(2)
    assert routes(ec2, table) == {
        ("10.0.0.0/16", "propagated", "active"),
        ("10.1.0.0/16", "propagated", "active"),
    }
    found = ec2.get_transit_gateway_route_table_associations(TransitGatewayRouteTableId=table)["Associations"]
    assert {one["TransitGatewayAttachmentId"] for one in found} == {first, second}
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=table, DestinationCidrBlock="10.1.0.0/16", TransitGatewayAttachmentId=first
    )
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=table, DestinationCidrBlock="0.0.0.0/0", TransitGatewayAttachmentId=second
    )
    assert ("10.1.0.0/16", "static", "active") in routes(ec2, table)
    with refused("IncorrectState", "has non-deleted"):
        ec2.delete_transit_gateway(TransitGatewayId=gateway)
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=second)
    assert routes(ec2, table) == {
        ("0.0.0.0/0", "static", "blackhole"),
        ("10.0.0.0/16", "propagated", "active"),
        ("10.1.0.0/16", "static", "active"),
    }
    clock.advance(2)
    attachments = ec2.describe_transit_gateway_attachments()["TransitGatewayAttachments"]
    assert {one["TransitGatewayAttachmentId"]: one["State"] for one in attachments} == {
        first: "available",
        second: "deleted",
    }


def test_an_attachment_routes_by_one_table_and_may_tell_several(ec2, gateway, clock, refused):
    attachment = attach(ec2, gateway, *network(ec2, "10.0.0.0/16"))
    made = ec2.create_transit_gateway_route_table(TransitGatewayId=gateway)["TransitGatewayRouteTable"]
    clock.advance(2)
    both = {
        "TransitGatewayRouteTableId": made["TransitGatewayRouteTableId"],
        "TransitGatewayAttachmentId": attachment,
    }
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_transit_gateway_route_table(**both)
    default = both | {"TransitGatewayRouteTableId": default_table(ec2)}
    tables = ec2.describe_transit_gateway_route_tables(
        Filters=[{"Name": "default-association-route-table", "Values": ["true"]}]
    )["TransitGatewayRouteTables"]
    default["TransitGatewayRouteTableId"] = tables[0]["TransitGatewayRouteTableId"]
    ec2.disassociate_transit_gateway_route_table(**default)
    ec2.associate_transit_gateway_route_table(**both)
    ec2.enable_transit_gateway_route_table_propagation(**both)
    with refused("TransitGatewayRouteTablePropagation.Duplicate"):
        ec2.enable_transit_gateway_route_table_propagation(**both)
    found = ec2.get_transit_gateway_attachment_propagations(TransitGatewayAttachmentId=attachment)
    assert len(found["TransitGatewayAttachmentPropagations"]) == 2
    with refused("IncorrectState"):
        ec2.delete_transit_gateway_route_table(TransitGatewayRouteTableId=made["TransitGatewayRouteTableId"])
    ec2.disable_transit_gateway_route_table_propagation(**both)
    assert routes(ec2, made["TransitGatewayRouteTableId"]) == set()


def test_a_vpc_is_attached_once_and_by_one_subnet_a_zone(ec2, gateway, refused):
    vpc, subnet = network(ec2, "10.0.0.0/16")
    zone = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailabilityZone"]
    twin = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
    asked = {"TransitGatewayId": gateway, "VpcId": vpc}
    with refused("DuplicateSubnetsInSameZone"):
        ec2.create_transit_gateway_vpc_attachment(SubnetIds=[subnet, twin], **asked)
    ec2.create_transit_gateway_vpc_attachment(SubnetIds=[subnet], **asked)
    with refused("DuplicateTransitGatewayAttachment"):
        ec2.create_transit_gateway_vpc_attachment(SubnetIds=[twin], **asked)


def test_peered_gateways_route_by_set_routes_alone(aws, ec2, gateway, clock):
    there = aws.client("ec2", "eu-west-1")
    other = there.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    made = ec2.create_transit_gateway_peering_attachment(
        TransitGatewayId=gateway, PeerTransitGatewayId=other, PeerAccountId=aws.id, PeerRegion="eu-west-1"
    )["TransitGatewayPeeringAttachment"]
    what = made["TransitGatewayAttachmentId"]
    clock.advance(2)
    [asked] = there.describe_transit_gateway_peering_attachments()["TransitGatewayPeeringAttachments"]
    assert asked["State"] == "pendingAcceptance" and asked["RequesterTgwInfo"]["Region"] == "us-east-1"
    there.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=what)
    clock.advance(2)
    for client in (ec2, there):
        [one] = client.describe_transit_gateway_peering_attachments()["TransitGatewayPeeringAttachments"]
        assert one["State"] == "available"
        assert routes(client, default_table(client)) == set()
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=default_table(ec2),
        DestinationCidrBlock="10.9.0.0/16",
        TransitGatewayAttachmentId=what,
    )
    assert routes(ec2, default_table(ec2)) == {("10.9.0.0/16", "static", "active")}
    there.delete_transit_gateway_peering_attachment(TransitGatewayAttachmentId=what)
    assert routes(ec2, default_table(ec2)) == {("10.9.0.0/16", "static", "blackhole")}


def test_a_shared_gateway_takes_another_accounts_vpc_when_its_owner_accepts(aws, cloud, ec2, gateway, clock, refused):
    other = cloud.account()
    theirs = other.client("ec2")
    vpc, subnet = network(theirs, "10.7.0.0/16")
    with refused("InvalidTransitGatewayID.NotFound"):
        attach(theirs, gateway, vpc, subnet)
    [shown] = ec2.describe_transit_gateways()["TransitGateways"]
    share = aws.client("ram").create_resource_share(
        name="hub", resourceArns=[shown["TransitGatewayArn"]], principals=[other.id], allowExternalPrincipals=True
    )
    assert share["resourceShare"]["name"] == "hub"
    ram = other.client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    assert theirs.describe_transit_gateways()["TransitGateways"][0]["OwnerId"] == aws.id
    what = attach(theirs, gateway, vpc, subnet)
    clock.advance(2)
    [asked] = ec2.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
    assert asked["State"] == "pendingAcceptance" and asked["VpcOwnerId"] == other.id
    ec2.accept_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=what)
    clock.advance(2)
    [seen] = theirs.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
    assert seen["State"] == "available"
    assert routes(ec2, default_table(ec2)) == {("10.7.0.0/16", "propagated", "active")}


def test_connect_peers_have_addresses_of_the_gateways_blocks(ec2, clock, refused):
    made = ec2.create_transit_gateway(Options={"TransitGatewayCidrBlocks": ["192.0.2.0/24"]})["TransitGateway"]
    clock.advance(2)
    transport = attach(ec2, made["TransitGatewayId"], *network(ec2, "10.0.0.0/16"))
    clock.advance(2)
    connect = ec2.create_transit_gateway_connect(
        TransportTransitGatewayAttachmentId=transport, Options={"Protocol": "gre"}
    )["TransitGatewayConnect"]["TransitGatewayAttachmentId"]
    clock.advance(2)
    asked = {"TransitGatewayAttachmentId": connect, "PeerAddress": "10.0.0.9"}
    with refused("InvalidParameterValue"):
        ec2.create_transit_gateway_connect_peer(InsideCidrBlocks=["169.254.6.0/28"], **asked)
    peer = ec2.create_transit_gateway_connect_peer(
        InsideCidrBlocks=["169.254.6.0/29"], BgpOptions={"PeerAsn": 65000}, **asked
    )["TransitGatewayConnectPeer"]
    configuration = peer["ConnectPeerConfiguration"]
    assert configuration["TransitGatewayAddress"] == "192.0.2.1"
    sessions = configuration["BgpConfigurations"]
    assert [one["TransitGatewayAddress"] for one in sessions] == ["169.254.6.2", "169.254.6.3"]
    with refused("IncorrectState"):
        ec2.delete_transit_gateway_connect(TransitGatewayAttachmentId=connect)
    ec2.delete_transit_gateway_connect_peer(TransitGatewayConnectPeerId=peer["TransitGatewayConnectPeerId"])
    ec2.delete_transit_gateway_connect(TransitGatewayAttachmentId=connect)


def test_routes_are_exported_to_a_bucket(aws, ec2, gateway, clock, refused):
    attach(ec2, gateway, *network(ec2, "10.0.0.0/16"))
    clock.advance(2)
    with refused("InvalidParameterValue"):
        ec2.export_transit_gateway_routes(TransitGatewayRouteTableId=default_table(ec2), S3Bucket="no-such-bucket-here")
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=f"routes-{gateway}")
    where = ec2.export_transit_gateway_routes(
        TransitGatewayRouteTableId=default_table(ec2), S3Bucket=f"routes-{gateway}/kept"
    )["S3Location"]
    key = where.removeprefix(f"s3://routes-{gateway}/")
    assert key.startswith("kept/VPCTransitGateway/")
    written = json.loads(s3.get_object(Bucket=f"routes-{gateway}", Key=key)["Body"].read())
    assert [route["DestinationCidrBlock"] for route in written["routes"]] == ["10.0.0.0/16"]
