"""Network interfaces, and the Elastic IP addresses before them."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest


@pytest.fixture
def interface(ec2, subnet):
    return ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]


@pytest.fixture
def address(ec2):
    return ec2.allocate_address()["AllocationId"]


def shown(ec2, interface):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[interface])["NetworkInterfaces"][0]


def test_an_interface_has_what_was_asked_for(ec2, vpc, subnet):
    group = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    made = ec2.create_network_interface(
        SubnetId=subnet,
        Description="mine",
        Groups=[group],
        PrivateIpAddresses=[
            {"PrivateIpAddress": "10.0.1.10", "Primary": True},
            {"PrivateIpAddress": "10.0.1.11", "Primary": False},
        ],
        TagSpecifications=[{"ResourceType": "network-interface", "Tags": [{"Key": "k", "Value": "v"}]}],
    )["NetworkInterface"]
    told = shown(ec2, made["NetworkInterfaceId"])
    assert made["Status"] == "pending" and told["Status"] == "available"
    assert (told["PrivateIpAddress"], told["Description"], told["VpcId"]) == ("10.0.1.10", "mine", vpc)
    assert told["Groups"] == [{"GroupId": group, "GroupName": "g"}]
    assert told["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert told["MacAddress"].count(":") == 5 and int(told["MacAddress"][:2], 16) & 3 == 2
    assert "PrivateDnsName" not in told  # the VPC gives no names
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert shown(ec2, made["NetworkInterfaceId"])["PrivateDnsName"] == "ip-10-0-1-10.ec2.internal"
    for name, value in (
        ("private-ip-address", "10.0.1.11"),
        ("group-id", group),
        ("subnet-id", subnet),
        ("mac-address", told["MacAddress"]),
        ("tag:k", "v"),
    ):
        found = ec2.describe_network_interfaces(Filters=[{"Name": name, "Values": [value]}])["NetworkInterfaces"]
        assert [one["NetworkInterfaceId"] for one in found] == [made["NetworkInterfaceId"]], name


def test_groups_must_be_of_the_vpc_and_five_at_most(ec2, vpc, subnet, refused):
    default = ec2.create_security_group(GroupName="elsewhere", Description="x")["GroupId"]
    with refused("InvalidParameter", f"Security group {default} and subnet {subnet} belong to different networks."):
        ec2.create_network_interface(SubnetId=subnet, Groups=[default])
    groups = [
        ec2.create_security_group(GroupName=f"g{number}", Description="x", VpcId=vpc)["GroupId"] for number in range(6)
    ]
    with refused("SecurityGroupsPerInterfaceLimitExceeded"):
        ec2.create_network_interface(SubnetId=subnet, Groups=groups)
    made = ec2.create_network_interface(SubnetId=subnet, Groups=groups[:5])["NetworkInterface"]["NetworkInterfaceId"]
    ec2.modify_network_interface_attribute(NetworkInterfaceId=made, Groups=groups[5:])
    ec2.delete_security_group(GroupId=groups[0])
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=groups[5])


def test_addresses_and_prefixes_come_and_go(ec2, interface, subnet, refused):
    added = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, SecondaryPrivateIpAddressCount=2)
    secondary = [one["PrivateIpAddress"] for one in added["AssignedPrivateIpAddresses"]]
    prefix = ec2.assign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4PrefixCount=1)["AssignedIpv4Prefixes"]
    network = ip_network(prefix[0]["Ipv4Prefix"])
    assert network.prefixlen == 28 and network.subnet_of(ip_network("10.0.1.0/24"))
    assert not any(ip_address(one) in network for one in secondary)
    with refused("InvalidIPAddress.InUse"):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=str(network[3]))
    other = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidIPAddress.InUse"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=secondary[:1])
    ec2.assign_private_ip_addresses(NetworkInterfaceId=other, PrivateIpAddresses=secondary[:1], AllowReassignment=True)
    assert [one["PrivateIpAddress"] for one in shown(ec2, interface)["PrivateIpAddresses"][1:]] == secondary[1:]
    primary = shown(ec2, interface)["PrivateIpAddress"]
    with refused("InvalidParameterValue"):
        ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, PrivateIpAddresses=[primary])
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=interface, Ipv4Prefixes=[str(network)])
    assert "Ipv4Prefixes" not in shown(ec2, interface) or shown(ec2, interface)["Ipv4Prefixes"] == []


def test_ipv6_addresses_come_and_go(ec2, vpc, refused):
    ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    cidr = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    part = cidr.replace("/56", "/64")
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.2.0/24")["Subnet"]["SubnetId"]
    what = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidParameterValue"):
        ec2.assign_ipv6_addresses(NetworkInterfaceId=what, Ipv6AddressCount=1)
    ec2.associate_subnet_cidr_block(SubnetId=subnet, Ipv6CidrBlock=part)
    added = ec2.assign_ipv6_addresses(NetworkInterfaceId=what, Ipv6AddressCount=2)["AssignedIpv6Addresses"]
    assert all(ip_address(one) in ip_network(part) for one in added)
    prefixes = ec2.assign_ipv6_addresses(NetworkInterfaceId=what, Ipv6PrefixCount=1)["AssignedIpv6Prefixes"]
    assert ip_network(prefixes[0]).prefixlen == 80
    ec2.unassign_ipv6_addresses(NetworkInterfaceId=what, Ipv6Addresses=added[:1], Ipv6Prefixes=prefixes)
    assert [one["Ipv6Address"] for one in shown(ec2, what)["Ipv6Addresses"]] == added[1:]
    native = ec2.create_subnet(
        VpcId=vpc, Ipv6Native=True, Ipv6CidrBlock=str(list(ip_network(cidr).subnets(new_prefix=64))[5])
    )["Subnet"]
    assert native["Ipv6Native"] and "CidrBlock" not in native
    six = ec2.create_network_interface(SubnetId=native["SubnetId"])["NetworkInterface"]
    assert "PrivateIpAddress" not in six and len(six["Ipv6Addresses"]) == 1


def test_attributes_are_changed_one_by_one(ec2, interface, refused):
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck={"Value": False})
    ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Description={"Value": "new"})
    told = ec2.describe_network_interface_attribute(NetworkInterfaceId=interface, Attribute="sourceDestCheck")
    assert told["SourceDestCheck"] == {"Value": False}
    assert shown(ec2, interface)["Description"] == "new"
    ec2.reset_network_interface_attribute(NetworkInterfaceId=interface, SourceDestCheck="true")
    assert shown(ec2, interface)["SourceDestCheck"]
    with refused("InvalidParameterCombination"):
        ec2.modify_network_interface_attribute(
            NetworkInterfaceId=interface, Description={"Value": "x"}, SourceDestCheck={"Value": False}
        )
    with refused("InvalidNetworkInterfaceID.NotFound"):
        ec2.delete_network_interface(NetworkInterfaceId="eni-0123456789abcdef0")
    with refused("InvalidInstanceID.NotFound"):
        ec2.attach_network_interface(NetworkInterfaceId=interface, InstanceId="i-0123456789abcdef0", DeviceIndex=1)
    with refused("InvalidAttachmentID.NotFound"):
        ec2.detach_network_interface(AttachmentId="eni-attach-0123456789abcdef0")


def test_an_address_stands_before_one_interface_at_a_time(ec2, subnet, interface, gateway, address, refused):
    first = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    (told,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert (told["AssociationId"], told["NetworkInterfaceId"]) == (first, interface)
    assert shown(ec2, interface)["Association"]["PublicIp"] == told["PublicIp"]
    with refused("InvalidIPAddress.InUse", f"Address {told['PublicIp']} is in use."):
        ec2.release_address(AllocationId=address)
    other = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("Resource.AlreadyAssociated", f"resource {address} is already associated with associate-id {first}"):
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=other, AllowReassociation=False)
    second = ec2.associate_address(AllocationId=address, NetworkInterfaceId=other)["AssociationId"]
    assert second != first and "Association" not in shown(ec2, interface)
    with refused("InvalidAssociationID.NotFound"):
        ec2.disassociate_address(AssociationId=first)
    ec2.delete_network_interface(NetworkInterfaceId=other)
    assert "AssociationId" not in ec2.describe_addresses(AllocationIds=[address])["Addresses"][0]
    ec2.release_address(AllocationId=address)
    with refused("InvalidAllocationID.NotFound", f"The allocation ID '{address}' does not exist"):
        ec2.describe_addresses(AllocationIds=[address])


def test_a_gateway_with_mapped_addresses_is_not_detached(ec2, vpc, interface, gateway, address, refused):
    association = ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)["AssociationId"]
    with refused("DependencyViolation", f"Network {vpc} has some mapped public address(es)."):
        ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.disassociate_address(AssociationId=association)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    with refused("Gateway.NotAttached", f"Network {vpc} is not attached to any internet gateway"):
        ec2.associate_address(AllocationId=address, NetworkInterfaceId=interface)


def test_there_are_as_many_addresses_as_aws_grants(ec2, refused):
    for _ in range(100):
        ec2.allocate_address()
    assert len({one["PublicIp"] for one in ec2.describe_addresses()["Addresses"]}) == 100
    with refused("AddressLimitExceeded", "The maximum number of addresses has been reached."):
        ec2.allocate_address()


def test_a_released_address_can_be_had_again(ec2, address):
    (told,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    ec2.release_address(AllocationId=address)
    again = ec2.allocate_address(Address=told["PublicIp"])
    assert again["PublicIp"] == told["PublicIp"] and again["AllocationId"] != address


def test_addresses_have_reverse_names_and_change_hands(ec2, address, cloud, clock, refused):
    other = cloud.account("210987654321")
    ec2.modify_address_attribute(AllocationId=address, DomainName="mail.example.com")
    (told,) = ec2.describe_addresses_attribute(AllocationIds=[address], Attribute="domain-name")["Addresses"]
    assert told["PtrRecord"] == "mail.example.com."
    ec2.reset_address_attribute(AllocationId=address, Attribute="domain-name")
    assert ec2.describe_addresses_attribute(Attribute="domain-name")["Addresses"] == []
    (mine,) = ec2.describe_addresses()["Addresses"]
    ec2.enable_address_transfer(AllocationId=address, TransferAccountId="210987654321")
    assert ec2.describe_address_transfers()["AddressTransfers"][0]["AddressTransferStatus"] == "pending"
    done = other.client("ec2").accept_address_transfer(Address=mine["PublicIp"])["AddressTransfer"]
    assert done["AddressTransferStatus"] == "accepted"
    assert ec2.describe_addresses()["Addresses"] == []
    (theirs,) = other.client("ec2").describe_addresses(PublicIps=[mine["PublicIp"]])["Addresses"]
    assert theirs["AllocationId"] != address
    with refused("InvalidAddressTransfer.NotFound"):
        other.client("ec2").accept_address_transfer(Address=mine["PublicIp"])


def test_addresses_of_ones_own_come_from_ones_own_pool(ec2, clock, refused):
    made = ec2.provision_byoip_cidr(Cidr="203.0.113.0/24")["ByoipCidr"]
    assert made["State"] == "pending-provision"
    clock.advance(100)
    (told,) = ec2.describe_byoip_cidrs(MaxResults=5)["ByoipCidrs"]
    assert told["State"] == "provisioned"
    ec2.advertise_byoip_cidr(Cidr="203.0.113.0/24")
    got = ec2.allocate_address(PublicIpv4Pool=told["PoolId"])
    assert got["PublicIp"].startswith("203.0.113.") and got["PublicIpv4Pool"] == told["PoolId"]
    (pool,) = ec2.describe_public_ipv4_pools()["PublicIpv4Pools"]
    assert (pool["TotalAddressCount"], pool["TotalAvailableAddressCount"]) == (256, 255)
    ec2.withdraw_byoip_cidr(Cidr="203.0.113.0/24")
    with refused("IncorrectState"):
        ec2.deprovision_byoip_cidr(Cidr="203.0.113.0/24")
    ec2.release_address(AllocationId=got["AllocationId"])
    ec2.deprovision_byoip_cidr(Cidr="203.0.113.0/24")
    assert ec2.describe_public_ipv4_pools()["PublicIpv4Pools"] == []


def test_branches_come_through_a_trunk_under_numbers_of_their_own(ec2, subnet, refused):
    made = {
        kind: ec2.create_network_interface(SubnetId=subnet, InterfaceType=kind)["NetworkInterface"][
            "NetworkInterfaceId"
        ]
        for kind in ("trunk", "branch")
    }
    ids = {"TrunkInterfaceId": made["trunk"], "BranchInterfaceId": made["branch"]}
    with refused("InvalidParameterCombination"):
        ec2.associate_trunk_interface(**ids)
    one = ec2.associate_trunk_interface(**ids, VlanId=7)["InterfaceAssociation"]
    assert one["InterfaceProtocol"] == "VLAN"
    with refused("Resource.AlreadyAssociated"):
        ec2.associate_trunk_interface(**ids, VlanId=8)
    with refused("InvalidParameterValue"):
        ec2.delete_network_interface(NetworkInterfaceId=made["branch"])
    (told,) = ec2.describe_trunk_interface_associations()["InterfaceAssociations"]
    assert told["VlanId"] == 7
    ec2.disassociate_trunk_interface(AssociationId=one["AssociationId"])
    ec2.delete_network_interface(NetworkInterfaceId=made["branch"])
