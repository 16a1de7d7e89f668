"""Subnets and prefix lists that one account shares with another by RAM."""

from __future__ import annotations

import pytest

OTHER = "210987654321"


@pytest.fixture
def theirs(cloud):
    """The EC2 of the other account."""
    return cloud.account(OTHER).client("ec2")


def share(aws, cloud, arn):
    name = arn.rpartition("/")[2]
    aws.client("ram").create_resource_share(
        name=name, resourceArns=[arn], principals=[OTHER], allowExternalPrincipals=True
    )
    ram = cloud.account(OTHER).client("ram")
    for invitation in ram.get_resource_share_invitations()["resourceShareInvitations"]:
        if invitation["status"] == "PENDING":
            ram.accept_resource_share_invitation(resourceShareInvitationArn=invitation["resourceShareInvitationArn"])


def test_others_make_interfaces_and_groups_of_their_own_in_a_shared_subnet(
    ec2, aws, cloud, theirs, vpc, subnet, refused
):
    with refused("InvalidSubnetID.NotFound"):
        theirs.create_network_interface(SubnetId=subnet)
    ec2.create_tags(Resources=[subnet], Tags=[{"Key": "secret", "Value": "x"}])
    (mine,) = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"]
    share(aws, cloud, mine["SubnetArn"])
    (told,) = theirs.describe_subnets(SubnetIds=[subnet])["Subnets"]
    assert (told["OwnerId"], told["VpcId"]) == (mine["OwnerId"], vpc) and "Tags" not in told
    assert subnet in {one["SubnetId"] for one in theirs.describe_subnets()["Subnets"]}
    assert vpc in {one["VpcId"] for one in theirs.describe_vpcs()["Vpcs"]}
    with refused("InvalidParameterValue", "security group of your own"):
        theirs.create_network_interface(SubnetId=subnet)
    group = theirs.create_security_group(GroupName="theirs", Description="theirs", VpcId=vpc)["GroupId"]
    made = theirs.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]
    assert made["OwnerId"] == OTHER
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"] == 250
    with refused("InvalidIPAddress.InUse"):
        ec2.create_network_interface(SubnetId=subnet, PrivateIpAddress=made["PrivateIpAddress"])
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnet)
    for forbidden in (
        lambda: theirs.delete_subnet(SubnetId=subnet),
        lambda: theirs.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True}),
    ):
        with refused("InvalidSubnetID.NotFound"):
            forbidden()
    theirs.delete_network_interface(NetworkInterfaceId=made["NetworkInterfaceId"])
    ec2.delete_subnet(SubnetId=subnet)
    with refused("DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    theirs.delete_security_group(GroupId=group)
    ec2.delete_vpc(VpcId=vpc)


def test_others_name_a_shared_list_in_their_rules(ec2, aws, cloud, theirs, refused):
    made = ec2.create_managed_prefix_list(
        PrefixListName="offices", AddressFamily="IPv4", MaxEntries=3, Entries=[{"Cidr": "203.0.113.0/24"}]
    )["PrefixList"]
    what = made["PrefixListId"]
    rule = [{"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": what}]}]
    name = f"group-of-{what}"
    group = theirs.create_security_group(GroupName=name, Description="theirs")["GroupId"]
    with refused("InvalidPrefixListID.NotFound"):
        theirs.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    share(aws, cloud, made["PrefixListArn"])
    theirs.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    assert [one["Cidr"] for one in theirs.get_managed_prefix_list_entries(PrefixListId=what)["Entries"]] == [
        "203.0.113.0/24"
    ]
    assert what in {one["PrefixListId"] for one in theirs.describe_managed_prefix_lists()["PrefixLists"]}
    with refused("OperationNotPermitted"):
        theirs.delete_managed_prefix_list(PrefixListId=what)


def test_default_subnets_are_not_shared(ec2, aws, refused):
    default = ec2.describe_subnets()["Subnets"][0]["SubnetArn"]
    with pytest.raises(aws.client("ram").exceptions.ClientError, match="default subnet"):
        aws.client("ram").create_resource_share(name="default", resourceArns=[default], principals=[OTHER])
