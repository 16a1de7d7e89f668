"""Route tables of local gateways, and which VPCs and groups of virtual interfaces each is for."""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.faults import bad_value, in_use
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network import changes, targets
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.network.vpcs import life as vpc_life

from .local_gateway_interfaces import LocalGatewayVirtualInterfaceGroup, groups
from .local_gateways import LocalGateway

TABLE_MISSING = (
    "InvalidLocalGatewayRouteTableID.NotFound",
    "The local gateway route table ID '{}' does not exist",
)
VPC_MISSING = (
    "InvalidLocalGatewayRouteTableVpcAssociationID.NotFound",
    "The local gateway route table VPC association ID '{}' does not exist",
)
GROUP_MISSING = (
    "InvalidLocalGatewayRouteTableVirtualInterfaceGroupAssociationID.NotFound",
    "The local gateway route table virtual interface group association ID '{}' does not exist",
)
DIRECT, COIP = "direct-vpc-routing", "coip"
GONE = ("deleting", "deleted", "disassociating", "disassociated")

parts = Life[Row]()
"""What holds a table, and goes with it."""


@kind("local-gateway-route-table", "lgw-rtb", missing=TABLE_MISSING)
class LocalGatewayRouteTable(Resource, service=ec2):
    """A route table, for the addresses of VPCs as they are, or for customer-owned ones in their place."""

    key = "LocalGatewayRouteTableId"
    arn = ("LocalGatewayRouteTableArn", "local-gateway-route-table/{LocalGatewayRouteTableId}")
    create, list = "CreateLocalGatewayRouteTable", "DescribeLocalGatewayRouteTables"
    delete = "DeleteLocalGatewayRouteTable"
    missing = TABLE_MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {"LocalGatewayRouteTableId": hex_id("lgw-rtb"), "OutpostArn": None, "OwnerId": owner, "Mode": DIRECT}
    filters = {
        "local-gateway-id": "LocalGatewayId",
        "local-gateway-route-table-arn": "LocalGatewayRouteTableArn",
        "local-gateway-route-table-id": "LocalGatewayRouteTableId",
        "outpost-arn": "OutpostArn",
        "owner-id": "OwnerId",
        "state": "State",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        row["OutpostArn"] = LocalGateway.named(call, row["LocalGatewayId"])["OutpostArn"]

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["LocalGatewayRouteTableId"]
        if vpcs_of(call, what) or groups_of(call, what) or parts.held(call, row):
            raise in_use(f"The local gateway route table '{what}' has dependencies and cannot be deleted.")

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        parts.end(call, row)


def joined(call: Call, row: Row) -> None:
    """Take over into an association what its table says of itself."""
    table = LocalGatewayRouteTable.named(call, row["LocalGatewayRouteTableId"])
    row["LocalGatewayRouteTableArn"] = table["LocalGatewayRouteTableArn"]
    row["LocalGatewayId"] = table["LocalGatewayId"]


ASSOCIATION_STATES = (
    "State: associating -> associated after 1s; disassociating -> disassociated after 1s; "
    "disassociated -> gone after 1h"
)
OF_TABLE = {
    "local-gateway-id": "LocalGatewayId",
    "local-gateway-route-table-arn": "LocalGatewayRouteTableArn",
    "local-gateway-route-table-id": "LocalGatewayRouteTableId",
    "owner-id": "OwnerId",
    "state": "State",
}


@kind("local-gateway-route-table-vpc-association", "lgw-vpc-assoc", missing=VPC_MISSING)
class LocalGatewayRouteTableVpcAssociation(Resource, service=ec2):
    """A VPC that may route to the local gateway; it is with one table of that."""

    key = "LocalGatewayRouteTableVpcAssociationId"
    create, list = "CreateLocalGatewayRouteTableVpcAssociation", "DescribeLocalGatewayRouteTableVpcAssociations"
    delete = "DeleteLocalGatewayRouteTableVpcAssociation"
    missing = VPC_MISSING
    tags = "TagSpecifications"
    states = ASSOCIATION_STATES
    fields = {
        "LocalGatewayRouteTableVpcAssociationId": hex_id("lgw-vpc-assoc"),
        "LocalGatewayRouteTableArn": None,
        "LocalGatewayId": None,
        "OwnerId": owner,
    }
    filters = OF_TABLE | {
        "local-gateway-route-table-vpc-association-id": "LocalGatewayRouteTableVpcAssociationId",
        "vpc-id": "VpcId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        named(call, Vpc, row["VpcId"])
        joined(call, row)
        if attached(call, row["VpcId"], row["LocalGatewayId"]):
            text = f"The VPC {row['VpcId']} is already associated with a route table of {row['LocalGatewayId']}."
            raise Fault("LocalGatewayRouteTableVpcAssociationAlreadyExists", text)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        changes.changed(call, row["VpcId"])


def vpcs_of(call: Call, table: str) -> list[str]:
    """The VPCs that are with a table."""
    return [row["VpcId"] for row in _associations(call) if row["LocalGatewayRouteTableId"] == table]


def _associations(call: Call) -> list[Row]:
    found = LocalGatewayRouteTableVpcAssociation.family.row.scan(call)
    return [row for row in found if row["State"] not in GONE]


@targets.way("lgw", "LocalGatewayId", needed=True)
def reached(call: Call, vpc_id: str, target: str) -> bool:
    """Whether packets of a VPC that a route leads to a local gateway get there."""
    return attached(call, vpc_id, target)


def attached(call: Call, vpc_id: str, gateway: str) -> bool:
    return any((row["VpcId"], row["LocalGatewayId"]) == (vpc_id, gateway) for row in _associations(call))


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return any(row["VpcId"] == vpc.vpc_id for row in _associations(call))


@kind("local-gateway-route-table-virtual-interface-group-association", "lgw-vif-grp-assoc", missing=GROUP_MISSING)
class LocalGatewayGroupAssociation(Resource, service=ec2):
    """A group of virtual interfaces by which a table routes."""

    key = "LocalGatewayRouteTableVirtualInterfaceGroupAssociationId"
    create = "CreateLocalGatewayRouteTableVirtualInterfaceGroupAssociation"
    list = "DescribeLocalGatewayRouteTableVirtualInterfaceGroupAssociations"
    delete = "DeleteLocalGatewayRouteTableVirtualInterfaceGroupAssociation"
    missing = GROUP_MISSING
    tags = "TagSpecifications"
    states = ASSOCIATION_STATES
    fields = {
        "LocalGatewayRouteTableVirtualInterfaceGroupAssociationId": hex_id("lgw-vif-grp-assoc"),
        "LocalGatewayRouteTableArn": None,
        "LocalGatewayId": None,
        "OwnerId": owner,
    }
    filters = OF_TABLE | {
        "local-gateway-route-table-virtual-interface-group-association-id": (
            "LocalGatewayRouteTableVirtualInterfaceGroupAssociationId"
        ),
        "local-gateway-route-table-virtual-interface-group-id": "LocalGatewayVirtualInterfaceGroupId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        group = LocalGatewayVirtualInterfaceGroup.named(call, row["LocalGatewayVirtualInterfaceGroupId"])
        joined(call, row)
        if group["LocalGatewayId"] != row["LocalGatewayId"]:
            text = "The virtual interface group and the route table belong to different local gateways."
            raise bad_value("LocalGatewayVirtualInterfaceGroupId", row["LocalGatewayVirtualInterfaceGroupId"], text)


def groups_of(call: Call, table: str) -> list[str]:
    """The groups by which a table routes."""
    return [
        row["LocalGatewayVirtualInterfaceGroupId"]
        for row in LocalGatewayGroupAssociation.family.row.scan(call)
        if row["LocalGatewayRouteTableId"] == table and row["State"] not in GONE
    ]


@groups.holds
def holds_group(call: Call, group: Row) -> bool:
    tables = LocalGatewayRouteTable.family.row.scan(call)
    what = group["LocalGatewayVirtualInterfaceGroupId"]
    return any(what in groups_of(call, table["LocalGatewayRouteTableId"]) for table in tables)
