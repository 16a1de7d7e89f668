"""Events of parameters for EventBridge: `Parameter Store Change`, and what parameter policies promise."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from typing import Any

from pileus.kernel import Call, Unfinished, identity, roles

from . import ssm


def changed(call: Call, operation: str, arn: str, name: str, type: str, **more: str) -> None:  # noqa: A002
    """Tell that a parameter was created, updated, deleted or labelled ("Parameter Store events", User Guide)."""
    detail = {"operation": operation, "name": name, "type": type} | more
    tell.later(call, kind="Parameter Store Change", resource=arn, detail=detail)


def stamp(moment: float) -> str:
    """A moment as AWS's events and lists write it: `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@ssm.task
async def publish(call: Call, topic: str, role: str, detail: dict[str, Any]) -> None:
    """Tell a topic, as the role that may."""
    ours = identity.service("ssm.amazonaws.com")
    with call.transaction():
        principal = roles.taken_on(call, role, "ssm", ours)
        done = call.aws("sns", principal=principal).publish(topic_arn=topic, message=json.dumps(detail))
    if inspect.isawaitable(done):
        await done


@ssm.task
async def tell(call: Call, kind: str, resource: str, detail: dict[str, Any]) -> None:
    """Send an event; where there is no EventBridge, nobody listens."""
    entry = {"Source": "aws.ssm", "DetailType": kind, "Resources": [resource], "Detail": json.dumps(detail)}
    try:
        done = call.aws("events", principal=identity.service("ssm.amazonaws.com")).put_events(entries=[entry])
        if inspect.isawaitable(done):
            await done
    except Unfinished:
        return
