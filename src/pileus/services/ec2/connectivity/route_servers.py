"""VPC route servers: they take routes from appliances by BGP and put them into route tables.

No appliance speaks BGP here yet: a peer's session stays down, and the database has no routes.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.interfaces import NetworkInterface
from pileus.services.ec2.network.route_tables import RouteTable

from . import neighbours

SERVER_MISSING = ("InvalidRouteServerId.NotFound", "The route server '{}' does not exist")
ENDPOINT_MISSING = ("InvalidRouteServerEndpointId.NotFound", "The route server endpoint '{}' does not exist")
PEER_MISSING = ("InvalidRouteServerPeerId.NotFound", "The route server peer '{}' does not exist")

PERSISTED = {"enable": "enabled", "disable": "disabled", "reset": "enabled"}


class Served(Record, key=("server", "vpc_id"), table="ec2.RouteServerAssociation"):
    """A VPC that a route server is associated with."""

    server: str
    vpc_id: str


class Filled(Record, key=("server", "route_table_id"), table="ec2.RouteServerPropagation"):
    """A route table that a route server fills."""

    server: str
    route_table_id: str


@kind("route-server", "rs", missing=SERVER_MISSING)
class RouteServer(Resource, service=ec2, cfn="AWS::EC2::RouteServer"):
    """A route server."""

    key = "RouteServerId"
    create, update = "CreateRouteServer", "ModifyRouteServer"
    list, delete = "DescribeRouteServers", "DeleteRouteServer"
    missing = SERVER_MISSING
    tags = "TagSpecifications"
    states = """State: pending -> available after 1s
        modifying -> available after 1s
        deleting -> deleted after 1s; deleted -> gone after 1h"""
    fields = {
        "RouteServerId": hex_id("rs"),
        "SnsNotificationsEnabled": False,
        "PersistRoutes": "disable",
        "PersistRoutesState": None,
    }
    filters = {"route-server-id": "RouteServerId", "state": "State", "amazon-side-asn": "AmazonSideAsn"}

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        row["PersistRoutesState"] = PERSISTED[row["PersistRoutes"]]

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        row["PersistRoutesState"] = PERSISTED[changes.get("PersistRoutes", row["PersistRoutes"])]

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["RouteServerId"]
        endpoints = RouteServerEndpoint.family.row.scan(call)
        if Served.first(call, what) or any(one["RouteServerId"] == what and one["State"] in LIVE for one in endpoints):
            raise Fault("DependencyViolation", f"The route server {what} has dependencies and cannot be deleted.")
        Filled.delete_all(call, what)


LIVE = ("pending", "available")


@kind("route-server-endpoint", "rse", missing=ENDPOINT_MISSING)
class RouteServerEndpoint(Resource, service=ec2, cfn="AWS::EC2::RouteServerEndpoint"):
    """Where a route server is in a subnet."""

    key = "RouteServerEndpointId"
    create, list = "CreateRouteServerEndpoint", "DescribeRouteServerEndpoints"
    delete = "DeleteRouteServerEndpoint"
    missing = ENDPOINT_MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {"RouteServerEndpointId": hex_id("rse"), "VpcId": None, "EniId": None, "EniAddress": None}
    filters = {
        "route-server-endpoint-id": "RouteServerEndpointId",
        "route-server-id": "RouteServerId",
        "state": "State",
        "subnet-id": "SubnetId",
        "vpc-id": "VpcId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        RouteServer.named(call, row["RouteServerId"])
        subnet = neighbours.subnet(call, row["SubnetId"])
        if Served.get(call, row["RouteServerId"], subnet.vpc_id) is None:
            text = f"The route server {row['RouteServerId']} is not associated with {subnet.vpc_id}."
            raise Fault("InvalidParameterValue", text)
        row["VpcId"] = subnet.vpc_id
        text = f"Route Server Endpoint {row['RouteServerEndpointId']}"
        row["EniId"] = neighbours.place(call, subnet.subnet_id, [], text, kind="interface")
        row["EniAddress"] = named(call, NetworkInterface, row["EniId"]).private_ip_address

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        for peer in RouteServerPeer.family.row.scan(call):
            if peer["RouteServerEndpointId"] == row["RouteServerEndpointId"] and peer["State"] in LIVE:
                text = f"The route server endpoint {row['RouteServerEndpointId']} has peers and cannot be deleted."
                raise Fault("DependencyViolation", text)
        neighbours.displace(call, row["EniId"])


@kind("route-server-peer", "rsp", missing=PEER_MISSING)
class RouteServerPeer(Resource, service=ec2, cfn="AWS::EC2::RouteServerPeer"):
    """An appliance that tells routes to an endpoint."""

    key = "RouteServerPeerId"
    create, list, delete = "CreateRouteServerPeer", "DescribeRouteServerPeers", "DeleteRouteServerPeer"
    missing = PEER_MISSING
    tags = "TagSpecifications"
    states = "State: pending -> available after 1s; deleting -> deleted after 1s; deleted -> gone after 1h"
    fields = {
        "RouteServerPeerId": hex_id("rsp"),
        "RouteServerId": None,
        "VpcId": None,
        "SubnetId": None,
        "EndpointEniId": None,
        "EndpointEniAddress": None,
        "BgpStatus": {"Status": "down"},
        "BfdStatus": {"Status": "down"},
    }
    filters = {
        "route-server-peer-id": "RouteServerPeerId",
        "route-server-endpoint-id": "RouteServerEndpointId",
        "route-server-id": "RouteServerId",
        "peer-address": "PeerAddress",
        "state": "State",
        "vpc-id": "VpcId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        endpoint = RouteServerEndpoint.named(call, row["RouteServerEndpointId"])
        for name in ("RouteServerId", "VpcId", "SubnetId"):
            row[name] = endpoint[name]
        row["EndpointEniId"], row["EndpointEniAddress"] = endpoint["EniId"], endpoint["EniAddress"]


@ec2.operation
def associate_route_server(call: Call, route_server_id: str, vpc_id: str) -> Members:
    """Let a VPC have a route server."""
    RouteServer.named(call, route_server_id)
    neighbours.vpc(call, vpc_id)
    if Served.get(call, route_server_id, vpc_id):
        text = f"The route server {route_server_id} is already associated with {vpc_id}."
        raise Fault("IncorrectState", text)
    Served(route_server_id, vpc_id).put(call)
    return {"RouteServerAssociation": _served(route_server_id, vpc_id, "associating")}


@ec2.operation
def disassociate_route_server(call: Call, route_server_id: str, vpc_id: str) -> Members:
    """Take a route server from a VPC."""
    found = Served.get(call, route_server_id, vpc_id)
    if found is None:
        text = f"The route server {route_server_id} is not associated with {vpc_id}."
        raise Fault("InvalidRouteServerAssociation.NotFound", text)
    found.delete(call)
    return {"RouteServerAssociation": _served(route_server_id, vpc_id, "disassociating")}


@ec2.operation
def get_route_server_associations(call: Call, route_server_id: str) -> Members:
    """The VPCs that have a route server."""
    RouteServer.named(call, route_server_id)
    found = [_served(one.server, one.vpc_id, "associated") for one in Served.scan(call, route_server_id)]
    return {"RouteServerAssociations": found}


def _served(server: str, vpc_id: str, state: str) -> Members:
    return {"RouteServerId": server, "VpcId": vpc_id, "State": state}


@ec2.operation
def enable_route_server_propagation(call: Call, route_server_id: str, route_table_id: str) -> Members:
    """Let a route server fill a route table."""
    RouteServer.named(call, route_server_id)
    table = named(call, RouteTable, route_table_id)
    if Served.get(call, route_server_id, table.vpc_id) is None:
        text = f"The route server {route_server_id} is not associated with {table.vpc_id}."
        raise Fault("InvalidParameterValue", text)
    Filled(route_server_id, route_table_id).put(call)
    return {"RouteServerPropagation": _filled(route_server_id, route_table_id, "pending")}


@ec2.operation
def disable_route_server_propagation(call: Call, route_server_id: str, route_table_id: str) -> Members:
    """Let a route server fill a route table no longer."""
    found = Filled.get(call, route_server_id, route_table_id)
    if found is None:
        text = f"The route server {route_server_id} does not propagate to {route_table_id}."
        raise Fault("InvalidRouteServerPropagation.NotFound", text)
    found.delete(call)
    return {"RouteServerPropagation": _filled(route_server_id, route_table_id, "deleting")}


@ec2.operation
def get_route_server_propagations(call: Call, route_server_id: str, route_table_id: str = "") -> Members:
    """The route tables that a route server fills."""
    RouteServer.named(call, route_server_id)
    found = [
        _filled(one.server, one.route_table_id, "available")
        for one in Filled.scan(call, route_server_id)
        if route_table_id in ("", one.route_table_id)
    ]
    return {"RouteServerPropagations": found}


def _filled(server: str, table: str, state: str) -> Members:
    return {"RouteServerId": server, "RouteTableId": table, "State": state}


ROUTE_FILTERS = Filters(
    {
        "next-hop": "NextHopIp",
        "prefix": "Prefix",
        "route-server-endpoint-id": "RouteServerEndpointId",
        "route-server-peer-id": "RouteServerPeerId",
        "route-status": "RouteStatus",
    },
    tags=None,
)


@ec2.operation
def get_route_server_routing_database(
    call: Call, route_server_id: str, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The routes that peers have told: none, for no session is up."""
    server = RouteServer.named(call, route_server_id)
    page = selected(call, "Routes", ROUTE_FILTERS, [], filters, max_results, next_token)
    return page | {"AreRoutesPersisted": server["PersistRoutesState"] == "enabled"}
