"""Nodes: they come, go and are rebooted."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import dax, faults
from .clusters import TAKES, Cluster, Members, available, found, new_nodes, node_id, settle, told


@dax.operation(on=found)
def increase_replication_factor(
    call: Call, cluster: Cluster, new_replication_factor: int, availability_zones: list[str] = []
) -> dict[str, Any]:
    """Add nodes to a cluster."""
    available(cluster)
    if new_replication_factor <= len(cluster.nodes):
        raise faults.value("NewReplicationFactor must be greater than the current number of nodes.")
    cluster.nodes = new_nodes(call, cluster.nodes, new_replication_factor, availability_zones)
    return modifying(call, cluster)


@dax.operation(on=found)
def decrease_replication_factor(
    call: Call,
    cluster: Cluster,
    new_replication_factor: int,
    availability_zones: list[str] = [],
    node_ids_to_remove: list[str] = [],
) -> dict[str, Any]:
    """Remove nodes from a cluster: those that are named, or those of some zones, or the latest ones."""
    available(cluster)
    fewer = len(cluster.nodes) - new_replication_factor
    if new_replication_factor < 1 or fewer < 1:
        raise faults.value("NewReplicationFactor must be at least 1, and less than the current number of nodes.")
    for node in going(cluster, fewer, availability_zones, node_ids_to_remove):
        node["status"] = "deleting"
    return modifying(call, cluster)


def going(cluster: Cluster, fewer: int, zones: list[str], names: list[str]) -> list[Members]:
    by_name = {node_id(cluster, node): node for node in cluster.nodes}
    if names:
        if unknown := [name for name in names if name not in by_name]:
            raise faults.no_node(unknown[0])
        if len({*names}) != fewer:
            raise faults.combination("NodeIdsToRemove must name as many nodes as are to be removed.")
        return [by_name[name] for name in names]
    nodes = [node for node in reversed(cluster.nodes) if not zones or node["zone"] in zones]
    if len(nodes) < fewer:
        raise faults.value("There are not so many nodes in these AvailabilityZones.")
    return nodes[:fewer]


@dax.operation(on=found)
def reboot_node(call: Call, cluster: Cluster, node_id: str) -> dict[str, Any]:
    """Reboot a node, which forgets what it kept."""
    available(cluster)
    node = next((node for node in cluster.nodes if f"{cluster.name}-{node['letter']}" == node_id), None)
    if node is None:
        raise faults.no_node(node_id)
    node["status"] = "rebooting"
    return modifying(call, cluster)


def modifying(call: Call, cluster: Cluster) -> dict[str, Any]:
    cluster.status = "modifying"
    cluster.put(call)
    settle.later(call, name=cluster.name, delay=TAKES)
    return told(call, cluster)
