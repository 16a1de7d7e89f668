"""Encryption controls of VPCs: whether everything in one has to be encrypted in transit.

In the mode `enforce` a VPC must not have what cannot encrypt, unless that is excluded. Left out: what other services
have in a VPC.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, paged
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified

from .internet_gateways import EgressOnlyInternetGateway, gateway_of
from .nat_gateways import AVAILABLE, PENDING, NatGateway
from .vpcs import Vpc
from .vpcs import life as vpc_life

EXCLUDABLE = (
    "InternetGateway", "EgressOnlyInternetGateway", "NatGateway", "VirtualPrivateGateway", "VpcPeering", "Lambda",
    "VpcLattice", "ElasticFileSystem", "GlobalAccelerator", "ApiGatewayV2",
)  # fmt: skip
"""What may be excluded, as the request's members call it before `Exclusion`."""

BRIEFLY = 1.0


@kind(
    "vpc-encryption-control",
    "vpcec",
    missing=("InvalidVpcEncryptionControlId.NotFound", "The VPC Encryption Control ID '{}' does not exist"),
)
class VpcEncryptionControl(
    Record,
    arn="vpc-encryption-control/{vpc_encryption_control_id}",
    cfn="AWS::EC2::VPCEncryptionControl",
    indexes={"of_vpc": ("vpc_id",)},
):
    vpc_encryption_control_id: str
    vpc_id: str
    since: float
    mode: str = "monitor"
    state: str = "creating"
    message: str = ""
    exclusions: list[str] = []
    tags: dict[str, str] = {}

    def now(self, call: Call) -> str:
        """The state: what is in progress is done after a moment."""
        passing = self.state in ("creating", "enforce-in-progress", "monitor-in-progress")
        return "available" if passing and self.since + BRIEFLY <= call.now else self.state


FILTERS = Filters(
    {
        "vpc-encryption-control-id": "VpcEncryptionControlId",
        "vpc-id": "VpcId",
        "mode": "Mode",
        "state": "State",
    },
    tags=lambda one: {tag["Key"]: tag["Value"] for tag in one["Tags"]},
)


@ec2.operation
def create_vpc_encryption_control(call: Call, vpc_id: str, tag_specifications: list[dict[str, Any]] = []) -> Members:
    """Watch whether everything in a VPC is encrypted."""
    named(call, Vpc, vpc_id)
    tags = specified(tag_specifications, "vpc-encryption-control")
    if there := of_vpc(call, vpc_id):
        text = f"The VPC {vpc_id} already has an encryption control: {there.vpc_encryption_control_id}"
        raise Fault("VpcEncryptionControlAlreadyExists", text)
    made = VpcEncryptionControl(new_id(VpcEncryptionControl), vpc_id, call.now, tags=tags).put(call)
    return {"VpcEncryptionControl": shown(call, made)}


def begin(call: Call, vpc: Vpc, asked: Members) -> VpcEncryptionControl:
    """The control with which a VPC is made; one that its account has given it already is changed."""
    one = of_vpc(call, vpc.vpc_id) or VpcEncryptionControl(new_id(VpcEncryptionControl), vpc.vpc_id, call.now)
    one.exclusions = [name for name in sorted(EXCLUDABLE) if asked.get(f"{name}Exclusion") == "enable"]
    return apply(call, one, asked["Mode"])


def of_vpc(call: Call, vpc_id: str) -> VpcEncryptionControl | None:
    return VpcEncryptionControl.first(call, vpc_id, index="of_vpc")


@ec2.operation(honours=[f"{one}Exclusion" for one in EXCLUDABLE])
def modify_vpc_encryption_control(
    call: Call, vpc_encryption_control_id: str, request: Members, mode: str = ""
) -> Members:
    """Enforce that everything is encrypted, or only watch it; and exclude what cannot be."""
    one = named(call, VpcEncryptionControl, vpc_encryption_control_id)
    for name in EXCLUDABLE:
        if asked := request.get(f"{name}Exclusion"):
            one.exclusions = sorted({*one.exclusions, name} if asked == "enable" else {*one.exclusions} - {name})
    return {"VpcEncryptionControl": shown(call, apply(call, one, mode or one.mode))}


def apply(call: Call, one: VpcEncryptionControl, mode: str) -> VpcEncryptionControl:
    """Bring a control into a mode, unless something stands against it."""
    one.mode = mode
    one.since, one.message = call.now, ""
    one.state = f"{one.mode}-in-progress"
    if one.mode == "enforce" and (obstacles := [*blocking(call, one)]):
        one.state = "enforce-failed"
        one.message = f"Resources that do not encrypt: {', '.join(found['Id'] for found in obstacles)}"
    return one.put(call)


def blocking(call: Call, one: VpcEncryptionControl) -> Iterator[Members]:
    """What in the VPC cannot encrypt, and is not excluded."""
    gateway = gateway_of(call, one.vpc_id)
    egress = EgressOnlyInternetGateway.scan(call, one.vpc_id, index="of_vpc")
    nats = NatGateway.scan(call, one.vpc_id, index="of_vpc")
    found = [
        *([("InternetGateway", "internet-gateway", gateway.internet_gateway_id)] if gateway else []),
        *(("EgressOnlyInternetGateway", "egress-only-internet-gateway", g.place()[0]) for g in egress),
        *(("NatGateway", "nat-gateway", g.nat_gateway_id) for g in nats if g.state in (PENDING, AVAILABLE)),
    ]
    for name, kind_name, what in found:
        if name not in one.exclusions:
            yield {"Id": what, "Type": kind_name, "IsExcludable": True}


@ec2.operation
def get_vpc_resources_blocking_encryption_enforcement(
    call: Call, vpc_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """What in a VPC forbids that encryption is enforced."""
    named(call, Vpc, vpc_id)
    one = of_vpc(call, vpc_id) or VpcEncryptionControl("", vpc_id, call.now)
    return paged(call, "NonCompliantResources", blocking(call, one), max_results, next_token)


@ec2.operation
def describe_vpc_encryption_controls(
    call: Call,
    vpc_encryption_control_ids: list[str] = [],
    vpc_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The encryption controls of an account's VPCs."""
    asked = [*filters, {"Name": "vpc-id", "Values": vpc_ids}] if vpc_ids else filters
    return described(
        call,
        VpcEncryptionControl,
        FILTERS,
        "VpcEncryptionControls",
        shown,
        vpc_encryption_control_ids,
        asked,
        max_results,
        next_token,
        by_shown=True,
    )


def shown(call: Call, one: VpcEncryptionControl) -> Members:
    return {
        "VpcEncryptionControlId": one.vpc_encryption_control_id,
        "VpcId": one.vpc_id,
        "Mode": one.mode,
        "State": one.now(call),
        "StateMessage": one.message or None,
        "ResourceExclusions": {
            name: {"State": "enabled" if name in one.exclusions else "disabled"} for name in EXCLUDABLE
        },
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_vpc_encryption_control(call: Call, vpc_encryption_control_id: str) -> Members:
    """Watch a VPC no more."""
    one = named(call, VpcEncryptionControl, vpc_encryption_control_id)
    one.delete(call)
    return {"VpcEncryptionControl": shown(call, one) | {"State": "deleting"}}


@vpc_life.ends_with
def leave(call: Call, vpc: Vpc) -> None:
    if one := of_vpc(call, vpc.vpc_id):
        one.delete(call)
