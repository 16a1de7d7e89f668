"""Dead letters: messages that were received too often and go to another queue.

Amazon SQS Developer Guide, "Using dead-letter queues in Amazon SQS".
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from pileus.kernel import Call, Fault

from . import lines, settings, sqs
from .depths import milliseconds
from .messages import Held
from .queues import Queue, next_page, page_size


def dead_letter_queue(call: Call, queue: Queue) -> Queue | None:
    return Queue.get(call, queue.dead_letter_queue) if queue.dead_letter_queue else None


def tries(queue: Queue) -> int:
    """How often a message may be received before it is a dead letter."""
    return settings.redrive(queue.attributes["RedrivePolicy"]).most


def bury(call: Call, queue: Queue, cemetery: Queue, dead: list[Held]) -> None:
    """Put messages that were taken out of a queue into its dead-letter queue.

    There their age goes on counting from when they were sent; only on FIFO queues it starts anew.
    """
    depth = lines.caught_up(call, cemetery)
    for message, receives, *_ in dead:
        letter = replace(
            message,
            box=depth.box,
            number=depth.number(),
            sent=milliseconds(call) if queue.fifo else message.sent,
            source=queue.arn(call),
            receives_before=message.receives_before + receives,
        )
        lines.enqueue(call, cemetery, depth, letter)
    depth.put(call)


@sqs.operation(on=Queue.by_url)
def list_dead_letter_source_queues(
    call: Call, queue: Queue, next_token: str = "", max_results: int | None = None
) -> dict[str, Any]:
    """The queues whose RedrivePolicy leads to this one."""
    found = Queue.page(
        call,
        queue.name,
        index="dead_letter_queue",
        limit=page_size(max_results),
        token=next_token,
        invalid=Fault("InvalidParameterValue", "Invalid or expired next token."),
    )
    return {"queueUrls": [source.url(call) for source in found.items]} | next_page(found.token, max_results)
