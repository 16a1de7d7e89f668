"""Targets of prefix list resolvers: customers' prefix lists that have in them what IPAM chooses."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Row
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described
from pileus.services.ec2.faults import bad_value, missing
from pileus.services.ec2.kinds import kind, named, new_id
from pileus.services.ec2.network import prefix_lists
from pileus.services.ec2.network.prefix_lists import PrefixList
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

from . import homes
from .ipam_resolvers import IpamPrefixListResolver, ResolverVersion, latest, version, versions

BRIEFLY = 1.0
FAMILIES = {"ipv4": "IPv4", "ipv6": "IPv6"}


@kind(
    "ipam-prefix-list-resolver-target",
    "ipam-pl-resolver-target",
    missing=(
        "InvalidIpamPrefixListResolverTargetId.NotFound",
        "The specified IPAM Prefix List Resolver Target ID does not exist: {}",
    ),
)
class ResolverTarget(
    Record,
    arn="arn:{partition}:ec2::{account}:ipam-prefix-list-resolver-target/{ipam_prefix_list_resolver_target_id}",
    cfn="AWS::EC2::IPAMPrefixListResolverTarget",
    table="ec2.IpamPrefixListResolverTarget",
    indexes={"of_resolver": ("resolver",)},
):
    """A prefix list that a resolver fills."""

    ipam_prefix_list_resolver_target_id: str
    resolver: str
    prefix_list: str
    region: str
    tracks: bool
    desired: int = 0
    synced: int = 0
    state: str = "create-in-progress"
    message: str = ""
    tags: dict[str, str] = {}


FILTERS = Filters(
    {
        "ipam-prefix-list-resolver-id": "resolver",
        "ipam-prefix-list-resolver-target-id": "ipam_prefix_list_resolver_target_id",
        "prefix-list-id": "prefix_list",
        "prefix-list-region": "region",
        "state": "state",
    }
)


@ec2.operation
def create_ipam_prefix_list_resolver_target(
    call: Call,
    ipam_prefix_list_resolver_id: str,
    prefix_list_id: str,
    prefix_list_region: str,
    track_latest_version: bool,
    desired_version: int = 0,
    tag_specifications: list[Members] = [],
    client_token: str = "",
) -> Members:
    """Let a resolver fill a prefix list of its family: with what it chooses, or has chosen in a version."""
    if before := made_before(call, client_token):
        return {"IpamPrefixListResolverTarget": shown(call, named(call, ResolverTarget, before))}
    resolver = IpamPrefixListResolver.named(call, ipam_prefix_list_resolver_id)
    there = call.at(region=prefix_list_region)
    found = prefix_lists.own(there, prefix_list_id)
    if found.address_family != FAMILIES[resolver["AddressFamily"]]:
        raise bad_value("PrefixListId", prefix_list_id, "The prefix list is of another address family.")
    if found.resolver_target:
        text = f"The prefix list {prefix_list_id} is already managed by {found.resolver_target}."
        raise Fault("OperationNotPermitted", text)
    _check_version(call, ipam_prefix_list_resolver_id, track_latest_version, desired_version)
    made = ResolverTarget(
        new_id(ResolverTarget),
        ipam_prefix_list_resolver_id,
        prefix_list_id,
        prefix_list_region,
        track_latest_version,
        desired_version,
        tags=specified(tag_specifications, "ipam-prefix-list-resolver-target"),
    ).put(call)
    found.resolver_target, found.resolver_sync = made.ipam_prefix_list_resolver_target_id, True
    found.put(there)
    homes.settle(call, made.ipam_prefix_list_resolver_target_id)
    soon(call, made)
    remember(call, client_token, made.ipam_prefix_list_resolver_target_id)
    return {"IpamPrefixListResolverTarget": shown(call, made)}


def _check_version(call: Call, resolver: str, tracks: bool, desired: int) -> None:
    if tracks and desired:
        raise Fault("InvalidParameterCombination", "DesiredVersion cannot be given with TrackLatestVersion.")
    if not tracks:
        if not desired:
            raise missing("DesiredVersion")
        version(call, resolver, desired)


@ec2.operation
def modify_ipam_prefix_list_resolver_target(
    call: Call,
    ipam_prefix_list_resolver_target_id: str,
    desired_version: int = 0,
    track_latest_version: bool | None = None,
    client_token: str = "",
) -> Members:
    """Let a list follow the resolver, or stay with a version."""
    one = named(call, ResolverTarget, ipam_prefix_list_resolver_target_id)
    if not made_before(call, client_token):
        tracks = not desired_version and one.tracks if track_latest_version is None else track_latest_version
        desired = desired_version or (0 if tracks else one.desired)
        _check_version(call, one.resolver, tracks, desired)
        one.tracks, one.desired, one.state = tracks, desired, "modify-in-progress"
        one.put(call)
        soon(call, one)
        remember(call, client_token, ipam_prefix_list_resolver_target_id)
    return {"IpamPrefixListResolverTarget": shown(call, one)}


@ec2.operation
def describe_ipam_prefix_list_resolver_targets(
    call: Call,
    ipam_prefix_list_resolver_target_ids: list[str] = [],
    ipam_prefix_list_resolver_id: str = "",
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The targets of the account's resolvers, or of one."""
    ids, member = ipam_prefix_list_resolver_target_ids, "IpamPrefixListResolverTargets"
    if ipam_prefix_list_resolver_id:
        IpamPrefixListResolver.named(call, ipam_prefix_list_resolver_id)
        filters = [*filters, {"Name": "ipam-prefix-list-resolver-id", "Values": [ipam_prefix_list_resolver_id]}]
    return described(call, ResolverTarget, FILTERS, member, shown, ids, filters, max_results, next_token)


def shown(call: Call, one: ResolverTarget) -> Members:
    return {
        "IpamPrefixListResolverTargetId": one.ipam_prefix_list_resolver_target_id,
        "IpamPrefixListResolverTargetArn": one.arn(call),
        "IpamPrefixListResolverId": one.resolver,
        "OwnerId": call.account,
        "PrefixListId": one.prefix_list,
        "PrefixListRegion": one.region,
        "DesiredVersion": one.desired or None,
        "LastSyncedVersion": one.synced or None,
        "TrackLatestVersion": one.tracks,
        "State": one.state,
        "StateMessage": one.message or None,
        "Tags": shown_tags(one.tags),
    }


@ec2.operation
def delete_ipam_prefix_list_resolver_target(call: Call, ipam_prefix_list_resolver_target_id: str) -> Members:
    """Let a list be filled no longer; what is in it stays."""
    one = named(call, ResolverTarget, ipam_prefix_list_resolver_target_id)
    there = call.at(region=one.region)
    if found := PrefixList.get(there, one.prefix_list):
        found.resolver_target = ""
        found.put(there)
    one.delete(call)
    homes.leave(call, ipam_prefix_list_resolver_target_id)
    return {"IpamPrefixListResolverTarget": shown(call, one) | {"State": "delete-in-progress"}}


# Filling


def soon(call: Call, one: ResolverTarget) -> None:
    sync.later(call, delay=BRIEFLY, target=one.ipam_prefix_list_resolver_target_id)


@versions.begins_with
def further(call: Call, resolver: Row) -> None:
    """There is a further version, which those get that follow."""
    for one in [*ResolverTarget.scan(call, resolver["IpamPrefixListResolverId"], index="of_resolver")]:
        if one.tracks:
            one.state = "sync-in-progress"
            one.put(call)
            soon(call, one)


@versions.holds
def holds_resolver(call: Call, resolver: Row) -> bool:
    return ResolverTarget.first(call, resolver["IpamPrefixListResolverId"], index="of_resolver") is not None


@prefix_lists.following.begins_with
def follow(call: Call, found: PrefixList) -> None:
    """A list follows its resolver again."""
    if there := homes.of(call, found.resolver_target):
        sync.later(there, delay=BRIEFLY, target=found.resolver_target)


@ec2.task
def sync(call: Call, target: str) -> None:
    """Put into a list what its version says, as far as there is room."""
    one = ResolverTarget.get(call, target)
    if one is None:
        return
    wanted = latest(call, one.resolver) if one.tracks else ResolverVersion.get(call, one.resolver, one.desired)
    there = call.at(region=one.region)
    found = PrefixList.get(there, one.prefix_list)
    one.message = ""
    if found is None or wanted is None:
        one.state, one.message = "sync-failed", f"The prefix list {one.prefix_list} does not exist."
    elif len(wanted.cidrs) > found.max_entries:
        one.state = "sync-failed"
        one.message = f"The prefix list {one.prefix_list} cannot have {len(wanted.cidrs)} entries."
    elif found.resolver_sync:
        fill(there, found, wanted.cidrs)
        one.state, one.synced = "sync-complete", wanted.version
    one.put(call)


def fill(call: Call, found: PrefixList, cidrs: list[str]) -> None:
    """A further version of a list, if it has other entries than these."""
    there = prefix_lists.entries(call, found)
    if set(there) != set(cidrs):
        found.version += 1
        found.state = "modify-complete"
        prefix_lists.write(call, found, {cidr: there.get(cidr, "") for cidr in cidrs})
