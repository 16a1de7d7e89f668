"""What an account blocks between its VPCs and the internet, and what it excepts from that."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import combination, missing
from pileus.services.ec2.kinds import named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, limits
from .public_access import OFF, Exclusion, Options
from .subnets import Subnet
from .subnets import life as subnet_life
from .vpcs import Vpc
from .vpcs import life as vpc_life

TAKES = 1.0
"""How many seconds a change is shown as one in progress."""
EXCLUSIONS = 50

FILTERS = Filters(
    {
        "resource-arn": "ResourceArn",
        "internet-gateway-exclusion-mode": "InternetGatewayExclusionMode",
        "state": "State",
    },
    tags=lambda one: {tag["Key"]: tag["Value"] for tag in one["Tags"]},
)


def wholly(call: Call) -> None:
    """The wiring of all of an account's VPCs has changed."""
    for vpc in Vpc.scan(call):
        changes.changed(call, vpc.vpc_id)


# Options


@ec2.operation
def describe_vpc_block_public_access_options(call: Call) -> Members:
    """What the account blocks in the Region."""
    return {"VpcBlockPublicAccessOptions": shown_options(call)}


@ec2.operation
def modify_vpc_block_public_access_options(call: Call, internet_gateway_block_mode: str) -> Members:
    """Block what comes in from the internet, or goes out too, or nothing."""
    Options("options", internet_gateway_block_mode, call.now).put(call)
    wholly(call)
    return {"VpcBlockPublicAccessOptions": shown_options(call)}


def shown_options(call: Call) -> Members:
    options = Options.get(call, "options")
    state = "default-state"
    if options:
        state = "update-complete" if options.at + TAKES <= call.now else "update-in-progress"
    return {
        "AwsAccountId": call.account,
        "AwsRegion": call.region,
        "State": state,
        "InternetGatewayBlockMode": options.mode if options else OFF,
        "LastUpdateTimestamp": options.at if options else None,
        "ManagedBy": "account",
        "ExclusionsAllowed": "allowed",
    }


# Exclusions


@ec2.operation
def create_vpc_block_public_access_exclusion(
    call: Call,
    internet_gateway_exclusion_mode: str,
    vpc_id: str = "",
    subnet_id: str = "",
    tag_specifications: list[dict[str, Any]] = [],
) -> Members:
    """Except a VPC or a subnet from what is blocked."""
    if vpc_id and subnet_id:
        raise combination("Only one of VpcId and SubnetId may be specified.")
    if not vpc_id and not subnet_id:
        raise missing("VpcId", "SubnetId")
    tags = specified(tag_specifications, "vpc-block-public-access-exclusion")
    found: Vpc | Subnet = named(call, Vpc, vpc_id) if vpc_id else named(call, Subnet, subnet_id)
    if there := Exclusion.first(call, vpc_id or subnet_id, index="of_resource"):
        text = f"The resource {there.resource_id} already has an exclusion: {there.exclusion_id}"
        raise Fault("ResourceAlreadyExists", text)
    limits.check("VpcBlockPublicAccessExclusionLimit", "exclusions", Exclusion.scan(call), EXCLUSIONS)
    made = Exclusion(
        exclusion_id=new_id(Exclusion),
        resource_id=vpc_id or subnet_id,
        resource_arn=found.arn(call),
        mode=internet_gateway_exclusion_mode,
        created=call.now,
        updated=call.now,
        tags=tags,
    ).put(call)
    changes.changed(call, found.vpc_id)
    return {"VpcBlockPublicAccessExclusion": shown(call, made)}


@ec2.operation
def describe_vpc_block_public_access_exclusions(
    call: Call,
    exclusion_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """An account's exclusions."""
    return described(
        call,
        Exclusion,
        FILTERS,
        "VpcBlockPublicAccessExclusions",
        shown,
        exclusion_ids,
        filters,
        max_results,
        next_token,
        by_shown=True,
    )


def shown(call: Call, one: Exclusion) -> Members:
    progress = "complete" if one.updated + TAKES <= call.now else "in-progress"
    return {
        "ExclusionId": one.exclusion_id,
        "InternetGatewayExclusionMode": one.mode,
        "ResourceArn": one.resource_arn,
        "State": f"{one.state}-{progress}",
        "CreationTimestamp": one.created,
        "LastUpdateTimestamp": one.updated,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def modify_vpc_block_public_access_exclusion(
    call: Call, exclusion_id: str, internet_gateway_exclusion_mode: str
) -> Members:
    """Except a VPC or a subnet in another way."""
    one = named(call, Exclusion, exclusion_id)
    one.mode, one.state, one.updated = internet_gateway_exclusion_mode, "update", call.now
    one.put(call)
    wholly(call)
    return {"VpcBlockPublicAccessExclusion": shown(call, one)}


@ec2.operation
def delete_vpc_block_public_access_exclusion(call: Call, exclusion_id: str) -> Members:
    """Except a VPC or a subnet no more."""
    one = named(call, Exclusion, exclusion_id)
    one.delete(call)
    wholly(call)
    return {"VpcBlockPublicAccessExclusion": shown(call, one) | {"State": "delete-in-progress"}}


@vpc_life.ends_with
def leave_vpc(call: Call, vpc: Vpc) -> None:
    for one in [*Exclusion.scan(call, vpc.vpc_id, index="of_resource")]:
        one.delete(call)


@subnet_life.ends_with
def leave_subnet(call: Call, subnet: Subnet) -> None:
    for one in [*Exclusion.scan(call, subnet.subnet_id, index="of_resource")]:
        one.delete(call)
