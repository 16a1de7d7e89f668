"""Events of parameters for EventBridge: `Parameter Store Change`, and what parameter policies promise."""

from __future__ import annotations

import inspect
import json
from typing import Any

from pileus.kernel import Call, Unfinished, identity

from . import ssm


def changed(call: Call, operation: str, arn: str, name: str, type: str, **more: str) -> None:  # noqa: A002
    """Tell that a parameter was created, updated, deleted or labelled ("Parameter Store events", User Guide)."""
    detail = {"operation": operation, "name": name, "type": type} | more
    tell.later(call, kind="Parameter Store Change", resource=arn, detail=detail)


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
