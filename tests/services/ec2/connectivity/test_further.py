"""Client VPN, mirroring, instance connect, route servers, verified access, multicast, policy tables."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


@pytest.fixture
def network(ec2):
    """A VPC with a subnet and an interface in it."""
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    return vpc, subnet, eni


def certificate():
    """A certificate of one's own, as ACM imports it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vpn.example.com")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return {"Certificate": made.public_bytes(pem), "PrivateKey": private}


def test_client_vpn_is_available_while_it_is_associated(aws, ec2, network, clock, refused):
    vpc, subnet, _ = network
    arn = aws.client("acm").import_certificate(**certificate())["CertificateArn"]
    asked = {
        "ServerCertificateArn": arn,
        "AuthenticationOptions": [
            {"Type": "certificate-authentication", "MutualAuthentication": {"ClientRootCertificateChainArn": arn}}
        ],
        "ConnectionLogOptions": {"Enabled": False},
    }
    with refused("InvalidParameterValue"):
        ec2.create_client_vpn_endpoint(ClientCidrBlock="10.8.0.0/24", **asked)
    directory = [{"Type": "directory-service-authentication", "ActiveDirectory": {"DirectoryId": "d-1234567890"}}]
    other = ec2.create_client_vpn_endpoint(
        ClientCidrBlock="10.8.0.0/22", **asked | {"AuthenticationOptions": directory}
    )["ClientVpnEndpointId"]
    [there] = ec2.describe_client_vpn_endpoints()["ClientVpnEndpoints"]
    assert "nobody gets in" in there["Status"]["Message"], "what cannot work says so"
    ec2.delete_client_vpn_endpoint(ClientVpnEndpointId=other)
    clock.advance(2)
    with refused("ResourceInUseException"):
        made = ec2.create_client_vpn_endpoint(ClientCidrBlock="10.8.0.0/22", **asked)
        aws.client("acm").delete_certificate(CertificateArn=arn)
    what = made["ClientVpnEndpointId"]
    with refused("InvalidParameterValue"):
        overlapping = ec2.create_client_vpn_endpoint(ClientCidrBlock="10.0.0.0/22", **asked)["ClientVpnEndpointId"]
        ec2.associate_client_vpn_target_network(ClientVpnEndpointId=overlapping, SubnetId=subnet)
    ec2.delete_client_vpn_endpoint(ClientVpnEndpointId=overlapping)
    clock.advance(2)
    assert made["Status"]["Code"] == "pending-associate"
    association = ec2.associate_client_vpn_target_network(ClientVpnEndpointId=what, SubnetId=subnet)["AssociationId"]
    clock.advance(2)
    [there] = ec2.describe_client_vpn_endpoints()["ClientVpnEndpoints"]
    assert there["Status"]["Code"] == "available" and there["VpcId"] == vpc
    [route] = ec2.describe_client_vpn_routes(ClientVpnEndpointId=what)["Routes"]
    assert route["DestinationCidr"] == "10.0.0.0/16" and route["Origin"] == "associate"
    ec2.create_client_vpn_route(ClientVpnEndpointId=what, DestinationCidrBlock="0.0.0.0/0", TargetVpcSubnetId=subnet)
    ec2.authorize_client_vpn_ingress(ClientVpnEndpointId=what, TargetNetworkCidr="10.0.0.0/16", AuthorizeAllGroups=True)
    [rule] = ec2.describe_client_vpn_authorization_rules(ClientVpnEndpointId=what)["AuthorizationRules"]
    assert rule["AccessAll"] is True
    text = ec2.export_client_vpn_client_configuration(ClientVpnEndpointId=what)["ClientConfiguration"]
    assert f"{what}.prod.clientvpn.us-east-1.amazonaws.com" in text and "BEGIN CERTIFICATE" in text
    assert re.search(r"^remote 198\.1[89]\.\d+\.\d+ 443$", text, re.MULTILINE)
    [target] = ec2.describe_client_vpn_target_networks(ClientVpnEndpointId=what)["ClientVpnTargetNetworks"]
    assert target["TargetNetworkId"] == subnet and target["Status"]["Code"] == "associated"
    group = ec2.create_security_group(GroupName="c", Description="c", VpcId=vpc)["GroupId"]
    ec2.apply_security_groups_to_client_vpn_target_network(
        ClientVpnEndpointId=what, VpcId=vpc, SecurityGroupIds=[group]
    )
    ec2.modify_client_vpn_endpoint(
        ClientVpnEndpointId=what, Description="d", DnsServers={"CustomDnsServers": ["10.0.0.2"], "Enabled": True}
    )
    [there] = ec2.describe_client_vpn_endpoints(ClientVpnEndpointIds=[what])["ClientVpnEndpoints"]
    assert there["SecurityGroupIds"] == [group] and there["DnsServers"] == ["10.0.0.2"]
    assert ec2.describe_client_vpn_connections(ClientVpnEndpointId=what)["Connections"] == []
    with refused("InvalidParameterValue"):
        ec2.import_client_vpn_client_certificate_revocation_list(
            ClientVpnEndpointId=what, CertificateRevocationList="nonsense"
        )
    exported = ec2.export_client_vpn_client_certificate_revocation_list(ClientVpnEndpointId=what)
    assert exported["Status"]["Code"] == "pending"
    with refused("InvalidClientVpnEndpointAuthorizationPolicyNotFound"):
        ec2.get_client_vpn_endpoint_authorization_policy(ClientVpnEndpointId=what)
    permit = "permit(principal, action, resource);"
    ec2.modify_client_vpn_endpoint_authorization_policy(
        ClientVpnEndpointId=what, PolicyDocument=permit, ShadowMode="enabled"
    )
    ec2.modify_client_vpn_endpoint_authorization_policy(ClientVpnEndpointId=what, Description="all")
    policy = ec2.get_client_vpn_endpoint_authorization_policy(ClientVpnEndpointId=what)
    assert (policy["PolicyDocument"], policy["ShadowMode"], policy["Description"]) == (permit, "enabled", "all")
    ec2.delete_client_vpn_endpoint_authorization_policy(ClientVpnEndpointId=what)
    ec2.delete_client_vpn_route(ClientVpnEndpointId=what, DestinationCidrBlock="0.0.0.0/0", TargetVpcSubnetId=subnet)
    ec2.revoke_client_vpn_ingress(ClientVpnEndpointId=what, TargetNetworkCidr="10.0.0.0/16", RevokeAllGroups=True)
    with refused("InvalidParameterValue"):
        ec2.delete_client_vpn_endpoint(ClientVpnEndpointId=what)
    ec2.disassociate_client_vpn_target_network(ClientVpnEndpointId=what, AssociationId=association)
    clock.advance(2)
    assert ec2.describe_client_vpn_endpoints()["ClientVpnEndpoints"][0]["Status"]["Code"] == "pending-associate"
    ec2.delete_client_vpn_endpoint(ClientVpnEndpointId=what)
    clock.advance(2)
    assert ec2.describe_client_vpn_endpoints()["ClientVpnEndpoints"] == []


def test_the_owner_of_a_transit_gateway_decides_about_client_vpn(aws, cloud, ec2, clock, refused):
    gateway = ec2.create_transit_gateway()["TransitGateway"]
    clock.advance(2)
    other = cloud.account()
    aws.client("ram").create_resource_share(
        name="hub", resourceArns=[gateway["TransitGatewayArn"]], principals=[other.id], allowExternalPrincipals=True
    )
    ram = other.client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])
    theirs = other.client("ec2")
    arn = other.client("acm").import_certificate(**certificate())["CertificateArn"]

    def endpoint(number):
        made = theirs.create_client_vpn_endpoint(
            ServerCertificateArn=arn,
            AuthenticationOptions=[
                {"Type": "certificate-authentication", "MutualAuthentication": {"ClientRootCertificateChainArn": arn}}
            ],
            ConnectionLogOptions={"Enabled": False},
            ClientCidrBlock=f"10.{number}.0.0/22",
            TransitGatewayConfiguration={
                "TransitGatewayId": gateway["TransitGatewayId"], "AvailabilityZones": ["us-east-1a"],
            },
        )["ClientVpnEndpointId"]  # fmt: skip
        [there] = theirs.describe_client_vpn_endpoints(ClientVpnEndpointIds=[made])["ClientVpnEndpoints"]
        return made, there["TransitGatewayConfiguration"]["TransitGatewayAttachmentId"]

    (first, wanted), (_, unwanted) = endpoint(8), endpoint(12)
    with refused("OperationNotPermitted"):
        theirs.accept_transit_gateway_client_vpn_attachment(TransitGatewayAttachmentId=wanted)
    accepted = ec2.accept_transit_gateway_client_vpn_attachment(TransitGatewayAttachmentId=wanted)
    told = accepted["TransitGatewayClientVpnAttachment"]
    assert (told["ClientVpnEndpointId"], told["ClientVpnOwnerId"], told["State"]) == (first, other.id, "pending")
    rejected = ec2.reject_transit_gateway_client_vpn_attachment(TransitGatewayAttachmentId=unwanted)
    assert rejected["TransitGatewayClientVpnAttachment"]["State"] == "rejected"
    clock.advance(2)
    [there] = theirs.describe_client_vpn_endpoints(ClientVpnEndpointIds=[first])["ClientVpnEndpoints"]
    assert there["Status"]["Code"] == "available"
    table = gateway["Options"]["AssociationDefaultRouteTableId"]
    search = {"Filters": [{"Name": "type", "Values": ["propagated"]}], "TransitGatewayRouteTableId": table}
    [route] = ec2.search_transit_gateway_routes(**search)["Routes"]
    assert route["DestinationCidrBlock"] == "10.8.0.0/22"
    assert route["TransitGatewayAttachments"][0]["ResourceType"] == "client-vpn"
    ec2.delete_transit_gateway_client_vpn_attachment(TransitGatewayAttachmentId=wanted)
    assert ec2.search_transit_gateway_routes(**search)["Routes"] == []


def test_mirror_filters_have_numbered_rules_and_sessions_hold_them(ec2, network, refused):
    _, _, eni = network
    filter_id = ec2.create_traffic_mirror_filter(Description="f")["TrafficMirrorFilter"]["TrafficMirrorFilterId"]
    asked = {
        "TrafficMirrorFilterId": filter_id,
        "TrafficDirection": "ingress",
        "RuleNumber": 10,
        "RuleAction": "accept",
        "SourceCidrBlock": "0.0.0.0/0",
        "DestinationCidrBlock": "10.0.0.0/16",
    }
    rule = ec2.create_traffic_mirror_filter_rule(Protocol=6, **asked)["TrafficMirrorFilterRule"]
    with refused("TrafficMirrorFilterRuleAlreadyExists"):
        ec2.create_traffic_mirror_filter_rule(**asked)
    ec2.modify_traffic_mirror_filter_rule(
        TrafficMirrorFilterRuleId=rule["TrafficMirrorFilterRuleId"], RuleAction="reject", RemoveFields=["protocol"]
    )
    [there] = ec2.describe_traffic_mirror_filters()["TrafficMirrorFilters"]
    [shown] = there["IngressFilterRules"]
    assert shown["RuleAction"] == "reject" and "Protocol" not in shown
    target = ec2.create_traffic_mirror_target(NetworkInterfaceId=eni)["TrafficMirrorTarget"]
    assert target["Type"] == "network-interface"
    session = ec2.create_traffic_mirror_session(
        NetworkInterfaceId=eni,
        TrafficMirrorTargetId=target["TrafficMirrorTargetId"],
        TrafficMirrorFilterId=filter_id,
        SessionNumber=1,
    )["TrafficMirrorSession"]
    with refused("TrafficMirrorFilterInUse"):
        ec2.delete_traffic_mirror_filter(TrafficMirrorFilterId=filter_id)
    ec2.delete_traffic_mirror_session(TrafficMirrorSessionId=session["TrafficMirrorSessionId"])
    ec2.delete_traffic_mirror_filter(TrafficMirrorFilterId=filter_id)
    assert ec2.describe_traffic_mirror_filter_rules()["TrafficMirrorFilterRules"] == []


def test_an_instance_connect_endpoint_is_an_interface_in_its_subnet(ec2, network, clock, refused):
    vpc, subnet, _ = network
    made = ec2.create_instance_connect_endpoint(SubnetId=subnet)["InstanceConnectEndpoint"]
    assert made["State"] == "create-in-progress" and made["VpcId"] == vpc and len(made["NetworkInterfaceIds"]) == 1
    with refused("InstanceConnectEndpointLimitExceeded"):
        ec2.create_instance_connect_endpoint(SubnetId=subnet)
    clock.advance(2)
    what = made["InstanceConnectEndpointId"]
    ec2.modify_instance_connect_endpoint(InstanceConnectEndpointId=what, PreserveClientIp=True)
    [there] = ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"]
    assert there["State"] == "create-complete" and there["PreserveClientIp"] is True
    ec2.delete_instance_connect_endpoint(InstanceConnectEndpointId=what)
    clock.advance(2)
    assert ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"] == []


def test_route_servers_have_endpoints_in_vpcs_that_they_are_associated_with(ec2, network, clock, refused):
    vpc, subnet, _ = network
    server = ec2.create_route_server(AmazonSideAsn=65100)["RouteServer"]["RouteServerId"]
    clock.advance(2)
    with refused("InvalidParameterValue"):
        ec2.create_route_server_endpoint(RouteServerId=server, SubnetId=subnet)
    ec2.associate_route_server(RouteServerId=server, VpcId=vpc)
    endpoint = ec2.create_route_server_endpoint(RouteServerId=server, SubnetId=subnet)["RouteServerEndpoint"]
    assert endpoint["EniAddress"].startswith("10.0.0.")
    peer = ec2.create_route_server_peer(
        RouteServerEndpointId=endpoint["RouteServerEndpointId"],
        PeerAddress="10.0.0.77",
        BgpOptions={"PeerAsn": 65200},
    )["RouteServerPeer"]
    assert peer["BgpStatus"]["Status"] == "down"
    with refused("DependencyViolation"):
        ec2.delete_route_server(RouteServerId=server)
    ec2.delete_route_server_peer(RouteServerPeerId=peer["RouteServerPeerId"])
    ec2.delete_route_server_endpoint(RouteServerEndpointId=endpoint["RouteServerEndpointId"])
    ec2.disassociate_route_server(RouteServerId=server, VpcId=vpc)
    ec2.delete_route_server(RouteServerId=server)
    clock.advance(2)
    assert ec2.describe_route_servers()["RouteServers"][0]["State"] == "deleted"


def test_verified_access_instances_show_the_providers_that_they_trust(ec2, refused):
    instance = ec2.create_verified_access_instance(Description="i")["VerifiedAccessInstance"]
    provider = ec2.create_verified_access_trust_provider(
        TrustProviderType="user", UserTrustProviderType="iam-identity-center", PolicyReferenceName="idc"
    )["VerifiedAccessTrustProvider"]
    both = {
        "VerifiedAccessInstanceId": instance["VerifiedAccessInstanceId"],
        "VerifiedAccessTrustProviderId": provider["VerifiedAccessTrustProviderId"],
    }
    ec2.attach_verified_access_trust_provider(**both)
    [there] = ec2.describe_verified_access_instances()["VerifiedAccessInstances"]
    assert there["VerifiedAccessTrustProviders"][0]["UserTrustProviderType"] == "iam-identity-center"
    with refused("DependencyViolation"):
        ec2.delete_verified_access_instance(VerifiedAccessInstanceId=instance["VerifiedAccessInstanceId"])
    group = ec2.create_verified_access_group(
        VerifiedAccessInstanceId=instance["VerifiedAccessInstanceId"],
        PolicyDocument="permit(principal,action,resource);",
    )["VerifiedAccessGroup"]
    what = group["VerifiedAccessGroupId"]
    assert ec2.get_verified_access_group_policy(VerifiedAccessGroupId=what)["PolicyEnabled"] is True
    ec2.modify_verified_access_group_policy(VerifiedAccessGroupId=what, PolicyEnabled=False)
    assert "PolicyDocument" not in ec2.get_verified_access_group_policy(VerifiedAccessGroupId=what)
    ec2.delete_verified_access_group(VerifiedAccessGroupId=what)
    ec2.detach_verified_access_trust_provider(**both)
    ec2.delete_verified_access_instance(VerifiedAccessInstanceId=instance["VerifiedAccessInstanceId"])


def test_multicast_groups_have_members_of_associated_subnets(ec2, network, clock, refused):
    vpc, subnet, eni = network
    hub = ec2.create_transit_gateway(Options={"MulticastSupport": "enable"})["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    made = ec2.create_transit_gateway_vpc_attachment(TransitGatewayId=hub, VpcId=vpc, SubnetIds=[subnet])
    attachment = made["TransitGatewayVpcAttachment"]["TransitGatewayAttachmentId"]
    domain = ec2.create_transit_gateway_multicast_domain(
        TransitGatewayId=hub, Options={"StaticSourcesSupport": "enable"}
    )["TransitGatewayMulticastDomain"]["TransitGatewayMulticastDomainId"]
    clock.advance(2)
    asked = {"TransitGatewayMulticastDomainId": domain, "GroupIpAddress": "224.0.0.9", "NetworkInterfaceIds": [eni]}
    with refused("InvalidParameterValue"):
        ec2.register_transit_gateway_multicast_group_members(**asked)
    ec2.associate_transit_gateway_multicast_domain(
        TransitGatewayMulticastDomainId=domain, TransitGatewayAttachmentId=attachment, SubnetIds=[subnet]
    )
    ec2.register_transit_gateway_multicast_group_members(**asked)
    ec2.register_transit_gateway_multicast_group_sources(**asked)
    groups = ec2.search_transit_gateway_multicast_groups(
        TransitGatewayMulticastDomainId=domain, Filters=[{"Name": "is-group-member", "Values": ["true"]}]
    )["MulticastGroups"]
    assert [group["NetworkInterfaceId"] for group in groups] == [eni]
    with refused("IncorrectState"):
        ec2.delete_transit_gateway_multicast_domain(TransitGatewayMulticastDomainId=domain)
    ec2.disassociate_transit_gateway_multicast_domain(
        TransitGatewayMulticastDomainId=domain, TransitGatewayAttachmentId=attachment, SubnetIds=[subnet]
    )
    assert ec2.search_transit_gateway_multicast_groups(TransitGatewayMulticastDomainId=domain)["MulticastGroups"] == []


def test_metering_policies_have_numbered_rules(ec2, clock, refused):
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    made = ec2.create_transit_gateway_metering_policy(TransitGatewayId=hub)["TransitGatewayMeteringPolicy"]
    what = made["TransitGatewayMeteringPolicyId"]
    asked = {"TransitGatewayMeteringPolicyId": what, "PolicyRuleNumber": 5, "MeteredAccount": "transit-gateway-owner"}
    ec2.create_transit_gateway_metering_policy_entry(SourceCidrBlock="10.0.0.0/8", **asked)
    with refused("TransitGatewayMeteringPolicyEntryAlreadyExists"):
        ec2.create_transit_gateway_metering_policy_entry(**asked)
    found = ec2.get_transit_gateway_metering_policy_entries(TransitGatewayMeteringPolicyId=what)
    [entry] = found["TransitGatewayMeteringPolicyEntries"]
    assert entry["MeteringPolicyRule"] == {"SourceCidrBlock": "10.0.0.0/8"} and entry["PolicyRuleNumber"] == "5"


def test_policy_tables_have_rules_in_order(ec2, clock, refused):
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    table = ec2.describe_transit_gateway_route_tables()["TransitGatewayRouteTables"][0]["TransitGatewayRouteTableId"]
    made = ec2.create_transit_gateway_policy_table(TransitGatewayId=hub)["TransitGatewayPolicyTable"]
    what = made["TransitGatewayPolicyTableId"]
    for number in ("20", "3"):
        ec2.create_transit_gateway_policy_table_entry(
            TransitGatewayPolicyTableId=what,
            PolicyRuleNumber=number,
            PolicyRule={"SourceCidrBlock": "10.0.0.0/8"},
            TargetRouteTableId=table,
        )
    entries = ec2.get_transit_gateway_policy_table_entries(TransitGatewayPolicyTableId=what)
    assert [one["PolicyRuleNumber"] for one in entries["TransitGatewayPolicyTableEntries"]] == ["3", "20"]
    ec2.delete_transit_gateway_policy_table_entry(TransitGatewayPolicyTableId=what, PolicyRuleNumber="3")
    with refused("InvalidTransitGatewayPolicyTableEntry.NotFound"):
        ec2.delete_transit_gateway_policy_table_entry(TransitGatewayPolicyTableId=what, PolicyRuleNumber="3")
