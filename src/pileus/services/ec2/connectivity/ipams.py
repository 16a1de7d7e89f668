"""IPAMs and their scopes: an address space that is planned, one public and one private at first.

Left out: private global unicast addresses as VPCs' own, and asking the external authority of a scope.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pileus.kernel import Call, Fault, Record, regions
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import in_use
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network.life import Life
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import homes
from .lives import BRIEFLY, GONE, enter
from .lives import Life as States

MAKING: States = {
    "create-in-progress": ("create-complete", BRIEFLY),
    "modify-in-progress": ("modify-complete", BRIEFLY),
    "delete-in-progress": (GONE, BRIEFLY),
}
MOST_SCOPES = 5


@kind("ipam", "ipam", missing=("InvalidIpamId.NotFound", "The specified IPAM ID does not exist: {}"))
class Ipam(Record, arn="arn:{partition}:ec2::{account}:ipam/{ipam_id}", cfn="AWS::EC2::IPAM"):
    """An IP address manager. Its Region is its home."""

    life: ClassVar[States] = MAKING
    ipam_id: str
    description: str
    regions: list[str]
    """Where it looks for resources, and where its pools may be."""
    tier: str = "advanced"
    private_gua: bool = False
    metered: str = "ipam-owner"
    public_scope: str = ""
    private_scope: str = ""
    discovery: str = ""
    discovery_association: str = ""
    state: str = "create-in-progress"
    since: float = 0.0
    tags: dict[str, str] = {}


@kind(
    "ipam-scope",
    "ipam-scope",
    missing=("InvalidIpamScopeId.NotFound", "The specified IPAM Scope ID does not exist: {}"),
)
class IpamScope(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-scope/{ipam_scope_id}",
    cfn="AWS::EC2::IPAMScope",
    indexes={"of_ipam": ("ipam_id",)},
):
    """A space in which no two resources overlap."""

    life: ClassVar[States] = MAKING
    ipam_scope_id: str
    ipam_id: str
    type: str
    default: bool
    description: str = ""
    authority: dict[str, str] = {}
    """What plans the scope in the place of IPAM, if anything does."""
    pools: int = 0
    state: str = "create-in-progress"
    since: float = 0.0
    tags: dict[str, str] = {}


parts = Life[Ipam]()
"""What begins and ends with one, and what holds it."""

FILTERS = Filters({"description": "description", "ipam-id": "ipam_id", "state": "state", "tier": "tier"})
SCOPE_FILTERS = Filters(
    {
        "ipam-id": "ipam_id",
        "ipam-scope-id": "ipam_scope_id",
        "ipam-scope-type": "type",
        "is-default": "default",
        "state": "state",
    }
)


@ec2.operation
def create_ipam(
    call: Call,
    description: str = "",
    operating_regions: list[Members] = [],
    tag_specifications: list[Members] = [],
    client_token: str = "",
    tier: str = "advanced",
    enable_private_gua: bool = False,
    metered_account: str = "ipam-owner",
) -> Members:
    """Make an IPAM with its two default scopes, and a discovery of the account's own resources."""
    if before := made_before(call, client_token):
        return {"Ipam": shown(call, named(call, Ipam, before))}
    if Ipam.first(call):
        raise Fault("ResourceLimitExceeded", "The account already has an IPAM in this Region.")
    made = Ipam(
        ipam_id=new_id(Ipam),
        description=description,
        regions=with_regions([], operating_regions, []) or [call.region],
        tier=tier,
        private_gua=enable_private_gua,
        metered=metered_account,
        tags=specified(tag_specifications, "ipam"),
    )
    for kind_of_scope in ("public", "private"):
        scope = IpamScope(new_id(IpamScope), made.ipam_id, kind_of_scope, default=True)
        enter(call, scope, "create-in-progress")
        if kind_of_scope == "public":
            made.public_scope = scope.ipam_scope_id
        else:
            made.private_scope = scope.ipam_scope_id
    parts.begin(call, made)
    enter(call, made, "create-in-progress")
    homes.settle(call, made.ipam_id)
    remember(call, client_token, made.ipam_id)
    return {"Ipam": shown(call, made)}


def with_regions(there: list[str], added: Iterable[Members], gone: Iterable[Members]) -> list[str]:
    """Regions after some are added and removed; raises for what is none."""
    new = [one.get("RegionName", "") for one in added]
    for name in new:
        if not regions.is_region(name):
            raise Fault("InvalidParameterValue", f"The Region {name} is not valid.")
    old = {one.get("RegionName", "") for one in gone}
    return [name for name in dict.fromkeys([*there, *new]) if name not in old]


@ec2.operation
def describe_ipams(
    call: Call,
    ipam_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's IPAMs in the Region."""
    return described(call, Ipam, FILTERS, "Ipams", shown, ipam_ids, filters, max_results, next_token)


def shown(call: Call, ipam: Ipam) -> Members:
    return {
        "OwnerId": call.account,
        "IpamId": ipam.ipam_id,
        "IpamArn": ipam.arn(call),
        "IpamRegion": call.region,
        "PublicDefaultScopeId": ipam.public_scope,
        "PrivateDefaultScopeId": ipam.private_scope,
        "ScopeCount": len([*IpamScope.scan(call, ipam.ipam_id, index="of_ipam")]),
        "Description": ipam.description or None,
        "OperatingRegions": [{"RegionName": name} for name in ipam.regions],
        "State": ipam.state,
        "Tags": shown_tags(ipam.tags),
        "DefaultResourceDiscoveryId": ipam.discovery,
        "DefaultResourceDiscoveryAssociationId": ipam.discovery_association,
        "ResourceDiscoveryAssociationCount": 1,
        "Tier": ipam.tier,
        "EnablePrivateGua": ipam.private_gua,
        "MeteredAccount": ipam.metered,
    }


@ec2.operation
def modify_ipam(
    call: Call,
    ipam_id: str,
    description: str | None = None,
    add_operating_regions: list[Members] = [],
    remove_operating_regions: list[Members] = [],
    tier: str = "",
    enable_private_gua: bool | None = None,
    metered_account: str = "",
) -> Members:
    """Change an IPAM. Its own Region cannot be taken from it."""
    ipam = named(call, Ipam, ipam_id)
    if call.region in [one.get("RegionName") for one in remove_operating_regions]:
        raise Fault("InvalidParameterValue", f"The home Region {call.region} cannot be removed.")
    ipam.regions = with_regions(ipam.regions, add_operating_regions, remove_operating_regions)
    ipam.description = ipam.description if description is None else description
    ipam.tier, ipam.metered = tier or ipam.tier, metered_account or ipam.metered
    ipam.private_gua = ipam.private_gua if enable_private_gua is None else enable_private_gua
    enter(call, ipam, "modify-in-progress")
    return {"Ipam": shown(call, ipam)}


@ec2.operation
def delete_ipam(call: Call, ipam_id: str, cascade: bool = False) -> Members:
    """Delete an IPAM: without `cascade` only one that has neither pools nor further scopes."""
    ipam = named(call, Ipam, ipam_id)
    scopes = [*IpamScope.scan(call, ipam_id, index="of_ipam")]
    if not cascade and (parts.held(call, ipam) or any(not scope.default for scope in scopes)):
        raise in_use(f"The IPAM {ipam_id} has dependencies and cannot be deleted.")
    parts.end(call, ipam)
    for scope in scopes:
        enter(call, scope, "delete-in-progress")
    enter(call, ipam, "delete-in-progress")
    homes.leave(call, ipam_id)
    return {"Ipam": shown(call, ipam)}


# Scopes


@ec2.operation
def create_ipam_scope(
    call: Call,
    ipam_id: str,
    description: str = "",
    tag_specifications: list[Members] = [],
    client_token: str = "",
    external_authority_configuration: Members = {},
) -> Members:
    """Make a further private scope."""
    if before := made_before(call, client_token):
        return {"IpamScope": scope_shown(call, named(call, IpamScope, before))}
    named(call, Ipam, ipam_id)
    if len([*IpamScope.scan(call, ipam_id, index="of_ipam")]) >= MOST_SCOPES:
        raise Fault("ResourceLimitExceeded", f"The maximum number of scopes ({MOST_SCOPES}) has been reached.")
    made = IpamScope(
        ipam_scope_id=new_id(IpamScope),
        ipam_id=ipam_id,
        type="private",
        default=False,
        description=description,
        authority=dict(external_authority_configuration),
        tags=specified(tag_specifications, "ipam-scope"),
    )
    enter(call, made, "create-in-progress")
    remember(call, client_token, made.ipam_scope_id)
    return {"IpamScope": scope_shown(call, made)}


@ec2.operation
def describe_ipam_scopes(
    call: Call,
    ipam_scope_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The scopes of the account's IPAMs."""
    ids, member = ipam_scope_ids, "IpamScopes"
    return described(call, IpamScope, SCOPE_FILTERS, member, scope_shown, ids, filters, max_results, next_token)


def scope_shown(call: Call, scope: IpamScope) -> Members:
    return {
        "OwnerId": call.account,
        "IpamScopeId": scope.ipam_scope_id,
        "IpamScopeArn": scope.arn(call),
        "IpamArn": ipam_arn(call, scope.ipam_id),
        "IpamRegion": call.region,
        "IpamScopeType": scope.type,
        "IsDefault": scope.default,
        "Description": scope.description or None,
        "PoolCount": scope.pools,
        "ExternalAuthorityConfiguration": scope.authority or None,
        "State": scope.state,
        "Tags": shown_tags(scope.tags),
    }


def ipam_arn(call: Call, ipam_id: str) -> str:
    return f"arn:{call.partition}:ec2::{call.account}:ipam/{ipam_id}"


@ec2.operation
def modify_ipam_scope(
    call: Call,
    ipam_scope_id: str,
    description: str | None = None,
    external_authority_configuration: Members = {},
    remove_external_authority_configuration: bool = False,
) -> Members:
    """Change a scope's description, and what plans it."""
    scope = named(call, IpamScope, ipam_scope_id)
    if external_authority_configuration and remove_external_authority_configuration:
        raise Fault("InvalidParameterCombination", "An external authority cannot be given and removed at once.")
    if external_authority_configuration or remove_external_authority_configuration:
        scope.authority = dict(external_authority_configuration)
    scope.description = scope.description if description is None else description
    enter(call, scope, "modify-in-progress")
    return {"IpamScope": scope_shown(call, scope)}


@ec2.operation
def delete_ipam_scope(call: Call, ipam_scope_id: str) -> Members:
    """Delete a scope that is no default one and has no pools."""
    scope = named(call, IpamScope, ipam_scope_id)
    if scope.default:
        raise Fault("InvalidParameterValue", f"The default scope {ipam_scope_id} cannot be deleted.")
    if scope.pools:
        raise in_use(f"The IPAM scope {ipam_scope_id} has pools and cannot be deleted.")
    enter(call, scope, "delete-in-progress")
    return {"IpamScope": scope_shown(call, scope)}
