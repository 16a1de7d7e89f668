"""Fast launch: snapshots of Windows images that are prepared before somebody launches.

Whether it is on, and how, is kept and shown; instances of Windows cannot be launched here, so none is any faster.
"""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call, Fault, Record
from pileus.kernel.filters import Filters
from pileus.services.ec2 import ec2
from pileus.services.ec2.describing import Members, paged
from pileus.services.ec2.faults import bad_value, combination, invalid, unsupported

from .images import image

TAKES = 60.0
LEAST_PARALLEL = 6
ENABLING, ENABLED, DISABLING = "enabling", "enabled", "disabling"


class FastLaunch(Record):
    """An image for which it is on, or is going off."""

    image_id: str
    owner: str
    state: str
    since: float
    most: int = LEAST_PARALLEL
    target: int = 5
    template: Members = {}


FILTERS = Filters({"resource-type": "ResourceType", "owner-id": "OwnerId", "state": "State"}, tags=None)


@ec2.operation
def enable_fast_launch(
    call: Call,
    image_id: str,
    resource_type: str = "snapshot",
    snapshot_configuration: dict[str, int] = {},
    launch_template: dict[str, str] = {},
    max_parallel_launches: int = LEAST_PARALLEL,
) -> Members:
    """Prepare snapshots of a Windows image, from now on."""
    found = image(call, image_id)
    if found.platform != "windows":
        raise unsupported(f"Fast launch is not supported for the image '{image_id}': it is not of Windows.")
    if found.owner != call.account and call.account not in found.shared:
        raise Fault("AuthFailure", f"Not authorized for image:{image_id}", status=403)
    if resource_type != "snapshot":
        raise bad_value("ResourceType", resource_type)
    if max_parallel_launches < LEAST_PARALLEL:
        raise bad_value("MaxParallelLaunches", max_parallel_launches, f"It must be {LEAST_PARALLEL} or greater.")
    if launch_template.get("LaunchTemplateId") and launch_template.get("LaunchTemplateName"):
        raise combination("Specify the launch template's ID or its name, not both.")
    if FastLaunch.get(call, image_id):
        raise invalid(f"Fast launch is already enabled for the image '{image_id}'.")
    target = snapshot_configuration.get("TargetResourceCount", 5)
    one = FastLaunch(image_id, call.account, ENABLING, call.now, max_parallel_launches, target, launch_template)
    fast_launch_proceeds.later(call, image_id=image_id, since=call.now, delay=TAKES)
    return shown(one.put(call))


@ec2.operation
def disable_fast_launch(call: Call, image_id: str, force: bool = False) -> Members:
    """Prepare no more, and remove what is prepared."""
    image(call, image_id)
    one = FastLaunch.get(call, image_id)
    if one is None or (one.state != ENABLED and not force):
        raise invalid(f"Fast launch is not enabled for the image '{image_id}'.")
    one.state, one.since = DISABLING, call.now
    fast_launch_proceeds.later(call, image_id=image_id, since=call.now, delay=TAKES)
    return shown(one.put(call))


@ec2.task
def fast_launch_proceeds(call: Call, image_id: str, since: float) -> None:
    one = FastLaunch.get(call, image_id)
    if one is None or one.since != since:
        return
    if one.state == DISABLING:
        one.delete(call)
    else:
        one.state, one.since = ENABLED, call.now
        one.put(call)


@ec2.operation
def describe_fast_launch_images(
    call: Call,
    image_ids: list[str] = [],
    filters: list[dict[str, Any]] = [],
    max_results: int = 0,
    next_token: str = "",
) -> Members:
    test = FILTERS.test(filters)
    for what in image_ids:
        image(call, what)
    views = (shown(one) for one in FastLaunch.scan(call) if not image_ids or one.image_id in image_ids)
    return paged(call, "FastLaunchImages", filter(test, views), max_results, next_token)


def shown(one: FastLaunch) -> Members:
    reason = "Client.UserInitiated - Lifecycle state transition"
    return {
        "ImageId": one.image_id,
        "ResourceType": "snapshot",
        "SnapshotConfiguration": {"TargetResourceCount": one.target},
        "LaunchTemplate": one.template or None,
        "MaxParallelLaunches": one.most,
        "OwnerId": one.owner,
        "State": one.state,
        "StateTransitionReason": reason,
        "StateTransitionTime": one.since,
    }
