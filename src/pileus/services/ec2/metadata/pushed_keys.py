"""Keys that EC2 Instance Connect has pushed to an instance: they let a user in for a minute."""

from __future__ import annotations

from pileus.kernel import Call, Record

SECONDS = 60.0


class PushedKey(Record, key=("instance_id", "user", "public_key")):
    instance_id: str
    user: str
    public_key: str
    expires: float


def push(call: Call, instance_id: str, user: str, public_key: str) -> None:
    for old in PushedKey.scan(call, instance_id):
        if old.expires <= call.now:
            old.delete(call)
    PushedKey(instance_id, user, public_key.strip(), call.now + SECONDS).put(call)


def active(call: Call, instance_id: str) -> dict[str, list[str]]:
    """The keys that let in now, by user."""
    found: dict[str, list[str]] = {}
    for key in PushedKey.scan(call, instance_id):
        if key.expires > call.now:
            found.setdefault(key.user, []).append(key.public_key)
    return found


def forget(call: Call, instance_id: str) -> None:
    for key in PushedKey.scan(call, instance_id):
        key.delete(call)
