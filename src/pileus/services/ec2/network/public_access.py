"""Block Public Access: whether anything in an account's VPCs may talk with the internet by a gateway."""

from __future__ import annotations

from pileus.kernel import Call, Record
from pileus.services.ec2.kinds import kind

OFF, BOTH_WAYS, INWARD = "off", "block-bidirectional", "block-ingress"


class Options(Record, table="ec2.VpcBlockPublicAccessOptions"):
    """What an account blocks in a Region."""

    name: str
    mode: str
    at: float


@kind(
    "vpc-block-public-access-exclusion",
    "vpcbpa-exclude",
    missing=(
        "InvalidVpcBlockPublicAccessExclusionId.NotFound",
        "The VPC Block Public Access exclusion ID '{}' does not exist",
    ),
    member="ExclusionId",
)
class Exclusion(
    Record,
    arn="vpc-block-public-access-exclusion/{exclusion_id}",
    cfn="AWS::EC2::VPCBlockPublicAccessExclusion",
    indexes={"of_resource": ("resource_id",)},
):
    """A VPC or a subnet in which less is blocked than in the others."""

    exclusion_id: str
    resource_id: str
    resource_arn: str
    mode: str
    """`allow-bidirectional`, or `allow-egress` for what is begun from within only."""
    created: float
    updated: float
    state: str = "create"
    tags: dict[str, str] = {}


def blocked(call: Call, vpc_id: str, subnet_id: str = "") -> str:
    """What is blocked between the internet and a VPC, or a subnet: `off`, `block-bidirectional` or `block-ingress`."""
    options = Options.get(call, "options")
    if options is None or options.mode == OFF:
        return OFF
    for what in filter(None, (subnet_id, vpc_id)):
        if found := Exclusion.first(call, what, index="of_resource"):
            return OFF if found.mode == "allow-bidirectional" else INWARD
    return options.mode
