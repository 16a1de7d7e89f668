"""Managed prefix lists: ranges of addresses under one id, version by version; and those of AWS for S3 and DynamoDB.

What IPAM fills (`resolver_target`) nobody else may change, unless it is told to stop.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2, tokens
from pileus.services.ec2.connectivity import homes
from pileus.services.ec2.describing import Members, paged, selected
from pileus.services.ec2.faults import bad_value, combination, in_use, invalid
from pileus.services.ec2.kinds import BY_RECORD, kind, new_id
from pileus.services.ec2.tags import shown_tags, specified

from . import changes, cidrs, public_ranges, sharing
from .life import Life
from .route_tables import Route, RouteTable
from .security_groups import SecurityGroup, SecurityGroupRule

AWS = "AWS"
SHARED = "ec2:PrefixList"

KNOWN = {
    "com.amazonaws.us-east-1.s3": "pl-63a5400a",
    "com.amazonaws.us-east-1.dynamodb": "pl-02cd2c6b",
    "com.amazonaws.us-west-2.s3": "pl-68a54001",
    "com.amazonaws.us-west-2.dynamodb": "pl-00a54069",
    "com.amazonaws.eu-west-1.s3": "pl-6da54004",
    "com.amazonaws.eu-west-1.dynamodb": "pl-6fa54006",
}
"""Ids of AWS's own lists where they are well known."""


@kind(
    "prefix-list",
    "pl",
    missing=("InvalidPrefixListID.NotFound", "The prefix list ID '{}' does not exist"),
    malformed="InvalidPrefixListId.Malformed",
)
class PrefixList(Record, arn="prefix-list/{prefix_list_id}", cfn="AWS::EC2::PrefixList"):
    prefix_list_id: str
    owner_id: str
    prefix_list_name: str
    address_family: str
    max_entries: int
    version: int = 1
    state: str = "create-complete"
    resolver_target: str = ""
    """What of IPAM fills it."""
    resolver_sync: bool = False
    """Whether that does so at present."""
    tags: dict[str, str] = {}


following = Life[PrefixList]()
"""What is done when a list is to be filled again."""


class Version(Record, key=("prefix_list_id", "version"), table="ec2.PrefixListVersion"):
    """What a version of a list says: the descriptions by the ranges."""

    prefix_list_id: str
    version: int
    entries: dict[str, str]


FILTERS = Filters({"owner-id": "owner_id", "prefix-list-id": "prefix_list_id", "prefix-list-name": "prefix_list_name"})

SERVICE_FILTERS = Filters({"prefix-list-id": "PrefixListId", "prefix-list-name": "PrefixListName"}, tags=None)


# Finding


def of_aws(call: Call) -> Iterator[PrefixList]:
    """AWS's own lists in the Region."""
    for service in public_ranges.SERVICES:
        name = f"com.amazonaws.{call.region}.{service}"
        what = KNOWN.get(name) or f"pl-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        yield PrefixList(what, AWS, name, "IPv4", 0)


def find(call: Call, prefix_list_id: str) -> PrefixList:
    """The list of an id: the account's own, one of AWS's, or one that is shared; raises if there is none."""
    if found := PrefixList.get(call, prefix_list_id):
        return found
    for one in of_aws(call):
        if one.prefix_list_id == prefix_list_id:
            return one
    theirs = PrefixList.get(sharing.home(call, prefix_list_id), prefix_list_id)
    if theirs and sharing.given(call, theirs.arn(call.at(account=theirs.owner_id))):
        return theirs
    BY_RECORD[PrefixList].check(prefix_list_id)
    raise BY_RECORD[PrefixList].absent(prefix_list_id)


def received(call: Call) -> list[PrefixList]:
    """The lists that other accounts share with this one; their tags are not shared."""
    theirs = (PrefixList.get(sharing.home(call, what), what) for what in sharing.received(call, SHARED))
    return [msgspec.structs.replace(one, tags={}) for one in theirs if one and one.owner_id != call.account]


@ec2.shareable(SHARED)
def shareable(call: Call, arn: str) -> bool:
    """Whether an ARN is that of a list of the account."""
    kind_name, _, what = arn.rpartition(":")[2].partition("/")
    return kind_name == "prefix-list" and PrefixList.get(call, what) is not None


def own(call: Call, prefix_list_id: str) -> PrefixList:
    """A list that the account may change."""
    found = find(call, prefix_list_id)
    if found.owner_id != call.account:
        raise Fault("OperationNotPermitted", f"The prefix list '{prefix_list_id}' is managed by {found.owner_id}.")
    return found


def entries(call: Call, found: PrefixList, version: int = 0) -> dict[str, str]:
    """The ranges of a list, with their descriptions."""
    if found.owner_id == AWS:
        return {public_ranges.service_block(call, found.prefix_list_name.rpartition(".")[2]): ""}
    there = Version.get(call.at(account=found.owner_id), found.prefix_list_id, version or found.version)
    if there is None:
        raise Fault("InvalidPrefixListVersion", f"The version {version} of {found.prefix_list_id} does not exist.")
    return there.entries


# Life


@ec2.operation
def create_managed_prefix_list(
    call: Call,
    prefix_list_name: str,
    max_entries: int,
    address_family: str,
    entries: list[dict[str, str]] = [],
    tag_specifications: list[dict[str, Any]] = [],
    client_token: str = "",
) -> Members:
    """Make a list that can have so many entries."""
    if before := tokens.made_before(call, client_token):
        return {"PrefixList": shown(call, find(call, before))}
    tags = specified(tag_specifications, "prefix-list")
    if prefix_list_name.startswith("com.amazonaws"):
        raise bad_value("PrefixListName", prefix_list_name, "The name cannot start with com.amazonaws.")
    if address_family not in ("IPv4", "IPv6"):
        raise bad_value("AddressFamily", address_family)
    if not 1 <= max_entries <= 1000:
        raise bad_value("MaxEntries", max_entries)
    made = PrefixList(new_id(PrefixList), call.account, prefix_list_name, address_family, max_entries, tags=tags)
    write(call, made, with_added({}, entries, made))
    homes.settle(call, made.prefix_list_id)
    tokens.remember(call, client_token, made.prefix_list_id)
    return {"PrefixList": shown(call, made) | {"State": "create-in-progress"}}


def with_added(there: dict[str, str], added: list[dict[str, str]], one: PrefixList) -> dict[str, str]:
    """The entries with those that a request adds."""
    if len({entry["Cidr"] for entry in added}) < len(added):
        raise invalid("The request contains duplicate prefix list entries.")
    read = cidrs.ipv4 if one.address_family == "IPv4" else cidrs.ipv6
    return there | {str(read(entry["Cidr"], "Cidr")): entry.get("Description", "") for entry in added}


def write(call: Call, one: PrefixList, found: dict[str, str]) -> None:
    """Store these entries as the list's present version."""
    if len(found) > one.max_entries:
        text = f"You've reached the maximum number of entries for the prefix list {one.prefix_list_id}."
        raise Fault("PrefixListMaxEntriesExceeded", text)
    Version(one.prefix_list_id, one.version, found).put(call)
    one.put(call)
    for vpc_id in {table for table, _ in users(call, one.prefix_list_id)}:
        changes.changed(call, vpc_id)


def users(call: Call, prefix_list_id: str) -> Iterator[tuple[str, str]]:
    """What refers to a list: the VPC and the id of each table and group, once for each route and rule."""
    for route in Route.scan(call, prefix_list_id, index="by_destination"):
        if table := RouteTable.get(call, route.route_table_id):
            yield table.vpc_id, table.route_table_id
    for rule in SecurityGroupRule.scan(call, prefix_list_id, index="to_list"):
        if group := SecurityGroup.get(call, rule.group_id):
            yield group.vpc_id, group.group_id


@ec2.operation
def describe_managed_prefix_lists(
    call: Call,
    prefix_list_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """AWS's lists, the account's own, and those that others share with it."""
    test = FILTERS.test(filters)
    if prefix_list_ids:
        every = [find(call, what) for what in dict.fromkeys(prefix_list_ids)]
    else:
        every = [*of_aws(call), *PrefixList.scan(call), *received(call)]
    return paged(call, "PrefixLists", [shown(call, one) for one in every if test(one)], max_results, next_token)


def shown(call: Call, one: PrefixList) -> Members:
    if one.owner_id == AWS:
        arn = f"arn:{call.partition}:ec2:{call.region}:aws:prefix-list/{one.prefix_list_id}"
        versioned: Members = {}
    else:
        arn = one.arn(call.at(account=one.owner_id))
        versioned = {"MaxEntries": one.max_entries, "Version": one.version}
    return {
        "PrefixListId": one.prefix_list_id,
        "PrefixListArn": arn,
        "PrefixListName": one.prefix_list_name,
        "OwnerId": one.owner_id,
        "AddressFamily": one.address_family,
        "State": one.state,
        "IpamPrefixListResolverTargetId": one.resolver_target or None,
        "IpamPrefixListResolverSyncEnabled": one.resolver_sync if one.resolver_target else None,
        "Tags": shown_tags(one.tags),
    } | versioned


@ec2.operation
def modify_managed_prefix_list(
    call: Call,
    prefix_list_id: str,
    current_version: int = 0,
    prefix_list_name: str = "",
    add_entries: list[dict[str, str]] = [],
    remove_entries: list[dict[str, str]] = [],
    max_entries: int = 0,
    ipam_prefix_list_resolver_sync_enabled: bool | None = None,
) -> Members:
    """Change a list's name or size, or, as a new version, its entries."""
    one = own(call, prefix_list_id)
    if ipam_prefix_list_resolver_sync_enabled is not None:
        if not one.resolver_target:
            raise invalid(f"The prefix list {prefix_list_id} is not managed by IPAM.")
        one.resolver_sync = ipam_prefix_list_resolver_sync_enabled
        following.begin(call, one)
    if one.resolver_target and one.resolver_sync and (add_entries or remove_entries):
        raise Fault("OperationNotPermitted", f"The entries of the prefix list '{prefix_list_id}' are managed by IPAM.")
    if max_entries and (add_entries or remove_entries):
        raise combination("You cannot modify the entries and the maximum number of entries at the same time.")
    one.prefix_list_name = prefix_list_name or one.prefix_list_name
    one.state = "modify-complete"
    there = entries(call, one)
    if add_entries or remove_entries:
        check_version(one, current_version)
        there = with_added(without(there, remove_entries, one), add_entries, one)
        one.version += 1
    if max_entries:
        if max_entries < len(there):
            raise invalid(f"The prefix list {prefix_list_id} has more entries than {max_entries}.")
        one.max_entries = max_entries
    write(call, one, there)
    return {"PrefixList": shown(call, one) | {"State": "modify-in-progress"}}


def check_version(one: PrefixList, current_version: int) -> None:
    if not current_version:
        raise Fault("MissingParameter", "The request must contain the parameter CurrentVersion")
    if current_version != one.version:
        raise Fault("PrefixListVersionMismatch", "The prefix list has the incorrect version number.")


def without(there: dict[str, str], removed: list[dict[str, str]], one: PrefixList) -> dict[str, str]:
    """The entries without those that a request removes."""
    gone = {entry["Cidr"] for entry in removed}
    if absent := gone - there.keys():
        what = ", ".join(sorted(absent))
        raise invalid(f"The prefix list {one.prefix_list_id} does not contain the entries: {what}")
    return {cidr: text for cidr, text in there.items() if cidr not in gone}


@ec2.operation
def restore_managed_prefix_list_version(
    call: Call, prefix_list_id: str, previous_version: int, current_version: int
) -> Members:
    """Let a new version say what an earlier one said."""
    one = own(call, prefix_list_id)
    check_version(one, current_version)
    there = entries(call, one, previous_version)
    one.version += 1
    one.state = "restore-complete"
    write(call, one, there)
    return {"PrefixList": shown(call, one) | {"State": "restore-in-progress"}}


@ec2.operation
def get_managed_prefix_list_entries(
    call: Call, prefix_list_id: str, target_version: int = 0, max_results: int = 100, next_token: str = ""
) -> Members:
    """What a list says, now or in a version."""
    found = entries(call, find(call, prefix_list_id), target_version)
    told = [{"Cidr": cidr, "Description": text or None} for cidr, text in found.items()]
    return paged(call, "Entries", told, max_results, next_token)


@ec2.operation
def get_managed_prefix_list_associations(
    call: Call, prefix_list_id: str, max_results: int = 0, next_token: str = ""
) -> Members:
    """The account's resources that refer to a list."""
    own(call, prefix_list_id)
    told = [
        {"ResourceId": what, "ResourceOwner": call.account}
        for what in dict.fromkeys(what for _, what in users(call, prefix_list_id))
    ]
    return paged(call, "PrefixListAssociations", told, max_results, next_token)


@ec2.operation
def delete_managed_prefix_list(call: Call, prefix_list_id: str) -> Members:
    """Delete a list to which nothing refers."""
    one = own(call, prefix_list_id)
    if one.resolver_target or next(users(call, prefix_list_id), None):
        raise in_use(f"The prefix list '{prefix_list_id}' has dependencies and cannot be deleted.")
    Version.delete_all(call, prefix_list_id)
    one.delete(call)
    homes.leave(call, prefix_list_id)
    return {"PrefixList": shown(call, one) | {"State": "delete-in-progress"}}


@ec2.operation
def describe_prefix_lists(
    call: Call,
    prefix_list_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The ranges of the services that gateway endpoints lead to."""
    told = [
        {"PrefixListId": one.prefix_list_id, "PrefixListName": one.prefix_list_name, "Cidrs": [*entries(call, one)]}
        for one in of_aws(call)
        if not prefix_list_ids or one.prefix_list_id in prefix_list_ids
    ]
    return selected(call, "PrefixLists", SERVICE_FILTERS, told, filters, max_results, next_token)
