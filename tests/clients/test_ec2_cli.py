"""A VPC with a public subnet and a NAT gateway with the AWS CLI, as the shell's users type it."""

from __future__ import annotations

import pileus

from .test_aws_cli import Cli, cli

__all__ = ["cli"]


def test_a_vpc_with_a_way_out(cli: Cli, cloud: pileus.LocalCloud) -> None:
    named = ("--tag-specifications", "ResourceType=vpc,Tags=[{Key=Name,Value=tutorial}]")
    vpc = cli("ec2", "create-vpc", "--cidr-block", "10.0.0.0/24", *named)["Vpc"]["VpcId"]
    cli("ec2", "wait", "vpc-available", "--vpc-ids", vpc)
    cli("ec2", "modify-vpc-attribute", "--vpc-id", vpc, "--enable-dns-hostnames")
    made = cli("ec2", "create-subnet", "--vpc-id", vpc, "--cidr-block", "10.0.0.0/28")
    subnet = made["Subnet"]["SubnetId"]
    gateway = cli("ec2", "create-internet-gateway")["InternetGateway"]["InternetGatewayId"]
    cli("ec2", "attach-internet-gateway", "--internet-gateway-id", gateway, "--vpc-id", vpc)
    address = cli("ec2", "allocate-address", "--domain", "vpc")["AllocationId"]
    made = cli("ec2", "create-nat-gateway", "--subnet-id", subnet, "--allocation-id", address)
    nat = made["NatGateway"]["NatGatewayId"]
    cloud.clock.advance(5)
    cli("ec2", "wait", "nat-gateway-available", "--nat-gateway-ids", nat)
    table = cli("ec2", "create-route-table", "--vpc-id", vpc)["RouteTable"]["RouteTableId"]
    to_all = ("--destination-cidr-block", "0.0.0.0/0", "--nat-gateway-id", nat)
    cli("ec2", "create-route", "--route-table-id", table, *to_all)
    cli("ec2", "associate-route-table", "--route-table-id", table, "--subnet-id", subnet)
    ways = ("--filters", f"Name=association.subnet-id,Values={subnet}", "--query")
    assert cli("ec2", "describe-route-tables", *ways, "RouteTables[0].Routes[].State") == ["active", "active"]
    made = cli("ec2", "create-security-group", "--group-name", "web", "--description", "web", "--vpc-id", vpc)
    rule = ("--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0")
    allowed = cli("ec2", "authorize-security-group-ingress", "--group-id", made["GroupId"], *rule)
    assert allowed["SecurityGroupRules"][0]["ToPort"] == 443
    wanted = ("--filters", "Name=tag:Name,Values=tut*", "--query", "Vpcs[].VpcId")
    assert cli("ec2", "describe-vpcs", *wanted) == [vpc]
