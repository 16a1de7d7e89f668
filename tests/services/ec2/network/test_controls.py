"""What keeps a VPC to rules: encryption controls, permissions on interfaces, and everything by dry run."""

from __future__ import annotations

import pytest


def test_encryption_is_enforced_only_where_all_encrypt_or_are_excluded(ec2, vpc, gateway, clock, refused):
    made = ec2.create_vpc_encryption_control(VpcId=vpc)["VpcEncryptionControl"]
    what = made["VpcEncryptionControlId"]
    assert (made["Mode"], made["State"]) == ("monitor", "creating")
    with refused("VpcEncryptionControlAlreadyExists"):
        ec2.create_vpc_encryption_control(VpcId=vpc)
    clock.advance(2)
    (told,) = ec2.describe_vpc_encryption_controls(VpcIds=[vpc])["VpcEncryptionControls"]
    assert told["State"] == "available"
    found = ec2.get_vpc_resources_blocking_encryption_enforcement(VpcId=vpc)["NonCompliantResources"]
    assert [one["Id"] for one in found] == [gateway]
    failed = ec2.modify_vpc_encryption_control(VpcEncryptionControlId=what, Mode="enforce")["VpcEncryptionControl"]
    assert failed["State"] == "enforce-failed" and gateway in failed["StateMessage"]
    ec2.modify_vpc_encryption_control(VpcEncryptionControlId=what, Mode="enforce", InternetGatewayExclusion="enable")
    clock.advance(2)
    (told,) = ec2.describe_vpc_encryption_controls(VpcEncryptionControlIds=[what])["VpcEncryptionControls"]
    assert (told["Mode"], told["State"]) == ("enforce", "available")
    assert told["ResourceExclusions"]["InternetGateway"]["State"] == "enabled"
    ec2.delete_vpc_encryption_control(VpcEncryptionControlId=what)
    assert ec2.describe_vpc_encryption_controls()["VpcEncryptionControls"] == []


def test_a_permission_is_granted_to_one_account(ec2, subnet, refused):
    interface = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("MissingParameter"):
        ec2.create_network_interface_permission(NetworkInterfaceId=interface, Permission="INSTANCE-ATTACH")
    made = ec2.create_network_interface_permission(
        NetworkInterfaceId=interface, Permission="INSTANCE-ATTACH", AwsAccountId="111122223333"
    )["InterfacePermission"]
    assert made["PermissionState"]["State"] == "granted"
    filters = [{"Name": "network-interface-permission.aws-account-id", "Values": ["111122223333"]}]
    assert len(ec2.describe_network_interface_permissions(Filters=filters)["NetworkInterfacePermissions"]) == 1
    ec2.delete_network_interface_permission(NetworkInterfacePermissionId=made["NetworkInterfacePermissionId"])
    assert ec2.describe_network_interface_permissions()["NetworkInterfacePermissions"] == []


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("create_vpc", {"CidrBlock": "10.0.0.0/16"}),
        ("create_internet_gateway", {}),
        ("allocate_address", {}),
        ("create_security_group", {"GroupName": "g", "Description": "g"}),
    ],
)
def test_a_dry_run_changes_nothing(ec2, refused, operation, arguments):
    def everything():
        return (
            ec2.describe_vpcs()["Vpcs"],
            ec2.describe_internet_gateways()["InternetGateways"],
            ec2.describe_addresses()["Addresses"],
            ec2.describe_security_groups()["SecurityGroups"],
        )

    before = everything()
    with refused("DryRunOperation"):
        getattr(ec2, operation)(DryRun=True, **arguments)
    assert everything() == before
