"""Subnets: their ranges, and the addresses that are free in them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def available(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


@pytest.mark.parametrize("length", [16, 20, 24, 28])
def test_five_addresses_of_a_subnet_are_aws_own(ec2, vpc, length):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.0.0/{length}")["Subnet"]
    assert made["AvailableIpAddressCount"] == 2 ** (32 - length) - 5
    assert made["State"] == "available" and not made["MapPublicIpOnLaunch"]
    assert made["SubnetArn"].endswith(f":subnet/{made['SubnetId']}")


def test_ranges_must_lie_within_the_vpc_and_apart(ec2, vpc, subnet, refused):
    with refused("InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")
    with refused("InvalidSubnet.Range"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/29")
    with refused("InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.128/25")
    with refused("InvalidSubnet.Conflict"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/23")
    with refused("InvalidParameterValue", "Value (us-east-1z) for parameter availabilityZone is invalid."):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24", AvailabilityZone="us-east-1z")
    with refused("MissingParameter"):
        ec2.create_subnet(VpcId=vpc)


@settings(max_examples=8)
@given(st.lists(st.tuples(st.integers(0, 15), st.sampled_from([26, 27, 28])), min_size=1, max_size=8))
def test_subnets_of_a_vpc_never_overlap(cloud, refused, wanted):
    ec2 = cloud.account().client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/24")["Vpc"]["VpcId"]
    there = []
    for number, length in wanted:
        network = ip_network((int(ip_address("10.7.0.0")) + number * 16, length), strict=False)
        if any(network.overlaps(other) for other in there):
            with refused("InvalidSubnet.Conflict"):
                ec2.create_subnet(VpcId=vpc, CidrBlock=str(network))
        else:
            ec2.create_subnet(VpcId=vpc, CidrBlock=str(network))
            there.append(network)
    for subnet in ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)


def test_the_count_of_free_addresses_follows_interfaces_addresses_and_prefixes(ec2, subnet):
    assert available(ec2, subnet) == 251
    interface = ec2.create_network_interface(SubnetId=subnet, SecondaryPrivateIpAddressCount=3)["NetworkInterface"]
    what = interface["NetworkInterfaceId"]
    assert available(ec2, subnet) == 247
    ec2.assign_private_ip_addresses(NetworkInterfaceId=what, Ipv4PrefixCount=1)
    assert available(ec2, subnet) == 231
    secondary = [one["PrivateIpAddress"] for one in interface["PrivateIpAddresses"] if not one["Primary"]]
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=what, PrivateIpAddresses=secondary[:2])
    assert available(ec2, subnet) == 233
    ec2.delete_network_interface(NetworkInterfaceId=what)
    assert available(ec2, subnet) == 251


def test_a_small_subnet_is_used_up_to_its_last_address(ec2, vpc, refused):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/28")["Subnet"]["SubnetId"]
    made = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(11)]
    addresses = {interface["PrivateIpAddress"] for interface in made}
    assert addresses == {f"10.0.9.{number}" for number in range(4, 15)}
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.create_network_interface(SubnetId=subnet)
    ec2.delete_network_interface(NetworkInterfaceId=made[5]["NetworkInterfaceId"])
    again = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]
    assert again["PrivateIpAddress"] == made[5]["PrivateIpAddress"]


def test_explicit_addresses_are_checked(ec2, subnet, refused):
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.20")
    with refused("InvalidIPAddress.InUse", "Address 10.0.1.20 is in use."):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.1.20")
    for reserved in ("10.0.1.0", "10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.255"):
        with refused("InvalidParameterValue", "Address is in subnet's reserved address range"):
            ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=reserved)
    with refused("InvalidParameterValue", "Address does not fall within the subnet's address range"):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.2.20")
    assert available(ec2, subnet) == 250


def test_nothing_is_given_out_of_a_reservation_by_itself(ec2, vpc, refused):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/27")["Subnet"]["SubnetId"]
    kept = ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr="10.0.9.16/28", ReservationType="explicit")
    made = [ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"] for _ in range(12)]
    assert all(int(interface["PrivateIpAddress"].rpartition(".")[2]) < 16 for interface in made)
    with refused("InsufficientFreeAddressesInSubnet"):
        ec2.create_network_interface(SubnetId=subnet)
    ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress="10.0.9.17")
    reservations = ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]
    assert [one["Cidr"] for one in reservations] == ["10.0.9.16/28"]
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=kept["SubnetCidrReservation"]["SubnetCidrReservationId"])
    assert ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["PrivateIpAddress"]


def test_a_subnet_with_interfaces_is_not_deleted(ec2, vpc, subnet, refused):
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted."):
        ec2.delete_subnet(SubnetId=subnet)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    ec2.delete_network_interface(NetworkInterfaceId=interface)
    ec2.delete_subnet(SubnetId=subnet)
    with refused("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist"):
        ec2.describe_subnets(SubnetIds=[subnet])
    ec2.delete_vpc(VpcId=vpc)


def test_attributes_are_changed_one_by_one(ec2, subnet, refused):
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=subnet, PrivateDnsHostnameTypeOnLaunch="resource-name")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    (now,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert now["MapPublicIpOnLaunch"]
    assert now["PrivateDnsNameOptionsOnLaunch"]["HostnameType"] == "resource-name"
    assert now["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsARecord"]
    with refused("InvalidParameterValue", "doesn't have an IPv6 CIDR block"):
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})


def test_local_and_wavelength_zones_need_an_opt_in(ec2, vpc, refused):
    assert {zone["ZoneType"] for zone in ec2.describe_availability_zones()["AvailabilityZones"]} == {
        "availability-zone"
    }
    every = ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    local = next(zone for zone in every if zone["ZoneName"] == "us-east-1-bos-1a")
    assert (local["ZoneType"], local["OptInStatus"]) == ("local-zone", "not-opted-in")
    assert local["ParentZoneName"].startswith("us-east-1")
    assert any(zone["ZoneName"] == "us-east-1-wl1-bos-wlz-1" for zone in every)
    with refused("InvalidParameterValue"):
        ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1-bos-1a")
    ec2.modify_availability_zone_group(GroupName="us-east-1-bos-1", OptInStatus="opted-in")
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.3.0/24", AvailabilityZone="us-east-1-bos-1a")["Subnet"]
    assert made["AvailabilityZoneId"] == local["ZoneId"]
    assert len(ec2.describe_availability_zones()["AvailabilityZones"]) == 7


def test_regions_and_the_account_are_described(ec2, refused):
    names = {region["RegionName"] for region in ec2.describe_regions()["Regions"]}
    assert {"us-east-1", "eu-west-1"} <= names and "af-south-1" not in names
    every = {region["RegionName"]: region for region in ec2.describe_regions(AllRegions=True)["Regions"]}
    assert every["af-south-1"]["OptInStatus"] == "not-opted-in"
    assert every["eu-west-1"]["Endpoint"] == "ec2.eu-west-1.amazonaws.com"
    with refused("InvalidParameterValue"):
        ec2.describe_regions(RegionNames=["nowhere-1"])
    attributes = ec2.describe_account_attributes(AttributeNames=["default-vpc", "supported-platforms"])
    told = {
        one["AttributeName"]: one["AttributeValues"][0]["AttributeValue"] for one in attributes["AccountAttributes"]
    }
    assert told == {"default-vpc": ec2.describe_vpcs()["Vpcs"][0]["VpcId"], "supported-platforms": "VPC"}
    assert ec2.describe_aggregate_id_format()["UseLongIdsAggregated"]
    with refused("OperationNotPermitted"):
        ec2.modify_id_format(Resource="instance", UseLongIds=False)
