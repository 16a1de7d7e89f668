"""Sending messages."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

from pileus.kernel import Call, Fault, names

from . import batches, deduplication, faults, lines, messages, sqs
from .batches import Entry
from .depths import Depth, milliseconds
from .messages import Attributes, Message
from .queues import Queue

LONGEST_DELAY = 900
MOST_BYTES = 1_048_576
"""Of all messages of a batch together."""


class Draft(NamedTuple):
    """A message as its producer hands it in."""

    body: str
    delay: int | None = None
    attributes: Attributes = {}
    system_attributes: Attributes = {}
    deduplication_id: str = ""
    group: str = ""

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(
            entry["MessageBody"],
            entry.get("DelaySeconds"),
            entry.get("MessageAttributes", {}),
            entry.get("MessageSystemAttributes", {}),
            entry.get("MessageDeduplicationId", ""),
            entry.get("MessageGroupId", ""),
        )

    @property
    def size(self) -> int:
        return messages.size(self.body, self.attributes)


@sqs.operation(on=Queue.by_url)
def send_message(
    call: Call,
    queue: Queue,
    message_body: str,
    delay_seconds: int | None = None,
    message_attributes: Attributes = {},
    message_system_attributes: Attributes = {},
    message_deduplication_id: str = "",
    message_group_id: str = "",
) -> dict[str, Any]:
    """Send a message. On a FIFO queue, one sent again within five minutes is answered like the first, and dropped."""
    draft = Draft(
        message_body,
        delay_seconds,
        message_attributes,
        message_system_attributes,
        message_deduplication_id,
        message_group_id,
    )
    depth = lines.caught_up(call, queue)
    answer = send(call, queue, depth, draft)
    depth.put(call)
    return answer


@sqs.operation(on=Queue.by_url, action="sqs:SendMessage")
def send_message_batch(call: Call, queue: Queue, entries: list[Entry]) -> dict[str, Any]:
    """Send up to ten messages, in their order; each is accepted or refused by itself."""
    batches.check(entries, "SendMessageBatchRequestEntry")
    total = sum(Draft.of(entry).size for entry in entries)
    if total > MOST_BYTES:
        message = f"Batch requests cannot be longer than {MOST_BYTES} bytes. You have sent {total} bytes."
        raise Fault("BatchRequestTooLong", message)
    depth = lines.caught_up(call, queue)
    answer = batches.each(entries, lambda entry: send(call, queue, depth, Draft.of(entry)))
    depth.put(call)
    return answer


def send(call: Call, queue: Queue, depth: Depth, draft: Draft) -> dict[str, Any]:
    """Put one message into the queue. A fault is raised before anything is written."""
    check(queue, draft)
    answer = {"MD5OfMessageBody": messages.digest(draft.body)}
    if draft.attributes:
        answer["MD5OfMessageAttributes"] = messages.attributes_digest(draft.attributes)
    if draft.system_attributes:
        answer["MD5OfMessageSystemAttributes"] = messages.attributes_digest(draft.system_attributes)
    if queue.fifo:
        return answer | send_once(call, queue, depth, draft)
    message = composed(call, queue, depth, draft)
    lines.enqueue(call, queue, depth, message, queue.number("DelaySeconds") if draft.delay is None else draft.delay)
    answer["MessageId"] = message.id
    return answer


def send_once(call: Call, queue: Queue, depth: Depth, draft: Draft) -> dict[str, Any]:
    """Put a message into a FIFO queue, unless it was sent in the last five minutes."""
    draft = draft._replace(deduplication_id=deduplication.identified(queue, draft.body, draft.deduplication_id))
    earlier = deduplication.earlier(call, queue, draft.group, draft.deduplication_id)
    if earlier:
        return {"MessageId": earlier.message_id, "SequenceNumber": messages.sequence_number(earlier.number)}
    message = composed(call, queue, depth, draft)
    lines.enqueue(call, queue, depth, message, queue.number("DelaySeconds"))
    deduplication.sent(call, queue, depth, message)
    return {"MessageId": message.id, "SequenceNumber": messages.sequence_number(message.number)}


def composed(call: Call, queue: Queue, depth: Depth, draft: Draft) -> Message:
    trace = draft.system_attributes.get("AWSTraceHeader")
    return Message(
        box=depth.box,
        group=draft.group,
        number=depth.number(),
        id=names.request_id(),  # which is no secret either
        sent=milliseconds(call),
        sender=call.principal.user_id,
        body=draft.body,
        attributes=draft.attributes,
        trace=trace["StringValue"] if trace else call.trace,
        deduplication_id=draft.deduplication_id,
    )


def check(queue: Queue, draft: Draft) -> None:
    """Raise what makes a message unfit for this queue."""
    if not draft.body:
        raise faults.missing("MessageBody")
    messages.check_text(draft.body)
    if draft.attributes:
        messages.check_attributes(draft.attributes)
    if draft.system_attributes:
        messages.check_system_attributes(draft.system_attributes)
    limit = queue.number("MaximumMessageSize")
    if draft.size > limit:
        message = f"One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        raise Fault("InvalidParameterValue", message)
    if draft.delay is not None and not 0 <= draft.delay <= LONGEST_DELAY:
        raise faults.invalid("DelaySeconds", draft.delay, "DelaySeconds must be >= 0 and <= 900.")
    if draft.group:
        messages.check_token("MessageGroupId", draft.group)
    if draft.deduplication_id:
        messages.check_token("MessageDeduplicationId", draft.deduplication_id)
    if queue.fifo or draft.deduplication_id:
        check_kind(queue, draft)


def check_kind(queue: Queue, draft: Draft) -> None:
    """Raise what the other kind of queue alone would take."""
    if queue.fifo and not draft.group:
        raise faults.missing("MessageGroupId")
    if queue.fifo and draft.delay:
        raise faults.wrong_kind("DelaySeconds", draft.delay)
    if draft.deduplication_id and not queue.fifo:
        raise faults.wrong_kind("MessageDeduplicationId", draft.deduplication_id)
