"""VPCs, the default one among them."""

from __future__ import annotations

import pytest


def test_every_region_has_a_default_vpc_with_a_public_subnet_in_each_zone(ec2, aws):
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    assert vpc["IsDefault"] and vpc["CidrBlock"] == "172.31.0.0/16" and vpc["State"] == "available"
    subnets = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}])["Subnets"]
    zones = {zone["ZoneName"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]}
    assert {subnet["AvailabilityZone"] for subnet in subnets} == zones and len(zones) == 6
    assert all(subnet["MapPublicIpOnLaunch"] and subnet["DefaultForAz"] for subnet in subnets)
    assert {subnet["AvailableIpAddressCount"] for subnet in subnets} == {4091}
    (gateway,) = ec2.describe_internet_gateways()["InternetGateways"]
    assert gateway["Attachments"] == [{"State": "available", "VpcId": vpc["VpcId"]}]
    (table,) = ec2.describe_route_tables()["RouteTables"]
    assert [association["Main"] for association in table["Associations"]] == [True]
    assert {route["DestinationCidrBlock"]: route["GatewayId"] for route in table["Routes"]} == {
        "172.31.0.0/16": "local",
        "0.0.0.0/0": gateway["InternetGatewayId"],
    }
    (options,) = ec2.describe_dhcp_options(DhcpOptionsIds=[vpc["DhcpOptionsId"]])["DhcpOptions"]
    told = {one["Key"]: one["Values"][0]["Value"] for one in options["DhcpConfigurations"]}
    assert told == {"domain-name": "ec2.internal", "domain-name-servers": "AmazonProvidedDNS"}
    other = aws.client("ec2", region_name="eu-west-1").describe_vpcs()["Vpcs"]
    assert [vpc["CidrBlock"] for vpc in other] == ["172.31.0.0/16"] and other[0]["VpcId"] != vpc["VpcId"]


def test_the_default_vpc_is_made_anew_only_when_asked_for(ec2, refused):
    with refused("DefaultVpcAlreadyExists"):
        ec2.create_default_vpc()
    (vpc,) = ec2.describe_vpcs()["Vpcs"]
    with refused("DependencyViolation", f"The vpc '{vpc['VpcId']}' has dependencies and cannot be deleted."):
        ec2.delete_vpc(VpcId=vpc["VpcId"])
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    gateway = ec2.describe_internet_gateways()["InternetGateways"][0]["InternetGatewayId"]
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc["VpcId"])
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_vpc(VpcId=vpc["VpcId"])
    assert ec2.describe_vpcs()["Vpcs"] == ec2.describe_route_tables()["RouteTables"] == []
    with refused("VPCIdNotSpecified"):
        ec2.create_security_group(GroupName="g", Description="g")
    with refused("DefaultVpcDoesNotExist"):
        ec2.create_default_subnet(AvailabilityZone="us-east-1a")
    made = ec2.create_default_vpc()["Vpc"]
    assert made["IsDefault"]
    subnets = ec2.describe_subnets()["Subnets"]
    assert len(subnets) == 6
    ec2.delete_subnet(SubnetId=subnets[0]["SubnetId"])
    zone = {"AvailabilityZone": subnets[0]["AvailabilityZone"]}
    with refused("InvalidSubnet.Conflict"):
        ec2.create_default_subnet(**zone, Ipv6Native=True)
    ec2.associate_vpc_cidr_block(VpcId=made["VpcId"], AmazonProvidedIpv6CidrBlock=True)
    six = ec2.create_default_subnet(**zone, Ipv6Native=True)["Subnet"]
    assert six["Ipv6Native"] and six["DefaultForAz"] and "CidrBlock" not in six
    assert six["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].endswith("/64")


def test_a_vpc_begins_with_a_table_a_group_and_a_list(ec2, vpc):
    of_vpc = [{"Name": "vpc-id", "Values": [vpc]}]
    (table,) = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    assert [route["GatewayId"] for route in table["Routes"]] == ["local"]
    (group,) = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    assert group["GroupName"] == "default"
    assert group["IpPermissions"][0]["UserIdGroupPairs"][0]["GroupId"] == group["GroupId"]
    assert group["IpPermissionsEgress"][0]["IpRanges"] == [{"CidrIp": "0.0.0.0/0"}]
    (acl,) = ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"]
    assert acl["IsDefault"] and [entry["RuleNumber"] for entry in acl["Entries"]] == [100, 32767, 100, 32767]
    ec2.delete_vpc(VpcId=vpc)
    assert ec2.describe_route_tables(Filters=of_vpc)["RouteTables"] == []
    assert ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"] == []
    assert ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"] == []


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "10.0.0.0/29"])
def test_a_vpc_is_no_larger_than_16_and_no_smaller_than_28(ec2, refused, cidr):
    with refused("InvalidVpc.Range", f"The CIDR '{cidr}' is invalid."):
        ec2.create_vpc(CidrBlock=cidr)
    with refused("InvalidParameterValue", "Value (10.0.0.0/33) for parameter cidrBlock is invalid."):
        ec2.create_vpc(CidrBlock="10.0.0.0/33")
    assert ec2.create_vpc(CidrBlock="100.68.0.18/18")["Vpc"]["CidrBlock"] == "100.68.0.0/18"


def test_a_region_has_as_many_vpcs_as_aws_grants(ec2, refused):
    for number in range(99):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    with refused("VpcLimitExceeded", "The maximum number of VPCs has been reached."):
        ec2.create_vpc(CidrBlock="10.9.0.0/16")


def test_attributes_and_tenancy_are_changed_one_by_one(ec2, vpc, refused):
    def attribute(name):
        return ec2.describe_vpc_attribute(VpcId=vpc, Attribute=name)[name[0].upper() + name[1:]]["Value"]

    assert attribute("enableDnsSupport") is True and attribute("enableDnsHostnames") is False
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert attribute("enableDnsHostnames") is True
    with refused("InvalidParameterCombination"):
        ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True}, EnableDnsSupport={"Value": True})
    dedicated = ec2.create_vpc(CidrBlock="10.1.0.0/16", InstanceTenancy="dedicated")["Vpc"]
    assert dedicated["InstanceTenancy"] == "dedicated"
    ec2.modify_vpc_tenancy(VpcId=dedicated["VpcId"], InstanceTenancy="default")
    (now,) = ec2.describe_vpcs(VpcIds=[dedicated["VpcId"]])["Vpcs"]
    assert now["InstanceTenancy"] == "default"


def test_secondary_ranges_come_with_local_routes_and_go_without_subnets(ec2, vpc, refused):
    added = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="100.64.0.0/16")["CidrBlockAssociation"]
    assert added["CidrBlockState"]["State"] == "associating"
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    assert {route["DestinationCidrBlock"] for route in tables[0]["Routes"]} == {"10.0.0.0/16", "100.64.0.0/16"}
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="100.64.3.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    ec2.delete_subnet(SubnetId=subnet)
    ec2.disassociate_vpc_cidr_block(AssociationId=added["AssociationId"])
    (now,) = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    assert [one["CidrBlock"] for one in now["CidrBlockAssociationSet"]] == ["10.0.0.0/16"]
    with refused("OperationNotPermitted"):
        ec2.disassociate_vpc_cidr_block(AssociationId=now["CidrBlockAssociationSet"][0]["AssociationId"])
    with refused("InvalidVpc.Range", "is restricted"):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="192.168.0.0/16")
    with refused("InvalidVpc.Conflict"):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.0.128.0/20")
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_route(RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="10.2.3.0/24", GatewayId=gateway)
    with refused("InvalidVpc.Conflict", "10.2.3.0/24"):
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.2.0.0/16")


def test_ipv6_of_amazon_reaches_tables_lists_and_groups(ec2, refused):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
    of_vpc = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
    (now,) = ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])["Vpcs"]
    cidr = now["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    assert cidr.endswith("/56")
    (table,) = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    assert cidr in {route.get("DestinationIpv6CidrBlock") for route in table["Routes"]}
    (acl,) = ec2.describe_network_acls(Filters=of_vpc)["NetworkAcls"]
    assert {entry["RuleNumber"] for entry in acl["Entries"]} == {100, 101, 32767, 32768}
    (group,) = ec2.describe_security_groups(Filters=of_vpc)["SecurityGroups"]
    assert group["IpPermissionsEgress"][0]["Ipv6Ranges"] == [{"CidrIpv6": "::/0"}]
    part = cidr.replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc["VpcId"], CidrBlock="10.0.0.0/24", Ipv6CidrBlock=part)["Subnet"]
    assert subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"] == part
    ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], AssignIpv6AddressOnCreation={"Value": True})
    interface = ec2.create_network_interface(SubnetId=subnet["SubnetId"])["NetworkInterface"]
    assert len(interface["Ipv6Addresses"]) == 1
    association = subnet["Ipv6CidrBlockAssociationSet"][0]["AssociationId"]
    with refused("InvalidCidrBlock.InUse"):
        ec2.disassociate_subnet_cidr_block(AssociationId=association)


def test_missing_things_are_told_in_ec2s_words(ec2, refused):
    gone = "vpc-0123456789abcdef0"
    with refused("InvalidVpcID.NotFound", f"The vpc ID '{gone}' does not exist"):
        ec2.describe_vpcs(VpcIds=[gone])
    with refused("InvalidVpcID.NotFound"):
        ec2.delete_vpc(VpcId=gone)
    with refused("InvalidVpcID.Malformed"):
        ec2.delete_vpc(VpcId="nonsense")
    with refused("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID 'vpc-cidr-assoc-"):
        ec2.disassociate_vpc_cidr_block(AssociationId="vpc-cidr-assoc-0123456789abcdef0")


def test_filters_find_vpcs_by_ranges_and_tags(ec2, vpc):
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": "main"}])
    for name, value in (
        ("cidr", "10.0.*"),
        ("cidr-block-association.cidr-block", "10.0.0.0/16"),
        ("is-default", "false"),
        ("state", "available"),
        ("tag:Name", "main"),
    ):
        found = ec2.describe_vpcs(Filters=[{"Name": name, "Values": [value]}])["Vpcs"]
        expected = 1 if name != "state" else 2
        assert len(found) == expected and vpc in {one["VpcId"] for one in found}, name


def test_a_vpc_takes_its_range_out_of_a_pool_of_ipam_and_gives_it_back(ec2, clock):
    ipam = ec2.create_ipam(OperatingRegions=[{"RegionName": "us-east-1"}])["Ipam"]
    clock.advance(5)
    pool = ec2.create_ipam_pool(IpamScopeId=ipam["PrivateDefaultScopeId"], AddressFamily="ipv4", Locale="us-east-1")[
        "IpamPool"
    ]["IpamPoolId"]
    clock.advance(5)
    ec2.provision_ipam_pool_cidr(IpamPoolId=pool, Cidr="10.64.0.0/12")
    clock.advance(5)
    made = ec2.create_vpc(Ipv4IpamPoolId=pool, Ipv4NetmaskLength=20)["Vpc"]
    assert made["CidrBlock"] == "10.64.0.0/20"
    added = ec2.associate_vpc_cidr_block(VpcId=made["VpcId"], Ipv4IpamPoolId=pool, Ipv4NetmaskLength=24)
    assert added["CidrBlockAssociation"]["CidrBlock"] == "10.64.16.0/24"

    def given():
        return {one["Cidr"] for one in ec2.get_ipam_pool_allocations(IpamPoolId=pool)["IpamPoolAllocations"]}

    assert given() == {"10.64.0.0/20", "10.64.16.0/24"}
    ec2.disassociate_vpc_cidr_block(AssociationId=added["CidrBlockAssociation"]["AssociationId"])
    assert given() == {"10.64.0.0/20"}
    ec2.delete_vpc(VpcId=made["VpcId"])
    assert given() == set()
