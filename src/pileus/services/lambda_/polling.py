"""Polling: what feeds functions from queues and streams, for as long as a mapping is enabled."""

from __future__ import annotations

from pileus.kernel import Call

from . import lambda_, queues, shards
from .mappings import Mapping


@lambda_.watch
async def poll(call: Call, uuid: str) -> None:
    """Feed a function from one source, until the mapping is disabled or deleted."""
    mapping = Mapping.get(call, uuid)
    if mapping is None or not mapping.enabled:
        with call.transaction():
            poll.end(call, uuid=uuid)
        return
    if mapping.service == "sqs":
        await queues.feed(call, uuid)
    else:
        await shards.feed(call, uuid)
