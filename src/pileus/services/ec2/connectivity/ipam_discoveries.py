"""Resource discoveries of IPAM: where an IPAM learns what resources an account has.

An IPAM has one of its own account's; others may be associated. Left out: exclusions of organizational units.
"""

from __future__ import annotations

from typing import ClassVar

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import in_use
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from .ipams import MAKING, Ipam, ipam_arn, with_regions
from .ipams import parts as ipam_parts
from .lives import BRIEFLY, GONE, Life, enter


@kind(
    "ipam-resource-discovery",
    "ipam-res-disco",
    missing=("InvalidIpamResourceDiscoveryId.NotFound", "The specified IPAM Resource Discovery ID does not exist: {}"),
)
class Discovery(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-resource-discovery/{ipam_resource_discovery_id}",
    cfn="AWS::EC2::IPAMResourceDiscovery",
    table="ec2.IpamResourceDiscovery",
):
    """A discovery."""

    life: ClassVar[Life] = MAKING
    ipam_resource_discovery_id: str
    description: str
    regions: list[str]
    default: bool = False
    state: str = "create-in-progress"
    since: float = 0.0
    tags: dict[str, str] = {}


@kind(
    "ipam-resource-discovery-association",
    "ipam-res-disco-assoc",
    missing=(
        "InvalidIpamResourceDiscoveryAssociationId.NotFound",
        "The specified IPAM Resource Discovery Association ID does not exist: {}",
    ),
)
class DiscoveryAssociation(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-resource-discovery-association/{ipam_resource_discovery_association_id}",
    cfn="AWS::EC2::IPAMResourceDiscoveryAssociation",
    table="ec2.IpamResourceDiscoveryAssociation",
):
    """A discovery that an IPAM learns from."""

    life: ClassVar[Life] = {
        "associate-in-progress": ("associate-complete", BRIEFLY),
        "disassociate-in-progress": (GONE, BRIEFLY),
    }
    ipam_resource_discovery_association_id: str
    ipam_id: str
    discovery: str
    default: bool = False
    state: str = "associate-in-progress"
    since: float = 0.0
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "description": "description",
        "ipam-resource-discovery-id": "ipam_resource_discovery_id",
        "is-default": "default",
        "state": "state",
    }
)
ASSOCIATION_FILTERS = Filters(
    {
        "ipam-id": "ipam_id",
        "ipam-resource-discovery-association-id": "ipam_resource_discovery_association_id",
        "ipam-resource-discovery-id": "discovery",
        "is-default": "default",
        "state": "state",
    }
)


@ipam_parts.begins_with
def begin(call: Call, ipam: Ipam) -> None:
    """A new IPAM learns from its own account."""
    found = next((one for one in Discovery.scan(call) if one.default), None)
    if found is None:
        found = Discovery(new_id(Discovery), "", ipam.regions, default=True)
        enter(call, found, "create-in-progress")
    association = DiscoveryAssociation(
        new_id(DiscoveryAssociation), ipam.ipam_id, found.ipam_resource_discovery_id, default=True
    )
    enter(call, association, "associate-in-progress")
    ipam.discovery = found.ipam_resource_discovery_id
    ipam.discovery_association = association.ipam_resource_discovery_association_id


@ipam_parts.ends_with
def end(call: Call, ipam: Ipam) -> None:
    for one in [*DiscoveryAssociation.scan(call)]:
        if one.ipam_id == ipam.ipam_id:
            one.delete(call)
    if found := Discovery.get(call, ipam.discovery):
        enter(call, found, "delete-in-progress")


@ec2.operation
def create_ipam_resource_discovery(
    call: Call,
    description: str = "",
    operating_regions: list[Members] = [],
    tag_specifications: list[Members] = [],
    client_token: str = "",
) -> Members:
    """Discover the account's resources, for an IPAM of its own or of another account."""
    if before := made_before(call, client_token):
        return {"IpamResourceDiscovery": shown(call, named(call, Discovery, before))}
    if any(not one.default for one in Discovery.scan(call)):
        raise Fault("ResourceLimitExceeded", "The account already has a resource discovery in this Region.")
    made = Discovery(
        ipam_resource_discovery_id=new_id(Discovery),
        description=description,
        regions=with_regions([call.region], operating_regions, []),
        tags=specified(tag_specifications, "ipam-resource-discovery"),
    )
    enter(call, made, "create-in-progress")
    remember(call, client_token, made.ipam_resource_discovery_id)
    return {"IpamResourceDiscovery": shown(call, made)}


@ec2.operation
def describe_ipam_resource_discoveries(
    call: Call,
    ipam_resource_discovery_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's discoveries."""
    ids, member = ipam_resource_discovery_ids, "IpamResourceDiscoveries"
    return described(call, Discovery, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: Discovery) -> Members:
    return {
        "OwnerId": call.account,
        "IpamResourceDiscoveryId": one.ipam_resource_discovery_id,
        "IpamResourceDiscoveryArn": one.arn(call),
        "IpamResourceDiscoveryRegion": call.region,
        "Description": one.description or None,
        "OperatingRegions": [{"RegionName": name} for name in one.regions],
        "IsDefault": one.default,
        "State": one.state,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def modify_ipam_resource_discovery(
    call: Call,
    ipam_resource_discovery_id: str,
    description: str | None = None,
    add_operating_regions: list[Members] = [],
    remove_operating_regions: list[Members] = [],
) -> Members:
    """Change where a discovery looks."""
    one = named(call, Discovery, ipam_resource_discovery_id)
    one.description = one.description if description is None else description
    one.regions = with_regions(one.regions, add_operating_regions, remove_operating_regions)
    enter(call, one, "modify-in-progress")
    return {"IpamResourceDiscovery": shown(call, one)}


@ec2.operation
def delete_ipam_resource_discovery(call: Call, ipam_resource_discovery_id: str) -> Members:
    """Delete a discovery that no IPAM learns from."""
    one = named(call, Discovery, ipam_resource_discovery_id)
    if any(other.discovery == ipam_resource_discovery_id for other in DiscoveryAssociation.scan(call)):
        raise in_use(f"The resource discovery {ipam_resource_discovery_id} has associations.")
    enter(call, one, "delete-in-progress")
    return {"IpamResourceDiscovery": shown(call, one)}


# Associations


@ec2.operation
def associate_ipam_resource_discovery(
    call: Call,
    ipam_id: str,
    ipam_resource_discovery_id: str,
    tag_specifications: list[Members] = [],
    client_token: str = "",
) -> Members:
    """Let an IPAM learn from a discovery."""
    if before := made_before(call, client_token):
        return {"IpamResourceDiscoveryAssociation": association_shown(call, named(call, DiscoveryAssociation, before))}
    named(call, Ipam, ipam_id)
    named(call, Discovery, ipam_resource_discovery_id)
    for other in DiscoveryAssociation.scan(call):
        if (other.ipam_id, other.discovery) == (ipam_id, ipam_resource_discovery_id):
            raise Fault("InvalidParameterValue", f"{ipam_resource_discovery_id} is already associated with {ipam_id}.")
    made = DiscoveryAssociation(
        ipam_resource_discovery_association_id=new_id(DiscoveryAssociation),
        ipam_id=ipam_id,
        discovery=ipam_resource_discovery_id,
        tags=specified(tag_specifications, "ipam-resource-discovery-association"),
    )
    enter(call, made, "associate-in-progress")
    remember(call, client_token, made.ipam_resource_discovery_association_id)
    return {"IpamResourceDiscoveryAssociation": association_shown(call, made)}


@ec2.operation
def describe_ipam_resource_discovery_associations(
    call: Call,
    ipam_resource_discovery_association_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Which IPAMs learn from which discoveries."""
    ids, member, show = ipam_resource_discovery_association_ids, "IpamResourceDiscoveryAssociations", association_shown
    return described(
        call, DiscoveryAssociation, ASSOCIATION_FILTERS, member, show, ids, filters, max_results, next_token
    )


def association_shown(call: Call, one: DiscoveryAssociation) -> Members:
    return {
        "OwnerId": call.account,
        "IpamResourceDiscoveryAssociationId": one.ipam_resource_discovery_association_id,
        "IpamResourceDiscoveryAssociationArn": one.arn(call),
        "IpamResourceDiscoveryId": one.discovery,
        "IpamId": one.ipam_id,
        "IpamArn": ipam_arn(call, one.ipam_id),
        "IpamRegion": call.region,
        "IsDefault": one.default,
        "ResourceDiscoveryStatus": "active" if Discovery.get(call, one.discovery) else "not-found",
        "State": one.state,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def disassociate_ipam_resource_discovery(call: Call, ipam_resource_discovery_association_id: str) -> Members:
    """Let an IPAM no longer learn from a discovery that is not its own."""
    one = named(call, DiscoveryAssociation, ipam_resource_discovery_association_id)
    if one.default:
        raise Fault("InvalidParameterValue", "The default resource discovery cannot be disassociated.")
    enter(call, one, "disassociate-in-progress")
    return {"IpamResourceDiscoveryAssociation": association_shown(call, one)}
