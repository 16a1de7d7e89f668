"""Tags of queues."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import sqs
from .queues import Queue, check_tags


@sqs.operation(on=Queue.by_url)
def tag_queue(call: Call, queue: Queue, tags: dict[str, str]) -> None:
    """Add tags, or give new values to those that there are."""
    queue.tags = queue.tags | tags
    check_tags(queue.tags)
    queue.put(call)


@sqs.operation(on=Queue.by_url)
def untag_queue(call: Call, queue: Queue, tag_keys: list[str]) -> None:
    """Remove tags; those that the queue does not have are no error."""
    queue.tags = {key: value for key, value in queue.tags.items() if key not in tag_keys}
    queue.put(call)


@sqs.operation(on=Queue.by_url)
def list_queue_tags(call: Call, queue: Queue) -> dict[str, Any]:
    """All tags of a queue."""
    return {"Tags": queue.tags} if queue.tags else {}
