"""Resource metrics configurations: which detailed metrics of a resource its owner wants collected.

Services here publish no metrics that would have to be asked for, so nothing more is collected for having one.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import cloudwatch


class ResourceMetrics(Record, table="cloudwatch.ResourceMetricsConfiguration"):
    resource: str
    selections: list[dict[str, Any]] | None
    created: float
    updated: float

    def shown(self) -> dict[str, Any]:
        told = {
            "ResourceArn": self.resource,
            "CreatedAt": self.created,
            "UpdatedAt": self.updated,
            "MetricSelections": self.selections,
        }
        return {"ResourceMetricsConfiguration": told}


def existing(call: Call, resource_arn: str) -> ResourceMetrics:
    if found := ResourceMetrics.get(call, resource_arn):
        return found
    raise Fault("ResourceNotFoundException", f"There is no resource metrics configuration for {resource_arn}.")


def there(call: Call, arn: str) -> bool:
    """Whether there is a resource of that ARN, as far as its service says what its resources are."""
    service = arn.split(":")[2]
    if not call.cloud.built(service):
        return False
    return any(kind.find_by_arn(call, arn) for kind in call.cloud.service(service).resources)


@cloudwatch.operation
def create_resource_metrics_configuration(
    call: Call, resource_arn: str, metric_selections: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    if not there(call, resource_arn):
        raise Fault("ResourceNotFoundException", f"The resource {resource_arn} does not exist.")
    if ResourceMetrics.get(call, resource_arn):
        raise Fault("ConflictException", f"A resource metrics configuration for {resource_arn} already exists.")
    return ResourceMetrics(resource_arn, metric_selections, call.now, call.now).put(call).shown()


@cloudwatch.operation(on=existing)
def get_resource_metrics_configuration(call: Call, found: ResourceMetrics) -> dict[str, Any]:
    return found.shown()


@cloudwatch.operation(on=existing)
def update_resource_metrics_configuration(
    call: Call, found: ResourceMetrics, metric_selections: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    """Replace the selections; without any, all metrics are wanted."""
    found.selections, found.updated = metric_selections, call.now
    return found.put(call).shown()


@cloudwatch.operation(on=existing)
def delete_resource_metrics_configuration(call: Call, found: ResourceMetrics) -> None:
    found.delete(call)
