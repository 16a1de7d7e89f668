"""Resource policies of channels, event data stores and dashboards."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.access import grammar

from . import cloudtrail, stores
from .channels import Channel, channel_named
from .dashboards import Dashboard, dashboard_named
from .stores import EventDataStore

LONGEST = 8192

Resource = Channel | EventDataStore | Dashboard


def meant(call: Call, resource_arn: str) -> Resource:
    parts = resource_arn.split(":", 5)
    if len(parts) != 6 or parts[2] != "cloudtrail":
        raise Fault("ResourceARNNotValidException", f"The resource ARN is not valid: {resource_arn}.")
    kind = parts[5].partition("/")[0]
    finders: dict[str, Any] = {
        "channel": channel_named,
        "eventdatastore": stores.by_id,
        "dashboard": dashboard_named,
    }
    if kind not in finders:
        raise Fault("ResourceTypeNotSupportedException", f"Resource type is not supported: {resource_arn}.")
    try:
        found: Resource = finders[kind](call, resource_arn)
    except Fault:
        raise Fault("ResourceNotFoundException", f"Resource not found: {resource_arn}.") from None
    return found


@cloudtrail.operation(on=meant)
def put_resource_policy(call: Call, resource: Resource, resource_policy: str) -> dict[str, Any]:
    """Attach a policy, in place of the one that there was."""
    try:
        document = grammar.check(resource_policy, "resource")
    except grammar.Malformed:
        document = {}
    if not grammar.statements(document) or len(resource_policy) > LONGEST:
        raise Fault("ResourcePolicyNotValidException", "The resource-based policy is not valid.")
    resource.policy = resource_policy
    resource.put(call)
    return {"ResourceArn": resource.arn(call), "ResourcePolicy": resource.policy}


@cloudtrail.operation(on=meant)
def get_resource_policy(call: Call, resource: Resource) -> dict[str, Any]:
    check(resource)
    return {"ResourceArn": resource.arn(call), "ResourcePolicy": resource.policy}


@cloudtrail.operation(on=meant)
def delete_resource_policy(call: Call, resource: Resource) -> None:
    check(resource)
    resource.policy = ""
    resource.put(call)


def check(resource: Resource) -> None:
    if not resource.policy:
        raise Fault("ResourcePolicyNotFoundException", "Could not find the resource policy for the specified resource.")
