"""The Reachability Analyzer and the Network Access Analyzer over real records."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


class Network:
    """A VPC with an internet gateway and two interfaces in two subnets."""

    def __init__(self, ec2, block="10.0.0.0/16"):
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
        start = block.removesuffix(".0.0/16")
        self.subnets = [
            ec2.create_subnet(VpcId=self.vpc, CidrBlock=f"{start}.{n}.0/24")["Subnet"]["SubnetId"] for n in (0, 1)
        ]
        self.group = ec2.create_security_group(GroupName="g", Description="g", VpcId=self.vpc)["GroupId"]
        self.enis = [
            ec2.create_network_interface(SubnetId=subnet, Groups=[self.group])["NetworkInterface"]["NetworkInterfaceId"]
            for subnet in self.subnets
        ]
        filters = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = ec2.describe_route_tables(Filters=filters)["RouteTables"][0]["RouteTableId"]

    def open(self, port, cidr="0.0.0.0/0"):
        self.ec2.authorize_security_group_ingress(
            GroupId=self.group, IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr
        )


def analysed(ec2, clock, source, destination, **asked):
    path = ec2.create_network_insights_path(Source=source, Destination=destination, Protocol="tcp", **asked)
    path_id = path["NetworkInsightsPath"]["NetworkInsightsPathId"]
    started = ec2.start_network_insights_analysis(NetworkInsightsPathId=path_id)["NetworkInsightsAnalysis"]
    assert started["Status"] == "running"
    clock.advance(2)
    [analysis] = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path_id)["NetworkInsightsAnalyses"]
    assert analysis["Status"] == "succeeded"
    return analysis


def test_a_closed_group_is_the_explanation_and_an_open_one_a_path(ec2, clock):
    network = Network(ec2)
    closed = analysed(ec2, clock, *network.enis, DestinationPort=22)
    assert closed["NetworkPathFound"] is False
    [why] = closed["Explanations"]
    assert why["ExplanationCode"] in ("ENI_SG_RULES_MISMATCH", "SG_HAS_NO_RULES") and why["Direction"] == "ingress"
    assert why["SecurityGroups"][0]["Id"] == network.group
    network.open(22)
    found = analysed(ec2, clock, *network.enis, DestinationPort=22)
    assert found["NetworkPathFound"] is True
    components = [one["Component"]["Id"] for one in found["ForwardPathComponents"]]
    assert components[0] == network.enis[0] and components[-1] == network.enis[1]
    assert network.table in components and network.group in components
    rules = [
        one["SecurityGroupRule"].get("PortRange")
        for one in found["ForwardPathComponents"]
        if "SecurityGroupRule" in one
    ]
    assert {"From": 22, "To": 22} in [dict(rule) for rule in rules if rule]
    path = found["NetworkInsightsPathId"]
    arn = ec2.describe_network_insights_paths(NetworkInsightsPathIds=[path])["NetworkInsightsPaths"][0]["SourceArn"]
    ec2.start_network_insights_analysis(NetworkInsightsPathId=path, FilterOutArns=[arn])
    clock.advance(2)
    analyses = ec2.describe_network_insights_analyses(NetworkInsightsPathId=path)["NetworkInsightsAnalyses"]
    assert sorted(one["NetworkPathFound"] for one in analyses) == [False, True]
    back = [one["Component"]["Id"] for one in found["ReturnPathComponents"]]
    assert back[0] == network.enis[1] and back[-1] == network.enis[0] and network.group not in back


def test_peering_a_missing_route_and_then_a_path(ec2, clock):
    one, two = Network(ec2), Network(ec2, "10.1.0.0/16")
    two.open(443)
    peering = ec2.create_vpc_peering_connection(VpcId=one.vpc, PeerVpcId=two.vpc)["VpcPeeringConnection"]
    what = peering["VpcPeeringConnectionId"]
    clock.advance(1)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=what)
    clock.advance(1)
    ec2.create_route(RouteTableId=one.table, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=what)
    missing = analysed(ec2, clock, one.enis[0], two.enis[0], DestinationPort=443)
    assert missing["Explanations"][0]["ExplanationCode"] == "NO_ROUTE_TO_DESTINATION"
    assert missing["Explanations"][0]["RouteTable"]["Id"] == two.table
    ec2.create_route(RouteTableId=two.table, DestinationCidrBlock="10.0.0.0/16", VpcPeeringConnectionId=what)
    assert analysed(ec2, clock, one.enis[0], two.enis[0], DestinationPort=443)["NetworkPathFound"]
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=what)
    gone = analysed(ec2, clock, one.enis[0], two.enis[0], DestinationPort=443)
    assert gone["Explanations"][0]["ExplanationCode"] == "BAD_STATE_ROUTE"


def test_over_a_transit_gateway(ec2, clock):
    one, two = Network(ec2), Network(ec2, "10.1.0.0/16")
    two.open(443)
    hub = ec2.create_transit_gateway()["TransitGateway"]["TransitGatewayId"]
    clock.advance(2)
    for network in (one, two):
        ec2.create_transit_gateway_vpc_attachment(
            TransitGatewayId=hub, VpcId=network.vpc, SubnetIds=network.subnets[:1]
        )
        ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="10.0.0.0/8", TransitGatewayId=hub)
    clock.advance(2)
    found = analysed(ec2, clock, one.enis[0], two.enis[0], DestinationPort=443)
    assert found["NetworkPathFound"], found["Explanations"]
    routes = [
        one["TransitGatewayRouteTableRoute"]
        for one in found["ForwardPathComponents"]
        if "TransitGatewayRouteTableRoute" in one
    ]
    assert routes[0]["DestinationCidr"] == "10.1.0.0/16" and routes[0]["RouteOrigin"] == "propagated"


def test_from_the_internet_needs_a_public_address(ec2, clock, refused):
    network = Network(ec2)
    network.open(80)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    out = analysed(ec2, clock, network.enis[0], gateway)
    assert out["Explanations"][0]["ExplanationCode"] == "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=network.enis[0])
    assert analysed(ec2, clock, network.enis[0], gateway)["NetworkPathFound"]
    assert analysed(ec2, clock, gateway, network.enis[0], DestinationPort=80)["NetworkPathFound"]
    assert not analysed(ec2, clock, gateway, network.enis[0], DestinationPort=81)["NetworkPathFound"]
    [path] = ec2.describe_network_insights_paths(Filters=[{"Name": "source", "Values": [network.enis[0]]}])[
        "NetworkInsightsPaths"
    ][:1]
    with refused("AnalysisExistsForNetworkInsightsPath"):
        ec2.delete_network_insights_path(NetworkInsightsPathId=path["NetworkInsightsPathId"])


def test_an_access_scope_finds_what_the_internet_reaches(ec2, clock):
    network = Network(ec2)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=network.vpc)
    ec2.create_route(RouteTableId=network.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    ec2.associate_address(AllocationId=address, NetworkInterfaceId=network.enis[0])
    scope = ec2.create_network_insights_access_scope(
        MatchPaths=[
            {
                "Source": {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::InternetGateway"]}},
                "Destination": {"ResourceStatement": {"ResourceTypes": ["AWS::EC2::NetworkInterface"]}},
            }
        ]
    )["NetworkInsightsAccessScope"]["NetworkInsightsAccessScopeId"]

    def found():
        started = ec2.start_network_insights_access_scope_analysis(NetworkInsightsAccessScopeId=scope)
        what = started["NetworkInsightsAccessScopeAnalysis"]["NetworkInsightsAccessScopeAnalysisId"]
        clock.advance(2)
        findings = ec2.get_network_insights_access_scope_analysis_findings(NetworkInsightsAccessScopeAnalysisId=what)
        assert findings["AnalysisStatus"] == "succeeded"
        return [one["FindingComponents"][-1]["Component"]["Id"] for one in findings["AnalysisFindings"]]

    assert found() == []
    network.open(22)
    assert found() == [network.enis[0]]
