"""What a policy has made, and when that goes: when there is enough of later ones, or when its time is over."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.identity import Principal

from . import dlm, timing
from .policies import ENABLED, IMAGES, Policy

Members = dict[str, Any]


class Kept(Record, key=("policy_id", "schedule", "target", "at", "id")):
    """A snapshot or an image that a schedule of a policy has made of a volume or an instance."""

    policy_id: str
    schedule: str
    target: str
    at: float
    id: str
    archived: bool = False


def keep(call: Call, policy: Policy, schedule: Members, target: str, made: str) -> None:
    """Remember what was made, and when it goes if that is a matter of time."""
    Kept(policy.policy_id, schedule["Name"], target, call.now, made).put(call)
    if lasts := timing.seconds(schedule["RetainRule"]):
        expire.later(call, policy_id=policy.policy_id, schedule=schedule["Name"], target=target, due=call.now + lasts)


def trim(call: Call, policy: Policy, schedule: Members, target: str, session: Principal) -> None:
    """Let go, or archive, what is no longer to be kept of what was made of a target."""
    kept = [*Kept.scan(call, policy.policy_id, schedule["Name"], target)]
    archive = schedule.get("ArchiveRule", {}).get("RetainRule", {}).get("RetentionArchiveTier", {})
    for one in surplus([one for one in kept if not one.archived], schedule["RetainRule"], call.now):
        if archive:
            _archive(call, one, archive, session)
        else:
            drop(call, policy, one, session)
    for one in surplus([one for one in kept if one.archived], archive, call.now) if archive else ():
        drop(call, policy, one, session)


def surplus(kept: list[Kept], rule: Members, now: float) -> list[Kept]:
    """Those of what is kept, the oldest first, that a rule does not keep."""
    if lasts := timing.seconds(rule):
        return [one for one in kept if one.at + lasts <= now]
    count = rule.get("Count", 0)
    return kept[: max(0, len(kept) - count)]


def _archive(call: Call, one: Kept, rule: Members, session: Principal) -> None:
    try:
        call.aws("ec2", principal=session).modify_snapshot_tier(snapshot_id=one.id, storage_tier="archive")
    except Fault as fault:
        if "NotFound" not in fault.code:
            return
        one.delete(call)
        return
    one.delete(call)
    one.archived, one.at = True, call.now
    one.put(call)
    if lasts := timing.seconds(rule):
        asked = {"policy_id": one.policy_id, "schedule": one.schedule, "target": one.target}
        expire.later(call, **asked, due=call.now + lasts)


def drop(call: Call, policy: Policy, one: Kept, session: Principal) -> None:
    """Delete what was made; what cannot be deleted, because it is used or locked, is let be."""
    ec2 = call.aws("ec2", principal=session)
    try:
        if policy.kind == IMAGES:
            ec2.deregister_image(image_id=one.id, delete_associated_snapshots=True)
        else:
            ec2.delete_snapshot(snapshot_id=one.id)
    except Fault as fault:
        if "NotFound" not in fault.code:
            return
    one.delete(call)


@dlm.task
def expire(call: Call, policy_id: str, schedule: str, target: str) -> None:
    """The time of something may be over that was made of a target."""
    from .running import session_of

    policy = Policy.get(call, policy_id)
    if policy is None or policy.state != ENABLED:
        return
    if found := next((one for one in policy.schedules if one["Name"] == schedule), None):
        trim(call, policy, found, target, session_of(call, policy))
