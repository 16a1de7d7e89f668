"""VPC endpoints: ways from a VPC to services that need no internet.

A gateway endpoint (S3, DynamoDB) is a route in route tables; an interface endpoint is an interface in each of its
subnets, which answers for the service's host names; a Gateway Load Balancer endpoint is what a route leads to.
Left out: endpoints of resources, service networks and tunnels.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.access.grammar import Malformed, check
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.network import targets
from pileus.services.ec2.network.changes import changed
from pileus.services.ec2.network.route_tables import RouteTable
from pileus.services.ec2.network.vpcs import Vpc
from pileus.services.ec2.network.vpcs import life as vpc_life
from pileus.services.ec2.tags import shown_tags

from . import neighbours
from .endpoint_services import GATEWAY
from .lives import BRIEFLY, GONE, REMEMBERED, Life

EVERYTHING = json.dumps(
    {"Version": "2008-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]}
)
"""The policy of an endpoint that was given none."""


@kind(
    "vpc-endpoint",
    "vpce",
    missing=("InvalidVpcEndpointId.NotFound", "The Vpc Endpoint Id '{}' does not exist"),
)
class VpcEndpoint(
    Record,
    arn="vpc-endpoint/{vpc_endpoint_id}",
    cfn="AWS::EC2::VPCEndpoint",
    indexes={"of_vpc": ("vpc_id",)},
):
    """An endpoint of a VPC."""

    life: ClassVar[Life] = {
        "pending": ("available", BRIEFLY),
        "deleting": (GONE, BRIEFLY),
        "rejected": (GONE, REMEMBERED),
    }
    vpc_endpoint_id: str
    vpc_id: str
    owner: str
    service_name: str
    service_region: str
    endpoint_type: str
    created: float
    service_id: str = ""
    """The PrivateLink service, where it leads to one."""
    service_owner: str = ""
    policy: str = EVERYTHING
    prefix_list_id: str = ""
    """The addresses of the service, for a gateway endpoint."""
    route_table_ids: list[str] = []
    subnet_ids: list[str] = []
    group_ids: list[str] = []
    interfaces: dict[str, str] = {}
    """Its network interfaces by their subnets."""
    ip_type: str = "ipv4"
    dns_record_ip_type: str = "ipv4"
    private_dns: bool = False
    private_dns_name: str = ""
    """The host name that it answers for where private DNS is on; one that begins with `*.` stands for many."""
    inbound_only: bool = False
    dns_names: list[str] = []
    zone_id: str = ""
    state: str = "pending"
    since: float = 0.0
    payers: dict[str, str] = {}
    """Who pays for what, where that is not the account."""
    tags: dict[str, str] = {}

    @property
    def usable(self) -> bool:
        return self.state == "available"

    def entered(self, call: Call, state: str) -> None:
        changed(call, self.vpc_id)


FILTERS = Filters(
    {
        "ip-address-type": "ip_type",
        "service-name": "service_name",
        "service-region": "service_region",
        "vpc-id": "vpc_id",
        "vpc-endpoint-id": "vpc_endpoint_id",
        "vpc-endpoint-state": "state",
        "vpc-endpoint-type": "endpoint_type",
    }
)


@ec2.operation
def describe_vpc_endpoints(
    call: Call,
    vpc_endpoint_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The endpoints of the account's VPCs."""
    ids, member = vpc_endpoint_ids, "VpcEndpoints"
    return described(call, VpcEndpoint, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: VpcEndpoint) -> Members:
    common: Members = {
        "VpcEndpointId": one.vpc_endpoint_id,
        "VpcEndpointType": one.endpoint_type,
        "VpcId": one.vpc_id,
        "ServiceName": one.service_name,
        "ServiceRegion": one.service_region,
        "State": one.state,
        "RouteTableIds": [what for what in one.route_table_ids if RouteTable.get(call, what)],
        "SubnetIds": one.subnet_ids,
        "Groups": neighbours.groups_shown(call, one.group_ids),
        "PrivateDnsEnabled": one.private_dns,
        "RequesterManaged": False,
        "NetworkInterfaceIds": [*one.interfaces.values()],
        "DnsEntries": [{"DnsName": name, "HostedZoneId": one.zone_id} for name in one.dns_names],
        "CreationTimestamp": one.created,
        "OwnerId": one.owner,
        "PayerResponsibilities": [
            {"Scope": scope, "PayerResponsibilityType": payer} for scope, payer in sorted(one.payers.items())
        ],
        "Tags": shown_tags(one.tags),
    }
    if not one.service_id:
        common["PolicyDocument"] = one.policy
    if one.endpoint_type == GATEWAY:
        return common
    if one.private_dns and one.private_dns_name:
        common["DnsEntries"].append({"DnsName": one.private_dns_name, "HostedZoneId": one.zone_id})
    options = {
        "DnsRecordIpType": one.dns_record_ip_type,
        "PrivateDnsOnlyForInboundResolverEndpoint": one.inbound_only if one.private_dns else None,
    }
    return common | {"IpAddressType": one.ip_type, "DnsOptions": options}


def checked_policy(text: str) -> str:
    """A policy of an endpoint; the default one for an empty text."""
    if not text:
        return EVERYTHING
    try:
        check(text, "resource")
    except Malformed as error:
        raise Fault("InvalidPolicyDocument", str(error)) from None
    return text


# For what wires VPCs, and for VPCs


@targets.way("vpce", "GatewayId")
def reached(call: Call, vpc_id: str, target: str) -> bool:
    """Whether packets of a VPC that a route leads to an endpoint get there."""
    one = VpcEndpoint.get(call, target)
    return one is not None and one.vpc_id == vpc_id and one.state != "deleting"


def endpoints_of(call: Call, vpc_id: str) -> list[VpcEndpoint]:
    """The endpoints of a VPC that can be used."""
    return [one for one in VpcEndpoint.scan(call, vpc_id, index="of_vpc") if one.usable]


@vpc_life.holds
def held(call: Call, vpc: Vpc) -> bool:
    """A VPC with endpoints is not deleted."""
    there: Any = VpcEndpoint.scan(call, vpc.vpc_id, index="of_vpc")
    return any(one.state not in ("deleting", "rejected") for one in there)
