"""Clusters: what one is, and its life."""

from __future__ import annotations

import re
from typing import Any

from pileus.kernel import Call, Fault, Record, regions, tags
from pileus.kernel.resource_type import resource_type

from . import dax, faults, parameters, subnets
from .events import tell

NAME = re.compile(r"[a-z](?!.*--)[a-z0-9-]{0,19}(?<!-)")
NODE_TYPE = re.compile(r"dax\.(r[457][a-z]*\.(x?large|\d+xlarge)|t[23]\.(small|medium))")
MOST_NODES = 10
MOST_CLUSTERS = 50
LETTERS = "abcdefghijk"
TAKES = 1.0
"""Seconds that a change of a cluster takes; on AWS it is minutes."""
MOST_LISTED = 100

Members = dict[str, Any]


class Cluster(Record, arn="cache/{name}", cfn="AWS::DAX::Cluster", kw_only=True):
    """A cluster."""

    name: str
    type: str
    role: str
    description: str = ""
    status: str = "creating"
    nodes: list[Members]
    """`letter`, `status`, `zone`, `created`."""
    subnet_group: str
    security_groups: list[str] = []
    parameter_group: str
    window: str = ""
    topic: str = ""
    topic_status: str = "active"
    tags: dict[str, str] = {}
    encrypted: bool = False
    endpoint_encryption: str = "NONE"
    network: str = "ipv4"
    port: int = 0
    """Where it listens, once it does."""

    @property
    def available(self) -> list[Members]:
        return [node for node in self.nodes if node["status"] == "available"]


resource_type(
    dax,
    "ClusterName",
    create="CreateCluster",
    read="DescribeClusters",
    update="UpdateCluster",
    list="DescribeClusters",
    delete="DeleteCluster",
    missing="ClusterNotFoundFault",
)(Cluster)


def found(call: Call, cluster_name: str) -> Cluster:
    if cluster := Cluster.get(call, cluster_name.lower()):
        return cluster
    raise faults.no_cluster(cluster_name)


@dax.operation
def create_cluster(
    call: Call,
    cluster_name: str,
    node_type: str,
    replication_factor: int,
    iam_role_arn: str,
    description: str = "",
    availability_zones: list[str] = [],
    subnet_group_name: str = "",
    security_group_ids: list[str] = [],
    preferred_maintenance_window: str = "",
    notification_topic_arn: str = "",
    parameter_group_name: str = "",
    tags: list[dict[str, str]] = [],
    sse_specification: dict[str, bool] = {},
    cluster_endpoint_encryption_type: str = "NONE",
    network_type: str = "ipv4",
) -> dict[str, Any]:
    """Make a cluster, whose nodes are there a moment later."""
    name = cluster_name.lower()
    if not NAME.fullmatch(name):
        raise faults.value(
            "The cluster name must contain from 1 to 20 alphanumeric characters or hyphens, begin with a letter, and "
            "neither end with a hyphen nor contain two consecutive ones."
        )
    if not NODE_TYPE.fullmatch(node_type):
        raise faults.value(f"Invalid node type: {node_type}")
    if Cluster.get(call, name):
        raise Fault("ClusterAlreadyExistsFault", f"Cluster {name} already exists.")
    if sum(1 for _ in Cluster.scan(call, limit=MOST_CLUSTERS)) >= MOST_CLUSTERS:
        raise Fault("ClusterQuotaForCustomerExceededFault", f"There may be at most {MOST_CLUSTERS} clusters.")
    subnet_group = (subnet_group_name or "default").lower()
    parameter_group = parameter_group_name or parameters.DEFAULT
    use(call, subnet_group, parameter_group, 1)
    cluster = Cluster(
        name=name,
        type=node_type,
        role=iam_role_arn,
        description=description,
        nodes=new_nodes(call, [], replication_factor, availability_zones),
        subnet_group=subnet_group,
        security_groups=security_group_ids,
        parameter_group=parameter_group,
        window=preferred_maintenance_window or "sun:05:00-sun:06:00",
        topic=notification_topic_arn,
        tags=checked(tags),
        encrypted=sse_specification.get("Enabled", False),
        endpoint_encryption=cluster_endpoint_encryption_type,
        network=network_type,
    ).put(call)
    settle.later(call, name=name, delay=TAKES)
    return told(call, cluster)


def told(call: Call, cluster: Cluster) -> dict[str, Any]:
    from .describing import described

    return {"Cluster": described(call, cluster)}


def use(call: Call, subnet_group: str, parameter_group: str, more: int) -> None:
    """A cluster uses its groups, or no longer does. The default ones are there of themselves."""
    if subnet_group != "default" or subnets.SubnetGroup.get(call, "default"):
        group = subnets.found(call, subnet_group)
        group.users += more
        group.put(call)
    values = parameters.found(call, parameter_group)
    if values.name != parameters.DEFAULT:
        values.users += more
        values.put(call)


def new_nodes(call: Call, held: list[Members], count: int, zones: list[str]) -> list[Members]:
    """Nodes until there are so many, spread over the zones."""
    if not 1 <= count <= MOST_NODES:
        raise Fault(
            "NodeQuotaForClusterExceededFault" if count > MOST_NODES else "InvalidParameterValueException",
            f"A cluster has from 1 to {MOST_NODES} nodes.",
        )
    more = count - len(held)
    if zones and len(zones) != more:
        raise faults.value("AvailabilityZones must name a zone for each new node.")
    known = [zone.name for zone in regions.zones(call.region)]
    if unknown := [zone for zone in zones if zone not in known]:
        raise faults.value(f"Invalid availability zone: {unknown[0]}")
    letters = [letter for letter in LETTERS if all(node["letter"] != letter for node in held)]
    return held + [
        {
            "letter": letters[place],
            "status": "creating",
            "zone": zones[place] if zones else known[(len(held) + place) % len(known)],
            "created": call.now,
        }
        for place in range(more)
    ]


def checked(given: list[dict[str, str]]) -> dict[str, str]:
    held = tags.as_map(given)
    if len(held) > tags.MOST:
        raise Fault("TagQuotaPerResourceExceeded", f"A cluster may have at most {tags.MOST} tags.")
    tags.check(held)
    return held


@dax.task
def settle(call: Call, name: str) -> None:
    """What was under way with a cluster is done: nodes have come or gone, and it is available, or gone itself."""
    from .endpoint import Endpoints, listen

    cluster = Cluster.get(call, name)
    if cluster is None:
        return
    if cluster.status == "deleting":
        gone(call, cluster)
        return
    arn = cluster.arn(call)
    if any(node["status"] == "rebooting" for node in cluster.nodes):
        call.after_commit(lambda: call.cloud.engine(Endpoints).caches(arn).clear())
    settle_nodes(call, cluster)
    if cluster.status == "creating":
        listen.begin(call, name=name)
        tell(call, "CLUSTER", name, "Cluster created.", cluster.topic)
    cluster.status = "available"
    cluster.put(call)


def settle_nodes(call: Call, cluster: Cluster) -> None:
    for node in list(cluster.nodes):
        if node["status"] == "deleting":
            cluster.nodes.remove(node)
            tell(call, "CLUSTER", cluster.name, f"Removed node {node_id(cluster, node)}.", cluster.topic)
        elif node["status"] != "available":
            done = "Added" if node["status"] == "creating" else "Rebooted"
            node["status"] = "available"
            tell(call, "CLUSTER", cluster.name, f"{done} node {node_id(cluster, node)}.", cluster.topic)


def gone(call: Call, cluster: Cluster) -> None:
    from .endpoint import listen
    from .names import forget

    use(call, cluster.subnet_group, cluster.parameter_group, -1)
    cluster.delete(call)
    forget(call, cluster.name)
    listen.end(call, name=cluster.name)
    tell(call, "CLUSTER", cluster.name, "Cluster deleted.", cluster.topic)


def node_id(cluster: Cluster, node: Members) -> str:
    return f"{cluster.name}-{node['letter']}"


def available(cluster: Cluster) -> None:
    if cluster.status != "available":
        raise faults.wrong_state(cluster.name, cluster.status)


@dax.operation(on=found)
def update_cluster(
    call: Call,
    cluster: Cluster,
    description: str | None = None,
    preferred_maintenance_window: str | None = None,
    notification_topic_arn: str | None = None,
    notification_topic_status: str | None = None,
    parameter_group_name: str | None = None,
    security_group_ids: list[str] | None = None,
) -> dict[str, Any]:
    """Change how a cluster is configured."""
    available(cluster)
    if parameter_group_name is not None and parameter_group_name != cluster.parameter_group:
        use(call, cluster.subnet_group, parameter_group_name, 1)
        use(call, cluster.subnet_group, cluster.parameter_group, -1)
        cluster.parameter_group = parameter_group_name
    cluster.description = cluster.description if description is None else description
    cluster.window = preferred_maintenance_window or cluster.window
    cluster.topic = cluster.topic if notification_topic_arn is None else notification_topic_arn
    cluster.topic_status = notification_topic_status or cluster.topic_status
    cluster.security_groups = cluster.security_groups if security_group_ids is None else security_group_ids
    cluster.status = "modifying"
    cluster.put(call)
    settle.later(call, name=cluster.name, delay=TAKES)
    return told(call, cluster)


@dax.operation(on=found)
def delete_cluster(call: Call, cluster: Cluster) -> dict[str, Any]:
    """Delete a cluster, and with it what it keeps in memory."""
    available(cluster)
    cluster.status = "deleting"
    cluster.put(call)
    settle.later(call, name=cluster.name, delay=TAKES)
    return told(call, cluster)
