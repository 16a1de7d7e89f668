"""What EventBridge is told: calls that change something, in accounts and Regions where a trail is logging.

EventBridge User Guide, "AWS service events delivered via AWS CloudTrail". Events of calls that only read, which rules
can ask for, are not told.
"""

from __future__ import annotations

import json
from typing import Any

from pileus.kernel import Call, Fault, identity
from pileus.kernel.trail import unpack

from . import cloudtrail
from .events import kind_of, known, record
from .lookups import PRINCIPAL

MOST = 10
"""Events of one PutEvents."""


@cloudtrail.task
async def announce(call: Call, events: list[bytes]) -> None:
    """Put events on the account's default bus."""
    entries = [entry for packed in events if (entry := entry_of(call, packed))]
    for start in range(0, len(entries), MOST):
        bus = call.aws("events", principal=identity.service(PRINCIPAL))
        try:
            result = bus.put_events(entries=entries[start : start + MOST])
            if hasattr(result, "__await__"):
                await result
        except Fault as fault:
            if fault.code != "NotImplemented":
                raise
            return


def entry_of(call: Call, packed: bytes) -> dict[str, Any] | None:
    event = unpack(packed)
    if not known(call, event):
        return None
    kind = kind_of(call, event)
    if kind.read_only:
        return None
    return {
        "Source": f"aws.{kind.source.partition('.')[0]}",
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(record(call, event, call.account), separators=(",", ":")),
        "Time": event.at,
        "Resources": [],
    }
