"""Auto scaling of tables, as DynamoDB's own API shows it: the settings are Application Auto Scaling's, and lie there.

Where that service is not built, changing them is answered with 501, and there is nothing to describe.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Unfinished

from . import dynamodb, faults
from .groups import group_of
from .replication import OLD_VERSION, located
from .tables import Members, Table

SERVICE = "application-autoscaling"
UNITS = ("ReadCapacityUnits", "WriteCapacityUnits")


def change(call: Call, resource: str, dimension: str, update: Members) -> None:
    """Make a capacity a scalable target with a policy, or one no more."""
    scaling = call.aws(SERVICE)
    where = {
        "service_namespace": "dynamodb",
        "resource_id": resource,
        "scalable_dimension": f"dynamodb:{dimension}",
    }
    if update.get("AutoScalingDisabled"):
        scaling.deregister_scalable_target(**where)
        return
    scaling.register_scalable_target(
        **where,
        min_capacity=update.get("MinimumUnits"),
        max_capacity=update.get("MaximumUnits"),
        role_arn=update.get("AutoScalingRoleArn"),
    )
    if policy := update.get("ScalingPolicyUpdate"):
        metric = f"DynamoDB{dimension.rpartition(':')[2].replace('Units', '')}Utilization"
        configuration = policy["TargetTrackingScalingPolicyConfiguration"]
        scaling.put_scaling_policy(
            **where,
            policy_name=policy.get("PolicyName", f"{resource}-scaling-policy"),
            policy_type="TargetTrackingScaling",
            target_tracking_scaling_policy_configuration=configuration
            | {"PredefinedMetricSpecification": {"PredefinedMetricType": metric}},
        )


def described(call: Call, resource: str, kind: str, prefix: str) -> Members:
    """The settings of a table or an index, by their members in DynamoDB's descriptions."""
    told: Members = {}
    for unit in UNITS:
        if found := settings(call, resource, f"dynamodb:{kind}:{unit}"):
            told[f"{prefix}Provisioned{unit.replace('Units', '')}AutoScalingSettings"] = found
    return told


def settings(call: Call, resource: str, dimension: str) -> Members | None:
    scaling = call.aws(SERVICE)
    where = {"service_namespace": "dynamodb", "scalable_dimension": dimension}
    try:
        targets = scaling.describe_scalable_targets(**where, resource_ids=[resource])["ScalableTargets"]
        policies = scaling.describe_scaling_policies(**where, resource_id=resource)["ScalingPolicies"]
    except Unfinished:
        return None
    if not targets:
        return None
    told: Members = {"MinimumUnits": targets[0]["MinCapacity"], "MaximumUnits": targets[0]["MaxCapacity"]}
    if role := targets[0].get("RoleARN"):
        told["AutoScalingRoleArn"] = role
    told["ScalingPolicies"] = [policy_told(policy) for policy in policies]
    return told


def policy_told(policy: Members) -> Members:
    kept = ("DisableScaleIn", "ScaleInCooldown", "ScaleOutCooldown", "TargetValue")
    held: Members = policy.get("TargetTrackingScalingPolicyConfiguration", {})
    configuration = {name: held[name] for name in kept if name in held}
    return {"PolicyName": policy["PolicyName"], "TargetTrackingScalingPolicyConfiguration": configuration}


# Version 2019.11.21


@dynamodb.operation(on=Table.of)
def describe_table_replica_auto_scaling(call: Call, table: Table) -> dict[str, Any]:
    """The auto scaling settings of all replicas of a table."""
    return {"TableAutoScalingDescription": description(call, table)}


def replicas(call: Call, table: Table) -> list[tuple[Call, Table]]:
    group = group_of(call, table)
    if group is None:
        return [(call, table)]
    places = [located(call, member) for member in group.members]
    return [(there, one) for there in places if (one := Table.get(there, table.name))]


def description(call: Call, table: Table) -> Members:
    return {
        "TableName": table.name,
        "TableStatus": table.status,
        "Replicas": [replica(*one) for one in replicas(call, table)],
    }


def replica(call: Call, table: Table) -> Members:
    name = f"table/{table.name}"
    indexes = [
        {"IndexName": index.name, "IndexStatus": index.status}
        | described(call, f"{name}/index/{index.name}", "index", "")
        for index in table.indexes
        if not index.local
    ]
    told: Members = {"RegionName": table.region, "ReplicaStatus": table.status}
    told |= described(call, name, "table", "Replica")
    return told | ({"GlobalSecondaryIndexes": indexes} if indexes else {})


@dynamodb.operation(on=Table.of)
def update_table_replica_auto_scaling(
    call: Call,
    table: Table,
    global_secondary_index_updates: list[Members] = [],
    provisioned_write_capacity_auto_scaling_update: Members | None = None,
    replica_updates: list[Members] = [],
) -> dict[str, Any]:
    """Change the auto scaling settings of all replicas, or of single ones."""
    if table.group == OLD_VERSION:
        raise faults.invalid("This operation only applies to version 2019.11.21 of global tables")
    here = {one.region: (there, one) for there, one in replicas(call, table)}
    name = f"table/{table.name}"
    for there, _ in here.values():
        if provisioned_write_capacity_auto_scaling_update:
            change(there, name, "table:WriteCapacityUnits", provisioned_write_capacity_auto_scaling_update)
        for given in global_secondary_index_updates:
            if update := given.get("ProvisionedWriteCapacityAutoScalingUpdate"):
                change(there, f"{name}/index/{given['IndexName']}", "index:WriteCapacityUnits", update)
    for given in replica_updates:
        if given["RegionName"] not in here:
            raise faults.invalid(f"Replica not found in region: {given['RegionName']}")
        there, _ = here[given["RegionName"]]
        if update := given.get("ReplicaProvisionedReadCapacityAutoScalingUpdate"):
            change(there, name, "table:ReadCapacityUnits", update)
        for index in given.get("ReplicaGlobalSecondaryIndexUpdates", ()):
            if update := index.get("ProvisionedReadCapacityAutoScalingUpdate"):
                change(there, f"{name}/index/{index['IndexName']}", "index:ReadCapacityUnits", update)
    return {"TableAutoScalingDescription": description(call, table)}
