"""Outposts as far as EC2 knows them: the local gateway of each, and the links to the network of the premises.

There is no service here of which an Outpost could be ordered: one of the account's is there as soon as a subnet is put
on it, in the zone of that subnet; with it come its local gateway, and a link aggregation group with the service link.
Nothing is connected to them: what is routed to a local gateway gets nowhere.
"""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Resource, Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.kinds import kind, new_id

GATEWAY_MISSING = ("InvalidLocalGatewayID.NotFound", "The local gateway ID '{}' does not exist")
LAG_MISSING = ("InvalidOutpostLagID.NotFound", "The Outpost LAG ID '{}' does not exist")
LINK_MISSING = (
    "InvalidServiceLinkVirtualInterfaceID.NotFound",
    "The service link virtual interface ID '{}' does not exist",
)
ARN = re.compile(r"arn:[\w-]+:outposts:([\w-]+):(\d{12}):outpost/(op-[0-9a-f]{17})")
AVAILABLE = "available"
SERVICE_VLAN = 1


@kind("local-gateway", "lgw", missing=GATEWAY_MISSING)
class LocalGateway(Resource, service=ec2):
    """The way from an Outpost to the premises."""

    key = "LocalGatewayId"
    list = "DescribeLocalGateways"
    missing = GATEWAY_MISSING
    fields = {"LocalGatewayId": None, "OutpostArn": None, "OwnerId": None, "State": AVAILABLE, "Zone": None}
    filters = {
        "local-gateway-id": "LocalGatewayId",
        "outpost-arn": "OutpostArn",
        "owner-id": "OwnerId",
        "state": "State",
    }


@kind("outpost-lag", "op-lag", missing=LAG_MISSING)
class OutpostLag(Resource, service=ec2):
    """Lines from an Outpost to the premises that are used as one."""

    key = "OutpostLagId"
    list = "DescribeOutpostLags"
    missing = LAG_MISSING
    fields = {
        "OutpostLagId": None,
        "OutpostArn": None,
        "OwnerId": None,
        "State": AVAILABLE,
        "LocalGatewayVirtualInterfaceIds": [],
        "ServiceLinkVirtualInterfaceIds": [],
    }
    filters = {
        "outpost-arn": "OutpostArn",
        "outpost-id": lambda row: row["OutpostArn"].rpartition("/")[2],
        "outpost-lag-id": "OutpostLagId",
        "owner-id": "OwnerId",
        "service-link-virtual-interface-id": "ServiceLinkVirtualInterfaceIds",
        "state": "State",
    }


@kind("service-link-virtual-interface", "sl-vif", missing=LINK_MISSING)
class ServiceLinkVirtualInterface(Resource, service=ec2):
    """How an Outpost reaches its Region."""

    key = "ServiceLinkVirtualInterfaceId"
    arn = ("ServiceLinkVirtualInterfaceArn", "service-link-virtual-interface/{ServiceLinkVirtualInterfaceId}")
    list = "DescribeServiceLinkVirtualInterfaces"
    missing = LINK_MISSING
    fields = {
        "ServiceLinkVirtualInterfaceId": None,
        "OutpostId": None,
        "OutpostArn": None,
        "OwnerId": None,
        "Vlan": SERVICE_VLAN,
        "OutpostLagId": None,
        "ConfigurationState": AVAILABLE,
    }
    filters = {
        "outpost-arn": "OutpostArn",
        "outpost-lag-id": "OutpostLagId",
        "owner-id": "OwnerId",
        "service-link-virtual-interface-id": "ServiceLinkVirtualInterfaceId",
        "state": "ConfigurationState",
        "vlan": "Vlan",
    }


def on_outpost(call: Call, outpost_arn: str, zone: str) -> None:
    """Something is put on an Outpost, in a zone: it is there from then on. It is the account's, and in one zone."""
    found = ARN.fullmatch(outpost_arn)
    if found is None or (found[1], found[2]) != (call.region, call.account):
        raise Fault("InvalidOutpostArn.NotFound", f"The Outpost ARN '{outpost_arn}' does not exist")
    there = of_outpost(call, outpost_arn)
    if there is None:
        _install(call, outpost_arn, found[3], zone)
    elif there["Zone"] != zone:
        raise Fault(
            "InvalidParameterValue", f"The Outpost '{outpost_arn}' is in the Availability Zone {there['Zone']}."
        )


def of_outpost(call: Call, outpost_arn: str) -> Row | None:
    """The local gateway of an Outpost."""
    return next((row for row in LocalGateway.family.row.scan(call) if row["OutpostArn"] == outpost_arn), None)


def _install(call: Call, outpost_arn: str, outpost_id: str, zone: str) -> None:
    there: dict[str, Any] = {"OutpostArn": outpost_arn, "OwnerId": call.account}
    gateway, lag, link = (new_id(one) for one in (LocalGateway, OutpostLag, ServiceLinkVirtualInterface))
    _put(call, LocalGateway, there | {"LocalGatewayId": gateway, "State": AVAILABLE, "Zone": zone})
    links = {"LocalGatewayVirtualInterfaceIds": [], "ServiceLinkVirtualInterfaceIds": [link]}
    _put(call, OutpostLag, there | links | {"OutpostLagId": lag, "State": AVAILABLE})
    told = {
        "ServiceLinkVirtualInterfaceId": link,
        "ServiceLinkVirtualInterfaceArn": call.arn(f"service-link-virtual-interface/{link}"),
        "OutpostId": outpost_id,
        "OutpostLagId": lag,
        "Vlan": SERVICE_VLAN,
        "ConfigurationState": AVAILABLE,
    }
    _put(call, ServiceLinkVirtualInterface, there | told)


def _put(call: Call, declared: type[Resource], members: dict[str, Any]) -> None:
    row = declared.family.row
    row(path=[members[declared.family.names[-1]]], members=members).put(call)
