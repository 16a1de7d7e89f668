"""PrivateLink: services of an account's own behind a load balancer, to which other accounts make endpoints.

Left out: remote access. Whether the load balancers are there is asked of those, once they are built.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pileus.kernel import Call, Fault, Record, arn, regions
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id, token
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, selected
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import homes
from .lives import BRIEFLY, GONE, Life, enter, save

PREFIX = "vpce-svc-"


class Permission(Record, key=("service_id", "principal")):
    """Who may make endpoints to a service."""

    service_id: str
    principal: str
    permission_id: str
    permission_type: str = "vpc-endpoint"


class Connection(Record, key=("service_id", "vpc_endpoint_id")):
    """An endpoint that leads to a service, as the service's owner sees it."""

    service_id: str
    vpc_endpoint_id: str
    connection_id: str
    account: str
    region: str
    created: float


@kind(
    "vpc-endpoint-service",
    "vpce-svc",
    missing=("InvalidVpcEndpointServiceId.NotFound", "The VpcEndpointService Id '{}' does not exist"),
)
class EndpointService(Record, arn="vpc-endpoint-service/{service_id}", cfn="AWS::EC2::VPCEndpointService"):
    """The configuration of an endpoint service."""

    life: ClassVar[Life] = {
        "Pending": ("Available", BRIEFLY),
        "Deleting": (GONE, BRIEFLY),
    }
    service_id: str
    service_name: str
    type: str
    acceptance_required: bool
    balancers: list[str]
    ip_types: list[str]
    created: float
    private_dns_name: str = ""
    verification: str = ""
    verification_value: str = ""
    supported_regions: list[str] = []
    payer: str = ""
    """Who pays for the endpoints, where that is not their owners."""
    state: str = "Pending"
    since: float = 0.0
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "service-name": "service_name",
        "service-id": "service_id",
        "service-state": "state",
        "supported-ip-address-types": "ip_types",
    }
)


@ec2.operation
def create_vpc_endpoint_service_configuration(
    call: Call,
    acceptance_required: bool = True,
    private_dns_name: str = "",
    network_load_balancer_arns: list[str] = [],
    gateway_load_balancer_arns: list[str] = [],
    supported_ip_address_types: list[str] = [],
    supported_regions: list[str] = [],
    client_token: str = "",
    tag_specifications: list[Members] = [],
) -> Members:
    """Offer what is behind load balancers, all of them network ones or all of them gateway ones."""
    if before := made_before(call, client_token):
        return {"ServiceConfiguration": shown(call, named(call, EndpointService, before)), "ClientToken": client_token}
    if bool(network_load_balancer_arns) == bool(gateway_load_balancer_arns):
        if network_load_balancer_arns:
            raise combination("You cannot specify both NetworkLoadBalancerArns and GatewayLoadBalancerArns.")
        raise missing("NetworkLoadBalancerArns", "GatewayLoadBalancerArns")
    what = new_id(EndpointService)
    made = EndpointService(
        service_id=what,
        service_name=f"com.amazonaws.vpce.{call.region}.{what}",
        type="Interface" if network_load_balancer_arns else "GatewayLoadBalancer",
        acceptance_required=acceptance_required,
        balancers=checked_balancers(network_load_balancer_arns, "net")
        or checked_balancers(gateway_load_balancer_arns, "gwy"),
        ip_types=supported_ip_address_types or ["ipv4"],
        created=call.now,
        supported_regions=supported_regions,
        tags=specified(tag_specifications, "vpc-endpoint-service"),
    )
    _name(made, private_dns_name)
    enter(call, made, "Pending")
    homes.settle(call, what)
    remember(call, client_token, what)
    return {"ServiceConfiguration": shown(call, made), "ClientToken": client_token or None}


def checked_balancers(arns: list[str], word: str) -> list[str]:
    for one in arns:
        try:
            resource = arn.parse(one).resource
        except ValueError:
            resource = ""
        if not resource.startswith(f"loadbalancer/{word}/"):
            raise Fault("InvalidLoadBalancerArn", f"The load balancer ARN '{one}' is not valid.")
    return [*dict.fromkeys(arns)]


def _name(service: EndpointService, private_dns_name: str) -> None:
    """Give a service a name of its owner's domain, which is to be verified by a TXT record."""
    if private_dns_name and service.type != "Interface":
        raise Fault("InvalidParameter", "PrivateDnsName is only supported for services of type Interface.")
    service.private_dns_name = private_dns_name
    service.verification = "pendingVerification" if private_dns_name else ""
    service.verification_value = f"vpce:{token(20)}" if private_dns_name else ""


@ec2.operation
def describe_vpc_endpoint_service_configurations(
    call: Call,
    service_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The services that the account offers."""
    member = "ServiceConfigurations"
    return described(call, EndpointService, FILTERS, member, shown, service_ids, filters, max_results, next_token)


def shown(call: Call, one: EndpointService) -> Members:
    suffix = regions.dns_suffix(call.region)
    zones = regions.zones(call.region)
    verification = {
        "State": one.verification,
        "Type": "TXT",
        "Value": one.verification_value,
        "Name": f"_{one.verification_value[-20:].lower()}",
    }
    balancers = "NetworkLoadBalancerArns" if one.type == "Interface" else "GatewayLoadBalancerArns"
    return {
        "ServiceType": [{"ServiceType": one.type}],
        "ServiceId": one.service_id,
        "ServiceName": one.service_name,
        "ServiceState": one.state,
        "AvailabilityZones": [zone.name for zone in zones],
        "AvailabilityZoneIds": [zone.id for zone in zones],
        "AcceptanceRequired": one.acceptance_required,
        "ManagesVpcEndpoints": False,
        balancers: one.balancers,
        "SupportedIpAddressTypes": one.ip_types,
        "BaseEndpointDnsNames": [f"{one.service_id}.{call.region}.vpce.{suffix}"],
        "PrivateDnsName": one.private_dns_name or None,
        "PrivateDnsNameConfiguration": verification if one.private_dns_name else None,
        "PayerResponsibility": one.payer or None,
        "Tags": shown_tags(one.tags),
        "SupportedRegions": [
            {"Region": name, "ServiceState": "Available"} for name in one.supported_regions or [call.region]
        ],
    }


@ec2.operation
def modify_vpc_endpoint_service_configuration(
    call: Call,
    service_id: str,
    private_dns_name: str = "",
    remove_private_dns_name: bool = False,
    acceptance_required: bool | None = None,
    add_network_load_balancer_arns: list[str] = [],
    remove_network_load_balancer_arns: list[str] = [],
    add_gateway_load_balancer_arns: list[str] = [],
    remove_gateway_load_balancer_arns: list[str] = [],
    add_supported_ip_address_types: list[str] = [],
    remove_supported_ip_address_types: list[str] = [],
    add_supported_regions: list[str] = [],
    remove_supported_regions: list[str] = [],
) -> Members:
    """Change what a service is."""
    one = named(call, EndpointService, service_id)
    added = checked_balancers(add_network_load_balancer_arns, "net")
    added += checked_balancers(add_gateway_load_balancer_arns, "gwy")
    gone = {*remove_network_load_balancer_arns, *remove_gateway_load_balancer_arns}
    one.balancers = _changed(one.balancers, added, gone)
    if not one.balancers:
        raise Fault("InvalidParameter", "An endpoint service must have at least one load balancer.")
    one.ip_types = _changed(one.ip_types, add_supported_ip_address_types, remove_supported_ip_address_types)
    one.supported_regions = _changed(one.supported_regions, add_supported_regions, remove_supported_regions)
    if private_dns_name or remove_private_dns_name:
        _name(one, private_dns_name)
    if acceptance_required is not None:
        one.acceptance_required = acceptance_required
    save(call, one)
    return {"Return": True}


def _changed(there: list[str], added: list[str], gone: Any) -> list[str]:
    return [value for value in dict.fromkeys([*there, *added]) if value not in gone]


@ec2.operation
def start_vpc_endpoint_service_private_dns_verification(call: Call, service_id: str) -> Members:
    """Look for the TXT record by which the owner of a domain says that a service may have its name.

    The name servers of all the world are the cloud's own, so that whoever asks here is believed.
    """
    one = named(call, EndpointService, service_id)
    if not one.private_dns_name:
        raise Fault("InvalidParameter", f"{service_id} has no private DNS name.")
    one.verification = "verified"
    save(call, one)
    return {"ReturnValue": True}


@ec2.operation
def delete_vpc_endpoint_service_configurations(call: Call, service_ids: list[str]) -> Members:
    """Withdraw services to which no endpoint leads."""
    failed: list[Members] = []
    for what in service_ids:
        one = EndpointService.get(call, what)
        if one is None:
            failed.append(
                _failure(
                    what, "InvalidVpcEndpointService.NotFound", f"The VpcEndpointService Id '{what}' does not exist"
                )
            )
        elif Connection.first(call, what):
            text = f"The VpcEndpointService Id '{what}' has existing active VPC Endpoint connections!"
            failed.append(_failure(what, "ExistingVpcEndpointConnections", text))
        elif one.state != "Deleting":
            Permission.delete_all(call, what)
            homes.leave(call, what)
            enter(call, one, "Deleting")
    return {"Unsuccessful": failed}


def _failure(what: str, code: str, text: str) -> Members:
    return {"ResourceId": what, "Error": {"Code": code, "Message": text}}


# Who may connect


@ec2.operation
def modify_vpc_endpoint_service_permissions(
    call: Call,
    service_id: str,
    add_allowed_principals: list[str] = [],
    remove_allowed_principals: list[str] = [],
    permission_type: str = "vpc-endpoint",
) -> Members:
    """Let principals make endpoints to a service, or no longer."""
    named(call, EndpointService, service_id)
    added = []
    for principal in dict.fromkeys(add_allowed_principals):
        principal_type(principal)
        if Permission.get(call, service_id, principal) is None:
            one = Permission(
                service_id=service_id,
                principal=principal,
                permission_id=hex_id("vpce-svc-perm"),
                permission_type=permission_type,
            ).put(call)
            added.append(_permission(one))
    for principal in remove_allowed_principals:
        found = Permission.get(call, service_id, principal)
        if found is None:
            raise Fault("InvalidPrincipal", f"Invalid Principal: '{principal}'")
        found.delete(call)
    return {"AddedPrincipals": added, "ReturnValue": True}


def principal_type(principal: str) -> str:
    """What an ARN is that of, as permissions say it."""
    if principal == "*":
        return "All"
    try:
        resource = arn.parse(principal).resource
    except ValueError:
        raise Fault("InvalidPrincipal", f"Invalid Principal: '{principal}'") from None
    kinds = {"root": "Account", "user": "User", "role": "Role", "ou": "OrganizationUnit"}
    return kinds.get(resource.partition("/")[0], "Service")


PERMISSION_FILTERS = Filters(
    {"permission-type": "PermissionType", "principal": "Principal", "principal-type": "PrincipalType"}, tags=None
)


@ec2.operation
def describe_vpc_endpoint_service_permissions(
    call: Call,
    service_id: str,
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Who may make endpoints to a service."""
    named(call, EndpointService, service_id)
    found = [_permission(one) | {"Tags": []} for one in Permission.scan(call, service_id)]
    return selected(call, "AllowedPrincipals", PERMISSION_FILTERS, found, filters, max_results, next_token)


def _permission(one: Permission) -> Members:
    return {
        "PrincipalType": principal_type(one.principal),
        "Principal": one.principal,
        "ServicePermissionId": one.permission_id,
        "ServiceId": one.service_id,
        "PermissionType": one.permission_type,
    }


# For endpoints


def named_service(call: Call, service_name: str) -> tuple[Call, EndpointService] | None:
    """The service of that name, wherever it is, and a call that looks at its owner."""
    what = service_name.rpartition(".")[2]
    there = homes.of(call, what) if what.startswith(PREFIX) else None
    service = EndpointService.get(there, what) if there else None
    return (there, service) if there and service and service.service_name == service_name else None


def admits(call: Call, there: Call, service: EndpointService) -> bool:
    """Whether the caller may make endpoints to a service."""
    if there.region != call.region and call.region not in service.supported_regions:
        return False
    if there.account == call.account:
        return True
    mine = {"*", f"arn:{call.partition}:iam::{call.account}:root", call.principal.arn}
    return any(one.principal in mine for one in Permission.scan(there, service.service_id))


def offered(call: Call, service_names: list[str]) -> list[tuple[Call, EndpointService]]:
    """The PrivateLink services that a listing shows: the account's own, and those that are asked for by name."""
    found = {one.service_id: (call, one) for one in EndpointService.scan(call) if one.state == "Available"}
    for name in service_names:
        if (other := named_service(call, name)) and admits(call, *other):
            found[other[1].service_id] = other
    return [*found.values()]
