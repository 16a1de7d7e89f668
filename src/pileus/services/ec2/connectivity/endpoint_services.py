"""The services that VPC endpoints lead to: AWS's own, as far as they are built here, and those of PrivateLink.

DescribeVpcEndpointServices; the configurations of PrivateLink services are in `endpoint_configurations`.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pileus.kernel import Call, Fault, regions
from pileus.kernel.cloud import services
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged

from .endpoint_configurations import EndpointService, admits, named_service, offered

INTERFACE, GATEWAY, BALANCER = "Interface", "Gateway", "GatewayLoadBalancer"


class Own(NamedTuple):
    """One of AWS's services as endpoints know it: the end of its name, and the host name that it takes over."""

    name: str
    host: str
    type: str = INTERFACE


# "AWS services that integrate with AWS PrivateLink", PrivateLink Guide; by botocore's names.
OWN: dict[str, tuple[Own, ...]] = {
    "acm": (Own("acm", "acm"),),
    "acm-pca": (Own("acm-pca", "acm-pca"),),
    "apigateway": (Own("execute-api", "*.execute-api"), Own("apigateway", "apigateway")),
    "application-autoscaling": (Own("application-autoscaling", "application-autoscaling"),),
    "athena": (Own("athena", "athena"),),
    "autoscaling": (Own("autoscaling", "autoscaling"),),
    "backup": (Own("backup", "backup"),),
    "batch": (Own("batch", "batch"),),
    "cloudformation": (Own("cloudformation", "cloudformation"),),
    "cloudhsmv2": (Own("cloudhsmv2", "cloudhsmv2"),),
    "cloudtrail": (Own("cloudtrail", "cloudtrail"),),
    "cloudwatch": (Own("monitoring", "monitoring"),),
    "codebuild": (Own("codebuild", "codebuild"),),
    "config": (Own("config", "config"),),
    "dynamodb": (Own("dynamodb", "dynamodb", GATEWAY), Own("dynamodb", "dynamodb")),
    "dynamodbstreams": (Own("dynamodb-streams", "streams.dynamodb"),),
    "ebs": (Own("ebs", "ebs"),),
    "ec2": (Own("ec2", "ec2"),),
    "ecr": (Own("ecr.api", "api.ecr"), Own("ecr.dkr", "*.dkr.ecr")),
    "ecs": (Own("ecs", "ecs"), Own("ecs-agent", "ecs-a"), Own("ecs-telemetry", "ecs-t")),
    "efs": (Own("elasticfilesystem", "elasticfilesystem"),),
    "eks": (Own("eks", "eks"),),
    "elasticache": (Own("elasticache", "elasticache"),),
    "elbv2": (Own("elasticloadbalancing", "elasticloadbalancing"),),
    "events": (Own("events", "events"),),
    "firehose": (Own("kinesis-firehose", "firehose"),),
    "glue": (Own("glue", "glue"),),
    "iam": (),
    "kinesis": (Own("kinesis-streams", "kinesis"),),
    "kms": (Own("kms", "kms"),),
    "lambda": (Own("lambda", "lambda"),),
    "logs": (Own("logs", "logs"),),
    "pipes": (Own("pipes", "pipes"), Own("pipes-data", "pipes-data")),
    "rds": (Own("rds", "rds"),),
    "rds-data": (Own("rds-data", "rds-data"),),
    "s3": (Own("s3", "s3", GATEWAY), Own("s3", "*.s3")),
    "scheduler": (Own("scheduler", "scheduler"),),
    "schemas": (Own("schemas", "schemas"),),
    "secretsmanager": (Own("secretsmanager", "secretsmanager"),),
    "ses": (Own("email", "email"), Own("email-smtp", "email-smtp")),
    "sns": (Own("sns", "sns"),),
    "sqs": (Own("sqs", "sqs"),),
    "ssm": (Own("ssm", "ssm"), Own("ssmmessages", "ssmmessages"), Own("ec2messages", "ec2messages")),
    "stepfunctions": (Own("states", "states"), Own("sync-states", "sync-states")),
    "sts": (Own("sts", "sts"),),
    "xray": (Own("xray", "xray"),),
}

FILTERS = Filters(
    {
        "owner": "Owner",
        "service-name": "ServiceName",
        "service-region": "ServiceRegion",
        "service-type": "ServiceType.ServiceType",
        "supported-ip-address-types": "SupportedIpAddressTypes",
    },
    tags=lambda service: {tag["Key"]: tag["Value"] for tag in service["Tags"]},
)


@ec2.operation
def describe_vpc_endpoint_services(
    call: Call,
    service_names: list[str] = [],
    filters: list[Members] = [],
    service_regions: list[str] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The services for which the account may make endpoints."""
    found = [shown_own(call, own) for own in own_services()]
    found += [shown_offered(call, there, one) for there, one in offered(call, service_names)]
    absent = [name for name in service_names if name not in {one["ServiceName"] for one in found}]
    if absent:
        raise absent_service(absent[0])
    if service_names:
        found = [one for one in found if one["ServiceName"] in service_names]
    if service_regions:
        found = [one for one in found if one["ServiceRegion"] in service_regions]
    chosen = sorted(FILTERS.select(found, filters), key=lambda one: (one["ServiceName"], one["ServiceId"]))
    page = paged(call, "ServiceDetails", chosen, max_results, next_token)
    return page | {"ServiceNames": [*dict.fromkeys(one["ServiceName"] for one in page["ServiceDetails"])]}


def absent_service(name: str) -> Fault:
    return Fault("InvalidServiceName", f"The Vpc Endpoint Service '{name}' does not exist")


def own_services() -> list[Own]:
    """AWS's services that are built here."""
    return [own for name, several in OWN.items() if name in services() for own in several]


def own_service(call: Call, service_name: str, endpoint_type: str) -> Own | None:
    """The one of AWS's services that a name means for a type of endpoint."""
    for own in own_services():
        if full_name(call, own) == service_name and own.type == endpoint_type:
            return own
    return None


def full_name(call: Call, own: Own) -> str:
    """`com.amazonaws.us-east-1.sqs`."""
    suffix = regions.dns_suffix(call.region)
    return f"{'.'.join(reversed(suffix.split('.')))}.{call.region}.{own.name}"


def private_name(call: Call, own: Own) -> str:
    """The host name that an interface endpoint answers for: `sqs.us-east-1.amazonaws.com`."""
    return f"{own.host}.{call.region}.{regions.dns_suffix(call.region)}"


def shown_own(call: Call, own: Own) -> Members:
    gateway = own.type == GATEWAY
    private = None if gateway else private_name(call, own)
    return {
        "ServiceName": full_name(call, own),
        "ServiceId": f"vpce-svc-{_stable(call.region + own.name + own.type)}",
        "ServiceType": [{"ServiceType": own.type}],
        "ServiceRegion": call.region,
        "AvailabilityZones": [zone.name for zone in regions.zones(call.region)],
        "AvailabilityZoneIds": [zone.id for zone in regions.zones(call.region)],
        "Owner": "amazon",
        "BaseEndpointDnsNames": [
            f"{own.name}.{call.region}.{regions.dns_suffix(call.region)}"
            if gateway
            else f"{own.name}.{call.region}.vpce.{regions.dns_suffix(call.region)}"
        ],
        "PrivateDnsName": private,
        "PrivateDnsNames": [{"PrivateDnsName": private}] if private else None,
        "PrivateDnsNameVerificationState": "verified" if private else None,
        "VpcEndpointPolicySupported": True,
        "AcceptanceRequired": False,
        "ManagesVpcEndpoints": False,
        "Tags": [],
        "SupportedIpAddressTypes": ["ipv4"],
    }


def _stable(text: str) -> str:
    return hashlib.blake2b(text.encode()).hexdigest()[:17]


def shown_offered(call: Call, there: Call, one: EndpointService) -> Members:
    zones = regions.zones(there.region)
    return {
        "ServiceName": one.service_name,
        "ServiceId": one.service_id,
        "ServiceType": [{"ServiceType": one.type}],
        "ServiceRegion": there.region,
        "AvailabilityZones": [zone.name for zone in zones],
        "AvailabilityZoneIds": [zone.id for zone in zones],
        "Owner": there.account,
        "BaseEndpointDnsNames": [f"{one.service_id}.{there.region}.vpce.{regions.dns_suffix(there.region)}"],
        "PrivateDnsName": one.private_dns_name or None,
        "PrivateDnsNames": [{"PrivateDnsName": one.private_dns_name}] if one.private_dns_name else None,
        "PrivateDnsNameVerificationState": one.verification or None,
        "VpcEndpointPolicySupported": False,
        "AcceptanceRequired": one.acceptance_required,
        "ManagesVpcEndpoints": False,
        "PayerResponsibility": one.payer or None,
        "Tags": [{"Key": key, "Value": value} for key, value in one.tags.items()],
        "SupportedIpAddressTypes": one.ip_types,
    }


def found_service(call: Call, name: str, endpoint_type: str) -> tuple[Call, Own | EndpointService]:
    """The service that an endpoint is to lead to, and a call that looks at its owner; raises if there is none."""
    if own := own_service(call, name, endpoint_type):
        return call, own
    found = named_service(call, name)
    if found is None or not admits(call, *found):
        if any(full_name(call, one) == name for one in own_services()):
            text = f"The endpoint type ({endpoint_type}) does not match the service type of {name}."
            raise Fault("InvalidParameter", text)
        raise absent_service(name)
    there, service = found
    if service.type != endpoint_type:
        text = f"Endpoint type ({endpoint_type}) does not match available service types ([{service.type}])."
        raise Fault("InvalidParameter", text)
    return there, service
