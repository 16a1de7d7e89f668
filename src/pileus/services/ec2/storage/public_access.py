"""Block public access: whether snapshots and images of the account may be shared with everybody."""

from __future__ import annotations

from pileus.kernel import Call, Fault, Record
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members
from pileus.services.ec2.faults import bad_value

ALL, NEW, NONE = "block-all-sharing", "block-new-sharing", "unblocked"


class Blocked(Record, key=("name",)):
    """What an account blocks in a Region. Of images it is new sharing, unless it says otherwise."""

    snapshots: str = NONE
    images: str = NEW
    name: str = "public"


def blocked(call: Call) -> Blocked:
    return Blocked.get(call, "public") or Blocked()


def check(state: str, what: str) -> None:
    """Raise the error for sharing with everybody where that is blocked."""
    if state != NONE:
        text = f"You can't publicly share {what} because block public access for {what} is enabled."
        raise Fault("OperationNotPermitted", text)


@ec2.operation
def enable_snapshot_block_public_access(call: Call, state: str) -> Members:
    """Let no more snapshots be shared with everybody, or no longer those either that are."""
    if state not in (ALL, NEW):
        raise bad_value("State", state)
    return _snapshots(call, state)


@ec2.operation
def disable_snapshot_block_public_access(call: Call) -> Members:
    return _snapshots(call, NONE)


def _snapshots(call: Call, state: str) -> Members:
    settings = blocked(call)
    settings.snapshots = state
    settings.put(call)
    return {"State": state}


@ec2.operation
def get_snapshot_block_public_access_state(call: Call) -> Members:
    return {"State": blocked(call).snapshots, "ManagedBy": "account"}


@ec2.operation
def enable_image_block_public_access(call: Call, image_block_public_access_state: str) -> Members:
    """Let no more images be shared with everybody."""
    return _images(call, image_block_public_access_state)


@ec2.operation
def disable_image_block_public_access(call: Call) -> Members:
    return _images(call, NONE)


def _images(call: Call, state: str) -> Members:
    settings = blocked(call)
    settings.images = state
    settings.put(call)
    return {"ImageBlockPublicAccessState": state}


@ec2.operation
def get_image_block_public_access_state(call: Call) -> Members:
    return {"ImageBlockPublicAccessState": blocked(call).images, "ManagedBy": "account"}
