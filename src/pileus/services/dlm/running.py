"""A schedule is due: what it means is found by its tag, and snapshots or images are made, as the policy's role."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Fault, identity, paging
from pileus.kernel.identity import Principal
from pileus.kernel.roles import taken_on

from . import dlm, following, timing
from .keeping import Kept, keep, trim
from .policies import ENABLED, FAILED, IMAGES, Policy

Members = dict[str, Any]

CLOUD = identity.service("pileus.amazonaws.com")
SERVICE = identity.service("dlm.amazonaws.com")
SESSION = "DataLifecycleManager"


def ahead(call: Call, policy: Policy, number: int) -> None:
    """Plan the next time of a schedule."""
    due = timing.after(policy.schedules[number]["CreateRule"], call.now)
    if due is not None:
        run.later(call, policy_id=policy.policy_id, number=number, version=policy.version, due=due)


def session_of(call: Call, policy: Policy) -> Principal:
    return taken_on(call, policy.role, SESSION, SERVICE)


@dlm.task
def run(call: Call, policy_id: str, number: int, version: int) -> None:
    policy = Policy.get(call, policy_id)
    if policy is None or policy.version != version or policy.state != ENABLED:
        return
    ahead(call, policy, number)
    schedule = policy.schedules[number]
    try:
        session = session_of(call, policy)
        found = [*targets(call, policy, session)]
    except Fault as fault:
        failed(call, policy, fault)
        return
    for target in found:
        try:
            with call.store.attempt():
                make(call, policy, schedule, target, session)
        except Fault as fault:
            failed(call, policy, fault)
            return


def failed(call: Call, policy: Policy, fault: Fault) -> None:
    """What may not be done puts the policy into error; what cannot be done now is tried at the next time."""
    if fault.code in ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException"):
        policy.state, policy.message = FAILED, fault.message
        policy.put(call)


# What a policy is for


def targets(call: Call, policy: Policy, session: Principal) -> Iterator[Members]:
    """The volumes, or instances, that have one of the policy's tags; or all, for a default policy."""
    ec2 = call.aws("ec2", principal=session)
    seen = set()
    for filters in _filters(policy):
        for one in _described(ec2, policy, filters):
            name = one.get("VolumeId") or one["InstanceId"]
            if name not in seen and not (policy.default and _left_out(call, policy, one, name)):
                seen.add(name)
                yield one


def _filters(policy: Policy) -> list[list[Members]]:
    states = {
        "VOLUME": ("status", ["available", "in-use"]),
        "INSTANCE": ("instance-state-name", ["running", "stopped"]),
    }
    name, values = states[policy.resource]
    state = {"Name": name, "Values": values}
    tags = policy.details.get("TargetTags", [])
    return [[state, {"Name": f"tag:{tag['Key']}", "Values": [tag["Value"]]}] for tag in tags] or [[state]]


def _described(ec2: Any, policy: Policy, filters: list[Members]) -> Iterator[Members]:
    if policy.resource == "VOLUME":
        yield from paging.every(ec2.describe_volumes, "Volumes", filters=filters)
        return
    for reservation in paging.every(ec2.describe_instances, "Reservations", filters=filters):
        yield from reservation["Instances"]


def _left_out(call: Call, policy: Policy, one: Members, name: str) -> bool:
    """What a default policy leaves out: what it is told to, and what has a recent backup of its own."""
    excluded = policy.details.get("Exclusions", {})
    tags = {(tag["Key"], tag["Value"]) for tag in one.get("Tags") or ()}
    if any((tag["Key"], tag["Value"]) in tags for tag in excluded.get("ExcludeTags", [])):
        return True
    if one.get("VolumeType") in excluded.get("ExcludeVolumeTypes", []):
        return True
    roots = [each.get("DeleteOnTermination") for each in one.get("Attachments", [])]
    if excluded.get("ExcludeBootVolumes") and any(roots):
        return True
    recent = call.now - 24 * timing.HOUR * policy.details.get("CreateInterval", 1)
    schedule = policy.schedules[0]["Name"]
    return Kept.first(call, policy.policy_id, schedule, name, above=(recent,)) is not None


# Making


def make(call: Call, policy: Policy, schedule: Members, target: Members, session: Principal) -> None:
    if policy.kind == IMAGES or (policy.default and policy.resource == "INSTANCE"):
        made = [(target["InstanceId"], _image(call, policy, schedule, target, session))]
    elif policy.resource == "VOLUME":
        made = [(target["VolumeId"], _snapshot(call, policy, schedule, target, session))]
    else:
        made = [*_snapshots(call, policy, schedule, target, session)]
    for name, what in made:
        marks = [
            {"Key": "aws:dlm:lifecycle-policy-id", "Value": policy.policy_id},
            {"Key": "aws:dlm:lifecycle-schedule-name", "Value": schedule["Name"]},
            {"Key": "dlm:managed", "Value": "true"},
        ]
        call.aws("ec2", principal=CLOUD).create_tags(resources=[what], tags=marks)
        keep(call, policy, schedule, name, what)
        trim(call, policy, schedule, name, session)
        following.begin(call, policy, schedule, name, what)


def tags(call: Call, schedule: Members, target: Members) -> list[dict[str, str]]:
    """The tags of what is made: perhaps those of what it is made of, and those of the schedule."""
    found: dict[str, str] = {}
    if schedule.get("CopyTags"):
        found |= {tag["Key"]: tag["Value"] for tag in target.get("Tags") or () if not tag["Key"].startswith("aws:")}
    found |= {tag["Key"]: tag["Value"] for tag in schedule.get("TagsToAdd", [])}
    stamp = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for tag in schedule.get("VariableTags", []):
        text = tag["Value"].replace("$(timestamp)", stamp)
        found[tag["Key"]] = text.replace("$(instance-id)", target.get("InstanceId", ""))
    return [{"Key": key, "Value": value} for key, value in found.items()]


def specification(kind: str, found: list[dict[str, str]]) -> list[Members]:
    return [{"ResourceType": kind, "Tags": found}] if found else []


def told(policy: Policy, schedule: Members) -> str:
    return f"Created for policy: {policy.policy_id} schedule: {schedule['Name']}"


def _snapshot(call: Call, policy: Policy, schedule: Members, volume: Members, session: Principal) -> str:
    one = call.aws("ec2", principal=session).create_snapshot(
        volume_id=volume["VolumeId"],
        description=told(policy, schedule),
        tag_specifications=specification("snapshot", tags(call, schedule, volume)),
    )
    return str(one["SnapshotId"])


def _snapshots(
    call: Call, policy: Policy, schedule: Members, instance: Members, session: Principal
) -> Iterator[tuple[str, str]]:
    """Of all volumes of an instance, but for those that the policy leaves out."""
    ec2 = call.aws("ec2", principal=session)
    parameters = policy.details.get("Parameters", {})
    wanted: Members = {"InstanceId": instance["InstanceId"]}
    if parameters.get("ExcludeBootVolume"):
        wanted["ExcludeBootVolume"] = True
    unwanted = {(tag["Key"], tag["Value"]) for tag in parameters.get("ExcludeDataVolumeTags", [])}
    if unwanted:
        of_it = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
        volumes = ec2.describe_volumes(filters=of_it)["Volumes"]
        wanted["ExcludeDataVolumeIds"] = [
            one["VolumeId"] for one in volumes if unwanted & {(t["Key"], t["Value"]) for t in one.get("Tags") or ()}
        ]
    made = ec2.create_snapshots(
        instance_specification=wanted,
        description=told(policy, schedule),
        tag_specifications=specification("snapshot", tags(call, schedule, instance)),
        copy_tags_from_source="volume" if schedule.get("CopyTags") else None,
    )
    for one in made["Snapshots"]:
        yield one["VolumeId"], one["SnapshotId"]


def _image(call: Call, policy: Policy, schedule: Members, instance: Members, session: Principal) -> str:
    found = tags(call, schedule, instance)
    stamp = datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H.%M.%S")
    one = call.aws("ec2", principal=session).create_image(
        instance_id=instance["InstanceId"],
        name=f"{policy.policy_id}_{instance['InstanceId']}_{schedule['Name'].replace(' ', '-')}_{stamp}",
        description=told(policy, schedule),
        no_reboot=policy.details.get("Parameters", {}).get("NoReboot", True),
        tag_specifications=specification("image", found) + specification("snapshot", found),
    )
    return str(one["ImageId"])
