"""What accounts may say of their networks beside how they are made: costs, encryption, visibility, measurements."""

from __future__ import annotations

import pytest


@pytest.fixture
def ec2(aws):
    return aws.client("ec2")


def test_costs_are_allocated_by_versions_of_policies_of_which_a_resource_has_one(aws, ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    nat = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    document = {"ReportingGranularity": ["subnet"], "Dimensions": ["data-transfer", "data-processing"]}
    asked = {"NetworkResourceType": "natgw", "NatFcaPolicyDocument": document}
    create = ec2.create_networking_flex_cost_allocation_policy
    with refused("InvalidParameterCombination"):
        create(NetworkResourceType="ec2", NatFcaPolicyDocument=document)
    with refused("InvalidParameterValue", "Dimensions"):
        create(NetworkResourceType="ec2", InstanceFcaPolicyDocument=document)
    with refused("InvalidParameterCombination"):
        create(NetworkResourceType="natgw", NatFcaPolicyDocument=document | {"ReportingGranularity": ["cidr"]})
    what = create(**asked, ClientToken="one")["FcaPolicyId"]
    assert create(**asked, ClientToken="one")["FcaPolicyId"] == what
    other = create(**asked)["FcaPolicyId"]
    modify = ec2.modify_networking_flex_cost_allocation_policy
    assert modify(FcaPolicyId=what, Description="for teams")["Version"] == 1
    changed = document | {"ReportingGranularity": ["vpc"]}
    assert modify(FcaPolicyId=what, NatFcaPolicyDocument=changed)["Version"] == 2
    versions = ec2.get_networking_flex_cost_allocation_policy_versions(FcaPolicyId=what)["FcaPolicyVersions"]
    assert [one["NatFcaPolicyDocument"]["ReportingGranularity"] for one in versions] == [["subnet"], ["vpc"]]

    associate = ec2.associate_networking_flex_cost_allocation_policy
    done = associate(FcaPolicyId=what, NetworkResourceIds=[nat, subnet])
    [made], [failed] = done["FcaPolicyAssociations"], done["FcaPolicyAssociationFailures"]
    assert (made["NetworkResourceId"], made["AssociationMode"]) == (nat, "direct")
    assert (failed["ResourceId"], failed["FailureCode"]) == (subnet, "InvalidResource")
    [failed] = associate(FcaPolicyId=other, NetworkResourceIds=[nat])["FcaPolicyAssociationFailures"]
    assert failed["FailureCode"] == "ResourceAlreadyAssociated"
    scope = {"ResourceType": "vpc", "ResourceIds": [vpc]}
    [scoped] = associate(FcaPolicyId=other, NetworkResourceScope=scope)["FcaPolicyAssociations"]
    assert (scoped["NetworkResourceId"], scoped["AssociationMode"]) == (vpc, "scope")
    listed = ec2.describe_networking_flex_cost_allocation_policy_associations(
        Filters=[{"Name": "resource-id", "Values": [nat]}]
    )["FcaPolicyAssociations"]
    assert [one["FcaPolicyAssociationId"] for one in listed] == [made["FcaPolicyAssociationId"]]
    deleted = ec2.delete_networking_flex_cost_allocation_policies(FcaPolicyIds=[what])
    assert deleted["Failed"][0]["FailureCode"] == "InvalidResourceState"
    ec2.disassociate_networking_flex_cost_allocation_policy(FcaPolicyAssociationIds=[made["FcaPolicyAssociationId"]])
    assert ec2.delete_networking_flex_cost_allocation_policies(FcaPolicyIds=[what])["Successful"] == [what]
    [left] = ec2.describe_networking_flex_cost_allocation_policies()["FlexCostAllocationPolicies"]
    assert (left["FcaPolicyId"], left["ShowBackEnabled"]) == (other, True)


def test_an_account_controls_the_encryption_of_all_its_vpcs(ec2, clock):
    plain, open_one = (ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"] for _ in range(2))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=open_one)

    def account(**asked):
        told = ec2.modify_account_vpc_encryption_control(**asked) if asked else None
        clock.advance(2)
        return told or ec2.describe_account_vpc_encryption_control()["AccountVpcEncryptionControl"]

    def states():
        found = ec2.describe_vpc_encryption_controls()["VpcEncryptionControls"]
        return {one["VpcId"]: (one["Mode"], one["State"]) for one in found}

    assert account()["State"] == "default-state"
    account(Mode="attempt-enforce")
    there = states()
    assert there[plain] == ("enforce", "available") and there[open_one] == ("enforce", "enforce-failed")
    assert account()["State"] == "transitions-partially-successful"
    account(InternetGateway="enable")
    assert account()["Exclusions"]["InternetGateway"] == "enabled" and states()[open_one] == ("enforce", "available")
    new = ec2.create_vpc(CidrBlock="10.1.0.0/16", VpcEncryptionControl={"Mode": "monitor"})["Vpc"]["VpcId"]
    later = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    assert states()[new][0] == "monitor" and states()[later][0] == "enforce"


def test_what_services_manage_is_hidden_from_who_wants_that(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    operator = {"Principal": "eks.amazonaws.com"}
    own, managed = (
        ec2.create_network_interface(SubnetId=subnet, **extra)["NetworkInterface"]
        for extra in ({}, {"Operator": operator})
    )
    assert managed["Operator"] == {"Managed": True, "Principal": "eks.amazonaws.com"}

    def seen(**asked):
        return {one["NetworkInterfaceId"] for one in ec2.describe_network_interfaces(**asked)["NetworkInterfaces"]}

    both = {own["NetworkInterfaceId"], managed["NetworkInterfaceId"]}
    assert ec2.get_managed_resource_visibility()["Visibility"]["DefaultVisibility"] == "visible"
    assert seen() == both and seen(IncludeManagedResources=False) == {own["NetworkInterfaceId"]}
    ec2.modify_managed_resource_visibility(DefaultVisibility="hidden")
    assert seen() == {own["NetworkInterfaceId"]} and seen(IncludeManagedResources=True) == both


def test_nothing_of_ec2_classic_is_left(ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    for ask in (
        lambda: ec2.enable_vpc_classic_link(VpcId=vpc),
        lambda: ec2.describe_vpc_classic_link(VpcIds=[vpc]),
        lambda: ec2.describe_vpc_classic_link_dns_support(VpcIds=[vpc]),
        lambda: ec2.describe_classic_link_instances(),
    ):
        with refused("UnsupportedOperation", "not available in this region"):
            ask()
    address = ec2.allocate_address()["PublicIp"]
    assert ec2.describe_moving_addresses(PublicIps=[address])["MovingAddressStatuses"] == []
    with refused("InvalidParameterValue"):
        ec2.restore_address_to_classic(PublicIp=address)
    with refused("InvalidAddress.NotFound"):
        ec2.move_address_to_vpc(PublicIp="192.0.2.1")


def test_measurements_are_subscribed_to_between_regions_or_zones(ec2, refused):
    pair = {"Source": "us-east-1", "Destination": "eu-west-1", "Metric": "aggregate-latency", "Statistic": "p50"}
    with refused("InvalidParameterValue"):
        ec2.enable_aws_network_performance_metric_subscription(**pair | {"Destination": "use1-az1"})
    assert ec2.enable_aws_network_performance_metric_subscription(**pair)["Output"]
    [found] = ec2.describe_aws_network_performance_metric_subscriptions()["Subscriptions"]
    assert found == pair | {"Period": "five-minutes"}
    ec2.disable_aws_network_performance_metric_subscription(**pair)
    with refused("InvalidParameterValue"):
        ec2.disable_aws_network_performance_metric_subscription(**pair)


def test_public_names_and_quotas_of_interfaces(ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    six = vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24", Ipv6CidrBlock=six)["Subnet"]["SubnetId"]
    what = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    asked = {"NetworkInterfaceId": what, "HostnameType": "public-dual-stack-dns-name"}
    with refused("InvalidParameterValue", "no IPv6"):
        ec2.modify_public_ip_dns_name_options(**asked)
    ec2.assign_ipv6_addresses(NetworkInterfaceId=what, Ipv6AddressCount=1)
    ec2.modify_public_ip_dns_name_options(**asked)
    [shown] = ec2.describe_network_interfaces(NetworkInterfaceIds=[what])["NetworkInterfaces"]
    assert shown["PublicIpDnsNameOptions"]["DnsHostnameType"] == "public-dual-stack-dns-name"
    with refused("UnauthorizedOperation"):
        ec2.validate_security_group_quotas_for_interface(SecurityGroupIds=[shown["Groups"][0]["GroupId"]])
