"""What is there is changed, listed and taken apart again: transit gateways, endpoints, VPN, IPAM and their like."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def hub(ec2, clock):
    options = {"MulticastSupport": "enable", "TransitGatewayCidrBlocks": ["192.0.2.0/24"]}
    made = ec2.create_transit_gateway(Options=options)["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    return made


@pytest.fixture
def vpc(ec2):
    return ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]


@pytest.fixture
def subnets(ec2, vpc):
    return [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"us-east-1{zone}")["Subnet"][
            "SubnetId"
        ]
        for n, zone in enumerate("ab")
    ]


@pytest.fixture
def attachment(ec2, hub, vpc, subnets, clock):
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=vpc, SubnetIds=subnets[:1])
    clock.advance(2)
    return made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]


def table_of(ec2, hub):
    filters = [{"Name": "transit-gateway-id", "Values": [hub]}]
    tables = ec2.describe_transit_gateway_route_tables(Filters=filters)["TransitGatewayRouteTables"]
    return tables[0]["TransitGatewayRouteTableId"]


def test_a_gateways_options_and_attachments_change(ec2, hub, attachment, subnets, clock, refused):
    changed = ec2.modify_transit_gateway(
        TransitGatewayId=hub,
        Description="other",
        Options={"AddTransitGatewayCidrBlocks": ["198.51.100.0/24"], "DefaultRouteTablePropagation": "disable"},
    )["TransitGateway"]
    assert changed["State"] == "modifying" and len(changed["Options"]["TransitGatewayCidrBlocks"]) == 2
    assert "PropagationDefaultRouteTableId" not in changed["Options"]
    clock.advance(2)
    modified = ec2.modify_transit_gateway_vpc_attachment(
        TransitGatewayAttachmentId=attachment,
        AddSubnetIds=subnets[1:],
        RemoveSubnetIds=subnets[:1],
        Options={"ApplianceModeSupport": "enable"},
    )["TransitGatewayVpcAttachment"]
    assert modified["SubnetIds"] == subnets[1:] and modified["Options"]["ApplianceModeSupport"] == "enable"
    clock.advance(2)
    filters = [{"Name": "interface-type", "Values": ["transit_gateway"]}]
    interfaces = ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
    assert [one["SubnetId"] for one in interfaces] == subnets[1:]
    with refused("InsufficientSubnetsException"):
        ec2.modify_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment, RemoveSubnetIds=subnets[1:])


def test_routes_are_replaced_and_prefix_lists_referred_to(ec2, hub, attachment, refused):
    table = table_of(ec2, hub)
    made = {"TransitGatewayRouteTableId": table, "DestinationCidrBlock": "10.50.0.0/16"}
    with refused("InvalidRoute.NotFound"):
        ec2.replace_transit_gateway_route(Blackhole=True, **made)
    ec2.create_transit_gateway_route(Blackhole=True, **made)
    replaced = ec2.replace_transit_gateway_route(TransitGatewayAttachmentId=attachment, **made)["Route"]
    assert replaced["State"] == "active"
    found = ec2.get_transit_gateway_route_table_propagations(TransitGatewayRouteTableId=table)
    assert found["TransitGatewayRouteTablePropagations"][0]["TransitGatewayAttachmentId"] == attachment
    entries = [{"Cidr": "10.60.0.0/16"}, {"Cidr": "10.61.0.0/16"}]
    listed = ec2.create_managed_prefix_list(PrefixListName="l", AddressFamily="IPv4", MaxEntries=5, Entries=entries)[
        "PrefixList"
    ]["PrefixListId"]
    asked = {"TransitGatewayRouteTableId": table, "PrefixListId": listed}
    ec2.create_transit_gateway_prefix_list_reference(TransitGatewayAttachmentId=attachment, **asked)
    filters = [{"Name": "prefix-list-id", "Values": [listed]}]
    routes = ec2.search_transit_gateway_routes(TransitGatewayRouteTableId=table, Filters=filters)["Routes"]
    assert [route["DestinationCidrBlock"] for route in routes] == ["10.60.0.0/16", "10.61.0.0/16"]
    changed = ec2.modify_transit_gateway_prefix_list_reference(Blackhole=True, **asked)
    assert changed["TransitGatewayPrefixListReference"]["Blackhole"] is True
    found = ec2.get_transit_gateway_prefix_list_references(TransitGatewayRouteTableId=table)
    assert len(found["TransitGatewayPrefixListReferences"]) == 1
    ec2.delete_transit_gateway_prefix_list_reference(**asked)
    with refused("InvalidPrefixListReference.NotFound"):
        ec2.delete_transit_gateway_prefix_list_reference(**asked)


def test_what_another_side_asks_for_may_be_rejected(aws, cloud, ec2, hub, clock):
    there = aws.client("ec2", "eu-west-1")
    other = there.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    asked = {"PeerTransitGatewayId": other, "PeerAccountId": aws.id, "PeerRegion": "eu-west-1"}
    made = ec2.create_transit_gateway_peering_attachment(TransitGatewayId=hub, **asked)
    what = made["TransitGatewayPeeringAttachment"]["TransitGatewayAttachmentId"]
    clock.advance(2)
    there.reject_transit_gateway_peering_attachment(TransitGatewayAttachmentId=what)
    clock.advance(2)
    [seen] = ec2.describe_transit_gateway_peering_attachments()["TransitGatewayPeeringAttachments"]
    assert seen["State"] == "rejected"

    arn = ec2.describe_transit_gateways(TransitGatewayIds=[hub])["TransitGateways"][0]["TransitGatewayArn"]
    stranger = cloud.account()
    aws.client("ram").create_resource_share(name="hub", resourceArns=[arn], principals=[stranger.id])
    ram, theirs = stranger.client("ram"), stranger.client("ec2")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    vpc = theirs.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = theirs.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    made = theirs.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet])
    clock.advance(2)
    what = made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    ec2.reject_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=what)
    clock.advance(2)
    [seen] = theirs.describe_transit_gateway_vpc_attachments()["TransitGatewayVpcAttachments"]
    assert seen["State"] == "rejected"


def test_connects_domains_and_policy_tables_are_listed(ec2, hub, attachment, subnets, clock):
    connect = ec2.create_transit_gateway_connect(
        TransportTransitGatewayAttachmentId=attachment, Options={"Protocol": "gre"}
    )["TransitGatewayConnect"]["TransitGatewayAttachmentId"]
    clock.advance(2)
    ec2.create_transit_gateway_connect_peer(
        TransitGatewayAttachmentId=connect, PeerAddress="10.0.0.9", InsideCidrBlocks=["169.254.7.0/29"]
    )
    clock.advance(2)
    [shown] = ec2.describe_transit_gateway_connects()["TransitGatewayConnects"]
    assert shown["State"] == "available" and shown["TransportTransitGatewayAttachmentId"] == attachment
    [peer] = ec2.describe_transit_gateway_connect_peers()["TransitGatewayConnectPeers"]
    assert peer["State"] == "available"
    domain = ec2.create_transit_gateway_multicast_domain(
        TransitGatewayId=hub, Options={"StaticSourcesSupport": "enable"}
    )["TransitGatewayMulticastDomain"]["TransitGatewayMulticastDomainId"]
    asked = {"TransitGatewayMulticastDomainId": domain}
    ec2.associate_transit_gateway_multicast_domain(
        TransitGatewayAttachmentId=attachment, SubnetIds=subnets[:1], **asked
    )
    [association] = ec2.get_transit_gateway_multicast_domain_associations(**asked)["MulticastDomainAssociations"]
    assert association["Subnet"] == {"SubnetId": subnets[0], "State": "associated"}
    eni = ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    group = asked | {"GroupIpAddress": "224.0.0.5", "NetworkInterfaceIds": [eni]}
    ec2.register_transit_gateway_multicast_group_members(**group)
    ec2.register_transit_gateway_multicast_group_sources(**group)
    gone = ec2.deregister_transit_gateway_multicast_group_members(**group)["DeregisteredMulticastGroupMembers"]
    assert gone["DeregisteredNetworkInterfaceIds"] == [eni]
    ec2.deregister_transit_gateway_multicast_group_sources(**group)
    ec2.register_transit_gateway_multicast_group_sources(**group)
    assert ec2.describe_transit_gateway_multicast_domains()["TransitGatewayMulticastDomains"][0]["State"]
    table = ec2.create_transit_gateway_policy_table(TransitGatewayId=hub)["TransitGatewayPolicyTable"]
    what = {"TransitGatewayPolicyTableId": table["TransitGatewayPolicyTableId"]}
    rule = what | {"PolicyRuleNumber": "1"}
    target = table_of(ec2, hub)
    ec2.create_transit_gateway_policy_table_entry(TargetRouteTableId=target, PolicyRule={"Protocol": "6"}, **rule)
    changed = ec2.modify_transit_gateway_policy_table_entry(PolicyRule={"Protocol": "17"}, **rule)
    assert changed["TransitGatewayPolicyTableEntry"]["PolicyRule"] == {"Protocol": "17"}
    ec2.disassociate_transit_gateway_route_table(
        TransitGatewayRouteTableId=target, TransitGatewayAttachmentId=attachment
    )
    ec2.associate_transit_gateway_policy_table(TransitGatewayAttachmentId=attachment, **what)
    [one] = ec2.get_transit_gateway_policy_table_associations(**what)["Associations"]
    assert one["State"] == "associated"
    ec2.disassociate_transit_gateway_policy_table(TransitGatewayAttachmentId=attachment, **what)
    ec2.delete_transit_gateway_policy_table(**what)
    [shown] = ec2.describe_transit_gateway_policy_tables()["TransitGatewayPolicyTables"]
    assert shown["State"] == "deleting"
    policy = ec2.create_transit_gateway_metering_policy(TransitGatewayId=hub)["TransitGatewayMeteringPolicy"]
    what = {"TransitGatewayMeteringPolicyId": policy["TransitGatewayMeteringPolicyId"]}
    changed = ec2.modify_transit_gateway_metering_policy(AddMiddleboxAttachmentIds=[attachment], **what)
    assert changed["TransitGatewayMeteringPolicy"]["MiddleboxAttachmentIds"] == [attachment]
    ec2.create_transit_gateway_metering_policy_entry(
        PolicyRuleNumber=1, MeteredAccount="source-attachment-owner", **what
    )
    ec2.delete_transit_gateway_metering_policy_entry(PolicyRuleNumber=1, **what)
    assert len(ec2.describe_transit_gateway_metering_policies()["TransitGatewayMeteringPolicies"]) == 1
    ec2.delete_transit_gateway_metering_policy(**what)
    for one in ec2.describe_transit_gateway_connect_peers()["TransitGatewayConnectPeers"]:
        ec2.delete_transit_gateway_connect_peer(TransitGatewayConnectPeerId=one["TransitGatewayConnectPeerId"])
    ec2.delete_transit_gateway_connect(TransitGatewayAttachmentId=connect)
    ec2.delete_transit_gateway_vpc_attachment(TransitGatewayAttachmentId=attachment)
    assert ec2.get_transit_gateway_multicast_domain_associations(**asked)["MulticastDomainAssociations"] == []
    assert ec2.search_transit_gateway_multicast_groups(**asked)["MulticastGroups"] == []


BALANCERS = [
    f"arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/{name}/0123456789abcdef" for name in "ab"
]


def test_a_service_gets_a_name_other_balancers_and_listeners(aws, ec2, clock, refused):
    made = ec2.create_vpc_endpoint_service_configuration(NetworkLoadBalancerArns=BALANCERS[:1])
    what = made["ServiceConfiguration"]["ServiceId"]
    ec2.modify_vpc_endpoint_service_configuration(
        ServiceId=what,
        PrivateDnsName="api.example.com",
        AcceptanceRequired=False,
        AddNetworkLoadBalancerArns=BALANCERS[1:],
        RemoveNetworkLoadBalancerArns=BALANCERS[:1],
    )
    [shown] = ec2.describe_vpc_endpoint_service_configurations(ServiceIds=[what])["ServiceConfigurations"]
    assert shown["NetworkLoadBalancerArns"] == BALANCERS[1:] and not shown["AcceptanceRequired"]
    assert shown["PrivateDnsNameConfiguration"]["State"] == "pendingVerification"
    ec2.start_vpc_endpoint_service_private_dns_verification(ServiceId=what)
    clock.advance(2)
    [service] = ec2.describe_vpc_endpoint_services(ServiceNames=[shown["ServiceName"]])["ServiceDetails"]
    assert service["PrivateDnsName"] == "api.example.com"
    assert service["PrivateDnsNameVerificationState"] == "verified"
    with refused("InvalidParameter"):
        ec2.modify_vpc_endpoint_service_configuration(ServiceId=what, RemoveNetworkLoadBalancerArns=BALANCERS[1:])
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=what, AddAllowedPrincipals=["*"])
    [permission] = ec2.describe_vpc_endpoint_service_permissions(ServiceId=what)["AllowedPrincipals"]
    assert permission["PrincipalType"] == "All"
    ec2.modify_vpc_endpoint_service_permissions(ServiceId=what, RemoveAllowedPrincipals=["*"])
    topic = aws.client("sns").create_topic(Name="t")["TopicArn"]
    told = ec2.create_vpc_endpoint_connection_notification(
        ServiceId=what, ConnectionNotificationArn=topic, ConnectionEvents=["Accept"]
    )["ConnectionNotification"]["ConnectionNotificationId"]
    ec2.modify_vpc_endpoint_connection_notification(ConnectionNotificationId=told, ConnectionEvents=["Reject"])
    [there] = ec2.describe_vpc_endpoint_connection_notifications()["ConnectionNotificationSet"]
    assert there["ConnectionEvents"] == ["Reject"]
    answer = ec2.delete_vpc_endpoint_connection_notifications(ConnectionNotificationIds=[told, "vpce-nfn-absent"])
    assert [one["ResourceId"] for one in answer["Unsuccessful"]] == ["vpce-nfn-absent"]


def test_a_gateways_propagation_is_turned_off_and_a_connections_options_change(ec2, vpc):
    customer = ec2.create_customer_gateway(Type="ipsec.1", IpAddress="203.0.113.9", BgpAsn=65001)["CustomerGateway"]
    gateway = ec2.create_vpn_gateway(Type="ipsec.1")["VpnGateway"]["VpnGatewayId"]
    ec2.attach_vpn_gateway(VpcId=vpc, VpnGatewayId=gateway)
    [shown] = ec2.describe_vpn_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["VpnGateways"]
    assert shown["VpcAttachments"] == [{"VpcId": vpc, "State": "attached"}]
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.enable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    made = ec2.create_vpn_connection(
        CustomerGatewayId=customer["CustomerGatewayId"],
        Type="ipsec.1",
        VpnGatewayId=gateway,
        Options={"StaticRoutesOnly": True},
    )["VpnConnection"]["VpnConnectionId"]
    ec2.create_vpn_connection_route(DestinationCidrBlock="172.30.0.0/16", VpnConnectionId=made)
    ec2.disable_vgw_route_propagation(GatewayId=gateway, RouteTableId=table)
    [there] = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"]
    assert [route["GatewayId"] for route in there["Routes"]] == ["local"] and there["PropagatingVgws"] == []
    changed = ec2.modify_vpn_connection_options(VpnConnectionId=made, RemoteIpv4NetworkCidr="10.0.0.0/16")
    assert changed["VpnConnection"]["Options"]["RemoteIpv4NetworkCidr"] == "10.0.0.0/16"
    filters = [{"Name": "bgp-asn", "Values": ["65001"]}]
    assert ec2.describe_vpn_connections(Filters=filters)["VpnConnections"] == []  # a static one has none


def test_ipams_scopes_pools_and_discoveries_change(ec2, clock, refused):
    ipam = ec2.create_ipam()["Ipam"]
    clock.advance(2)
    what = ipam["IpamId"]
    ec2.modify_ipam(IpamId=what, Description="d", AddOperatingRegions=[{"RegionName": "eu-west-1"}], Tier="free")
    [shown] = ec2.describe_ipams(IpamIds=[what])["Ipams"]
    assert shown["Tier"] == "free" and {"RegionName": "eu-west-1"} in shown["OperatingRegions"]
    with refused("InvalidParameterValue"):
        ec2.modify_ipam(IpamId=what, RemoveOperatingRegions=[{"RegionName": "us-east-1"}])
    scope = ec2.create_ipam_scope(IpamId=what)["IpamScope"]["IpamScopeId"]
    assert ec2.modify_ipam_scope(IpamScopeId=scope, Description="s")["IpamScope"]["Description"] == "s"
    pool = ec2.create_ipam_pool(IpamScopeId=scope, AddressFamily="ipv4")["IpamPool"]["IpamPoolId"]
    ec2.provision_ipam_pool_cidr(IpamPoolId=pool, Cidr="10.0.0.0/8")
    changed = ec2.modify_ipam_pool(
        IpamPoolId=pool,
        AllocationMinNetmaskLength=16,
        AddAllocationResourceTags=[{"Key": "team", "Value": "a"}],
    )["IpamPool"]
    assert changed["AllocationResourceTags"] == [{"Key": "team", "Value": "a"}]
    with refused("InvalidParameterValue"):
        ec2.modify_ipam_pool(IpamPoolId=pool, AllocationMaxNetmaskLength=8)
    given = ec2.allocate_ipam_pool_cidr(IpamPoolId=pool, NetmaskLength=16)["IpamPoolAllocation"]
    allocation = given["IpamPoolAllocationId"]
    ec2.modify_ipam_pool_allocation(IpamPoolAllocationId=allocation, Description="mine")
    [there] = ec2.describe_ipam_pool_allocations(IpamPoolAllocationIds=[allocation])["IpamPoolAllocations"]
    assert there["Description"] == "mine"
    made = ec2.create_ipam_resource_discovery(Description="other")["IpamResourceDiscovery"]
    discovery = made["IpamResourceDiscoveryId"]
    ec2.modify_ipam_resource_discovery(
        IpamResourceDiscoveryId=discovery, AddOperatingRegions=[{"RegionName": "eu-west-1"}]
    )
    association = ec2.associate_ipam_resource_discovery(IpamId=what, IpamResourceDiscoveryId=discovery)
    association_id = association["IpamResourceDiscoveryAssociation"]["IpamResourceDiscoveryAssociationId"]
    clock.advance(2)
    found = ec2.describe_ipam_resource_discovery_associations()["IpamResourceDiscoveryAssociations"]
    assert {one["State"] for one in found} == {"associate-complete"} and len(found) == 2
    vpc = ec2.create_vpc(CidrBlock="10.77.0.0/16")["Vpc"]["VpcId"]
    where = {"IpamResourceDiscoveryId": discovery}
    seen = ec2.get_ipam_discovered_resource_cidrs(
        ResourceRegion="us-east-1", Filters=[{"Name": "vpc-id", "Values": [vpc]}], **where
    )["IpamDiscoveredResourceCidrs"]
    assert [one["ResourceCidr"] for one in seen] == ["10.77.0.0/16"]
    accounts = ec2.get_ipam_discovered_accounts(DiscoveryRegion="us-east-1", **where)["IpamDiscoveredAccounts"]
    assert len(accounts) == 1
    with refused("DependencyViolation"):
        ec2.delete_ipam_resource_discovery(**where)
    ec2.disassociate_ipam_resource_discovery(IpamResourceDiscoveryAssociationId=association_id)
    clock.advance(2)
    ec2.delete_ipam_resource_discovery(**where)
    token = ec2.create_ipam_external_resource_verification_token(IpamId=what)["IpamExternalResourceVerificationToken"]
    ec2.delete_ipam_external_resource_verification_token(
        IpamExternalResourceVerificationTokenId=token["IpamExternalResourceVerificationTokenId"]
    )


def test_an_organizations_administrator_of_addresses_is_registered(aws, ec2):
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    made = organizations.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]
    member = organizations.describe_create_account_status(CreateAccountRequestId=made["Id"])["CreateAccountStatus"]
    assert ec2.enable_ipam_organization_admin_account(DelegatedAdminAccountId=member["AccountId"])["Success"]
    found = organizations.list_delegated_administrators(ServicePrincipal="ipam.amazonaws.com")
    assert [one["Id"] for one in found["DelegatedAdministrators"]] == [member["AccountId"]]
    assert ec2.disable_ipam_organization_admin_account(DelegatedAdminAccountId=member["AccountId"])["Success"]


def test_analyses_and_scopes_are_listed_and_deleted(ec2, subnets, clock, refused):
    enis = [ec2.create_network_interface(SubnetId=one)["NetworkInterface"]["NetworkInterfaceId"] for one in subnets]
    path = ec2.create_network_insights_path(Source=enis[0], Destination=enis[1], Protocol="tcp")["NetworkInsightsPath"]
    path_id = path["NetworkInsightsPathId"]
    started = ec2.start_network_insights_analysis(NetworkInsightsPathId=path_id)["NetworkInsightsAnalysis"]
    clock.advance(2)
    filters = [{"Name": "path-found", "Values": ["true"]}]
    assert len(ec2.describe_network_insights_analyses(Filters=filters)["NetworkInsightsAnalyses"]) == 1
    ec2.delete_network_insights_analysis(NetworkInsightsAnalysisId=started["NetworkInsightsAnalysisId"])
    ec2.delete_network_insights_path(NetworkInsightsPathId=path_id)
    match = [{"Source": {"ResourceStatement": {"Resources": [enis[0]]}}}]
    scope = ec2.create_network_insights_access_scope(MatchPaths=match)["NetworkInsightsAccessScope"]
    what = {"NetworkInsightsAccessScopeId": scope["NetworkInsightsAccessScopeId"]}
    content = ec2.get_network_insights_access_scope_content(**what)["NetworkInsightsAccessScopeContent"]
    assert content["MatchPaths"][0]["Source"]["ResourceStatement"]["Resources"] == [enis[0]]
    analysis = ec2.start_network_insights_access_scope_analysis(**what)["NetworkInsightsAccessScopeAnalysis"]
    clock.advance(2)
    [shown] = ec2.describe_network_insights_access_scope_analyses(**what)["NetworkInsightsAccessScopeAnalyses"]
    assert shown["FindingsFound"] == "true" and shown["AnalyzedEniCount"] >= 2
    with refused("AnalysisExistsForNetworkInsightsAccessScope"):
        ec2.delete_network_insights_access_scope(**what)
    ec2.delete_network_insights_access_scope_analysis(
        NetworkInsightsAccessScopeAnalysisId=analysis["NetworkInsightsAccessScopeAnalysisId"]
    )
    ec2.delete_network_insights_access_scope(**what)
    assert ec2.describe_network_insights_access_scopes()["NetworkInsightsAccessScopes"] == []


def test_mirror_sessions_and_targets_change(ec2, subnets):
    enis = [ec2.create_network_interface(SubnetId=one)["NetworkInterface"]["NetworkInterfaceId"] for one in subnets]
    filter_id = ec2.create_traffic_mirror_filter()["TrafficMirrorFilter"]["TrafficMirrorFilterId"]
    changed = ec2.modify_traffic_mirror_filter_network_services(
        TrafficMirrorFilterId=filter_id, AddNetworkServices=["amazon-dns"]
    )["TrafficMirrorFilter"]
    assert changed["NetworkServices"] == ["amazon-dns"]
    target = ec2.create_traffic_mirror_target(NetworkInterfaceId=enis[1])["TrafficMirrorTarget"]
    session = ec2.create_traffic_mirror_session(
        NetworkInterfaceId=enis[0],
        TrafficMirrorTargetId=target["TrafficMirrorTargetId"],
        TrafficMirrorFilterId=filter_id,
        SessionNumber=1,
        PacketLength=100,
    )["TrafficMirrorSession"]
    changed = ec2.modify_traffic_mirror_session(
        TrafficMirrorSessionId=session["TrafficMirrorSessionId"], SessionNumber=2, RemoveFields=["packet-length"]
    )["TrafficMirrorSession"]
    assert changed["SessionNumber"] == 2 and "PacketLength" not in changed
    assert len(ec2.describe_traffic_mirror_sessions()["TrafficMirrorSessions"]) == 1
    ec2.delete_traffic_mirror_session(TrafficMirrorSessionId=session["TrafficMirrorSessionId"])
    ec2.delete_traffic_mirror_target(TrafficMirrorTargetId=target["TrafficMirrorTargetId"])
    assert ec2.describe_traffic_mirror_targets()["TrafficMirrorTargets"] == []


def test_route_servers_fill_tables_and_show_their_empty_database(ec2, vpc, subnets, clock):
    server = ec2.create_route_server(AmazonSideAsn=65100)["RouteServer"]["RouteServerId"]
    what = {"RouteServerId": server}
    clock.advance(2)
    ec2.associate_route_server(VpcId=vpc, **what)
    [one] = ec2.get_route_server_associations(**what)["RouteServerAssociations"]
    assert one["State"] == "associated"
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.enable_route_server_propagation(RouteTableId=table, **what)
    [one] = ec2.get_route_server_propagations(**what)["RouteServerPropagations"]
    assert one["RouteTableId"] == table
    ec2.disable_route_server_propagation(RouteTableId=table, **what)
    changed = ec2.modify_route_server(PersistRoutes="enable", PersistRoutesDuration=2, **what)["RouteServer"]
    assert changed["PersistRoutesState"] == "enabled" and changed["State"] == "modifying"
    database = ec2.get_route_server_routing_database(**what)
    assert database["Routes"] == [] and database["AreRoutesPersisted"] is True
    endpoint = ec2.create_route_server_endpoint(SubnetId=subnets[0], **what)["RouteServerEndpoint"]
    peer = {"PeerAddress": "10.0.0.9", "BgpOptions": {"PeerAsn": 65002}}
    ec2.create_route_server_peer(RouteServerEndpointId=endpoint["RouteServerEndpointId"], **peer)
    clock.advance(2)
    assert ec2.describe_route_server_endpoints()["RouteServerEndpoints"][0]["State"] == "available"
    assert ec2.describe_route_server_peers()["RouteServerPeers"][0]["State"] == "available"


def test_verified_access_changes(ec2, subnets):
    instance = ec2.create_verified_access_instance()["VerifiedAccessInstance"]["VerifiedAccessInstanceId"]
    ec2.modify_verified_access_instance(VerifiedAccessInstanceId=instance, Description="x")
    logs = {"CloudWatchLogs": {"Enabled": True, "LogGroup": "g"}}
    ec2.modify_verified_access_instance_logging_configuration(VerifiedAccessInstanceId=instance, AccessLogs=logs)
    [one] = ec2.describe_verified_access_instance_logging_configurations()["LoggingConfigurations"]
    assert one["AccessLogs"]["CloudWatchLogs"]["LogGroup"] == "g"
    provider = ec2.create_verified_access_trust_provider(
        TrustProviderType="device", DeviceTrustProviderType="jamf", PolicyReferenceName="j"
    )["VerifiedAccessTrustProvider"]["VerifiedAccessTrustProviderId"]
    ec2.modify_verified_access_trust_provider(VerifiedAccessTrustProviderId=provider, Description="y")
    assert ec2.describe_verified_access_trust_providers()["VerifiedAccessTrustProviders"][0]["Description"] == "y"
    group = ec2.create_verified_access_group(VerifiedAccessInstanceId=instance)["VerifiedAccessGroup"]
    group_id = group["VerifiedAccessGroupId"]
    ec2.modify_verified_access_group(VerifiedAccessGroupId=group_id, Description="z")
    assert ec2.describe_verified_access_groups()["VerifiedAccessGroups"][0]["Description"] == "z"
    eni = ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    endpoint = ec2.create_verified_access_endpoint(
        VerifiedAccessGroupId=group_id,
        EndpointType="network-interface",
        AttachmentType="vpc",
        NetworkInterfaceOptions={"NetworkInterfaceId": eni, "Protocol": "https", "Port": 443},
    )["VerifiedAccessEndpoint"]["VerifiedAccessEndpointId"]
    what = {"VerifiedAccessEndpointId": endpoint}
    ec2.modify_verified_access_endpoint(Description="e", **what)
    ec2.modify_verified_access_endpoint_policy(PolicyDocument="permit(principal,action,resource);", **what)
    assert ec2.get_verified_access_endpoint_policy(**what)["PolicyEnabled"] is True
    assert ec2.describe_verified_access_endpoints()["VerifiedAccessEndpoints"][0]["Description"] == "e"
    ec2.delete_verified_access_endpoint(**what)
    ec2.delete_verified_access_trust_provider(VerifiedAccessTrustProviderId=provider)


def test_flow_logs_of_subnets_and_interfaces_go_with_filters(ec2, subnets):
    eni = ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["NetworkInterfaceId"]
    asked = {"TrafficType": "REJECT", "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flows"}
    ec2.create_flow_logs(ResourceIds=subnets, ResourceType="Subnet", **asked)
    ec2.create_flow_logs(ResourceIds=[eni], ResourceType="NetworkInterface", MaxAggregationInterval=60, **asked)
    filters = [{"Name": "resource-id", "Values": [eni]}, {"Name": "deliver-log-status", "Values": ["SUCCESS"]}]
    [log] = ec2.describe_flow_logs(Filters=filters)["FlowLogs"]
    assert log["MaxAggregationInterval"] == 60 and log["DestinationOptions"]["FileFormat"] == "plain-text"
