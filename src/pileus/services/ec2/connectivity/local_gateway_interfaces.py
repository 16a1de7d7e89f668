"""Virtual interfaces of local gateways, and groups of them: what speaks BGP to the network of the premises."""

from __future__ import annotations

from ipaddress import ip_interface
from typing import Any

from pileus.kernel import Call
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.network.life import Life

from .local_gateways import LocalGateway, OutpostLag

GROUP_MISSING = (
    "InvalidLocalGatewayVirtualInterfaceGroupID.NotFound",
    "The local gateway virtual interface group ID '{}' does not exist",
)
INTERFACE_MISSING = (
    "InvalidLocalGatewayVirtualInterfaceID.NotFound",
    "The local gateway virtual interface ID '{}' does not exist",
)
STATES = "ConfigurationState: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
DEFAULT_ASN = 64512

groups = Life[Row]()
"""What holds a group."""


@kind("local-gateway-virtual-interface-group", "lgw-vif-grp", missing=GROUP_MISSING)
class LocalGatewayVirtualInterfaceGroup(Resource, service=ec2):
    """A group, to which routes lead."""

    key = "LocalGatewayVirtualInterfaceGroupId"
    arn = (
        "LocalGatewayVirtualInterfaceGroupArn",
        "local-gateway-virtual-interface-group/{LocalGatewayVirtualInterfaceGroupId}",
    )
    create, list = "CreateLocalGatewayVirtualInterfaceGroup", "DescribeLocalGatewayVirtualInterfaceGroups"
    delete = "DeleteLocalGatewayVirtualInterfaceGroup"
    missing = GROUP_MISSING
    tags = "TagSpecifications"
    states = STATES
    fields = {
        "LocalGatewayVirtualInterfaceGroupId": hex_id("lgw-vif-grp"),
        "LocalGatewayVirtualInterfaceIds": None,
        "OwnerId": owner,
    }
    filters = {
        "local-gateway-id": "LocalGatewayId",
        "local-gateway-virtual-interface-group-id": "LocalGatewayVirtualInterfaceGroupId",
        "owner-id": "OwnerId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        LocalGateway.named(call, row["LocalGatewayId"])
        number = row.members.get("LocalBgpAsnExtended") or row.members.get("LocalBgpAsn") or DEFAULT_ASN
        row["LocalBgpAsnExtended"] = number
        row["LocalBgpAsn"] = number if number < 65536 else 23456  # RFC 6793

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if interfaces(call, row) or groups.held(call, row):
            what = row["LocalGatewayVirtualInterfaceGroupId"]
            raise in_use(f"The virtual interface group '{what}' has dependencies and cannot be deleted.")

    @staticmethod
    def shown(call: Call, row: Row) -> dict[str, Any]:
        there = interfaces(call, row)
        empty = {"ConfigurationState": "incomplete"} if row["ConfigurationState"] == "available" and not there else {}
        return {"LocalGatewayVirtualInterfaceIds": there} | empty


def interfaces(call: Call, group: Row) -> list[str]:
    """The ids of a group's interfaces."""
    return [
        row["LocalGatewayVirtualInterfaceId"]
        for row in LocalGatewayVirtualInterface.family.row.scan(call)
        if row["LocalGatewayVirtualInterfaceGroupId"] == group["LocalGatewayVirtualInterfaceGroupId"]
        and row["ConfigurationState"] not in ("deleting", "deleted")
    ]


@kind("local-gateway-virtual-interface", "lgw-vif", missing=INTERFACE_MISSING)
class LocalGatewayVirtualInterface(Resource, service=ec2):
    """A virtual interface, in a VLAN of a link aggregation group."""

    key = "LocalGatewayVirtualInterfaceId"
    arn = ("LocalGatewayVirtualInterfaceArn", "local-gateway-virtual-interface/{LocalGatewayVirtualInterfaceId}")
    create, list = "CreateLocalGatewayVirtualInterface", "DescribeLocalGatewayVirtualInterfaces"
    delete = "DeleteLocalGatewayVirtualInterface"
    missing = INTERFACE_MISSING
    tags = "TagSpecifications"
    states = STATES
    fields = {
        "LocalGatewayVirtualInterfaceId": hex_id("lgw-vif"),
        "LocalGatewayId": None,
        "LocalBgpAsn": None,
        "OwnerId": owner,
    }
    filters = {
        "local-address": "LocalAddress",
        "local-bgp-asn": "LocalBgpAsn",
        "local-gateway-id": "LocalGatewayId",
        "local-gateway-virtual-interface-id": "LocalGatewayVirtualInterfaceId",
        "owner-id": "OwnerId",
        "peer-address": "PeerAddress",
        "peer-bgp-asn": "PeerBgpAsn",
        "vlan": "Vlan",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        group = LocalGatewayVirtualInterfaceGroup.named(call, row["LocalGatewayVirtualInterfaceGroupId"])
        OutpostLag.named(call, row["OutpostLagId"])
        check(call, row)
        row["LocalGatewayId"], row["LocalBgpAsn"] = group["LocalGatewayId"], group["LocalBgpAsn"]


def check(call: Call, row: Row) -> None:
    """Raise for a VLAN that is none or taken, and for what is no address."""
    others = LocalGatewayVirtualInterface.family.row.scan(call)
    taken = {one["Vlan"] for one in others if one["OutpostLagId"] == row["OutpostLagId"]}
    if not 2 <= row["Vlan"] <= 4094 or row["Vlan"] in taken:
        raise bad_value("Vlan", row["Vlan"])
    for name in ("LocalAddress", "PeerAddress"):
        try:
            ip_interface(row[name])
        except ValueError:
            raise bad_value(name, row[name]) from None
