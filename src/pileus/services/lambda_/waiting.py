"""Waiting for a version that was created a moment ago, where AWS would refuse: it takes a second at most here."""

from __future__ import annotations

from pileus.kernel import Call

from . import faults
from .functions import Version

SECONDS = 30.0


async def active(call: Call, version: Version) -> Version:
    """The version, once it is ready."""
    while version.state == "Pending" and (version := again(call, version)).state == "Pending":
        if not await call.wait(("lambda", call.account, call.region, version.function), seconds=SECONDS):
            raise faults.conflict(
                "The operation cannot be performed at this time. "
                "The function is currently in the following state: Pending"
            )
    return version


def again(call: Call, version: Version) -> Version:
    """The version as it is now."""
    found = Version.get(call, version.function, version.number)
    if found is None:
        raise faults.missing(version.arn(call))
    return found
