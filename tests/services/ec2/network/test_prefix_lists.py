"""Managed prefix lists, DHCP options, and Block Public Access."""

from __future__ import annotations

import pytest


@pytest.fixture
def listed(ec2):
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices",
        AddressFamily="IPv4",
        MaxEntries=3,
        Entries=[{"Cidr": "203.0.113.0/24", "Description": "one"}],
    )
    return made["PrefixList"]["PrefixListId"]


def entries(ec2, listed, **which):
    return [one["Cidr"] for one in ec2.get_managed_prefix_list_entries(PrefixListId=listed, **which)["Entries"]]


def test_lists_change_version_by_version(ec2, listed, refused):
    changed = ec2.modify_managed_prefix_list(
        PrefixListId=listed,
        CurrentVersion=1,
        AddEntries=[{"Cidr": "198.51.100.0/24"}],
        RemoveEntries=[{"Cidr": "203.0.113.0/24"}],
    )["PrefixList"]
    assert changed["Version"] == 2
    assert entries(ec2, listed) == ["198.51.100.0/24"]
    assert entries(ec2, listed, TargetVersion=1) == ["203.0.113.0/24"]
    with refused("PrefixListVersionMismatch", "The prefix list has the incorrect version number."):
        ec2.modify_managed_prefix_list(PrefixListId=listed, CurrentVersion=1, AddEntries=[{"Cidr": "10.0.0.0/8"}])
    ec2.restore_managed_prefix_list_version(PrefixListId=listed, PreviousVersion=1, CurrentVersion=2)
    assert entries(ec2, listed) == ["203.0.113.0/24"]
    (told,) = ec2.describe_managed_prefix_lists(PrefixListIds=[listed])["PrefixLists"]
    assert (told["Version"], told["State"], told["MaxEntries"]) == (3, "restore-complete", 3)
    with refused("PrefixListMaxEntriesExceeded"):
        ec2.modify_managed_prefix_list(
            PrefixListId=listed,
            CurrentVersion=3,
            AddEntries=[{"Cidr": f"10.{number}.0.0/16"} for number in range(3)],
        )
    with refused("InvalidParameterValue"):
        ec2.modify_managed_prefix_list(PrefixListId=listed, CurrentVersion=3, RemoveEntries=[{"Cidr": "192.0.2.0/24"}])


def test_a_list_that_rules_or_routes_name_is_not_deleted(ec2, vpc, gateway, listed, refused):
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": listed}]}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationPrefixListId=listed, GatewayId=gateway)
    told = ec2.get_managed_prefix_list_associations(PrefixListId=listed)["PrefixListAssociations"]
    assert {one["ResourceId"] for one in told} == {group, table}
    with refused("DependencyViolation"):
        ec2.delete_managed_prefix_list(PrefixListId=listed)
    ec2.delete_route(RouteTableId=table, DestinationPrefixListId=listed)
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[rule])
    ec2.delete_managed_prefix_list(PrefixListId=listed)
    with refused("InvalidPrefixListID.NotFound"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_a_list_counts_as_many_rules_as_it_may_have_entries(ec2, vpc, refused):
    large = ec2.create_managed_prefix_list(PrefixListName="large", AddressFamily="IPv4", MaxEntries=61)["PrefixList"]
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    rule = {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": large["PrefixListId"]}]}
    with refused("RulesPerSecurityGroupLimitExceeded"):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])


def test_aws_has_lists_of_its_own(ec2, refused):
    filters = [{"Name": "prefix-list-name", "Values": ["com.amazonaws.us-east-1.s3"]}]
    (s3,) = ec2.describe_managed_prefix_lists(Filters=filters)["PrefixLists"]
    assert s3["OwnerId"] == "AWS" and s3["PrefixListId"] == "pl-63a5400a"
    (plain,) = ec2.describe_prefix_lists(Filters=filters)["PrefixLists"]
    assert plain["Cidrs"] == entries(ec2, s3["PrefixListId"])
    with refused("OperationNotPermitted"):
        ec2.delete_managed_prefix_list(PrefixListId=s3["PrefixListId"])


def test_dhcp_options_are_associated_and_checked(ec2, vpc, refused):
    made = ec2.create_dhcp_options(
        DhcpConfigurations=[
            {"Key": "domain-name", "Values": ["example.internal"]},
            {"Key": "domain-name-servers", "Values": ["10.0.0.2", "10.0.0.3"]},
        ]
    )["DhcpOptions"]["DhcpOptionsId"]
    ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["DhcpOptionsId"] == made
    with refused("DependencyViolation", f"The dhcpOptions '{made}' has dependencies and cannot be deleted."):
        ec2.delete_dhcp_options(DhcpOptionsId=made)
    ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
    ec2.delete_dhcp_options(DhcpOptionsId=made)
    with refused("InvalidDhcpOptionID.NotFound"):
        ec2.associate_dhcp_options(DhcpOptionsId=made, VpcId=vpc)
    with refused("InvalidParameterValue"):
        ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "nonsense", "Values": ["x"]}])
    with refused("InvalidParameterValue", "Value (nowhere) for parameter domain-name-servers is invalid."):
        ec2.create_dhcp_options(DhcpConfigurations=[{"Key": "domain-name-servers", "Values": ["nowhere"]}])
    with refused("InvalidParameterValue"):
        ec2.create_dhcp_options(
            DhcpConfigurations=[{"Key": "ntp-servers", "Values": [f"10.0.0.{number}" for number in range(5)]}]
        )


def test_public_access_is_blocked_but_for_exclusions(ec2, vpc, subnet, clock, refused):
    def mode():
        return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["BlockPublicAccessStates"][
            "InternetGatewayBlockMode"
        ]

    assert ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]["State"] == "default-state"
    ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode="block-bidirectional")
    clock.advance(2)
    told = ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]
    assert (told["State"], told["InternetGatewayBlockMode"]) == ("update-complete", "block-bidirectional")
    assert mode() == "block-bidirectional"
    made = ec2.create_vpc_block_public_access_exclusion(VpcId=vpc, InternetGatewayExclusionMode="allow-egress")
    what = made["VpcBlockPublicAccessExclusion"]["ExclusionId"]
    assert made["VpcBlockPublicAccessExclusion"]["State"] == "create-in-progress"
    assert mode() == "block-ingress"
    with refused("ResourceAlreadyExists"):
        ec2.create_vpc_block_public_access_exclusion(VpcId=vpc, InternetGatewayExclusionMode="allow-egress")
    ec2.modify_vpc_block_public_access_exclusion(ExclusionId=what, InternetGatewayExclusionMode="allow-bidirectional")
    clock.advance(2)
    (now,) = ec2.describe_vpc_block_public_access_exclusions()["VpcBlockPublicAccessExclusions"]
    assert now["State"] == "update-complete" and mode() == "off"
    ec2.delete_vpc_block_public_access_exclusion(ExclusionId=what)
    assert mode() == "block-bidirectional"
