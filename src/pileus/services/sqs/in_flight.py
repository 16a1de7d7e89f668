"""Messages in flight: deleting them, and changing how long they stay hidden."""

from __future__ import annotations

from typing import Any

from pileus.kernel import Call

from . import batches, faults, lines, receipts, sqs
from .batches import Entry
from .depths import Depth
from .queues import Queue


@sqs.operation(on=Queue.by_url)
def delete_message(call: Call, queue: Queue, receipt_handle: str) -> None:
    """Delete a received message.

    On a standard queue also when it is visible again, unless it was received again since: then the request succeeds
    without effect. On a FIFO queue the handle is good only while the message is hidden.
    """
    depth = lines.caught_up(call, queue)
    delete(call, queue, depth, receipt_handle)
    depth.put(call)


@sqs.operation(on=Queue.by_url, action="sqs:DeleteMessage")
def delete_message_batch(call: Call, queue: Queue, entries: list[Entry]) -> dict[str, Any]:
    """Delete up to ten received messages."""
    batches.check(entries, "DeleteMessageBatchRequestEntry")
    depth = lines.caught_up(call, queue)
    answer = batches.each(entries, lambda entry: delete(call, queue, depth, entry["ReceiptHandle"]))
    depth.put(call)
    return answer


@sqs.operation(on=Queue.by_url)
def change_message_visibility(call: Call, queue: Queue, receipt_handle: str, visibility_timeout: int) -> None:
    """Let a received message show again in so many seconds from now; 0 gives it back at once."""
    depth = lines.caught_up(call, queue)
    hide(call, queue, depth, receipt_handle, visibility_timeout)
    depth.put(call)


@sqs.operation(on=Queue.by_url, action="sqs:ChangeMessageVisibility")
def change_message_visibility_batch(call: Call, queue: Queue, entries: list[Entry]) -> dict[str, Any]:
    """Change for up to ten received messages when they show again."""
    batches.check(entries, "ChangeMessageVisibilityBatchRequestEntry")
    depth = lines.caught_up(call, queue)

    def perform(entry: Entry) -> dict[str, Any]:
        return hide(call, queue, depth, entry["ReceiptHandle"], entry.get("VisibilityTimeout", 0))

    answer = batches.each(entries, perform)
    depth.put(call)
    return answer


def delete(call: Call, queue: Queue, depth: Depth, receipt_handle: str) -> dict[str, Any]:
    lines.line(queue).delete(call, queue, depth, receipts.place(call, queue, receipt_handle))
    if queue.fifo:
        lines.announce(call, queue, 1)  # its group may go on
    return {}


def hide(call: Call, queue: Queue, depth: Depth, receipt_handle: str, timeout: int) -> dict[str, Any]:
    place = receipts.place(call, queue, receipt_handle)
    if not 0 <= timeout <= receipts.LONGEST_VISIBILITY:
        reason = f"VisibilityTimeout must be an integer between 0 and {receipts.LONGEST_VISIBILITY}"
        raise faults.invalid("VisibilityTimeout", timeout, reason)
    lines.line(queue).hide(call, queue, depth, place, timeout)
    lines.announce(call, queue, 1, timeout)
    return {}
