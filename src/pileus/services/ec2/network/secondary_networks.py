"""Secondary networks: networks beside VPCs, for direct memory access between accelerated instances, with subnets.

Secondary interfaces come with the instances that are launched with them; there are no such instances here.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.names import hex_id as new_hex_id
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import bad_value, combination, in_use
from pileus.services.ec2.kinds import kind

from . import cidrs, zones

NETWORK_MISSING = ("InvalidSecondaryNetworkId.NotFound", "The secondary network ID '{}' does not exist")
SUBNET_MISSING = ("InvalidSecondarySubnetId.NotFound", "The secondary subnet ID '{}' does not exist")
INTERFACE_MISSING = ("InvalidSecondaryInterfaceId.NotFound", "The secondary interface ID '{}' does not exist")
STATES = (
    "State: create-in-progress -> create-complete after 1s; delete-in-progress -> delete-complete after 1s; "
    "delete-complete -> gone after 1h"
)
GONE = ("delete-in-progress", "delete-complete")
OF_BLOCKS = {
    "ipv4-cidr-block-association.association-id": "Ipv4CidrBlockAssociations.AssociationId",
    "ipv4-cidr-block-association.cidr-block": "Ipv4CidrBlockAssociations.CidrBlock",
    "ipv4-cidr-block-association.state": "Ipv4CidrBlockAssociations.State",
    "owner-id": "OwnerId",
    "secondary-network-id": "SecondaryNetworkId",
    "state": "State",
}


def block_of(row: Row, prefix: str) -> None:
    """Show the range that a request gives as what it is: an association, of /12 to /28."""
    network = cidrs.ipv4(row["Ipv4CidrBlock"], "Ipv4CidrBlock")
    if not 12 <= network.prefixlen <= 28:
        raise bad_value("Ipv4CidrBlock", row["Ipv4CidrBlock"], "The size must be between /12 and /28.")
    told = {"AssociationId": new_hex_id(prefix), "CidrBlock": str(network), "State": "associated"}
    row["Ipv4CidrBlock"], row["Ipv4CidrBlockAssociations"] = str(network), [told]


@kind("secondary-network", "secnet", missing=NETWORK_MISSING)
class SecondaryNetwork(Resource, service=ec2):
    """A network."""

    key = "SecondaryNetworkId"
    arn = ("SecondaryNetworkArn", "secondary-network/{SecondaryNetworkId}")
    create, list, delete = "CreateSecondaryNetwork", "DescribeSecondaryNetworks", "DeleteSecondaryNetwork"
    missing = NETWORK_MISSING
    tags = "TagSpecifications"
    states = STATES
    fields = {
        "SecondaryNetworkId": hex_id("secnet"),
        "OwnerId": owner,
        "Type": None,
        "NetworkType": None,
        "Ipv4CidrBlock": None,
        "Ipv4CidrBlockAssociations": None,
    }
    filters = OF_BLOCKS | {"secondary-network-arn": "SecondaryNetworkArn", "type": "Type"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        block_of(row, "secnet-cidr-assoc")
        row["Type"] = row["NetworkType"]

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if subnets(call, row["SecondaryNetworkId"]):
            raise in_use(f"The secondary network '{row['SecondaryNetworkId']}' has dependencies and cannot be deleted.")


@kind("secondary-subnet", "secsubnet", missing=SUBNET_MISSING)
class SecondarySubnet(Resource, service=ec2):
    """A part of one, in a zone."""

    key = "SecondarySubnetId"
    arn = ("SecondarySubnetArn", "secondary-subnet/{SecondarySubnetId}")
    create, list, delete = "CreateSecondarySubnet", "DescribeSecondarySubnets", "DeleteSecondarySubnet"
    missing = SUBNET_MISSING
    tags = "TagSpecifications"
    states = STATES
    fields = {
        "SecondarySubnetId": hex_id("secsubnet"),
        "SecondaryNetworkType": None,
        "OwnerId": owner,
        "Ipv4CidrBlock": None,
        "Ipv4CidrBlockAssociations": None,
    }
    filters = OF_BLOCKS | {
        "secondary-network-type": "SecondaryNetworkType",
        "secondary-subnet-arn": "SecondarySubnetArn",
        "secondary-subnet-id": "SecondarySubnetId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        network = SecondaryNetwork.named(call, row["SecondaryNetworkId"])
        block_of(row, "secsubnet-cidr-assoc")
        place(call, row)
        block = ip_network(row["Ipv4CidrBlock"])
        if not cidrs.within(block, [network["Ipv4CidrBlock"]]):
            raise Fault("InvalidSecondarySubnet.Range", f"The CIDR '{block}' is invalid.")
        if cidrs.overlaps(block, [one["Ipv4CidrBlock"] for one in subnets(call, row["SecondaryNetworkId"])]):
            raise Fault("InvalidSecondarySubnet.Conflict", f"The CIDR '{block}' conflicts with another subnet")
        row["SecondaryNetworkType"] = network["Type"]


def place(call: Call, row: Row) -> None:
    """Give a subnet the zone that it asks for by name or id, or any."""
    name, what = row.members.get("AvailabilityZone", ""), row.members.get("AvailabilityZoneId", "")
    if name and what:
        raise combination("Only one of AvailabilityZone and AvailabilityZoneId may be specified.")
    zone = zones.zone(call, name, what)
    row["AvailabilityZone"], row["AvailabilityZoneId"] = zone.name, zone.id


def subnets(call: Call, network: str) -> list[Any]:
    """The subnets of a network."""
    found = SecondarySubnet.family.row.scan(call)
    return [one for one in found if one["SecondaryNetworkId"] == network and one["State"] not in GONE]


@kind("secondary-interface", "seceni", missing=INTERFACE_MISSING)
class SecondaryInterface(Resource, service=ec2):
    """An interface of an instance in a secondary subnet."""

    key = "SecondaryInterfaceId"
    list = "DescribeSecondaryInterfaces"
    missing = INTERFACE_MISSING
    fields = {
        "SecondaryInterfaceId": None,
        "SecondaryInterfaceArn": None,
        "SecondaryInterfaceType": "secondary",
        "SecondarySubnetId": None,
        "SecondaryNetworkId": None,
        "SecondaryNetworkType": None,
        "OwnerId": owner,
        "Attachment": None,
        "PrivateIpv4Addresses": [],
        "Status": None,
    }
    filters = {
        "attachment.attachment-id": "Attachment.AttachmentId",
        "attachment.instance-id": "Attachment.InstanceId",
        "attachment.instance-owner-id": "Attachment.InstanceOwnerId",
        "attachment.status": "Attachment.Status",
        "owner-id": "OwnerId",
        "private-ipv4-addresses.private-ip-address": "PrivateIpv4Addresses.PrivateIpAddress",
        "secondary-interface-arn": "SecondaryInterfaceArn",
        "secondary-interface-id": "SecondaryInterfaceId",
        "secondary-interface-type": "SecondaryInterfaceType",
        "secondary-network-id": "SecondaryNetworkId",
        "secondary-network-type": "SecondaryNetworkType",
        "secondary-subnet-id": "SecondarySubnetId",
        "status": "Status",
    }
