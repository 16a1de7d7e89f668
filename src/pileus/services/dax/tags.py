"""Tags of clusters."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging, tags

from . import dax, faults
from .clusters import Cluster, checked

LISTED = 50


def named(call: Call, resource_name: str) -> Cluster:
    """The cluster of an ARN."""
    parts = resource_name.split(":", 5)
    if len(parts) != 6 or parts[2] != "dax" or not parts[5].startswith("cache/"):
        raise Fault("InvalidARNFault", f"Invalid ARN: {resource_name}")
    cluster = Cluster.get(call, parts[5].removeprefix("cache/"))
    if cluster is None or (parts[3], parts[4]) != (call.region, call.account):
        raise faults.no_cluster(resource_name)
    return cluster


@dax.operation(on=named)
def tag_resource(call: Call, cluster: Cluster, tags: list[dict[str, str]]) -> dict[str, Any]:
    """Add tags, or give new values to those that there are."""
    given = checked(tags)
    cluster.tags = checked(as_list(cluster.tags | given))
    cluster.put(call)
    return {"Tags": as_list(cluster.tags)}


def as_list(held: dict[str, str]) -> list[dict[str, str]]:
    return tags.as_list(held)


@dax.operation(on=named)
def untag_resource(call: Call, cluster: Cluster, tag_keys: list[str]) -> dict[str, Any]:
    """Remove tags, all of which must be there."""
    if absent := [key for key in tag_keys if key not in cluster.tags]:
        raise Fault("TagNotFoundFault", f"Tag not found: {absent[0]}")
    removed = {key: cluster.tags[key] for key in tag_keys}
    cluster.tags = {key: value for key, value in cluster.tags.items() if key not in removed}
    cluster.put(call)
    return {"Tags": as_list(removed)}


@dax.operation(on=named)
def list_tags(call: Call, cluster: Cluster, next_token: str = "") -> dict[str, Any]:
    """The tags of a cluster."""
    start = paging.opened(call, next_token, faults.value("Invalid NextToken")) if next_token else 0
    held = as_list(cluster.tags)
    told: dict[str, Any] = {"Tags": held[start : start + LISTED]}
    return told | ({"NextToken": paging.sealed(call, start + LISTED)} if start + LISTED < len(held) else {})
