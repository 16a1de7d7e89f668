"""Lifecycle policies: what is to be made, of what, when, and how long it stays."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record, Unfinished
from pileus.kernel.names import hex_id
from pileus.kernel.resource_type import resource_type
from pileus.kernel.tagging import declare

from . import dlm, timing

Members = dict[str, Any]

MOST = 100
"""Policies of an account in a Region."""
SNAPSHOTS, IMAGES, EVENTS = "EBS_SNAPSHOT_MANAGEMENT", "IMAGE_MANAGEMENT", "EVENT_BASED_POLICY"
ENABLED, DISABLED, FAILED = "ENABLED", "DISABLED", "ERROR"
DEFAULTS = ("create_interval", "retain_interval", "copy_tags", "extend_deletion")


@resource_type(
    dlm,
    "PolicyId",
    missing="ResourceNotFoundException",
    create="CreateLifecyclePolicy",
    read="GetLifecyclePolicy",
    update="UpdateLifecyclePolicy",
    list="GetLifecyclePolicies",
    delete="DeleteLifecyclePolicy",
)
class Policy(Record, arn="policy/{policy_id}", cfn="AWS::DLM::LifecyclePolicy"):
    """A policy."""

    policy_id: str
    role: str
    description: str
    state: str
    details: Members
    created: float
    modified: float
    tags: dict[str, str] = {}
    message: str = ""
    default: bool = False
    """Whether it is one for everything that has no recent backup."""
    version: int = 0
    """How often it was changed: what an earlier one has planned is void."""

    @property
    def kind(self) -> str:
        return str(self.details.get("PolicyType", SNAPSHOTS))

    @property
    def resource(self) -> str:
        """VOLUME or INSTANCE."""
        if self.default:
            return str(self.details["ResourceType"])
        return str((self.details.get("ResourceTypes") or ["VOLUME"])[0])

    @property
    def schedules(self) -> list[Members]:
        return [default_schedule(self.details)] if self.default else list(self.details["Schedules"])


declare(dlm)


def default_schedule(details: Members) -> Members:
    """A default policy as a schedule."""
    retain = {"Interval": details.get("RetainInterval", 7), "IntervalUnit": "DAYS"}
    return {
        "Name": "Default Schedule",
        "CopyTags": details.get("CopyTags", False),
        "CreateRule": {"Interval": 24 * details.get("CreateInterval", 1)},
        "RetainRule": retain,
        "CrossRegionCopyRules": [
            {
                "Target": one["TargetRegion"],
                "TargetRegion": one["TargetRegion"],
                "Encrypted": False,
                "RetainRule": retain,
            }
            for one in details.get("CrossRegionCopyTargets", [])
        ],
    }


def named(call: Call, policy_id: str) -> Policy:
    found = Policy.get(call, policy_id)
    if found is None:
        text = f"Policy {policy_id} does not exist."
        raise Fault("ResourceNotFoundException", text, ResourceType="policy", ResourceIds=[policy_id])
    return found


def invalid(text: str) -> Fault:
    return Fault("InvalidRequestException", text, Code="INVALID_PARAMETER")


@dlm.operation
def create_lifecycle_policy(
    call: Call,
    execution_role_arn: str,
    description: str,
    state: str,
    policy_details: dict[str, Any] = {},
    tags: dict[str, str] = {},
    default_policy: str = "",
    create_interval: int = 0,
    retain_interval: int = 0,
    copy_tags: bool | None = None,
    extend_deletion: bool | None = None,
    cross_region_copy_targets: list[dict[str, Any]] = [],
    exclusions: dict[str, Any] = {},
) -> Members:
    """Make a policy, which runs from now on if it is enabled."""
    if len([*Policy.scan(call, limit=MOST)]) == MOST:
        text = f"You have reached the limit of {MOST} policies."
        raise Fault("LimitExceededException", text, ResourceType="policy")
    details = dict(policy_details)
    if default_policy:
        given = {
            "ResourceType": default_policy,
            "CreateInterval": create_interval or None,
            "RetainInterval": retain_interval or None,
            "CopyTags": copy_tags,
            "ExtendDeletion": extend_deletion,
            "CrossRegionCopyTargets": cross_region_copy_targets or None,
            "Exclusions": exclusions or None,
        }
        details |= {name: value for name, value in given.items() if value is not None}
    policy = Policy(
        policy_id=hex_id("policy"),
        role=execution_role_arn,
        description=description,
        state=state,
        details=details,
        created=call.now,
        modified=call.now,
        tags=tags,
        default=bool(default_policy) or details.get("PolicyLanguage") == "SIMPLIFIED",
    )
    check(call, policy)
    policy.put(call)
    begin(call, policy)
    return {"PolicyId": policy.policy_id}


def begin(call: Call, policy: Policy) -> None:
    """Plan the next time of each of a policy's schedules."""
    from .running import ahead

    for number in range(len(policy.schedules) if policy.state == ENABLED else 0):
        ahead(call, policy, number)


# What a policy may be


def check(call: Call, policy: Policy) -> None:
    details = policy.details
    if policy.default:
        _check_default(call, policy)
        return
    if policy.kind == EVENTS:
        raise Unfinished("Pileus has no event-based lifecycle policies yet.")
    for name in ("TargetTags", "ResourceTypes", "Schedules"):
        if not details.get(name):
            raise Fault("InvalidRequestException", f"{name} is required.", RequiredParameters=[name])
    if len(details["ResourceTypes"]) != 1:
        raise invalid("Specify one resource type.")
    if details.get("ResourceLocations", ["CLOUD"]) != ["CLOUD"]:
        raise Unfinished("Pileus has no lifecycle policies for Outposts and Local Zones yet.")
    if policy.kind == IMAGES and policy.resource != "INSTANCE":
        raise invalid("Policies of type IMAGE_MANAGEMENT are for instances.")
    names = [schedule.get("Name") for schedule in details["Schedules"]]
    if len(set(names)) < len(names):
        raise invalid("The names of schedules must be unique.")
    for schedule in details["Schedules"]:
        _check_schedule(policy, schedule)


def _check_default(call: Call, policy: Policy) -> None:
    details = policy.details
    if not details.get("ResourceType"):
        raise Fault("InvalidRequestException", "ResourceType is required.", RequiredParameters=["ResourceType"])
    create, retain = details.get("CreateInterval", 1), details.get("RetainInterval", 7)
    if not 1 <= create <= 7 or not 2 <= retain <= 14 or retain <= create:
        raise invalid("The retention period must be greater than the creation frequency.")
    for other in Policy.scan(call):
        if other.default and other.policy_id != policy.policy_id and other.resource == policy.resource:
            raise invalid(f"There is a default policy for {policy.resource} already.")


def _check_schedule(policy: Policy, schedule: Members) -> None:
    create, retain = schedule.get("CreateRule", {}), schedule.get("RetainRule", {})
    if not create or not retain:
        raise invalid("A schedule needs a CreateRule and a RetainRule.")
    if create.get("Scripts"):
        raise Unfinished("Pileus does not run scripts before and after snapshots yet.")
    if bool(create.get("CronExpression")) == bool(create.get("Interval")):
        raise invalid("Specify either Interval or CronExpression.")
    if create.get("Interval") and create["Interval"] not in timing.INTERVALS:
        raise invalid(f"Interval must be one of {', '.join(map(str, timing.INTERVALS))}.")
    if len(create.get("Times") or []) > 1:
        raise invalid("Specify one time.")
    try:
        timing.after(create, 0.0)
    except ValueError:
        raise invalid(f"The cron expression {create['CronExpression']} is not valid.") from None
    archives = "ArchiveRule" in schedule
    if bool(retain.get("Count")) == bool(retain.get("Interval")) and not (archives and retain.get("Count") == 0):
        raise invalid("Specify either Count or Interval in RetainRule.")
    if retain.get("Interval") and not retain.get("IntervalUnit"):
        raise invalid("IntervalUnit is required with Interval.")
    if archives and (policy.kind != SNAPSHOTS or policy.resource != "VOLUME"):
        raise invalid("ArchiveRule is for snapshot policies for volumes.")
    if len(schedule.get("CrossRegionCopyRules", [])) > 3:
        raise invalid("Specify up to three cross-Region copy rules.")


# Reading and changing


def shown(call: Call, policy: Policy) -> Members:
    details: Members = {"PolicyType": policy.kind, "PolicyLanguage": "SIMPLIFIED" if policy.default else "STANDARD"}
    if not policy.default:
        details["ResourceLocations"] = ["CLOUD"]
    return {
        "PolicyId": policy.policy_id,
        "Description": policy.description,
        "State": policy.state,
        "StatusMessage": policy.message or policy.state,
        "ExecutionRoleArn": policy.role,
        "DateCreated": policy.created,
        "DateModified": policy.modified,
        "PolicyDetails": details | policy.details,
        "Tags": policy.tags,
        "PolicyArn": policy.arn(call),
        "DefaultPolicy": policy.default,
    }


@dlm.operation(on=named)
def get_lifecycle_policy(call: Call, policy: Policy) -> Members:
    return {"Policy": shown(call, policy)}


@dlm.operation
def get_lifecycle_policies(
    call: Call,
    policy_ids: list[str] = [],
    state: str = "",
    resource_types: list[str] = [],
    target_tags: list[str] = [],
    tags_to_add: list[str] = [],
    default_policy_type: str = "",
) -> Members:
    """The policies that fit all that is given."""
    found = [named(call, one) for one in policy_ids] if policy_ids else Policy.scan(call)

    def fits(policy: Policy) -> bool:
        added = [tag for schedule in policy.schedules for tag in schedule.get("TagsToAdd", [])]
        return (
            (not state or policy.state == state)
            and (not resource_types or policy.resource in resource_types)
            and _has(policy.details.get("TargetTags", []), target_tags)
            and _has(added, tags_to_add)
            and (not default_policy_type or (policy.default and default_policy_type in ("ALL", policy.resource)))
        )

    names = ("PolicyId", "Description", "State", "Tags", "DefaultPolicy")
    told = []
    for policy in filter(fits, found):
        whole = shown(call, policy)
        told.append({name: whole[name] for name in names} | {"PolicyType": policy.kind})
    return {"Policies": told}


def _has(tags: list[dict[str, str]], wanted: list[str]) -> bool:
    """Whether tags have all that are wanted, as `key=value`."""
    return {*wanted} <= {f"{tag['Key']}={tag['Value']}" for tag in tags}


@dlm.operation(on=named)
def update_lifecycle_policy(
    call: Call,
    policy: Policy,
    execution_role_arn: str = "",
    state: str = "",
    description: str = "",
    policy_details: dict[str, Any] = {},
    create_interval: int = 0,
    retain_interval: int = 0,
    copy_tags: bool | None = None,
    extend_deletion: bool | None = None,
    cross_region_copy_targets: list[dict[str, Any]] | None = None,
    exclusions: dict[str, Any] | None = None,
) -> Members:
    """Change a policy. What it has made is kept by the rules that it has then."""
    policy.role = execution_role_arn or policy.role
    policy.description = description or policy.description
    if state:
        policy.state, policy.message = state, ""
    given = {
        "CreateInterval": create_interval or None,
        "RetainInterval": retain_interval or None,
        "CopyTags": copy_tags,
        "ExtendDeletion": extend_deletion,
        "CrossRegionCopyTargets": cross_region_copy_targets,
        "Exclusions": exclusions,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if changes and not policy.default:
        raise invalid(f"{', '.join(sorted(changes))} can be changed for default policies only.")
    policy.details = policy.details | policy_details | changes
    check(call, policy)
    policy.modified, policy.version = call.now, policy.version + 1
    policy.put(call)
    begin(call, policy)
    return {}


@dlm.operation(on=named)
def delete_lifecycle_policy(call: Call, policy: Policy) -> Members:
    """What a policy has made stays when it goes."""
    from .keeping import Kept

    Kept.delete_all(call, policy.policy_id)
    policy.delete(call)
    return {}
