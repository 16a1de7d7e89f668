"""Describing clusters."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pileus.kernel import Call

from . import dax, faults
from .clusters import MOST_LISTED, Cluster, Members, found, node_id


@dax.operation
def describe_clusters(
    call: Call, cluster_names: list[str] = [], max_results: int = MOST_LISTED, next_token: str = ""
) -> dict[str, Any]:
    """Some clusters, or all."""
    if cluster_names:
        return {"Clusters": [described(call, found(call, name)) for name in cluster_names]}
    page = Cluster.page(call, limit=max_results, token=next_token, invalid=faults.value("Invalid NextToken"))
    told: Members = {"Clusters": [described(call, cluster) for cluster in page.items]}
    return told | ({"NextToken": page.token} if page.token else {})


def described(call: Call, cluster: Cluster) -> Members:
    told: Members = {
        "ClusterName": cluster.name,
        "Description": cluster.description,
        "ClusterArn": cluster.arn(call),
        "TotalNodes": len(cluster.nodes),
        "ActiveNodes": len(cluster.available),
        "NodeType": cluster.type,
        "Status": cluster.status,
        "Nodes": [node(call, cluster, one) for one in cluster.nodes],
        "NodeIdsToRemove": [node_id(cluster, one) for one in cluster.nodes if one["status"] == "deleting"],
        "PreferredMaintenanceWindow": cluster.window,
        "SubnetGroup": cluster.subnet_group,
        "SecurityGroups": [{"SecurityGroupIdentifier": one, "Status": "active"} for one in cluster.security_groups],
        "IamRoleArn": cluster.role,
        "ParameterGroup": {
            "ParameterGroupName": cluster.parameter_group,
            "ParameterApplyStatus": "in-sync",
            "NodeIdsToReboot": [],
        },
        "SSEDescription": {"Status": "ENABLED" if cluster.encrypted else "DISABLED"},
        "ClusterEndpointEncryptionType": cluster.endpoint_encryption,
        "NetworkType": cluster.network,
    }
    if cluster.topic:
        told["NotificationConfiguration"] = {"TopicArn": cluster.topic, "TopicStatus": cluster.topic_status}
    if cluster.port:
        told["ClusterDiscoveryEndpoint"] = endpoint(call, cluster)
    return told


def endpoint(call: Call, cluster: Cluster) -> Members:
    """Where the cluster listens: at the host by which the caller reached the cloud."""
    host = urlsplit(call.endpoint).hostname or "localhost"
    scheme = "daxs" if cluster.endpoint_encryption == "TLS" else "dax"
    return {"Address": host, "Port": cluster.port, "URL": f"{scheme}://{host}:{cluster.port}"}


def node(call: Call, cluster: Cluster, one: Members) -> Members:
    told: Members = {
        "NodeId": node_id(cluster, one),
        "NodeCreateTime": one["created"],
        "AvailabilityZone": one["zone"],
        "NodeStatus": one["status"],
        "ParameterGroupStatus": "in-sync",
    }
    return told | ({"Endpoint": endpoint(call, cluster)} if cluster.port and one["status"] == "available" else {})
