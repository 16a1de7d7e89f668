"""Connections to PrivateLink services, as the owners of those see them: who asks, and who is let in."""

from __future__ import annotations

from collections.abc import Callable

from pileus.kernel import Call
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import named
from pileus.services.ec2.network.changes import changed

from .endpoint_configurations import Connection, EndpointService
from .endpoint_notifications import announce
from .endpoints import VpcEndpoint
from .lives import enter
from .transit_attachments import Attachment

FILTERS = Filters(
    {
        "ip-address-type": "IpAddressType",
        "service-id": "ServiceId",
        "transit-gateway-attachment-id": "TransitGatewayAttachmentId",
        "vpc-endpoint-owner": "VpcEndpointOwner",
        "vpc-endpoint-region": "VpcEndpointRegion",
        "vpc-endpoint-state": "VpcEndpointState",
        "vpc-endpoint-id": "VpcEndpointId",
    },
    tags=None,
)


@ec2.operation
def describe_vpc_endpoint_connections(
    call: Call, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The endpoints that lead to the account's services."""
    found = [
        shown(call, one, there) if isinstance(there, VpcEndpoint) else shown_function(one, there)
        for one in Connection.scan(call)
        if (there := _endpoint(call, one))
    ]
    return selected(call, "VpcEndpointConnections", FILTERS, found, filters, max_results, next_token)


def _endpoint(call: Call, one: Connection) -> VpcEndpoint | Attachment | None:
    """What is connected: an endpoint, or the attachment of a network function."""
    there = call.at(one.account, one.region)
    return VpcEndpoint.get(there, one.vpc_endpoint_id) or Attachment.get(there, one.vpc_endpoint_id)


def shown_function(one: Connection, attachment: Attachment) -> Members:
    return {
        "ServiceId": one.service_id,
        "TransitGatewayAttachmentId": one.vpc_endpoint_id,
        "VpcEndpointOwner": one.account,
        "VpcEndpointState": attachment.state,
        "VpcEndpointRegion": one.region,
        "VpcEndpointConnectionId": one.connection_id,
        "CreationTimestamp": one.created,
    }


def shown(call: Call, one: Connection, endpoint: VpcEndpoint) -> Members:
    service = EndpointService.get(call, one.service_id)
    balancers = service.balancers if service else []
    network = service is not None and service.type == "Interface"
    return {
        "ServiceId": one.service_id,
        "VpcEndpointId": one.vpc_endpoint_id,
        "VpcEndpointOwner": one.account,
        "VpcEndpointState": endpoint.state,
        "VpcEndpointRegion": one.region,
        "VpcEndpointConnectionId": one.connection_id,
        "CreationTimestamp": one.created,
        "DnsEntries": [{"DnsName": name, "HostedZoneId": endpoint.zone_id} for name in endpoint.dns_names],
        "NetworkLoadBalancerArns" if network else "GatewayLoadBalancerArns": balancers,
        "IpAddressType": endpoint.ip_type,
        "Tags": [],
    }


@ec2.operation
def accept_vpc_endpoint_connections(
    call: Call, service_id: str, vpc_endpoint_ids: list[str], transit_gateway_attachment_ids: list[str] = []
) -> Members:
    """Let in what asks for it: endpoints, and attachments of network functions."""
    ids = [*vpc_endpoint_ids, *transit_gateway_attachment_ids]
    return _answered(call, service_id, ids, ("pendingAcceptance",), _accept)


def _accept(call: Call, there: Call, endpoint: VpcEndpoint | Attachment) -> None:
    enter(there, endpoint, "pending")
    if isinstance(endpoint, VpcEndpoint):
        announce(call, "Accept", endpoint)


@ec2.operation
def reject_vpc_endpoint_connections(
    call: Call, service_id: str, vpc_endpoint_ids: list[str], transit_gateway_attachment_ids: list[str] = []
) -> Members:
    """Keep them out, those that were let in before too."""
    ids = [*vpc_endpoint_ids, *transit_gateway_attachment_ids]
    return _answered(call, service_id, ids, ("pendingAcceptance", "pending", "available"), _reject)


def _reject(call: Call, there: Call, endpoint: VpcEndpoint | Attachment) -> None:
    enter(there, endpoint, "rejected")
    if isinstance(endpoint, Attachment):
        return
    changed(there, endpoint.vpc_id)
    announce(call, "Reject", endpoint)


def _answered(
    call: Call,
    service_id: str,
    ids: list[str],
    states: tuple[str, ...],
    answer: Callable[[Call, Call, VpcEndpoint | Attachment], None],
) -> Members:
    named(call, EndpointService, service_id)
    failed: list[Members] = []
    for what in ids:
        one = Connection.get(call, service_id, what)
        endpoint = _endpoint(call, one) if one else None
        if one is None or endpoint is None:
            error = {"Code": "InvalidVpcEndpointId.NotFound", "Message": f"The Vpc Endpoint Id '{what}' does not exist"}
            failed.append({"ResourceId": what, "Error": error})
        elif endpoint.state not in states:
            text = f"The VPC endpoint {what} is in state {endpoint.state}."
            failed.append({"ResourceId": what, "Error": {"Code": "InvalidState", "Message": text}})
        else:
            answer(call, call.at(one.account, one.region), endpoint)
    return {"Unsuccessful": failed}
