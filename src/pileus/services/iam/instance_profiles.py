"""Instance profiles: what holds a role for EC2 instances."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, names
from pileus.kernel.access.enforcement import authorize
from pileus.kernel.access.target import Target
from pileus.kernel.record import Record
from pileus.kernel.resource_type import resource_type

from . import iam
from . import tags as tagging
from .faults import conflict, exists, missing
from .lists import MOST, records
from .quotas import exceeded, one_less, one_more
from .roles import Role, own_role, role_named


@resource_type(
    iam, "InstanceProfileName", create="CreateInstanceProfile", read="GetInstanceProfile", list="ListInstanceProfiles",
    delete="DeleteInstanceProfile", missing="NoSuchEntityException",
)  # fmt: skip
class InstanceProfile(
    Record,
    scope="account",
    indexes={"by_role": ("role",)},
    arn="arn:{partition}:iam::{account}:instance-profile{path}{name}",
    cfn="AWS::IAM::InstanceProfile",
):
    folded: str
    name: str
    path: str
    id: str
    created: float
    role: str = ""
    """The folded name of its role, of which there can be one."""
    tags: dict[str, str] = {}

    def arn(self, call: Call) -> str:
        return f"arn:{call.partition}:iam::{call.account}:instance-profile{self.path}{self.name}"

    def shown(self, call: Call) -> dict[str, Any]:
        role = Role.get(call, self.role) if self.role else None
        return {
            "Path": self.path,
            "InstanceProfileName": self.name,
            "InstanceProfileId": self.id,
            "Arn": self.arn(call),
            "CreateDate": self.created,
            "Roles": [role.shown(call)] if role else [],
        }


def profile_named(call: Call, instance_profile_name: str) -> InstanceProfile:
    if profile := InstanceProfile.get(call, instance_profile_name.lower()):
        return profile
    raise missing(f"Instance Profile {instance_profile_name} cannot be found.")


@iam.operation
def create_instance_profile(
    call: Call, instance_profile_name: str, path: str = "/", tags: list[dict[str, str]] = []
) -> dict[str, Any]:
    """A new instance profile, without a role."""
    folded = instance_profile_name.lower()
    if InstanceProfile.get(call, folded):
        raise exists(f"Instance Profile {instance_profile_name} already exists.")
    one_more(call, "InstanceProfiles")
    profile = InstanceProfile(
        folded=folded,
        name=instance_profile_name,
        path=path,
        id=names.unique_id("AIPA"),
        created=call.now,
        tags=tagging.given(tags),
    ).put(call)
    return {"InstanceProfile": whole(call, profile)}


@iam.operation(on=profile_named)
def get_instance_profile(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    return {"InstanceProfile": whole(call, profile)}


@iam.operation
def list_instance_profiles(
    call: Call, path_prefix: str = "/", marker: str = "", max_items: int = MOST
) -> dict[str, Any]:
    """Instance profiles under a path, without their tags."""
    return records(
        call,
        "InstanceProfiles",
        InstanceProfile,
        show=lambda profile: profile.shown(call),
        where=lambda profile: profile.path.startswith(path_prefix),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=role_named)
def list_instance_profiles_for_role(call: Call, role: Role, marker: str = "", max_items: int = MOST) -> dict[str, Any]:
    """The instance profiles that hold a role."""
    return records(
        call,
        "InstanceProfiles",
        InstanceProfile,
        role.folded,
        index="by_role",
        show=lambda profile: profile.shown(call),
        marker=marker,
        max_items=max_items,
    )


@iam.operation(on=profile_named)
def add_role_to_instance_profile(call: Call, profile: InstanceProfile, role_name: str) -> None:
    """Let a profile hold a role, which wants the right to pass that role to EC2."""
    role = own_role(call, role_name)
    keys = {"iam:passedtoservice": ("ec2.amazonaws.com",)}
    authorize(call, "iam:PassRole", Target(role.arn(call), call.account, tags=role.tags, keys=keys))
    if profile.role:
        raise exceeded("InstanceSessionsPerInstanceProfile", 1)
    profile.role = role.folded
    profile.put(call)


@iam.operation(on=profile_named)
def remove_role_from_instance_profile(call: Call, profile: InstanceProfile, role_name: str) -> None:
    role = role_named(call, role_name)
    if profile.role != role.folded:
        raise missing(f"The role with name {role_name} cannot be found.")
    profile.role = ""
    profile.put(call)


@iam.operation(on=profile_named)
def delete_instance_profile(call: Call, profile: InstanceProfile) -> None:
    """Delete a profile that holds no role."""
    if profile.role:
        raise conflict("Cannot delete entity, must remove roles from instance profile first.")
    profile.delete(call)
    one_less(call, "InstanceProfiles")


def whole(call: Call, profile: InstanceProfile) -> dict[str, Any]:
    return profile.shown(call) | tagging.shown(profile.tags)


tagging.taggable("InstanceProfile", profile_named)
