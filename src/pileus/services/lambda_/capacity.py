"""Capacity providers: where functions on Lambda Managed Instances would run, and how many of their environments.

They are kept and shown, and what uses one cannot lose it. There are no instances: such functions run as all others do,
one invocation in an environment at a time, and how they would scale changes nothing.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record

from . import faults, lambda_
from .functions import Version
from .qualifiers import Meant

Members = dict[str, Any]

MOST = 1000
GIVEN = {
    "VpcConfig",
    "PermissionsConfig",
    "InstanceRequirements",
    "CapacityProviderScalingConfig",
    "KmsKeyArn",
    "PropagateTags",
    "TelemetryConfig",
}
CHANGED = {"CapacityProviderScalingConfig", "PropagateTags", "TelemetryConfig"}


class CapacityProvider(Record, arn="capacity-provider:{name}", cfn="AWS::Lambda::CapacityProvider", kw_only=True):
    name: str
    settings: Members
    modified: float
    state: str = "Active"
    tags: dict[str, str] = {}

    @classmethod
    def named(cls, call: Call, capacity_provider_name: str) -> CapacityProvider:
        found = cls.get(call, capacity_provider_name.rpartition(":")[2])
        if found is None:
            raise faults.none_such(f"Capacity provider not found: {capacity_provider_name}")
        return found

    def shown(self, call: Call) -> Members:
        return {
            "CapacityProviderArn": self.arn(call),
            "State": self.state,
            "LastModified": iso(self.modified),
            **self.settings,
        }


def iso(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lambda_.operation(honours=[*GIVEN, "CapacityProviderName", "Tags"])
def create_capacity_provider(call: Call, request: Members) -> Members:
    name = request["CapacityProviderName"].rpartition(":")[2]
    if CapacityProvider.get(call, name):
        raise faults.conflict(f"Capacity provider already exists: {name}")
    if len(list(CapacityProvider.scan(call, limit=MOST))) == MOST:
        raise Fault("CapacityProviderLimitExceededException", "Too many capacity providers.", Type="User")
    settings = {member: request[member] for member in GIVEN & request.keys()}
    scaling = {"MaxVCpuCount": 400, "ScalingMode": "Auto"} | settings.get("CapacityProviderScalingConfig", {})
    settings["CapacityProviderScalingConfig"] = checked(scaling)
    provider = CapacityProvider(name=name, settings=settings, modified=call.now, tags=request.get("Tags", {}))
    return {"CapacityProvider": provider.put(call).shown(call)}


def checked(scaling: Members) -> Members:
    if (scaling["ScalingMode"] == "Manual") != bool(scaling.get("ScalingPolicies")):
        raise faults.invalid("ScalingPolicies must be given with the scaling mode Manual, and with no other.")
    return scaling


@lambda_.operation(on=CapacityProvider.named)
def get_capacity_provider(call: Call, provider: CapacityProvider) -> Members:
    return {"CapacityProvider": provider.shown(call)}


@lambda_.operation(on=CapacityProvider.named, honours=[*CHANGED, "CapacityProviderName"])
def update_capacity_provider(call: Call, provider: CapacityProvider, request: Members) -> Members:
    """Change what is given."""
    provider.settings |= {member: request[member] for member in CHANGED & request.keys()}
    scaling = {"ScalingMode": "Auto"} | provider.settings["CapacityProviderScalingConfig"]
    provider.settings["CapacityProviderScalingConfig"] = checked(scaling)
    provider.modified = call.now
    return {"CapacityProvider": provider.put(call).shown(call)}


@lambda_.operation(on=CapacityProvider.named)
def delete_capacity_provider(call: Call, provider: CapacityProvider) -> Members:
    """Delete a provider that no function uses."""
    if users(call, provider):
        raise faults.conflict(f"Capacity provider {provider.name} is used by functions.")
    provider.delete(call)
    return {"CapacityProvider": provider.shown(call) | {"State": "Deleting"}}


@lambda_.operation
def list_capacity_providers(call: Call, state: str = "", marker: str = "", max_items: int = 50) -> Members:
    page = CapacityProvider.page(call, limit=max_items, token=marker, where=lambda each: state in ("", each.state))
    return {"CapacityProviders": [each.shown(call) for each in page.items], "NextMarker": page.token}


@lambda_.operation(on=CapacityProvider.named)
def list_function_versions_by_capacity_provider(
    call: Call, provider: CapacityProvider, marker: str = "", max_items: int = 50
) -> Members:
    arn = provider.arn(call)
    page = Version.page(call, limit=max_items, token=marker, where=lambda version: used(version) == arn)
    versions = [{"FunctionArn": each.arn(call), "State": each.state} for each in page.items]
    return {"CapacityProviderArn": arn, "FunctionVersions": versions, "NextMarker": page.token}


def used(version: Version) -> str:
    """The ARN of the provider that a version has."""
    config = version.settings.get("CapacityProviderConfig", {})
    return str(config.get("LambdaManagedInstancesCapacityProviderConfig", {}).get("CapacityProviderArn", ""))


def users(call: Call, provider: CapacityProvider) -> list[Version]:
    arn = provider.arn(call)
    return [version for version in Version.scan(call) if used(version) == arn]


# How many environments


class Scaling(Record, key=("function", "qualifier"), kw_only=True):
    """How many environments a version on managed instances has."""

    function: str
    qualifier: str
    config: Members


def managed(call: Call, function_name: str, qualifier: str) -> Meant:
    """A version of a function that has a capacity provider."""
    meant = Meant.by_name(call, function_name, "" if qualifier == "$LATEST.PUBLISHED" else qualifier)
    if not used(meant.version):
        raise faults.invalid("The function does not have a capacity provider.")
    return meant


@lambda_.operation
def put_function_scaling_config(
    call: Call, function_name: str, qualifier: str, function_scaling_config: Members = {}
) -> Members:
    meant = managed(call, function_name, qualifier)
    least, most = (function_scaling_config.get(f"{end}ExecutionEnvironments") for end in ("Min", "Max"))
    if least is not None and most is not None and least > most:
        raise faults.invalid("MinExecutionEnvironments must not be greater than MaxExecutionEnvironments.")
    Scaling(function=meant.name, qualifier=qualifier, config=function_scaling_config).put(call)
    return {"FunctionState": meant.version.state}


@lambda_.operation
def get_function_scaling_config(call: Call, function_name: str, qualifier: str) -> Members:
    meant = managed(call, function_name, qualifier)
    found = Scaling.get(call, meant.name, qualifier)
    config = found.config if found else {}
    return {
        "FunctionArn": f"{call.arn(f'function:{meant.name}')}:{qualifier}",
        "AppliedFunctionScalingConfig": config,
        "RequestedFunctionScalingConfig": config,
    }
