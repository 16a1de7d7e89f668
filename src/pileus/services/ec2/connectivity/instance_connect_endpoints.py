"""EC2 Instance Connect Endpoints: the way to instances without public addresses, by an interface in their VPC."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, regions
from pileus.kernel.resource import Resource, Row, hex_id, now, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.kinds import kind

from . import neighbours

MISSING = ("InvalidInstanceConnectEndpointId.NotFound", "The instance connect endpoint '{}' does not exist")


@kind("instance-connect-endpoint", "eice", missing=MISSING)
class InstanceConnectEndpoint(Resource, service=ec2, cfn="AWS::EC2::InstanceConnectEndpoint"):
    """An endpoint; a VPC has one at most."""

    key = "InstanceConnectEndpointId"
    arn = ("InstanceConnectEndpointArn", "instance-connect-endpoint/{InstanceConnectEndpointId}")
    create, update = "CreateInstanceConnectEndpoint", "ModifyInstanceConnectEndpoint"
    list, delete = "DescribeInstanceConnectEndpoints", "DeleteInstanceConnectEndpoint"
    missing = MISSING
    tags = "TagSpecifications"
    states = "State: create-in-progress -> create-complete after 1s; delete-in-progress -> gone after 1s"
    fields = {
        "InstanceConnectEndpointId": hex_id("eice"),
        "OwnerId": owner,
        "CreatedAt": now,
        "PreserveClientIp": False,
        "IpAddressType": "ipv4",
        "StateMessage": "",
        "VpcId": None,
        "AvailabilityZone": None,
        "AvailabilityZoneId": None,
        "NetworkInterfaceIds": None,
        "DnsName": None,
    }
    filters = {
        "instance-connect-endpoint-id": "InstanceConnectEndpointId",
        "state": "State",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        subnet = neighbours.subnet(call, row["SubnetId"])
        for other in InstanceConnectEndpoint.family.row.scan(call):
            if InstanceConnectEndpoint.family.alive(call, other) and other["VpcId"] == subnet.vpc_id:
                text = f"The VPC {subnet.vpc_id} already has an EC2 Instance Connect Endpoint."
                raise Fault("InstanceConnectEndpointLimitExceeded", text)
        what = row["InstanceConnectEndpointId"]
        groups = neighbours.groups(call, subnet.vpc_id, row.members.get("SecurityGroupIds", []))
        row["VpcId"], row["SecurityGroupIds"] = subnet.vpc_id, groups
        row["AvailabilityZone"], row["AvailabilityZoneId"] = subnet.availability_zone, subnet.availability_zone_id
        suffix = regions.dns_suffix(call.region)
        row["DnsName"] = f"{what}.{call.account}.ec2-instance-connect-endpoint.{call.region}.{suffix}"
        text = f"EC2 Instance Connect Endpoint {what}"
        kind = "ec2_instance_connect_endpoint"
        row["NetworkInterfaceIds"] = [neighbours.place(call, subnet.subnet_id, groups, text, kind=kind)]

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        if groups := changes.get("SecurityGroupIds"):
            changes["SecurityGroupIds"] = neighbours.groups(call, row["VpcId"], groups)
            for interface in row["NetworkInterfaceIds"]:
                neighbours.regroup(call, interface, changes["SecurityGroupIds"])

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        for interface in row["NetworkInterfaceIds"]:
            neighbours.displace(call, interface)
