"""Verified Access: instances, trust providers, groups and endpoints, as what they are declared to be.

Nothing stands behind the endpoints yet: no application is reached through one, and policies are kept, not evaluated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault
from pileus.kernel.filters import Filters
from pileus.kernel.names import LOWER, token
from pileus.kernel.resource import Resource, Row, hex_id, owner
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, selected
from pileus.services.ec2.kinds import kind
from pileus.services.ec2.tokens import made_before, remember

INSTANCE_MISSING = ("InvalidVerifiedAccessInstanceId.NotFound", "The verified access instance '{}' does not exist")
PROVIDER_MISSING = (
    "InvalidVerifiedAccessTrustProviderId.NotFound",
    "The verified access trust provider '{}' does not exist",
)
GROUP_MISSING = ("InvalidVerifiedAccessGroupId.NotFound", "The verified access group '{}' does not exist")
ENDPOINT_MISSING = ("InvalidVerifiedAccessEndpointId.NotFound", "The verified access endpoint '{}' does not exist")

NATIVE = "NativeApplicationOidcOptions"

SUMMARY = (
    "VerifiedAccessTrustProviderId",
    "Description",
    "TrustProviderType",
    "UserTrustProviderType",
    "DeviceTrustProviderType",
)
"""What an instance shows of its trust providers."""


def written(call: Call, row: Row | None = None) -> str:
    """The present time, as this family of resources writes it."""
    return datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H:%M:%S")


@kind("verified-access-instance", "vai", missing=INSTANCE_MISSING)
class VerifiedAccessInstance(Resource, service=ec2, cfn="AWS::EC2::VerifiedAccessInstance"):
    """An instance, which trusts providers and has groups."""

    key = "VerifiedAccessInstanceId"
    create, update = "CreateVerifiedAccessInstance", "ModifyVerifiedAccessInstance"
    list, delete = "DescribeVerifiedAccessInstances", "DeleteVerifiedAccessInstance"
    missing = INSTANCE_MISSING
    tags = "TagSpecifications"
    fields = {
        "VerifiedAccessInstanceId": hex_id("vai"),
        "CreationTime": written,
        "LastUpdatedTime": written,
        "VerifiedAccessTrustProviders": None,
        "FIPSEnabled": False,
        "FipsEnabled": None,
        "Providers": [],
        "AccessLogs": None,
    }
    filters = {"verified-access-instance-id": "VerifiedAccessInstanceId"}

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        row["LastUpdatedTime"] = written(call)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["VerifiedAccessInstanceId"]
        groups = VerifiedAccessGroup.family.row.scan(call)
        if row["Providers"] or any(group["VerifiedAccessInstanceId"] == what for group in groups):
            raise Fault("DependencyViolation", f"The verified access instance {what} has dependencies.")

    @staticmethod
    def shown(call: Call, row: Row) -> Members:
        found = [VerifiedAccessTrustProvider.find(call, what) for what in row["Providers"]]
        providers = [{name: one[name] for name in SUMMARY if name in one} for one in found if one]
        told: Members = {"VerifiedAccessTrustProviders": providers, "FipsEnabled": row["FIPSEnabled"]}
        if "CidrEndpointsCustomSubDomain" in row:
            told["CidrEndpointsCustomSubDomain"] = {"SubDomain": row["CidrEndpointsCustomSubDomain"]}
        return told


@kind("verified-access-trust-provider", "vatp", missing=PROVIDER_MISSING)
class VerifiedAccessTrustProvider(Resource, service=ec2, cfn="AWS::EC2::VerifiedAccessTrustProvider"):
    """Who says what users and devices are."""

    key = "VerifiedAccessTrustProviderId"
    create, update = "CreateVerifiedAccessTrustProvider", "ModifyVerifiedAccessTrustProvider"
    list, delete = "DescribeVerifiedAccessTrustProviders", "DeleteVerifiedAccessTrustProvider"
    missing = PROVIDER_MISSING
    tags = "TagSpecifications"
    fields = {
        "VerifiedAccessTrustProviderId": hex_id("vatp"),
        "CreationTime": written,
        "LastUpdatedTime": written,
    }
    filters = {
        "verified-access-trust-provider-id": "VerifiedAccessTrustProviderId",
        "trust-provider-type": "TrustProviderType",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        wanted = "UserTrustProviderType" if row["TrustProviderType"] == "user" else "DeviceTrustProviderType"
        if wanted not in row:
            raise Fault("MissingParameter", f"The request must contain the parameter {wanted}")

    @staticmethod
    def before_update(call: Call, row: Row, changes: dict[str, Any]) -> None:
        row["LastUpdatedTime"] = written(call)

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["VerifiedAccessTrustProviderId"]
        if any(what in instance["Providers"] for instance in VerifiedAccessInstance.family.row.scan(call)):
            raise Fault("DependencyViolation", f"The verified access trust provider {what} is attached.")

    @staticmethod
    def shown(call: Call, row: Row) -> Members:
        """The secret of a native client is told to nobody."""
        if NATIVE not in row:
            return {}
        return {NATIVE: {name: value for name, value in row[NATIVE].items() if name != "ClientSecret"}}


@ec2.operation(on=VerifiedAccessInstance.of("AttachVerifiedAccessTrustProvider"))
def attach_verified_access_trust_provider(
    call: Call, row: Row, verified_access_trust_provider_id: str, client_token: str = ""
) -> Members:
    """Let an instance trust a provider."""
    provider = VerifiedAccessTrustProvider.named(call, verified_access_trust_provider_id)
    if made_before(call, client_token):
        return _both(call, row, provider)
    if verified_access_trust_provider_id in row["Providers"]:
        text = f"{verified_access_trust_provider_id} is already attached to {row['VerifiedAccessInstanceId']}."
        raise Fault("InvalidParameterValue", text)
    row["Providers"] = [*row["Providers"], verified_access_trust_provider_id]
    row.put(call)
    remember(call, client_token, verified_access_trust_provider_id)
    return _both(call, row, provider)


@ec2.operation(on=VerifiedAccessInstance.of("DetachVerifiedAccessTrustProvider"))
def detach_verified_access_trust_provider(
    call: Call, row: Row, verified_access_trust_provider_id: str, client_token: str = ""
) -> Members:
    """Let an instance trust a provider no longer."""
    provider = VerifiedAccessTrustProvider.named(call, verified_access_trust_provider_id)
    if made_before(call, client_token):
        return _both(call, row, provider)
    if verified_access_trust_provider_id not in row["Providers"]:
        text = f"{verified_access_trust_provider_id} is not attached to {row['VerifiedAccessInstanceId']}."
        raise Fault("InvalidParameterValue", text)
    row["Providers"] = [what for what in row["Providers"] if what != verified_access_trust_provider_id]
    row.put(call)
    remember(call, client_token, verified_access_trust_provider_id)
    return _both(call, row, provider)


def _both(call: Call, instance: Row, provider: Row) -> Members:
    """Both as their own operations show them."""
    shown = VerifiedAccessTrustProvider.family.show(call, provider, "create")
    return shown | VerifiedAccessInstance.family.show(call, instance, "create")


@kind("verified-access-group", "vagr", missing=GROUP_MISSING)
class VerifiedAccessGroup(Resource, service=ec2, cfn="AWS::EC2::VerifiedAccessGroup"):
    """Endpoints of which one policy decides."""

    key = "VerifiedAccessGroupId"
    arn = ("VerifiedAccessGroupArn", "verified-access-group/{VerifiedAccessGroupId}")
    create, update = "CreateVerifiedAccessGroup", "ModifyVerifiedAccessGroup"
    list, delete = "DescribeVerifiedAccessGroups", "DeleteVerifiedAccessGroup"
    missing = GROUP_MISSING
    tags = "TagSpecifications"
    fields = {
        "VerifiedAccessGroupId": hex_id("vagr"),
        "Owner": owner,
        "CreationTime": written,
        "LastUpdatedTime": written,
        "PolicyDocument": None,
        "PolicyEnabled": None,
    }
    filters = {
        "VerifiedAccessInstanceId": "VerifiedAccessInstanceId",
        "verified-access-group-id": "VerifiedAccessGroupId",
        "verified-access-instance-id": "VerifiedAccessInstanceId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        VerifiedAccessInstance.named(call, row["VerifiedAccessInstanceId"])
        row["PolicyEnabled"] = "PolicyDocument" in row

    @staticmethod
    def before_delete(call: Call, row: Row) -> None:
        what = row["VerifiedAccessGroupId"]
        if any(one["VerifiedAccessGroupId"] == what for one in VerifiedAccessEndpoint.family.row.scan(call)):
            raise Fault("DependencyViolation", f"The verified access group {what} has endpoints.")


@kind("verified-access-endpoint", "vae", missing=ENDPOINT_MISSING)
class VerifiedAccessEndpoint(Resource, service=ec2, cfn="AWS::EC2::VerifiedAccessEndpoint"):
    """An application."""

    key = "VerifiedAccessEndpointId"
    create, update = "CreateVerifiedAccessEndpoint", "ModifyVerifiedAccessEndpoint"
    list, delete = "DescribeVerifiedAccessEndpoints", "DeleteVerifiedAccessEndpoint"
    missing = ENDPOINT_MISSING
    tags = "TagSpecifications"
    fields = {
        "VerifiedAccessEndpointId": hex_id("vae"),
        "VerifiedAccessInstanceId": None,
        "EndpointDomain": None,
        "EndpointDomainPrefix": None,
        "Status": {"Code": "active"},
        "CreationTime": written,
        "LastUpdatedTime": written,
        "PolicyDocument": None,
        "PolicyEnabled": None,
    }
    filters = {
        "VerifiedAccessInstanceId": "VerifiedAccessInstanceId",
        "VerifiedAccessGroupId": "VerifiedAccessGroupId",
        "verified-access-endpoint-id": "VerifiedAccessEndpointId",
        "verified-access-group-id": "VerifiedAccessGroupId",
        "verified-access-instance-id": "VerifiedAccessInstanceId",
    }

    @staticmethod
    def before_create(call: Call, row: Row) -> None:
        group = VerifiedAccessGroup.named(call, row["VerifiedAccessGroupId"])
        instance = group["VerifiedAccessInstanceId"]
        row["VerifiedAccessInstanceId"] = instance
        start = row.members.get("EndpointDomainPrefix", "endpoint")
        random = token(20, LOWER)
        row["EndpointDomain"] = f"{start}.{random}.{instance}.prod.verified-access.{call.region}.amazonaws.com"
        row["PolicyEnabled"] = "PolicyDocument" in row


# Policies


def _policy(row: Row) -> Members:
    return {"PolicyEnabled": bool(row["PolicyEnabled"]), "PolicyDocument": row.members.get("PolicyDocument")}


def _with_policy(
    call: Call, row: Row, enabled: bool | None, document: str, encryption: Members, client_token: str
) -> Members:
    shown = _policy(row) | {"SseSpecification": row.members.get("SseSpecification")}
    if made_before(call, client_token):
        return shown
    if encryption:
        row["SseSpecification"] = encryption
    if document:
        row["PolicyDocument"] = document
    if enabled is not None or document:
        row["PolicyEnabled"] = enabled if enabled is not None else True
    if not row["PolicyEnabled"]:
        row.members.pop("PolicyDocument", None)
    row["LastUpdatedTime"] = written(call)
    row.put(call)
    remember(call, client_token, str(row.path[-1]))
    return _policy(row) | {"SseSpecification": row.members.get("SseSpecification")}


@ec2.operation(on=VerifiedAccessGroup.of("GetVerifiedAccessGroupPolicy"))
def get_verified_access_group_policy(call: Call, row: Row) -> Members:
    """A group's policy."""
    return _policy(row)


@ec2.operation(on=VerifiedAccessGroup.of("ModifyVerifiedAccessGroupPolicy"))
def modify_verified_access_group_policy(
    call: Call,
    row: Row,
    policy_enabled: bool | None = None,
    policy_document: str = "",
    sse_specification: Members = {},
    client_token: str = "",
) -> Members:
    """Change a group's policy, and with which key it is kept."""
    return _with_policy(call, row, policy_enabled, policy_document, sse_specification, client_token)


@ec2.operation(on=VerifiedAccessEndpoint.of("GetVerifiedAccessEndpointPolicy"))
def get_verified_access_endpoint_policy(call: Call, row: Row) -> Members:
    """An endpoint's policy."""
    return _policy(row)


@ec2.operation(on=VerifiedAccessEndpoint.of("ModifyVerifiedAccessEndpointPolicy"))
def modify_verified_access_endpoint_policy(
    call: Call,
    row: Row,
    policy_enabled: bool | None = None,
    policy_document: str = "",
    sse_specification: Members = {},
    client_token: str = "",
) -> Members:
    """Change an endpoint's policy, and with which key it is kept."""
    return _with_policy(call, row, policy_enabled, policy_document, sse_specification, client_token)


# Logging


LOGGING_FILTERS = Filters({"verified-access-instance-id": "VerifiedAccessInstanceId"}, tags=None)


@ec2.operation(on=VerifiedAccessInstance.of("ModifyVerifiedAccessInstanceLoggingConfiguration"))
def modify_verified_access_instance_logging_configuration(
    call: Call, row: Row, access_logs: Members, client_token: str = ""
) -> Members:
    """Say where an instance's access logs are to go."""
    if not made_before(call, client_token):
        row["AccessLogs"] = access_logs
        row.put(call)
        remember(call, client_token, str(row.path[-1]))
    return {"LoggingConfiguration": _logging(row)}


@ec2.operation
def describe_verified_access_instance_logging_configurations(
    call: Call,
    verified_access_instance_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """Where instances' access logs are to go."""
    family = VerifiedAccessInstance.family
    ids = verified_access_instance_ids
    rows = [VerifiedAccessInstance.named(call, what) for what in ids] or [*family.row.scan(call)]
    found = map(_logging, rows)
    return selected(call, "LoggingConfigurations", LOGGING_FILTERS, found, filters, max_results, next_token)


def _logging(row: Row) -> Members:
    logs: dict[str, Any] = {"S3": {"Enabled": False}, "CloudWatchLogs": {"Enabled": False}}
    logs |= {"KinesisDataFirehose": {"Enabled": False}} | (row.members.get("AccessLogs") or {})
    return {"VerifiedAccessInstanceId": row["VerifiedAccessInstanceId"], "AccessLogs": logs}
