"""What EventBridge is told of volumes, snapshots and images (EBS User Guide, "EventBridge events for Amazon EBS")."""

from __future__ import annotations

import inspect
import json
from typing import Any

from pileus.kernel import Call, Unfinished, identity
from pileus.services.ec2 import ec2

VOLUME, SNAPSHOT, IMAGE = "EBS Volume Notification", "EBS Snapshot Notification", "EC2 AMI State Change"
FAST = "EBS Fast Snapshot Restore State-change Notification"


def announced(call: Call, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Tell what has happened to resources, which are named by their ARNs."""
    storage_announced.later(call, kind=kind, resources=resources, detail=detail | {"request-id": call.request_id})


@ec2.task
async def storage_announced(call: Call, kind: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Send an event; where there is no EventBridge, nobody listens."""
    entry = {"Source": "aws.ec2", "DetailType": kind, "Resources": resources, "Detail": json.dumps(detail)}
    try:
        done = call.aws("events", principal=identity.service("ec2.amazonaws.com")).put_events(entries=[entry])
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
