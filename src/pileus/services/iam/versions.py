"""Versions of managed policies: up to five texts, of which one is in force."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import iam
from .faults import beyond, conflict, missing
from .identities import encoded
from .lists import MOST, entries
from .policies import AwsManaged, Managed, Policy, Version, enforce, fitting, managed_named, policy_named
from .quotas import POLICY_VERSIONS


@iam.operation(on=policy_named)
def create_policy_version(
    call: Call, policy: Policy, policy_document: str, set_as_default: bool = False
) -> dict[str, Any]:
    """Another text for a policy, which takes the place of the present one only when told to."""
    document = fitting(policy_document)
    if len(list(Version.scan(call, policy.id))) >= POLICY_VERSIONS:
        raise beyond(
            f"A managed policy can have up to {POLICY_VERSIONS} versions. Before you create a new version, you must "
            "delete an existing version."
        )
    policy.latest += 1
    policy.updated = call.now
    version = Version(policy.id, policy.latest, document, call.now).put(call)
    policy.put(call)
    if set_as_default:
        put_in_force(call, policy, version)
    return {"PolicyVersion": shown(policy, version)}


@iam.operation(on=managed_named)
def get_policy_version(call: Call, policy: Managed, version_id: str) -> dict[str, Any]:
    """A text of a policy; of AWS's policies, the present one."""
    if isinstance(policy, AwsManaged):
        if version_id != policy.version_id:
            raise absent(policy.arn(call), version_id)
        return {"PolicyVersion": present(policy) | {"Document": encoded(policy.document)}}
    version = version_of(call, policy, version_id)
    return {"PolicyVersion": shown(policy, version) | {"Document": encoded(version.document)}}


@iam.operation(on=managed_named)
def list_policy_versions(call: Call, policy: Managed, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The versions of a policy, the latest first, without their texts."""
    if isinstance(policy, AwsManaged):
        return entries(call, "Versions", [present(policy)], marker, max_items)
    versions = [shown(policy, version) for version in Version.scan(call, policy.id, reverse=True)]
    return entries(call, "Versions", versions, marker, max_items)


@iam.operation(on=policy_named)
def set_default_policy_version(call: Call, policy: Policy, version_id: str) -> None:
    """Put a text in force, at once and wherever the policy is attached."""
    put_in_force(call, policy, version_of(call, policy, version_id))


@iam.operation(on=policy_named)
def delete_policy_version(call: Call, policy: Policy, version_id: str) -> None:
    """Delete a text that is not in force."""
    version = version_of(call, policy, version_id)
    if version.number == policy.default:
        raise conflict("Cannot delete the default version of a policy.")
    version.delete(call)


def put_in_force(call: Call, policy: Policy, version: Version) -> None:
    policy.default = version.number
    policy.updated = call.now
    policy.put(call)
    enforce(call, policy, version.document)


def version_of(call: Call, policy: Policy, version_id: str) -> Version:
    number = version_id.removeprefix("v").partition(".")[0]
    version = Version.get(call, policy.id, int(number)) if number.isdigit() else None
    if version is None:
        raise absent(policy.arn(call), version_id)
    return version


def absent(arn: str, version_id: str) -> Exception:
    return missing(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def shown(policy: Policy, version: Version) -> dict[str, Any]:
    return {
        "VersionId": version.id,
        "IsDefaultVersion": version.number == policy.default,
        "CreateDate": version.created,
    }


def present(policy: AwsManaged) -> dict[str, Any]:
    return {"VersionId": policy.version_id, "IsDefaultVersion": True, "CreateDate": policy.updated}
