"""Prefix list resolvers of IPAM: rules that choose blocks, and the versions of what they have chosen.

Whenever the IPAM has looked and something else is chosen than before, there is a further version.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged, selected
from pileus.services.ec2.faults import bad_value, in_use, missing
from pileus.services.ec2.kinds import kind, named
from pileus.services.ec2.network.life import Life

from . import ipam_space
from .ipam_history import looks
from .ipam_pools import PoolCidr, pools_of
from .ipam_resources import seen
from .ipams import Ipam, IpamScope, ipam_arn
from .ipams import parts as ipam_parts

STATIC, RESOURCES, POOLS = "static-cidr", "ipam-resource-cidr", "ipam-pool-cidr"
MOST_RULES = 99
RULE_FILTERS = Filters({"rule-type": "RuleType", "resource-type": "ResourceType"}, tags=None)
VERSION_FILTERS = Filters({"version": "Version"}, tags=None)
MISSING = (
    "InvalidIpamPrefixListResolverId.NotFound",
    "The specified IPAM Prefix List Resolver ID does not exist: {}",
)

versions = Life[Row]()
"""What is done when there is a further version, and what holds a resolver."""


class ResolverVersion(Record, key=("resolver", "version"), table="ec2.IpamPrefixListResolverVersion"):
    """What was chosen from a time on."""

    resolver: str
    version: int
    cidrs: list[str]


@kind("ipam-prefix-list-resolver", "ipam-pl-resolver", missing=MISSING)
class IpamPrefixListResolver(Resource, service=ec2, cfn="AWS::EC2::IPAMPrefixListResolver"):
    """A resolver."""

    key = "IpamPrefixListResolverId"
    arn = (
        "IpamPrefixListResolverArn",
        "arn:{partition}:ec2::{account}:ipam-prefix-list-resolver/{IpamPrefixListResolverId}",
    )
    create, update = "CreateIpamPrefixListResolver", "ModifyIpamPrefixListResolver"
    list, delete = "DescribeIpamPrefixListResolvers", "DeleteIpamPrefixListResolver"
    missing = MISSING
    tags = "TagSpecifications"
    states = (
        "State: create-in-progress -> create-complete after 1s; modify-in-progress -> modify-complete after 1s; "
        "delete-in-progress -> gone after 1s"
    )
    fields = {
        "IpamPrefixListResolverId": hex_id("ipam-pl-resolver"),
        "OwnerId": owner,
        "IpamArn": None,
        "IpamId": None,
        "IpamRegion": None,
        "Rules": [],
        "LastVersionCreationStatus": "pending",
    }
    filters = {
        "address-family": "AddressFamily",
        "ipam-prefix-list-resolver-id": "IpamPrefixListResolverId",
        "state": "State",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        ipam = named(call, Ipam, row["IpamId"])
        if ipam.tier != "advanced":
            raise Fault("UnsupportedOperation", "Prefix list resolvers need an IPAM of the Advanced tier.")
        row["IpamArn"], row["IpamRegion"] = ipam_arn(call, row["IpamId"]), call.region
        check(call, row, row["Rules"])

    @staticmethod
    def after_create(call: Call, row: Row) -> None:
        resolve(call, row)

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        check(call, row, changes.get("Rules", []))

    @staticmethod
    def after_update(call: Call, row: Row) -> None:
        resolve(call, row)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        if versions.held(call, row):
            raise in_use(f"The prefix list resolver {row['IpamPrefixListResolverId']} has targets.")

    @staticmethod
    def after_delete(call: Call, row: Row) -> None:
        ResolverVersion.delete_all(call, row["IpamPrefixListResolverId"])


def check(call: Call, row: Row, rules: list[Members]) -> None:
    """Raise for rules that say too little, or speak of another family."""
    if len(rules) > MOST_RULES:
        raise Fault("ResourceLimitExceeded", f"The maximum number of rules ({MOST_RULES}) has been reached.")
    for rule in rules:
        if rule["RuleType"] == STATIC:
            check_cidr(row, rule.get("StaticCidr", ""))
        elif rule["RuleType"] == RESOURCES:
            if not rule.get("IpamScopeId") or not rule.get("ResourceType"):
                raise missing("IpamScopeId" if not rule.get("IpamScopeId") else "ResourceType")
            named(call, IpamScope, rule["IpamScopeId"])
        for condition in rule.get("Conditions", ()):
            if condition["Operation"] == "subnet-of" and "Cidr" not in condition:
                raise bad_value("Operation", "subnet-of", "The operation needs a CIDR.")
            if "Cidr" in condition:
                check_cidr(row, condition["Cidr"])


def check_cidr(row: Row, cidr: str) -> None:
    try:
        fits = f"ipv{ip_network(cidr).version}" == row["AddressFamily"]
    except ValueError:
        fits = False
    if not fits:
        raise bad_value("Cidr", cidr)


# Resolving


@looks
def resolve_all(call: Call, ipam: Ipam) -> None:
    """Choose anew for each resolver of an IPAM."""
    for row in [*IpamPrefixListResolver.family.row.scan(call)]:
        if row["IpamId"] == ipam.ipam_id:
            resolve(call, row)


def resolve(call: Call, row: Row) -> None:
    """Choose anew, and keep what is chosen as a version, if it is not what was chosen before."""
    what = row["IpamPrefixListResolverId"]
    chosen = sorted({cidr for rule in row["Rules"] for cidr in _chosen(call, row, rule)}, key=_order)
    last = latest(call, what)
    if last is None or last.cidrs != chosen:
        ResolverVersion(what, last.version + 1 if last else 1, chosen).put(call)
        row["LastVersionCreationStatus"] = "success"
        row.put(call)
        versions.begin(call, row)


def latest(call: Call, resolver: str) -> ResolverVersion | None:
    return ResolverVersion.first(call, resolver, reverse=True)


def _order(cidr: str) -> tuple[int, int]:
    network = ip_network(cidr)
    return int(network.network_address), network.prefixlen


def _chosen(call: Call, row: Row, rule: Members) -> Iterator[str]:
    """The blocks that a rule chooses, of the resolver's family."""
    if rule["RuleType"] == STATIC:
        yield rule["StaticCidr"]
        return
    for one in _candidates(call, row, rule):
        version = f"ipv{ip_network(one['ResourceCidr']).version}"
        if version == row["AddressFamily"] and all(_holds(one, each) for each in rule.get("Conditions", ())):
            yield one["ResourceCidr"]


def _candidates(call: Call, row: Row, rule: Members) -> Iterator[Members]:
    for scope in IpamScope.scan(call, row["IpamId"], index="of_ipam"):
        if rule.get("IpamScopeId") not in (None, scope.ipam_scope_id):
            continue
        if rule["RuleType"] == RESOURCES:
            yield from (one for one in seen(call, scope) if one["ResourceType"] == rule["ResourceType"])
        else:
            for pool in pools_of(call, scope.ipam_scope_id):
                told = {"IpamPoolId": pool.ipam_pool_id, "ResourceOwnerId": pool.owner, "ResourceRegion": pool.locale}
                tags = [{"Key": key, "Value": value} for key, value in pool.tags.items()]
                for block in PoolCidr.scan(call, pool.ipam_pool_id):
                    yield told | {"ResourceCidr": block.cidr, "ResourceTags": tags}


def _holds(one: Members, condition: Members) -> bool:
    """Whether a block fits a condition."""
    if condition["Operation"] == "subnet-of":
        return ipam_space.inside(ip_network(one["ResourceCidr"]), ip_network(condition["Cidr"]))
    same = {
        "IpamPoolId": one.get("IpamPoolId") == condition.get("IpamPoolId"),
        "ResourceId": one.get("ResourceId") == condition.get("ResourceId"),
        "ResourceOwner": one.get("ResourceOwnerId") == condition.get("ResourceOwner"),
        "ResourceRegion": one.get("ResourceRegion") == condition.get("ResourceRegion"),
        "ResourceTag": condition.get("ResourceTag") in one.get("ResourceTags", ()),
        "Cidr": one["ResourceCidr"] == condition.get("Cidr"),
    }
    given = [same[name] for name in same if name in condition]
    return all(given) if condition["Operation"] == "equals" else not any(given)


# What is told of it


@ec2.operation(on=IpamPrefixListResolver.of("GetIpamPrefixListResolverRules"))
def get_ipam_prefix_list_resolver_rules(
    call: Call, row: Row, filters: list[Members] = [], max_results: int = 0, next_token: str = ""
) -> Members:
    """The rules of a resolver."""
    return selected(call, "Rules", RULE_FILTERS, row["Rules"], filters, max_results, next_token)


@ec2.operation(on=IpamPrefixListResolver.of("GetIpamPrefixListResolverVersions"))
def get_ipam_prefix_list_resolver_versions(
    call: Call,
    row: Row,
    ipam_prefix_list_resolver_versions: list[int] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The versions that there have been."""
    wanted = ipam_prefix_list_resolver_versions
    found = [
        {"Version": one.version}
        for one in ResolverVersion.scan(call, row["IpamPrefixListResolverId"])
        if not wanted or one.version in wanted
    ]
    member = "IpamPrefixListResolverVersions"
    return selected(call, member, VERSION_FILTERS, found, filters, max_results, next_token)


@ec2.operation(on=IpamPrefixListResolver.of("GetIpamPrefixListResolverVersionEntries"))
def get_ipam_prefix_list_resolver_version_entries(
    call: Call, row: Row, ipam_prefix_list_resolver_version: int, max_results: int = 0, next_token: str = ""
) -> Members:
    """What was chosen in a version."""
    found = version(call, row["IpamPrefixListResolverId"], ipam_prefix_list_resolver_version)
    return paged(call, "Entries", [{"Cidr": cidr} for cidr in found.cidrs], max_results, next_token)


def version(call: Call, resolver: str, number: int) -> ResolverVersion:
    if found := ResolverVersion.get(call, resolver, number):
        return found
    text = f"The version {number} of {resolver} does not exist."
    raise Fault("InvalidIpamPrefixListResolverVersion.NotFound", text)


@ipam_parts.holds
def holds_ipam(call: Call, ipam: Ipam) -> bool:
    return any(row["IpamId"] == ipam.ipam_id for row in IpamPrefixListResolver.family.row.scan(call))
