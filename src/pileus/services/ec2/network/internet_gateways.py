"""Internet gateways, and those that let IPv6 out only."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import in_use, invalid
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, limits, targets
from .life import Life
from .route_tables import Route, main_of
from .vpcs import Vpc, default_life, settled
from .vpcs import life as vpc_life


@kind(
    "internet-gateway",
    "igw",
    missing=("InvalidInternetGatewayID.NotFound", "The internetGateway ID '{}' does not exist"),
    malformed="InvalidInternetGatewayId.Malformed",
)
class InternetGateway(
    Record,
    arn="internet-gateway/{internet_gateway_id}",
    cfn="AWS::EC2::InternetGateway",
    indexes={"of_vpc": ("vpc_id",)},
):
    internet_gateway_id: str
    owner_id: str
    vpc_id: str = ""
    """Where it is attached."""
    tags: dict[str, str] = {}

    @property
    def state(self) -> str:
        return "available" if self.vpc_id else ""


@kind(
    "egress-only-internet-gateway",
    "eigw",
    missing=("InvalidGatewayID.NotFound", "The eigw ID '{}' does not exist"),
    malformed="InvalidEgressOnlyInternetGatewayId.Malformed",
)
class EgressOnlyInternetGateway(
    Record,
    arn="egress-only-internet-gateway/{egress_only_internet_gateway_id}",
    cfn="AWS::EC2::EgressOnlyInternetGateway",
    indexes={"of_vpc": ("vpc_id",)},
):
    egress_only_internet_gateway_id: str
    vpc_id: str
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "attachment.state": "state",
        "attachment.vpc-id": "vpc_id",
        "internet-gateway-id": "internet_gateway_id",
        "owner-id": "owner_id",
    }
)
EGRESS_FILTERS = Filters({})

life = Life[InternetGateway]()
"""What holds says whether something needs the gateway where it is attached."""


@default_life.begins_with
def default_gateway(call: Call, vpc: Vpc) -> None:
    """The default VPC reaches the internet, and is reached."""
    made = InternetGateway(new_id(InternetGateway), call.account, vpc.vpc_id).put(call)
    Route(main_of(call, vpc.vpc_id).route_table_id, "0.0.0.0/0", made.internet_gateway_id).put(call)


def gateway_of(call: Call, vpc_id: str) -> InternetGateway | None:
    """The internet gateway that is attached to a VPC."""
    return InternetGateway.first(call, vpc_id, index="of_vpc")


@targets.way("igw", "GatewayId", needed=True)
def attached(call: Call, vpc_id: str, target: str) -> bool:
    return named(call, InternetGateway, target).vpc_id == vpc_id


@targets.way("eigw", "EgressOnlyInternetGatewayId", needed=True)
def attached_egress(call: Call, vpc_id: str, target: str) -> bool:
    return named(call, EgressOnlyInternetGateway, target).vpc_id == vpc_id


@vpc_life.holds
def holds_vpc(call: Call, vpc: Vpc) -> bool:
    return bool(gateway_of(call, vpc.vpc_id) or EgressOnlyInternetGateway.first(call, vpc.vpc_id, index="of_vpc"))


@ec2.operation
def create_internet_gateway(call: Call, tag_specifications: list[dict[str, Any]] = []) -> Members:
    """Make an internet gateway, which is attached to nothing yet."""
    tags = specified(tag_specifications, "internet-gateway")
    settled(call)
    limits.check("InternetGatewayLimit", "internet gateways", InternetGateway.scan(call), limits.VPCS)
    made = InternetGateway(new_id(InternetGateway), call.account, tags=tags).put(call)
    return {"InternetGateway": shown(call, made)}


@ec2.operation
def describe_internet_gateways(
    call: Call,
    internet_gateway_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's internet gateways."""
    settled(call)
    return described(
        call,
        InternetGateway,
        FILTERS,
        "InternetGateways",
        shown,
        internet_gateway_ids,
        filters,
        max_results,
        next_token,
    )


def shown(call: Call, gateway: InternetGateway) -> Members:
    return {
        "InternetGatewayId": gateway.internet_gateway_id,
        "OwnerId": gateway.owner_id,
        "Attachments": [{"State": gateway.state, "VpcId": gateway.vpc_id}] if gateway.vpc_id else [],
        "Tags": shown_tags(gateway.tags),
    }


@ec2.operation
def attach_internet_gateway(call: Call, internet_gateway_id: str, vpc_id: str) -> None:
    """Attach a gateway to a VPC that has none."""
    gateway = named(call, InternetGateway, internet_gateway_id)
    named(call, Vpc, vpc_id)
    if gateway.vpc_id:
        text = f"resource {internet_gateway_id} is already attached to network {gateway.vpc_id}"
        raise Fault("Resource.AlreadyAssociated", text)
    if gateway_of(call, vpc_id):
        raise invalid(f"Network {vpc_id} already has an internet gateway attached")
    gateway.vpc_id = vpc_id
    gateway.put(call)
    changes.changed(call, vpc_id)


@ec2.operation
def detach_internet_gateway(call: Call, internet_gateway_id: str, vpc_id: str) -> None:
    """Detach a gateway from a VPC in which nothing has a public address."""
    gateway = named(call, InternetGateway, internet_gateway_id)
    named(call, Vpc, vpc_id)
    if gateway.vpc_id != vpc_id:
        raise Fault("Gateway.NotAttached", f"resource {internet_gateway_id} is not attached to network {vpc_id}")
    if life.held(call, gateway):
        raise in_use(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
            "detaching the gateway."
        )
    gateway.vpc_id = ""
    gateway.put(call)
    changes.changed(call, vpc_id)


@ec2.operation
def delete_internet_gateway(call: Call, internet_gateway_id: str) -> None:
    """Delete a gateway that is attached to nothing."""
    gateway = named(call, InternetGateway, internet_gateway_id)
    if gateway.vpc_id:
        raise in_use(f"The internetGateway '{internet_gateway_id}' has dependencies and cannot be deleted.")
    gateway.delete(call)


# Egress only


@ec2.operation
def create_egress_only_internet_gateway(
    call: Call, vpc_id: str, client_token: str = "", tag_specifications: list[dict[str, Any]] = []
) -> Members:
    """Let what has IPv6 addresses in a VPC reach the internet without being reached."""
    if made := tokens.made_before(call, client_token):
        found = named(call, EgressOnlyInternetGateway, made)
        return {"EgressOnlyInternetGateway": shown_egress(call, found), "ClientToken": client_token}
    named(call, Vpc, vpc_id)
    tags = specified(tag_specifications, "egress-only-internet-gateway")
    limits.check(
        "EgressOnlyInternetGatewayLimit",
        "egress-only internet gateways",
        EgressOnlyInternetGateway.scan(call),
        limits.VPCS,
    )
    gateway = EgressOnlyInternetGateway(new_id(EgressOnlyInternetGateway), vpc_id, tags=tags).put(call)
    tokens.remember(call, client_token, gateway.egress_only_internet_gateway_id)
    changes.changed(call, vpc_id)
    return {"EgressOnlyInternetGateway": shown_egress(call, gateway), "ClientToken": client_token or None}


@ec2.operation
def describe_egress_only_internet_gateways(
    call: Call,
    egress_only_internet_gateway_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's egress-only gateways."""
    return described(
        call,
        EgressOnlyInternetGateway,
        EGRESS_FILTERS,
        "EgressOnlyInternetGateways",
        shown_egress,
        egress_only_internet_gateway_ids,
        filters,
        max_results,
        next_token,
    )


def shown_egress(call: Call, gateway: EgressOnlyInternetGateway) -> Members:
    return {
        "EgressOnlyInternetGatewayId": gateway.egress_only_internet_gateway_id,
        "Attachments": [{"State": "attached", "VpcId": gateway.vpc_id}],
        "Tags": shown_tags(gateway.tags),
    }


@ec2.operation
def delete_egress_only_internet_gateway(call: Call, egress_only_internet_gateway_id: str) -> Members:
    """Delete an egress-only gateway; routes to it lead nowhere then."""
    gateway = named(call, EgressOnlyInternetGateway, egress_only_internet_gateway_id)
    gateway.delete(call)
    changes.changed(call, gateway.vpc_id)
    return {"ReturnCode": True}
