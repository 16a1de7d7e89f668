"""Message move tasks: a dead-letter queue's messages going back where they came from, or to another queue.

Developer Guide, "Configure a dead-letter queue redrive". A task goes in steps, each a durable task of the kernel, so
that it goes on after a restart, and keeps to the rate that was asked for on the cloud's clock.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Literal

from msgspec.structs import replace

from pileus.kernel import Arn, Call, Fault, Record, arn, names

from . import faults, lines, sqs
from .depths import milliseconds
from .queues import Queue

MOST_KEPT = 10
MOST_PER_SECOND = 500
STEP = 50
"""Messages that a step moves at most."""

Status = Literal["RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED"]


class Move(Record, key=("source", "started", "id"), kw_only=True):
    """A message move task."""

    source: str
    """The name of the queue it empties."""
    started: int
    id: str
    status: Status = "RUNNING"
    destination: str = ""
    """An ARN, if one was given."""
    rate: int | None = None
    to_move: int
    moved: int = 0
    failure: str = ""

    @property
    def active(self) -> bool:
        return self.status in ("RUNNING", "CANCELLING")

    @property
    def step(self) -> int:
        """How many messages to move at once."""
        return min(self.rate or STEP, STEP)

    @property
    def pause(self) -> float:
        """Seconds from step to step."""
        return self.step / self.rate if self.rate else 0.0

    def handle(self, source_arn: str) -> str:
        return base64.b64encode(json.dumps({"taskId": self.id, "sourceArn": source_arn}).encode()).decode()

    @classmethod
    def of(cls, call: Call, queue: Queue) -> list[Move]:
        """The queue's tasks, the newest first."""
        return list(cls.scan(call, queue.name, reverse=True))


def source(call: Call, source_arn: str) -> Queue:
    return named(call, "SourceArn", source_arn)


def source_of_task(call: Call, task_handle: str) -> Queue:
    return named(call, "SourceArn", unpacked(task_handle)["sourceArn"])


@sqs.operation(on=source)
def start_message_move_task(
    call: Call, queue: Queue, destination_arn: str = "", max_number_of_messages_per_second: int | None = None
) -> dict[str, Any]:
    """Begin to move the messages that a dead-letter queue has now; those in flight stay."""
    if max_number_of_messages_per_second is not None:
        faults.within("MaxNumberOfMessagesPerSecond", max_number_of_messages_per_second, 1, MOST_PER_SECOND)
    if Queue.first(call, queue.name, index="dead_letter_queue") is None:
        raise Fault("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if destination_arn:
        check_destination(queue, named(call, "DestinationArn", destination_arn))
    earlier = Move.of(call, queue)
    if any(move.active for move in earlier):
        raise Fault(
            "UnsupportedOperation",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    for old in earlier[MOST_KEPT - 1 :]:
        old.delete(call)
    move = Move(
        source=queue.name,
        started=milliseconds(call),
        id=names.uuid4(),
        destination=destination_arn,
        rate=max_number_of_messages_per_second,
        to_move=lines.caught_up(call, queue).visible,
    )
    move.put(call)
    step.later(call, source=move.source, started=move.started, id=move.id)
    return {"TaskHandle": move.handle(queue.arn(call))}


@sqs.operation(on=source_of_task)
def cancel_message_move_task(call: Call, queue: Queue, task_handle: str) -> dict[str, Any]:
    """Stop a task before its next step; what it has moved stays moved."""
    task_id = unpacked(task_handle)["taskId"]
    move = next((move for move in Move.of(call, queue) if move.id == task_id), None)
    if move is None:
        raise Fault("ResourceNotFoundException", "Task does not exist.")
    if move.status != "RUNNING":
        raise Fault("UnsupportedOperation", "Only active tasks can be cancelled.")
    move.status = "CANCELLING"
    move.put(call)
    return {"ApproximateNumberOfMessagesMoved": move.moved}


@sqs.operation(on=source)
def list_message_move_tasks(call: Call, queue: Queue, max_results: int = 1) -> dict[str, Any]:
    """The latest tasks of a queue, by default only the last one."""
    faults.within("MaxResults", max_results, 1, MOST_KEPT)
    return {"Results": [shown(move, queue.arn(call)) for move in Move.of(call, queue)[:max_results]]}


@sqs.task
def step(call: Call, source: str, started: int, id: str) -> None:  # noqa: A002
    """Move some messages, and go on as the rate allows."""
    move = Move.get(call, source, started, id)
    queue = Queue.get(call, source)
    if move is None or queue is None:
        return
    if move.status == "CANCELLING":
        move.status = "CANCELLED"
    else:
        advance(call, queue, move)
    move.put(call)
    if move.active:
        step.later(call, source=source, started=started, id=id, delay=move.pause)


def advance(call: Call, queue: Queue, move: Move) -> None:
    for _ in range(move.step):
        if move.moved >= move.to_move:
            break
        try:
            with call.store.attempt():
                carried = carry(call, queue, move.destination)
        except Fault as fault:
            move.status, move.failure = "FAILED", fault.code
            return
        if not carried:
            break
        move.moved += 1
    else:
        return
    move.status = "COMPLETED"


def carry(call: Call, queue: Queue, destination_arn: str) -> bool:
    """Move one message, which begins a new life: with another id, its age and its receives starting anew."""
    depth = lines.caught_up(call, queue)
    held = lines.line(queue).withdraw(call, queue, depth, 1)
    if not held:
        return False
    depth.put(call)
    message = held[0].message
    if not (destination_arn or message.source):
        raise Fault("CouldNotDetermineMessageSource")
    destination = named(call, "DestinationArn", destination_arn or message.source)
    there = lines.caught_up(call, destination)
    message = replace(
        message,
        box=there.box,
        number=there.number(),
        id=names.uuid4(),
        sent=milliseconds(call),
        source="",
        receives_before=0,
    )
    lines.enqueue(call, destination, there, message)
    there.put(call)
    return True


def named(call: Call, parameter: str, text: str) -> Queue:
    """The caller's queue of that ARN."""
    try:
        named = arn.parse(text)
    except ValueError:
        raise Fault(
            "InvalidParameterValue",
            f"You must use this format to specify the {parameter}: "
            "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
        ) from None
    here = Arn(call.partition, "sqs", call.region, call.account, named.resource)
    queue = Queue.get(call, named.resource) if named == here else None
    if queue is None:
        message = f"The resource that you specified for the {parameter} parameter doesn't exist."
        raise Fault("ResourceNotFoundException", message)
    return queue


def check_destination(queue: Queue, destination: Queue) -> None:
    if destination.name == queue.name:
        raise Fault("InvalidParameterValue", "Source queue arn and destination queue arn cannot be the same.")
    if destination.fifo != queue.fifo:
        raise Fault("InvalidParameterValue", "Source queue and destination queue must be of the same type.")


def unpacked(task_handle: str) -> dict[str, str]:
    try:
        content = json.loads(base64.b64decode(task_handle, validate=True))
        return {"taskId": str(content["taskId"]), "sourceArn": str(content["sourceArn"])}
    except (ValueError, TypeError, KeyError):
        raise Fault("InvalidParameterValue", "Value for parameter TaskHandle is invalid.") from None


def shown(move: Move, source_arn: str) -> dict[str, Any]:
    entry = {
        "TaskHandle": move.handle(source_arn) if move.status == "RUNNING" else None,
        "Status": move.status,
        "SourceArn": source_arn,
        "DestinationArn": move.destination or None,
        "MaxNumberOfMessagesPerSecond": move.rate,
        "ApproximateNumberOfMessagesMoved": move.moved,
        "ApproximateNumberOfMessagesToMove": move.to_move,
        "FailureReason": move.failure or None,
        "StartedTimestamp": move.started,
    }
    return {name: value for name, value in entry.items() if value is not None}
