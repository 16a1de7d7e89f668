"""VPCs that are joined to others."""

from __future__ import annotations


def peered(ec2, one, other):
    made = ec2.create_vpc_peering_connection(VpcId=one.id, PeerVpcId=other.id)["VpcPeeringConnection"]
    name = made["VpcPeeringConnectionId"]
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[name])
    return name


def accept(ec2, wire, name):
    def state():
        (found,) = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[name])["VpcPeeringConnections"]
        return found["Status"]["Code"]

    assert wire.until(lambda: state() == "pending-acceptance")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=name)
    assert wire.until(lambda: state() == "active")


def home(vpc, number):
    made = vpc(f"10.{number}.0.0/16")
    made.open()
    return made, made.instance(made.subnet(0), f"10.{number}.0.5")


def test_peers_reach_each_other_and_nobody_behind(ec2, vpc, wire):
    (red, red_host), (blue, blue_host), (green, green_host) = (home(vpc, number) for number in (1, 2, 3))
    left, right = peered(ec2, red, blue), peered(ec2, blue, green)
    for name in (left, right):
        accept(ec2, wire, name)
    red.route("10.2.0.0/16", VpcPeeringConnectionId=left)
    red.route("10.3.0.0/16", VpcPeeringConnectionId=left)
    assert wire.until(lambda: blue_host in wire.names())
    assert not wire.connects(red_host, blue_host, "10.2.0.5"), "there is no way back"
    blue.route("10.1.0.0/16", VpcPeeringConnectionId=left)
    blue.route("10.3.0.0/16", VpcPeeringConnectionId=right)
    green.route("10.1.0.0/16", VpcPeeringConnectionId=right)
    green.route("10.2.0.0/16", VpcPeeringConnectionId=right)
    assert wire.soon(red_host, blue_host, "10.2.0.5")
    assert wire.soon(blue_host, green_host, "10.3.0.5")
    assert not wire.connects(red_host, green_host, "10.3.0.5"), "peering is not transitive"
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=left)
    assert wire.cut(red_host, blue_host, "10.2.0.5")


def test_a_group_of_a_peer_may_be_named(ec2, vpc, wire):
    red, blue = vpc("10.1.0.0/16"), vpc("10.2.0.0/16")
    name = peered(ec2, red, blue)
    accept(ec2, wire, name)
    one, two = red.instance(red.subnet(0), "10.1.0.5"), blue.instance(blue.subnet(0), "10.2.0.5")
    red.route("10.2.0.0/16", VpcPeeringConnectionId=name)
    blue.route("10.1.0.0/16", VpcPeeringConnectionId=name)
    assert wire.until(lambda: {one, two} <= {*wire.names()})
    assert not wire.connects(one, two, "10.2.0.5")
    pair = {"GroupId": red.group, "VpcPeeringConnectionId": name}
    blue.open({"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [pair]})
    assert wire.soon(one, two, "10.2.0.5")


def test_a_transit_gateway_is_transitive_as_its_tables_say(ec2, vpc, wire):
    homes = [home(vpc, number) for number in (1, 2, 3)]
    gateway = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]

    def state():
        return ec2.describe_transit_gateways(TransitGatewayIds=[gateway])["TransitGateways"][0]["State"]

    assert wire.until(lambda: state() == "available")
    attached = []
    for made, _ in homes:
        (subnet,) = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [made.id]}])["Subnets"]
        answer = ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=gateway, VpcId=made.id, SubnetIds=[subnet["SubnetId"]]
        )
        attached.append(answer["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"])

    def states():
        found = ec2.describe_transit_gateway_vpc_attachments(TransitGatewayAttachmentIds=attached)
        return {one["State"] for one in found["TransitGatewayVpcAttachments"]}

    assert wire.until(lambda: states() == {"available"})
    for made, _ in homes:
        made.route("10.0.0.0/8", TransitGatewayId=gateway)
    (_, red), (_, blue), (_, green) = homes
    assert wire.soon(red, green, "10.3.0.5")
    assert wire.soon(blue, red, "10.1.0.5")
    table = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"][0]["TransitGatewayRouteTableId"]
    ec2.create_transit_gateway_route(
        DestinationCidrBlock="10.3.0.0/24", TransitGatewayRouteTableId=table, Blackhole=True
    )
    assert wire.cut(red, green, "10.3.0.5")
    assert wire.connects(blue, red, "10.1.0.5")
