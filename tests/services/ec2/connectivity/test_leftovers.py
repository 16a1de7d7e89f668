"""Who pays for endpoints, clients of Verified Access, flow logs in Athena, resilient peering, the analyzer's trust."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def test_a_flow_log_in_a_bucket_has_a_template_by_which_athena_reads_it(aws, ec2, refused):
    s3 = aws.client("s3")
    for name in ("logs-of-flows", "templates-of-flows"):
        s3.create_bucket(Bucket=f"{name}-{aws.id}")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    log = ec2.create_flow_logs(
        ResourceIds=[vpc],
        ResourceType="VPC",
        TrafficType="ALL",
        LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::logs-of-flows-{aws.id}/here/",
        LogFormat="${srcaddr} ${dstaddr} ${dstport} ${action} ${start} ${bytes}",
    )["FlowLogIds"][0]
    out = f"arn:aws:s3:::templates-of-flows-{aws.id}/answers/"
    integration = {"IntegrationResultS3DestinationArn": out, "PartitionLoadFrequency": "daily"}
    asked = {"FlowLogId": log, "IntegrateServices": {"AthenaIntegrations": [integration]}}
    with refused("InvalidParameterValue"):
        ec2.get_flow_logs_integration_template(**asked, ConfigDeliveryS3DestinationArn="arn:aws:s3:::not-there-at-all")
    text = ec2.get_flow_logs_integration_template(**asked, ConfigDeliveryS3DestinationArn=out)["Result"]
    [kept] = s3.list_objects_v2(Bucket=f"templates-of-flows-{aws.id}")["Contents"]
    assert s3.get_object(Bucket=f"templates-of-flows-{aws.id}", Key=kept["Key"])["Body"].read().decode() == text
    made = json.loads(text)["Resources"]
    table = made["VpcFlowLogsTable"]["Properties"]["TableInput"]
    location = f"s3://logs-of-flows-{aws.id}/here/AWSLogs/{aws.id}/vpcflowlogs/us-east-1/"
    assert table["StorageDescriptor"]["Location"] == location
    assert table["Parameters"]["storage.location.template"] == location + "${date}"
    columns = {one["Name"]: one["Type"] for one in table["StorageDescriptor"]["Columns"]}
    assert columns["dstport"] == "bigint" and columns["action"] == "string" and len(columns) == 6
    group = made["VpcFlowLogsWorkGroup"]["Properties"]["WorkGroupConfiguration"]["ResultConfiguration"]
    assert group["OutputLocation"] == f"s3://templates-of-flows-{aws.id}/answers/"
    assert table["Name"] in made["VpcFlowLogsRejectedTraffic"]["Properties"]["QueryString"]


def test_the_owner_of_a_service_may_pay_for_the_endpoints_to_it(cloud, ec2, clock, refused):
    owner = cloud.account().client("ec2")
    balancer = "arn:aws:elasticloadbalancing:us-east-1:111111111111:loadbalancer/net/nlb/0123456789abcdef"
    service = owner.create_vpc_endpoint_service_configuration(
        NetworkLoadBalancerArns=[balancer], AcceptanceRequired=False
    )["ServiceConfiguration"]
    clock.advance(2)
    of = {"ServiceId": service["ServiceId"]}
    owner.modify_vpc_endpoint_service_permissions(**of, AddAllowedPrincipals=["*"])
    owner.modify_vpc_endpoint_service_payer_responsibility(**of, PayerResponsibility="ServiceOwner")
    [shown] = owner.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    assert shown["PayerResponsibility"] == "ServiceOwner"
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    endpoint = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=service["ServiceName"], VpcEndpointType="Interface")[
        "VpcEndpoint"
    ]["VpcEndpointId"]
    asked = {"VpcEndpointId": endpoint, "Scope": "vpc-endpoint-charges"}
    with refused("InvalidParameterValue"):
        ec2.modify_vpc_endpoint_payer_responsibility(**asked, PayerResponsibility="vpc-endpoint-service-account")
    owner.modify_vpc_endpoint_payer_responsibility(**asked, **of, PayerResponsibility="vpc-endpoint-service-account")
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for n, zone in ((0, "us-east-1a"), (1, "us-east-1b"))
    ]
    for address in ("10.0.0.50", "10.0.0.60"):
        placed = [{"SubnetId": subnets[0], "Ipv4": address}, {"SubnetId": subnets[1]}]
        ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, SubnetConfigurations=placed)
    [seen] = ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"]
    interfaces = ec2.describe_network_interfaces(NetworkInterfaceIds=seen["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert len(interfaces) == 2 and "10.0.0.60" in {one["PrivateIpAddress"] for one in interfaces}
    assert seen["PayerResponsibilities"] == [
        {"Scope": "vpc-endpoint-charges", "PayerResponsibilityType": "vpc-endpoint-service-account"}
    ]
    assert ec2.describe_vpc_endpoint_associations(VpcEndpointIds=[endpoint])["VpcEndpointAssociations"] == []
    with refused("InvalidVpcEndpointId.NotFound"):
        ec2.describe_vpc_endpoint_associations(VpcEndpointIds=["vpce-0123456789abcdef0"])


def test_clients_of_verified_access_are_told_whom_an_instance_trusts(ec2, refused):
    instance = ec2.create_verified_access_instance()["VerifiedAccessInstance"]["VerifiedAccessInstanceId"]
    options = {"Issuer": "https://idp.test", "ClientId": "c", "Scope": "openid", "TokenEndpoint": "https://idp.test/t"}
    providers = [
        ec2.create_verified_access_trust_provider(PolicyReferenceName=name, **asked)["VerifiedAccessTrustProvider"]
        for name, asked in (
            ("user", {"TrustProviderType": "user", "UserTrustProviderType": "oidc", "OidcOptions": options}),
            ("device", {"TrustProviderType": "device", "DeviceTrustProviderType": "jamf"}),
        )
    ]
    for one in providers:
        asked = {
            "VerifiedAccessInstanceId": instance,
            "VerifiedAccessTrustProviderId": one["VerifiedAccessTrustProviderId"],
            "ClientToken": one["VerifiedAccessTrustProviderId"],
        }
        for _ in range(2):  # the second is the first again
            ec2.attach_verified_access_trust_provider(**asked)
    told = ec2.export_verified_access_instance_client_configuration(VerifiedAccessInstanceId=instance)
    assert told["DeviceTrustProviders"] == ["jamf"] and told["Region"] == "us-east-1"
    assert told["UserTrustProvider"]["Issuer"] == "https://idp.test" and told["UserTrustProvider"]["Scopes"] == "openid"

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    for address in ("10.0.0.10", "10.0.0.200"):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=address)
    group = ec2.create_verified_access_group(VerifiedAccessInstanceId=instance)["VerifiedAccessGroup"]
    endpoint = ec2.create_verified_access_endpoint(
        VerifiedAccessGroupId=group["VerifiedAccessGroupId"],
        EndpointType="cidr",
        AttachmentType="vpc",
        CidrOptions={"Cidr": "10.0.0.0/25", "SubnetIds": [subnet], "Protocol": "tcp"},
    )["VerifiedAccessEndpoint"]
    [target] = ec2.get_verified_access_endpoint_targets(VerifiedAccessEndpointId=endpoint["VerifiedAccessEndpointId"])[
        "VerifiedAccessEndpointTargets"
    ]
    assert target["VerifiedAccessEndpointTargetIpAddress"] == "10.0.0.10"
    assert target["VerifiedAccessEndpointTargetDns"] == f"ip-10-0-0-10.{endpoint['EndpointDomain']}"


def test_vpcs_of_two_regions_peer_resiliently_when_both_allow_it(aws, ec2, clock, refused):
    there = aws.client("ec2", region_name="us-west-2")
    mine, near = (ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in (1, 2))
    far = there.create_vpc(CidrBlock="10.3.0.0/16")["Vpc"]["VpcId"]
    allow = {"AllowMultipathResilience": True}
    with refused("UnsupportedOperation"):
        ec2.create_vpc_peering_connection(VpcId=mine, PeerVpcId=near, RequesterPeeringConnectionOptions=allow)
    made = ec2.create_vpc_peering_connection(
        VpcId=mine, PeerVpcId=far, PeerRegion="us-west-2", RequesterPeeringConnectionOptions=allow
    )["VpcPeeringConnection"]
    assert made["MultipathResilienceStatus"] == "pending"
    what = {"VpcPeeringConnectionId": made["VpcPeeringConnectionId"]}
    clock.advance(2)
    there.accept_vpc_peering_connection(**what)
    clock.advance(2)
    there.modify_vpc_peering_connection_options(**what, AccepterPeeringConnectionOptions=allow)
    [seen] = ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]
    assert seen["MultipathResilienceStatus"] == "enabled"


def test_the_analyzer_looks_into_the_accounts_of_an_organization_that_trusts_it(aws, cloud, ec2, clock, refused):
    with refused("AWSOrganizationsNotInUseException"):
        ec2.enable_reachability_analyzer_organization_sharing()
    organizations = aws.client("organizations")
    organizations.create_organization(FeatureSet="ALL")
    member = organizations.create_account(Email=f"member@{aws.id}.example.com", AccountName="member")[
        "CreateAccountStatus"
    ]
    clock.advance(60)
    member = organizations.describe_create_account_status(CreateAccountRequestId=member["Id"])["CreateAccountStatus"]
    theirs = cloud.account(member["AccountId"]).client("ec2")

    def side(client, number):
        vpc = client.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
        subnet = client.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.0.0/24")["Subnet"]["SubnetId"]
        made = client.create_network_interface(SubnetId=subnet)["NetworkInterface"]
        open_all = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
        group = made["Groups"][0]["GroupId"]
        client.authorize_security_group_ingress(GroupId=group, IpPermissions=open_all)
        filters = [{"Name": "vpc-id", "Values": [vpc]}]
        table = client.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]
        return vpc, made["NetworkInterfaceId"], table

    (mine, source, table), (other, target, their_table) = side(ec2, 1), side(theirs, 2)
    peering = ec2.create_vpc_peering_connection(VpcId=mine, PeerVpcId=other, PeerOwnerId=member["AccountId"])
    peering = {"VpcPeeringConnectionId": peering["VpcPeeringConnection"]["VpcPeeringConnectionId"]}
    clock.advance(2)
    theirs.accept_vpc_peering_connection(**peering)
    clock.advance(2)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.2.0.0/16", **peering)
    arn = f"arn:aws:ec2:us-east-1:{member['AccountId']}:network-interface/{target}"
    asked = {"Source": source, "Destination": arn, "Protocol": "tcp"}
    with refused("OperationNotPermitted"):
        ec2.create_network_insights_path(**asked)
    assert ec2.enable_reachability_analyzer_organization_sharing()["ReturnValue"]
    path = ec2.create_network_insights_path(**asked)["NetworkInsightsPath"]
    assert path["DestinationArn"] == arn
    path = path["NetworkInsightsPathId"]

    def analysed(**more):
        started = ec2.start_network_insights_analysis(NetworkInsightsPathId=path, **more)
        what = started["NetworkInsightsAnalysis"]["NetworkInsightsAnalysisId"]
        clock.advance(2)
        [found] = ec2.describe_network_insights_analyses(NetworkInsightsAnalysisIds=[what])["NetworkInsightsAnalyses"]
        return found

    assert analysed()["Status"] == "failed"  # what is there can only be seen there
    there = {"AdditionalAccounts": [member["AccountId"]]}
    assert analysed(**there)["NetworkPathFound"] is False  # nothing leads back
    theirs.create_route(RouteTableId=their_table, DestinationCidrBlock="10.1.0.0/16", **peering)
    found = analysed(**there)
    assert found["NetworkPathFound"] is True
    assert found["ForwardPathComponents"][-1]["Component"] == {"Id": target, "Arn": arn}
    with refused("InvalidParameterValue", "not a member"):
        analysed(AdditionalAccounts=["999999999999"])
