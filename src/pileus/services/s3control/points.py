"""Access points: create, find, list, delete; their policies and tags."""

from __future__ import annotations

import json
import re
from typing import Any

from pileus.kernel import Call, Unfinished, names
from pileus.kernel.access.target import Target
from pileus.services.s3 import public, scopes
from pileus.services.s3.buckets import BLOCKS, Bucket
from pileus.services.s3.faults import denied, fault, invalid_request, no_bucket
from pileus.services.s3.points import ALIASES, DIRECTORY, AccessPoint, Alias

from . import mine, s3control
from .blocks import chosen, shown
from .tagging import tagged

LONGEST = 20 * 1024
MOST_LISTED = 1000
_DIRECTORY = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9]--(?P<zone>[a-z0-9-]+-az\d)--xa-s3")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,48}[a-z0-9]")
HOSTS = {
    "ipv4": "s3-accesspoint.{}.{}",
    "dualstack": "s3-accesspoint.dualstack.{}.{}",
    "fips": "s3-accesspoint-fips.{}.{}",
    "fips_dualstack": "s3-accesspoint-fips.dualstack.{}.{}",
}


def point(call: Call, account_id: str, name: str) -> AccessPoint:
    """The access point of a request, which may name it by its ARN."""
    found = AccessPoint.get(call.at(account=mine(call, account_id)), name.rpartition("/")[2])
    if found is None:
        raise fault("NoSuchAccessPoint", "The specified accesspoint does not exist", 404, AccessPointName=name)
    return found


@s3control.operation(on=mine)
def create_access_point(
    call: Call,
    account: str,
    name: str,
    bucket: str,
    vpc_configuration: dict[str, str] = {},
    public_access_block_configuration: dict[str, bool] | None = None,
    bucket_account_id: str = "",
    scope: dict[str, Any] | None = None,
    tags: list[dict[str, str]] = [],
) -> dict[str, Any]:
    """Give a bucket of the same Region another name, with a policy of its own; one for a directory bucket may be
    limited to a scope.
    """
    zone = zone_of(name)
    found = Bucket.get(call, call.partition, bucket)
    if found is None or found.region != call.region or found.table:
        raise no_bucket(bucket)
    if found.owner != (bucket_account_id or account):
        raise denied()
    if found.zone != zone:
        raise invalid_request("The name of an access point ends as that of its directory bucket does")
    if AccessPoint.get(call, name) is not None or (zone and Alias.get(call, name) is not None):
        words = "Your previous request to create the named accesspoint succeeded and you already own it."
        raise fault("AccessPointAlreadyOwnedByYou", words, 409)
    alias = name if zone else f"{name[:20].rstrip('-')}-{names.token(34)}-s3alias".lower()
    made = AccessPoint(
        name=name,
        bucket=bucket,
        bucket_owner=found.owner,
        created=call.now,
        alias=alias,
        vpc=vpc_configuration.get("VpcId", ""),
        blocks=BLOCKS if public_access_block_configuration is None else chosen(public_access_block_configuration),
        tags=tagged(tags),
        address=call.arn(f"accesspoint/{name}", "s3express" if zone else "s3"),
        scope=scoped(name, scope) if scope else {},
    ).put(call)
    Alias(alias=alias, account=account, region=call.region, name=name, kind="point").put(call)
    return {"AccessPointArn": made.address, "Alias": alias}


def zone_of(name: str) -> str:
    """The Availability Zone that the name of an access point for a directory bucket says; empty for another one."""
    if match := _DIRECTORY.fullmatch(name):
        return match["zone"]
    if not _NAME.fullmatch(name) or name.startswith("xn--") or name.endswith((*ALIASES, "--x-s3")):
        raise invalid_request("Your Amazon Web Services Access Point name is invalid")
    return ""


def scoped(name: str, scope: dict[str, Any]) -> scopes.Scope:
    """A scope, which only access points for directory buckets have."""
    if not name.endswith(DIRECTORY):
        raise invalid_request("Access point scope is supported for directory buckets only")
    return scopes.given(scope)


@s3control.targets(root=False)
def targets(call: Call, request: dict[str, Any]) -> list[Target] | None:
    """Access points for directory buckets have actions of another prefix."""
    if call.operation == "ListAccessPointsForDirectoryBuckets":
        return [Target("*", action=f"s3express:{call.operation}")]
    if not call.operation.endswith(("AccessPoint", "AccessPointPolicy", "AccessPointScope")):
        return None
    if not (name := request.get("Name", "")).endswith(DIRECTORY):
        return None
    arn = call.arn(f"accesspoint/{name.rpartition('/')[2]}", "s3express")
    return [Target(arn, call.account, action=f"s3express:{call.operation}")]


@s3control.operation(on=point)
def get_access_point(call: Call, found: AccessPoint) -> dict[str, Any]:
    """All that is set about an access point."""
    from pileus.kernel.regions import dns_suffix

    suffix = dns_suffix(call.region)
    return {
        **summary(found),
        "PublicAccessBlockConfiguration": shown(found.blocks),
        "CreationDate": found.created,
        "Endpoints": {kind: host.format(call.region, suffix) for kind, host in HOSTS.items()},
    }


def summary(found: AccessPoint) -> dict[str, Any]:
    return {
        "Name": found.name,
        "NetworkOrigin": found.origin,
        **({"VpcConfiguration": {"VpcId": found.vpc}} if found.vpc else {}),
        "Bucket": found.bucket,
        "AccessPointArn": found.address,
        "Alias": found.alias,
        "BucketAccountId": found.bucket_owner,
    }


@s3control.operation(on=mine)
def list_access_points(
    call: Call,
    account: str,
    bucket: str = "",
    next_token: str = "",
    max_results: int = MOST_LISTED,
    data_source_id: str = "",
    data_source_type: str = "",
) -> dict[str, Any]:
    """The access points of the account in this Region, or of one bucket."""
    if data_source_id or data_source_type:
        raise Unfinished("Pileus has no access points for FSx.")
    limit = max(1, min(max_results, MOST_LISTED))
    wrong = fault("InvalidRequest", "The continuation token provided is incorrect")
    where = (bucket.rpartition("/")[2],) if bucket else ()
    index = "by_bucket" if bucket else ""
    page = AccessPoint.page(
        call,
        *where,
        limit=limit,
        token=next_token,
        invalid=wrong,
        index=index,
        where=lambda found: not found.name.endswith(DIRECTORY),
    )
    return {"AccessPointList": [summary(each) for each in page.items], "NextToken": page.token}


@s3control.operation(on=mine)
def list_access_points_for_directory_buckets(
    call: Call, account: str, directory_bucket: str = "", next_token: str = "", max_results: int = MOST_LISTED
) -> dict[str, Any]:
    """The access points for directory buckets of the account in this Region, or for one of them."""
    limit = max(1, min(max_results, MOST_LISTED))
    page = AccessPoint.page(
        call,
        *((directory_bucket,) if directory_bucket else ()),
        limit=limit,
        token=next_token,
        invalid=invalid_request("The continuation token provided is incorrect"),
        index="by_bucket" if directory_bucket else "",
        where=lambda found: found.name.endswith(DIRECTORY),
    )
    return {"AccessPointList": [summary(each) for each in page.items], "NextToken": page.token}


@s3control.operation(on=point)
def delete_access_point(call: Call, found: AccessPoint) -> None:
    """Remove an access point; the bucket stays as it is."""
    if alias := Alias.get(call, found.alias):
        alias.delete(call)
    found.delete(call)


# Policies


@s3control.operation(on=point)
def put_access_point_policy(call: Call, found: AccessPoint, policy: str) -> None:
    """Replace the policy, if it can be one, and does not make public what is not to be."""
    document = public.checked(call, found, policy, LONGEST)
    if "BlockPublicPolicy" in found.blocks and public.is_public(document):
        raise denied()
    found.policy = policy
    found.put(call)


@s3control.operation(on=point)
def get_access_point_policy(call: Call, found: AccessPoint) -> dict[str, Any]:
    """The policy as it was put."""
    return {"Policy": existing(found.policy)}


def existing(policy: str) -> str:
    if not policy:
        raise fault("NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist", 404)
    return policy


@s3control.operation(on=point)
def delete_access_point_policy(call: Call, found: AccessPoint) -> None:
    """Remove the policy."""
    found.policy = ""
    found.put(call)


@s3control.operation(on=point)
def get_access_point_policy_status(call: Call, found: AccessPoint) -> dict[str, Any]:
    """Whether the policy lets in anybody at all."""
    return {"PolicyStatus": {"IsPublic": public.is_public(json.loads(existing(found.policy)))}}


# Scopes


@s3control.operation(on=point)
def put_access_point_scope(call: Call, found: AccessPoint, scope: dict[str, Any]) -> None:
    """Limit requests by an access point for a directory bucket to some operations, some prefixes, or both."""
    found.scope = scoped(found.name, scope)
    found.put(call)


@s3control.operation(on=point)
def get_access_point_scope(call: Call, found: AccessPoint) -> dict[str, Any]:
    """The scope; an empty one is the whole bucket."""
    if not found.name.endswith(DIRECTORY):
        scoped(found.name, {})
    return {"Scope": found.scope}


@s3control.operation(on=point)
def delete_access_point_scope(call: Call, found: AccessPoint) -> None:
    """Let the access point have the whole bucket again."""
    found.scope = {}
    found.put(call)
