"""Network interfaces of instances: attached, addressed, routed to, detached."""

from __future__ import annotations

import pytest


@pytest.fixture
def instance(ec2, subnet, clock):
    filters = [{"Name": "architecture", "Values": ["x86_64"]}, {"Name": "name", "Values": ["al2023-ami-2*"]}]
    image = ec2.describe_images(Owners=["amazon"], Filters=filters)["Images"][0]["ImageId"]
    launched = ec2.run_instances(ImageId=image, InstanceType="t3.micro", MinCount=1, MaxCount=1, SubnetId=subnet)
    what = launched["Instances"][0]["InstanceId"]
    clock.advance(30)
    yield what
    ec2.terminate_instances(InstanceIds=[what])
    clock.advance(30)


def test_interfaces_come_to_an_instance_and_go(ec2, vpc, subnet, gateway, instance, clock, refused):
    (primary,) = ec2.describe_network_interfaces(Filters=[{"Name": "attachment.instance-id", "Values": [instance]}])[
        "NetworkInterfaces"
    ]
    assert primary["Attachment"]["DeviceIndex"] == 0 and primary["Attachment"]["DeleteOnTermination"]
    with refused("OperationNotPermitted", "The network interface at device index 0 cannot be detached."):
        ec2.detach_network_interface(AttachmentId=primary["Attachment"]["AttachmentId"])
    second = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidParameterValue", f"Instance '{instance}' already has an interface attached at device index"):
        ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=0)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", InstanceId=instance)
    (_, route) = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    assert (route["InstanceId"], route["NetworkInterfaceId"], route["State"]) == (
        instance,
        primary["NetworkInterfaceId"],
        "active",
    )
    address = ec2.allocate_address()["AllocationId"]
    ec2.associate_address(AllocationId=address, InstanceId=instance)
    (told,) = ec2.describe_addresses(AllocationIds=[address])["Addresses"]
    assert (told["InstanceId"], told["PrivateIpAddress"]) == (instance, primary["PrivateIpAddress"])

    udp = {"EnaSrdUdpSpecification": {"EnaSrdUdpEnabled": True}}
    to = {"NetworkInterfaceId": second, "InstanceId": instance, "DeviceIndex": 1}
    with refused("InvalidParameterCombination"):
        ec2.attach_network_interface(**to, EnaSrdSpecification=udp)
    attachment = ec2.attach_network_interface(**to, EnaSrdSpecification={"EnaSrdEnabled": True}, EnaQueueCount=4)
    (now,) = ec2.describe_network_interfaces(NetworkInterfaceIds=[second])["NetworkInterfaces"]
    assert (now["Status"], now["Attachment"]["InstanceId"]) == ("in-use", instance)
    assert now["Attachment"]["EnaSrdSpecification"]["EnaSrdEnabled"] and now["Attachment"]["EnaQueueCount"] == 4
    with refused("InvalidNetworkInterface.InUse"):
        ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=instance, DeviceIndex=2)
    with refused("InvalidParameterValue", f"Network interface '{second}' is currently in use."):
        ec2.delete_network_interface(NetworkInterfaceId=second)
    third = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    with refused("AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro"):
        ec2.attach_network_interface(NetworkInterfaceId=third, InstanceId=instance, DeviceIndex=2)
    ec2.assign_private_ip_addresses(NetworkInterfaceId=third, SecondaryPrivateIpAddressCount=3)
    with refused("PrivateIpAddressLimitExceeded"):
        ec2.assign_private_ip_addresses(NetworkInterfaceId=second, SecondaryPrivateIpAddressCount=2)
    with refused("InvalidInstanceID", "There are multiple interfaces attached to instance"):
        ec2.associate_address(AllocationId=address, InstanceId=instance)
    ec2.modify_network_interface_attribute(
        NetworkInterfaceId=second,
        Attachment={"AttachmentId": attachment["AttachmentId"], "DeleteOnTermination": True},
    )
    ec2.detach_network_interface(AttachmentId=attachment["AttachmentId"])
    with refused("PrivateIpAddressLimitExceeded"):
        ec2.attach_network_interface(NetworkInterfaceId=third, InstanceId=instance, DeviceIndex=1)
    ec2.delete_network_interface(NetworkInterfaceId=second)
    ec2.disassociate_address(AssociationId=told["AssociationId"])
    ec2.release_address(AllocationId=address)


def test_an_interface_of_another_zone_is_not_attached(ec2, vpc, instance, refused):
    elsewhere = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.7.0/24", AvailabilityZone="us-east-1b")["Subnet"]
    made = ec2.create_network_interface(SubnetId=elsewhere["SubnetId"])["NetworkInterface"]["NetworkInterfaceId"]
    with refused("InvalidParameterCombination", "not in the same availability zone"):
        ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=1)
