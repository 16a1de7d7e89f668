"""Policies of flexible cost allocation: how the charges of shared network resources are to be reported.

There are no bills here: policies, their versions and associations are kept, and nothing is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.kernel.names import hex_id
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, described, selected
from pileus.services.ec2.faults import bad_value, combination, limit, missing
from pileus.services.ec2.kinds import kind, kind_of, named, new_id
from pileus.services.ec2.tags import shown_tags, specified
from pileus.services.ec2.tokens import made_before, remember

DOCUMENTS = {"natgw": "NatFcaPolicyDocument", "ec2": "InstanceFcaPolicyDocument", "pcx": "PcxFcaPolicyDocument"}
PREFIXES = {"natgw": "nat", "ec2": "i", "pcx": "pcx"}
SCOPES = {"vpc": "vpc", "subnet": "subnet"}
PROCESSING = "data-processing"
MOST, MOST_VERSIONS, MOST_ASSOCIATIONS, MOST_ASKED = 100, 100, 100, 20
SOON = 3600.0
"""Seconds until what is said applies to traffic."""


@kind(
    "fca-policy",
    "fcap",
    missing=("InvalidFcaPolicyId.NotFound", "The flex cost allocation policy '{}' does not exist"),
)
class FcaPolicy(Record, arn="fca-policy/{fca_policy_id}"):
    fca_policy_id: str
    resource_type: str
    description: str
    created: float
    updated: float
    version: int = 1
    tags: dict[str, str] = {}


class FcaVersion(Record, key=("policy", "version")):
    """What a policy says from a time on."""

    policy: str
    version: int
    document: dict[str, Any]
    show_back: bool
    description: str
    created: float


class FcaAssociation(Record, indexes={"of_policy": ("policy",), "of_resource": ("resource",)}):
    """That a policy counts for a resource, or for those in a scope."""

    association_id: str
    policy: str
    resource: str
    scope: bool
    at: float


FILTERS = Filters(
    {
        "fca-policy-id": "FcaPolicyId",
        "managed-by": "ManagedBy",
        "network-resource-type": "NetworkResourceType",
        "showback-enabled": "ShowBackEnabled",
    },
    tags=lambda one: {tag["Key"]: tag["Value"] for tag in one["Tags"]},
)
ASSOCIATION_FILTERS = Filters(
    {"fca-policy-id": "FcaPolicyId", "managed-by": "ManagedBy", "resource-id": "NetworkResourceId"}, tags=None
)


@ec2.operation(honours=DOCUMENTS.values())
def create_networking_flex_cost_allocation_policy(
    call: Call,
    network_resource_type: str,
    request: Members,
    show_back_enabled: bool = True,
    description: str = "",
    tag_specifications: list[Members] = [],
    client_token: str = "",
) -> Members:
    """Make a policy for a type of resources."""
    if before := made_before(call, client_token):
        return _made(call, named(call, FcaPolicy, before))
    document = _document(network_resource_type, request)
    if not document:
        raise missing(DOCUMENTS[network_resource_type])
    if len([*FcaPolicy.scan(call)]) >= MOST:
        raise limit("FcaPolicyLimit", f"The maximum number of flex cost allocation policies ({MOST}) has been reached.")
    tags = specified(tag_specifications, "fca-policy")
    made = FcaPolicy(new_id(FcaPolicy), network_resource_type, description, call.now, call.now, tags=tags).put(call)
    FcaVersion(made.fca_policy_id, 1, document, show_back_enabled, description, call.now).put(call)
    remember(call, client_token, made.fca_policy_id)
    return _made(call, made)


def _made(call: Call, policy: FcaPolicy) -> Members:
    told = {"CreatedAt": policy.created, "ExpectedEffectiveAt": policy.created + SOON}
    return {"FcaPolicyId": policy.fca_policy_id, "FcaPolicyArn": policy.arn(call)} | told


def _document(resource_type: str, request: Members) -> Members:
    """The document that a request gives for a type of resources, if it may say that."""
    given = [name for name in DOCUMENTS.values() if request.get(name)]
    if any(name != DOCUMENTS[resource_type] for name in given):
        raise combination(f"The policy document does not match the network resource type {resource_type}.")
    document: Members = request.get(DOCUMENTS[resource_type]) or {}
    if document:
        granularity = document["ReportingGranularity"]
        if len(granularity) != 1 or (granularity[0] == "peering-id" and resource_type != "pcx"):
            raise bad_value("ReportingGranularity", ", ".join(granularity))
        if PROCESSING in document["Dimensions"] and resource_type != "natgw":
            raise bad_value("Dimensions", PROCESSING)
        if (granularity == ["cidr"]) != ("CidrRangeSpecifications" in document):
            raise combination("CidrRangeSpecifications go with the reporting granularity cidr, and with no other.")
    return document


@ec2.operation(honours=DOCUMENTS.values())
def modify_networking_flex_cost_allocation_policy(
    call: Call,
    fca_policy_id: str,
    request: Members,
    show_back_enabled: bool | None = None,
    description: str | None = None,
    client_token: str = "",
) -> Members:
    """Change a policy: its description, or, as a further version, what it says."""
    policy = named(call, FcaPolicy, fca_policy_id)
    if not made_before(call, client_token):
        there = _version(call, policy)
        document = _document(policy.resource_type, request) or there.document
        show_back = there.show_back if show_back_enabled is None else show_back_enabled
        policy.description = policy.description if description is None else description
        if (document, show_back) != (there.document, there.show_back):
            if policy.version >= MOST_VERSIONS:
                raise limit(
                    "FcaPolicyVersionLimit", f"The policy has the maximum number of versions ({MOST_VERSIONS})."
                )
            policy.version += 1
            FcaVersion(fca_policy_id, policy.version, document, show_back, policy.description, call.now).put(call)
        policy.updated = call.now
        policy.put(call)
        remember(call, client_token, fca_policy_id)
    return {
        "FcaPolicyId": fca_policy_id,
        "UpdatedAt": policy.updated,
        "Version": policy.version,
        "VersionExpectedEffectiveAt": _version(call, policy).created + SOON,
    }


def _version(call: Call, policy: FcaPolicy) -> FcaVersion:
    found = FcaVersion.get(call, policy.fca_policy_id, policy.version)
    assert found
    return found


@ec2.operation
def describe_networking_flex_cost_allocation_policies(
    call: Call,
    fca_policy_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """The account's policies, as they are now."""
    ids, member = fca_policy_ids, "FlexCostAllocationPolicies"
    return described(call, FcaPolicy, FILTERS, member, shown, ids, filters, max_results, next_token, by_shown=True)


def shown(call: Call, policy: FcaPolicy) -> Members:
    version = _version(call, policy)
    return {
        "FcaPolicyId": policy.fca_policy_id,
        "FcaPolicyArn": policy.arn(call),
        "NetworkResourceType": policy.resource_type,
        DOCUMENTS[policy.resource_type]: version.document,
        "ShowBackEnabled": version.show_back,
        "OwnerAccount": call.account,
        "Description": policy.description or None,
        "LatestVersion": policy.version,
        "VersionExpectedEffectiveAt": version.created + SOON,
        "PolicyCreatedAt": policy.created,
        "UpdatedAt": policy.updated,
        "ManagedBy": "account",
        "Tags": shown_tags(policy.tags),
    }


@ec2.operation
def get_networking_flex_cost_allocation_policy_versions(
    call: Call, fca_policy_id: str, versions_to_include: list[int] = []
) -> Members:
    """What a policy says, and has said."""
    policy = named(call, FcaPolicy, fca_policy_id)
    found = [
        {
            "FcaPolicyId": fca_policy_id,
            "Version": one.version,
            "NetworkResourceType": policy.resource_type,
            DOCUMENTS[policy.resource_type]: one.document,
            "ShowBackEnabled": one.show_back,
            "Description": one.description or None,
            "ExpectedEffectiveAt": one.created + SOON,
            "CreatedAt": one.created,
        }
        for one in FcaVersion.scan(call, fca_policy_id)
        if not versions_to_include or one.version in versions_to_include
    ]
    return {"FcaPolicyVersions": found}


@ec2.operation
def delete_networking_flex_cost_allocation_policies(call: Call, fca_policy_ids: list[str]) -> Members:
    """Delete policies that count for nothing; those that cannot be deleted are named in the answer."""
    done, failed = [], []
    for what in dict.fromkeys(fca_policy_ids):
        policy = FcaPolicy.get(call, what)
        if policy is None:
            failed.append(failure(what, "ResourceNotFound", f"The policy {what} does not exist."))
        elif FcaAssociation.first(call, what, index="of_policy"):
            failed.append(failure(what, "InvalidResourceState", f"The policy {what} has active associations."))
        else:
            FcaVersion.delete_all(call, what)
            policy.delete(call)
            done.append(what)
    return {"Successful": done, "Failed": failed}


def failure(what: str, code: str, reason: str) -> Members:
    return {"ResourceId": what, "FailureCode": code, "FailureReason": reason}


# Associations


@ec2.operation
def associate_networking_flex_cost_allocation_policy(
    call: Call,
    fca_policy_id: str,
    network_resource_ids: list[str] = [],
    network_resource_scope: Members = {},
    client_token: str = "",
) -> Members:
    """Let a policy count for resources, or for all in an account, VPCs or subnets; a resource has one."""
    policy = named(call, FcaPolicy, fca_policy_id)
    asked = [*dict.fromkeys([*network_resource_ids, *network_resource_scope.get("ResourceIds", [])])]
    if not asked:
        raise missing("NetworkResourceIds", "NetworkResourceScope")
    if len(asked) > MOST_ASKED:
        raise limit("FcaAssociationLimit", f"The maximum number of resources on a request is {MOST_ASKED}.")
    there = len([*FcaAssociation.scan(call, fca_policy_id, index="of_policy")])
    if made_before(call, client_token):
        found = (FcaAssociation.first(call, what, index="of_resource") for what in asked)
        return {"FcaPolicyAssociations": [_association(call, one) for one in found if one]}
    if there + len(asked) > MOST_ASSOCIATIONS:
        raise limit("FcaAssociationLimit", f"A policy can have {MOST_ASSOCIATIONS} associations.")
    made, failed = [], []
    for what in asked:
        scope = what not in network_resource_ids
        wanted = SCOPES.get(network_resource_scope["ResourceType"], "") if scope else PREFIXES[policy.resource_type]
        if why := next(_obstacles(call, what, wanted), None):
            failed.append(failure(what, *why))
        else:
            one = FcaAssociation(hex_id("fcapassoc"), fca_policy_id, what, scope, call.now).put(call)
            made.append(_association(call, one))
    remember(call, client_token, fca_policy_id)
    return {"FcaPolicyAssociations": made, "FcaPolicyAssociationFailures": failed}


def _obstacles(call: Call, what: str, prefix: str) -> Iterator[tuple[str, str]]:
    """Why a policy cannot count for a resource, whose id has to begin so; for the account where it is empty."""
    found = kind_of(what)
    there = found.record.get(call, what) if found and found.prefix == prefix else None
    if what != call.account if not prefix else there is None:
        yield "InvalidResource", f"The resource {what} is not valid for the policy."
    if FcaAssociation.first(call, what, index="of_resource"):
        yield "ResourceAlreadyAssociated", f"The resource {what} already has an active association."


@ec2.operation
def describe_networking_flex_cost_allocation_policy_associations(
    call: Call,
    fca_policy_association_ids: list[str] = [],
    filters: list[Members] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    """What the account's policies count for."""
    for what in fca_policy_association_ids:
        if FcaAssociation.get(call, what) is None:
            raise Fault("InvalidFcaPolicyAssociationId.NotFound", f"The association '{what}' does not exist")
    wanted = fca_policy_association_ids
    found = [_association(call, one) for one in FcaAssociation.scan(call) if not wanted or one.association_id in wanted]
    return selected(call, "FcaPolicyAssociations", ASSOCIATION_FILTERS, found, filters, max_results, next_token)


def _association(call: Call, one: FcaAssociation) -> Members:
    return {
        "FcaPolicyAssociationId": one.association_id,
        "FcaPolicyId": one.policy,
        "NetworkResourceId": one.resource,
        "OwnerAccount": call.account,
        "AssociatedAt": one.at,
        "ExpectedEffectiveAt": one.at + SOON,
        "AssociationMode": "scope" if one.scope else "direct",
        "ManagedBy": "account",
    }


@ec2.operation
def disassociate_networking_flex_cost_allocation_policy(call: Call, fca_policy_association_ids: list[str]) -> Members:
    """Let policies count no longer."""
    done, failed = [], []
    for what in dict.fromkeys(fca_policy_association_ids):
        if one := FcaAssociation.get(call, what):
            one.delete(call)
            done.append(what)
        else:
            failed.append(failure(what, "InvalidResource", f"The association {what} does not exist."))
    return {"FcaPolicyDisassociations": done, "FcaPolicyDisassociationFailures": failed}
