"""Transit gateways: what peers announce, network functions, shared multicast domains, translation, resilience."""

from __future__ import annotations

import pytest

from .test_transit_gateways import attach, default_table, network, routes


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def hub(client, clock, **options):
    made = client.create_transit_gateway(Options=options)["TransitGateway"]
    clock.advance(2)
    return made["TransitGatewayId"]


def peered(aws, clock, **options):
    """Two gateways of the account, in two Regions, that are peered; the peering."""
    here, there = aws.client("ec2"), aws.client("ec2", region_name="us-west-2")
    mine, theirs = hub(here, clock), hub(there, clock)
    what = here.create_transit_gateway_peering_attachment(
        TransitGatewayId=mine,
        PeerTransitGatewayId=theirs,
        PeerAccountId=aws.id,
        PeerRegion="us-west-2",
        Options=options,
    )["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]
    clock.advance(2)
    there.accept_transit_gateway_peering_attachment(TransitGatewayAttachmentId=what)
    clock.advance(2)
    return here, there, mine, theirs, what


def test_a_table_learns_what_a_peer_announces_and_nothing_of_third_parties(aws, clock, refused):
    here, there, mine, _, peering = peered(aws, clock, DynamicRouting="enable")
    attach(here, mine, *network(here, "10.1.0.0/16"))
    clock.advance(2)
    tables = [default_table(client) for client in (here, there)]
    announced = here.create_transit_gateway_route_table_announcement(
        TransitGatewayRouteTableId=tables[0], PeeringAttachmentId=peering
    )["TransitGatewayRouteTableAnnouncement"]
    what = announced["TransitGatewayRouteTableAnnouncementId"]
    assert announced["AnnouncementDirection"] == "outgoing" and announced["State"] == "pending"
    with refused("TransitGatewayRouteTableAnnouncement.Duplicate"):
        here.create_transit_gateway_route_table_announcement(
            TransitGatewayRouteTableId=tables[0], PeeringAttachmentId=peering
        )
    with refused("InvalidParameterValue", "not an announcement of a peer"):
        here.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=tables[0], TransitGatewayRouteTableAnnouncementId=what
        )
    clock.advance(2)
    [seen] = there.describe_transit_gateway_route_table_announcements()["TransitGatewayRouteTableAnnouncements"]
    assert (seen["AnnouncementDirection"], seen["State"]) == ("incoming", "available")
    with refused("OperationNotPermitted"):
        there.enable_transit_gateway_route_table_propagation(
            TransitGatewayRouteTableId=tables[1], TransitGatewayAttachmentId=peering
        )
    told = there.enable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=tables[1], TransitGatewayRouteTableAnnouncementId=what
    )["Propagation"]
    assert told["TransitGatewayRouteTableAnnouncementId"] == what
    assert routes(there, tables[1]) == {("10.1.0.0/16", "propagated", "active")}

    back = there.create_transit_gateway_route_table_announcement(
        TransitGatewayRouteTableId=tables[1], PeeringAttachmentId=peering
    )["TransitGatewayRouteTableAnnouncement"]["TransitGatewayRouteTableAnnouncementId"]
    clock.advance(2)
    here.enable_transit_gateway_route_table_propagation(
        TransitGatewayRouteTableId=tables[0], TransitGatewayRouteTableAnnouncementId=back
    )
    assert routes(here, tables[0]) == {("10.1.0.0/16", "propagated", "active")}  # its own, and not told back
    with refused("OperationNotPermitted"):
        there.delete_transit_gateway_route_table_announcement(TransitGatewayRouteTableAnnouncementId=what)
    here.delete_transit_gateway_route_table_announcement(TransitGatewayRouteTableAnnouncementId=what)
    clock.advance(2)
    assert routes(there, tables[1]) == set()


def test_peers_of_two_regions_are_resilient_when_both_allow_it(aws, clock, refused):
    here, there, _, _, peering = peered(aws, clock)
    with refused("UnsupportedOperation"):
        here.create_transit_gateway_route_table_announcement(
            TransitGatewayRouteTableId=default_table(here), PeeringAttachmentId=peering
        )
    allow = {"AllowMultipathResilience": True, "MultipathResilienceMode": "always-on"}

    def modify(client):
        made = client.modify_transit_gateway_peering_attachment(TransitGatewayAttachmentId=peering, Options=allow)
        clock.advance(2)
        return made["TransitGatewayPeeringAttachment"]["Options"]

    assert modify(here)["MultipathResilienceStatus"] == "pending"
    both = modify(there)
    assert both["MultipathResilienceStatus"] == "enabled" and both["RequesterMultipathResilienceMode"] == "always-on"


def test_another_accounts_subnets_take_part_in_a_shared_domain_when_they_are_accepted(aws, cloud, ec2, clock, refused):
    other = cloud.account()
    theirs = other.client("ec2")
    gateway = hub(ec2, clock, MulticastSupport="enable", AutoAcceptSharedAttachments="enable")
    domain = ec2.create_transit_gateway_multicast_domain(TransitGatewayId=gateway)["TransitGatewayMulticastDomain"]
    [hub_shown] = ec2.describe_transit_gateways()["TransitGateways"]
    arns = [hub_shown["TransitGatewayArn"], domain["TransitGatewayMulticastDomainArn"]]
    aws.client("ram").create_resource_share(
        name="hub", resourceArns=arns, principals=[other.id], allowExternalPrincipals=True
    )
    ram = other.client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    vpc, subnet = network(theirs, "10.7.0.0/16")
    attachment = attach(theirs, gateway, vpc, subnet)
    clock.advance(2)
    what = {"TransitGatewayMulticastDomainId": domain["TransitGatewayMulticastDomainId"]}
    asked = what | {"TransitGatewayAttachmentId": attachment, "SubnetIds": [subnet]}

    def associate():
        made = theirs.associate_transit_gateway_multicast_domain(**asked)["Associations"]
        return made["Subnets"][0]["State"]

    assert associate() == "pendingAcceptance"
    interface = theirs.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    group = what | {"GroupIpAddress": "239.1.1.1", "NetworkInterfaceIds": [interface]}
    with refused("InvalidParameterValue", "not associated"):
        theirs.register_transit_gateway_multicast_group_members(**group)
    rejected = ec2.reject_transit_gateway_multicast_domain_associations(**asked)["Associations"]
    assert rejected["Subnets"] == [{"SubnetId": subnet, "State": "rejected"}]
    with refused("InvalidParameterValue", "no pending association"):
        ec2.accept_transit_gateway_multicast_domain_associations(**asked)
    associate()
    ec2.accept_transit_gateway_multicast_domain_associations(**asked)
    found = ec2.get_transit_gateway_multicast_domain_associations(**what)["MulticastDomainAssociations"]
    assert [one["Subnet"]["State"] for one in found] == ["associated"]
    theirs.register_transit_gateway_multicast_group_members(**group)
    [member] = ec2.search_transit_gateway_multicast_groups(**what)["MulticastGroups"]
    assert member["NetworkInterfaceId"] == interface


def test_a_network_function_is_attached_when_its_service_accepts_it(cloud, ec2, clock, refused):
    owner = cloud.account().client("ec2")
    balancer = "arn:aws:elasticloadbalancing:us-east-1:111111111111:loadbalancer/gwy/fw/0123456789abcdef"
    service = owner.create_vpc_endpoint_service_configuration(
        GatewayLoadBalancerArns=[balancer], AcceptanceRequired=True
    )["ServiceConfiguration"]
    clock.advance(2)
    of = {"ServiceId": service["ServiceId"]}
    gateway = hub(ec2, clock)
    asked = {"TransitGatewayId": gateway, "ServiceName": service["ServiceName"]}
    with refused("InvalidServiceName"):
        ec2.create_transit_gateway_network_function_attachment(**asked, AvailabilityZones=["us-east-1a"])
    owner.modify_vpc_endpoint_service_permissions(**of, AddAllowedPrincipals=["*"])
    with refused("MissingParameter"):
        ec2.create_transit_gateway_network_function_attachment(**asked)
    made = ec2.create_transit_gateway_network_function_attachment(**asked, AvailabilityZones=["us-east-1a"])
    made = made["TransitGatewayNetworkFunctionAttachment"]
    what = {"TransitGatewayAttachmentId": made["TransitGatewayAttachmentId"]}
    assert made["State"] == "pendingAcceptance" and made["AvailabilityZoneIds"]
    [connection] = owner.describe_vpc_endpoint_connections()["VpcEndpointConnections"]
    assert connection["TransitGatewayAttachmentId"] == made["TransitGatewayAttachmentId"]
    none = "vpce-0123456789abcdef0"  # there is no way to send an empty list
    answer = owner.accept_vpc_endpoint_connections(
        **of, VpcEndpointIds=[none], TransitGatewayAttachmentIds=[made["TransitGatewayAttachmentId"]]
    )
    assert [one["ResourceId"] for one in answer["Unsuccessful"]] == [none]
    clock.advance(2)
    ec2.modify_transit_gateway_network_function_attachment(**what, AddAvailabilityZones=["us-east-1b"])
    clock.advance(2)
    found = ec2.describe_transit_gateway_network_function_attachments(
        Filters=[{"Name": "service-name", "Values": [service["ServiceName"]]}]
    )["TransitGatewayNetworkFunctionAttachments"]
    assert [(one["State"], one["AvailabilityZones"]) for one in found] == [("available", ["us-east-1a", "us-east-1b"])]
    ec2.create_transit_gateway_route(
        TransitGatewayRouteTableId=default_table(ec2), DestinationCidrBlock="0.0.0.0/0", **what
    )
    with refused("DuplicateTransitGatewayAttachment"):
        ec2.create_transit_gateway_network_function_attachment(**asked, AvailabilityZones=["us-east-1a"])
    ec2.delete_transit_gateway_network_function_attachment(**what)
    assert owner.describe_vpc_endpoint_connections()["VpcEndpointConnections"] == []
    assert routes(ec2, default_table(ec2)) == {("0.0.0.0/0", "static", "blackhole")}


def test_attachments_translate_by_rules_of_which_no_two_overlap(ec2, clock, refused):
    gateway = hub(ec2, clock)
    what = {"TransitGatewayAttachmentId": attach(ec2, gateway, *network(ec2, "10.1.0.0/16"))}
    clock.advance(2)
    off = ec2.get_transit_gateway_attachment_nat_configuration(**what)
    assert off["NatGatewaySupport"] == "disabled" and off["NatGatewayRules"] == []

    def rules(*pairs):
        told = [{"RuleNumber": n, "MatchSourceCidr": a, "NatCidr": b} for n, (a, b) in enumerate(pairs, 1)]
        return {"NatGatewayRules": told}

    modify = ec2.modify_transit_gateway_attachment_nat_configuration
    with refused("InvalidParameterValue", "at least one"):
        modify(**what, NatGatewaySupport="enable")
    for pairs in (
        [("10.1.0.0/24", "8.8.8.0/24")],
        [("10.1.0.0/24", "100.64.0.0/16")],
        [("10.1.0.0/24", "100.64.0.0/24"), ("10.1.0.0/25", "100.64.1.0/25")],
    ):
        with refused("InvalidParameterValue"):
            modify(**what, **rules(*pairs))
    on = modify(**what, NatGatewaySupport="enable", **rules(("10.1.0.0/24", "100.64.1.0/24")))
    assert on["NatGatewayRules"][0]["State"] == "activated"
    assert ("100.64.1.0/24", "propagated", "active") in routes(ec2, default_table(ec2))
    modify(**what, NatGatewaySupport="disable")
    assert routes(ec2, default_table(ec2)) == {("10.1.0.0/16", "propagated", "active")}
