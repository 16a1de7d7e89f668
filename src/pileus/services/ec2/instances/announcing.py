"""What is told of instances: events on the bus, and the metrics of status checks."""

from __future__ import annotations

import inspect
import json
from typing import Any

from pileus.kernel import Call, Unfinished, identity
from pileus.services.ec2 import ec2

STATE_CHANGE = "EC2 Instance State-change Notification"
INTERRUPTION = "EC2 Spot Instance Interruption Warning"
REBALANCE = "EC2 Instance Rebalance Recommendation"
FULFILLED = "EC2 Spot Instance Request Fulfillment"
AS_EC2 = identity.service("ec2.amazonaws.com")
AS_CLOUDWATCH = identity.service("cloudwatch.amazonaws.com")
AS_IAM = identity.service("iam.amazonaws.com")


def tell(call: Call, kind: str, arns: list[str], detail: dict[str, Any], source: str = "aws.ec2") -> None:
    """Put an event on the account's bus, once what happened is safe."""
    tell_bus.later(call, kind=kind, arns=arns, detail=detail, source=source)


@ec2.task
async def tell_bus(call: Call, kind: str, arns: list[str], detail: dict[str, Any], source: str) -> None:
    entry = {"Source": source, "DetailType": kind, "Resources": arns, "Detail": json.dumps(detail), "Time": call.now}
    try:
        done = call.aws("events", principal=AS_EC2).put_events(entries=[entry])
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
