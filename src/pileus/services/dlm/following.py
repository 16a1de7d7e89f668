"""What comes after a snapshot or an image is complete: copies to other Regions, sharing, fast restores, deprecation."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, paging
from pileus.kernel.roles import taken_on

from . import dlm, timing
from .keeping import Kept
from .policies import Policy

Members = dict[str, Any]

SOON = 15.0
"""Seconds after which a snapshot is probably complete."""


def begin(call: Call, policy: Policy, schedule: Members, target: str, made: str) -> None:
    """Plan what is to be done with what was made, if there is anything."""
    if any(schedule.get(rule) for rule in ("CrossRegionCopyRules", "ShareRules", "FastRestoreRule", "DeprecateRule")):
        follow.later(call, policy_id=policy.policy_id, schedule=schedule["Name"], target=target, made=made, delay=SOON)


@dlm.task(retries=10)
def follow(call: Call, policy_id: str, schedule: str, target: str, made: str) -> None:
    from .running import session_of

    policy = Policy.get(call, policy_id)
    rules = next((one for one in policy.schedules if one["Name"] == schedule), None) if policy else None
    if policy is None or rules is None:
        return
    session = session_of(call, policy)
    ec2 = call.aws("ec2", principal=session)
    if made.startswith("ami-"):
        _image(call, policy, rules, target, made, session)
        return
    try:
        one = ec2.describe_snapshots(snapshot_ids=[made])["Snapshots"][0]
    except Fault as fault:
        if "NotFound" in fault.code:
            return
        raise
    if one["State"] == "pending":
        raise RuntimeError(f"{made} is not complete yet")
    _share(call, rules, made, session)
    _fast(call, policy, rules, target, made, session)
    for rule in rules.get("CrossRegionCopyRules", []):
        there = call.at(region=rule.get("Target") or rule["TargetRegion"])
        told = there.aws("ec2", principal=session).copy_snapshot(
            source_region=call.region,
            source_snapshot_id=made,
            description=f"Copied for policy: {policy_id} schedule: {schedule} from {made}",
            **_encryption(rule),
            tag_specifications=_tags("snapshot", one, rule),
        )
        _goes(there, policy, told["SnapshotId"], rule)


def _encryption(rule: Members) -> Members:
    """Encrypted where that is asked for; else as the source and the account's default have it."""
    key = rule.get("CmkArn") or None
    return {"encrypted": True if rule.get("Encrypted") or key else None, "kms_key_id": key}


def _tags(kind: str, source: Members, rule: Members) -> list[Members]:
    tags = [tag for tag in source.get("Tags") or () if not tag["Key"].startswith("aws:")]
    return [{"ResourceType": kind, "Tags": tags}] if rule.get("CopyTags") and tags else []


def _goes(there: Call, policy: Policy, made: str, rule: Members) -> None:
    """A copy stays as long as its own rule says."""
    if lasts := timing.seconds(rule.get("RetainRule", {})):
        leave.later(there, home=there.region, role=policy.role, made=made, delay=lasts)


@dlm.task
def leave(call: Call, home: str, role: str, made: str) -> None:
    """The time of a copy is over."""
    from .running import SERVICE, SESSION

    ec2 = call.at(region=home).aws("ec2", principal=taken_on(call, role, SESSION, SERVICE))
    try:
        if made.startswith("ami-"):
            ec2.deregister_image(image_id=made, delete_associated_snapshots=True)
        else:
            ec2.delete_snapshot(snapshot_id=made)
    except Fault:
        return


def _share(call: Call, rules: Members, made: str, session: Any) -> None:
    for rule in rules.get("ShareRules", []):
        accounts = rule["TargetAccounts"]
        asked = {"snapshot_id": made, "attribute": "createVolumePermission", "user_ids": accounts}
        call.aws("ec2", principal=session).modify_snapshot_attribute(operation_type="add", **asked)
        if rule.get("UnshareInterval"):
            lasts = rule["UnshareInterval"] * timing.UNITS[rule["UnshareIntervalUnit"]]
            unshare.later(call, made=made, accounts=accounts, delay=lasts)


@dlm.task
def unshare(call: Call, made: str, accounts: list[str]) -> None:
    from .running import CLOUD

    try:
        call.aws("ec2", principal=CLOUD).modify_snapshot_attribute(
            snapshot_id=made, attribute="createVolumePermission", operation_type="remove", user_ids=accounts
        )
    except Fault:
        return


def _fast(call: Call, policy: Policy, rules: Members, target: str, made: str, session: Any) -> None:
    """Enable fast restores of the newest ones, in these zones, and disable those of the older ones."""
    rule = rules.get("FastRestoreRule")
    if not rule:
        return
    ec2 = call.aws("ec2", principal=session)
    zones = {
        "availability_zones": rule.get("AvailabilityZones"),
        "availability_zone_ids": rule.get("AvailabilityZoneIds"),
    }
    ec2.enable_fast_snapshot_restores(source_snapshot_ids=[made], **zones)
    if count := rule.get("Count"):
        kept = [one.id for one in Kept.scan(call, policy.policy_id, rules["Name"], target)]
        if older := kept[:-count]:
            ec2.disable_fast_snapshot_restores(source_snapshot_ids=older, **zones)


def _image(call: Call, policy: Policy, rules: Members, target: str, made: str, session: Any) -> None:
    ec2 = call.aws("ec2", principal=session)
    found = [*paging.every(ec2.describe_images, "Images", image_ids=[made])]
    if not found:
        return
    if found[0]["State"] == "pending":
        raise RuntimeError(f"{made} is not available yet")
    rule = rules.get("DeprecateRule", {})
    if lasts := timing.seconds(rule):
        ec2.enable_image_deprecation(image_id=made, deprecate_at=call.now + lasts)
    elif count := rule.get("Count"):
        kept = [one.id for one in Kept.scan(call, policy.policy_id, rules["Name"], target)]
        retained = rules["RetainRule"].get("Count", count)
        for older in kept[: max(0, len(kept) - (retained - count))]:
            ec2.enable_image_deprecation(image_id=older, deprecate_at=call.now + 120)
    for copy in rules.get("CrossRegionCopyRules", []):
        there = call.at(region=copy.get("TargetRegion") or copy["Target"])
        told = there.aws("ec2", principal=session).copy_image(
            name=found[0]["Name"],
            source_image_id=made,
            source_region=call.region,
            description=found[0].get("Description", ""),
            **_encryption(copy),
            tag_specifications=_tags("image", found[0], copy),
        )
        if lasts := timing.seconds(copy.get("DeprecateRule", {})):
            deprecate_at = call.now + lasts
            there.aws("ec2", principal=session).enable_image_deprecation(
                image_id=told["ImageId"], deprecate_at=deprecate_at
            )
        _goes(there, policy, told["ImageId"], copy)
