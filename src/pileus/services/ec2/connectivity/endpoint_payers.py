"""Who is said to pay for endpoints and endpoint services: it is kept and shown, for there are no bills here.

Associations of endpoints with resources and service networks are told of too; endpoints here lead to neither.
"""

from __future__ import annotations

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.faults import bad_value
from pileus.services.ec2.kinds import all_named, named

from .endpoint_configurations import Connection, EndpointService
from .endpoints import VpcEndpoint, shown

CHARGES, GATEWAY = "vpc-endpoint-charges", "resource-gateway-charges"
ENDPOINT, OWNER = "vpc-endpoint-account", "vpc-endpoint-service-account"


@ec2.operation
def modify_vpc_endpoint_service_payer_responsibility(call: Call, service_id: str, payer_responsibility: str) -> Members:
    """Let the owner of a service pay for the endpoints to it; there is no way back."""
    service = named(call, EndpointService, service_id)
    service.payer = payer_responsibility
    service.put(call)
    return {"ReturnValue": True}


@ec2.operation
def modify_vpc_endpoint_payer_responsibility(
    call: Call, vpc_endpoint_id: str, payer_responsibility: str, scope: str, service_id: str = ""
) -> Members:
    """Let the account pay for an endpoint of its own, or, as the owner of the service, for one that leads to that."""
    there = call
    if service_id:
        named(call, EndpointService, service_id)
        connection = Connection.get(call, service_id, vpc_endpoint_id)
        if connection is None:
            text = f"The Vpc Endpoint Id '{vpc_endpoint_id}' does not exist"
            raise Fault("InvalidVpcEndpointId.NotFound", text)
        there = call.at(connection.account, connection.region)
    if (payer_responsibility == OWNER) != bool(service_id) or scope == GATEWAY:
        text = "The account cannot be made responsible for these charges."
        raise bad_value("PayerResponsibility", payer_responsibility, text)
    endpoint = named(there, VpcEndpoint, vpc_endpoint_id)
    endpoint.payers = endpoint.payers | {scope: payer_responsibility}
    endpoint.put(there)
    told = shown(there, endpoint)["PayerResponsibilities"]
    return {"VpcEndpointId": vpc_endpoint_id, "PayerResponsibilities": told}


FILTERS = Filters(
    {
        "associated-resource-accessibility": "AssociatedResourceAccessibility",
        "associated-resource-id": "AssociatedResourceArn",
        "association-id": "Id",
        "resource-configuration-group-arn": "ResourceConfigurationGroupArn",
        "service-network-arn": "ServiceNetworkArn",
        "vpc-endpoint-id": "VpcEndpointId",
    },
    tags=None,
)


@ec2.operation
def describe_vpc_endpoint_associations(
    call: Call,
    vpc_endpoint_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The resources and service networks to which endpoints lead: none do."""
    all_named(call, VpcEndpoint, vpc_endpoint_ids)
    return selected(call, "VpcEndpointAssociations", FILTERS, [], filters, max_results, next_token)
